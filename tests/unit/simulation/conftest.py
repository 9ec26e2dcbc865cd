from collections.abc import Iterator

import pytest

from usher_local.simulation.stack import Stack, deployed


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Deployed once for all tests here; each resets it."""
    with deployed() as made:
        yield made
