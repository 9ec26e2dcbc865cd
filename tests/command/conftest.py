"""The simulated stack, empty for each test."""

import pytest

from tests import offline  # noqa: F401
from usher_local.simulation.stack import Stack


@pytest.fixture
def stack(deployment: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    deployment.reset()
    monkeypatch.setenv("COLUMNS", "300")
    return deployment
