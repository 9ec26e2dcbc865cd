"""The simulated stack, empty for each test."""

import pytest

from tests import offline  # noqa: F401
from tests.command.world import exported_films, films
from usher_local.simulation.stack import Stack


@pytest.fixture
def stack(deployment: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    deployment.reset()
    monkeypatch.setenv("COLUMNS", "300")
    return deployment


@pytest.fixture
def live(stack: Stack) -> Stack:
    """A stack with a live group."""
    stack.begin(films)
    return stack


@pytest.fixture
def exported(stack: Stack) -> Stack:
    """A stack with a live group that has an export."""
    stack.begin(exported_films)
    return stack
