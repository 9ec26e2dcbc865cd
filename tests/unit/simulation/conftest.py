import pytest

from usher_local.simulation.stack import Stack


@pytest.fixture(scope="module")
def stack(deployment: Stack) -> Stack:
    """A stack that is deployed once for all tests here; each resets it."""
    return deployment
