"""The simulated stack, empty for each test."""

from typing import Any

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
    """A group that serves."""
    stack.begin(films)
    return stack


@pytest.fixture
def exported(stack: Stack) -> Stack:
    """A group that serves and has an export."""
    stack.begin(exported_films)
    return stack


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The inputs of what is started, as nothing but the test runs executions here."""
    inputs: list[dict[str, str]] = []

    def start(_: Any, **given: str) -> str:
        inputs.append(given)
        return "arn:aws:states:us-east-1:123456789012:execution:usher-pipeline:new"

    monkeypatch.setattr("usher_cli.deployed_stack.DeployedStack.start", start)
    return inputs
