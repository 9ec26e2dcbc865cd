"""The simulated stack, empty for each test."""

from collections.abc import Iterator

import pytest

from tests import offline  # noqa: F401
from usher_local.simulation.stack import Stack, deployed


@pytest.fixture(scope="module")
def deployment() -> Iterator[Stack]:
    with deployed() as stack:
        yield stack


@pytest.fixture
def stack(deployment: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    deployment.reset()
    monkeypatch.setenv("COLUMNS", "300")
    return deployment
