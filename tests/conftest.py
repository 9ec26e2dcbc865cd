"""The order of tests, and the simulated stack that they share."""

import gc
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from usher_local.simulation.stack import Stack

# The collected objects stay until the end: garbage collections among them take half of the collection's time.
gc.disable()


class SharedStack:
    """A simulated stack that survives the end of a module of tests, since its deployment takes a second."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._deployed: Stack | None = None
        self.wanted = False

    def deployed(self) -> "Stack":
        """The stack, empty."""
        from usher_local.simulation.deployment import deployed

        if self._deployed is None:
            self._deployed = self._open.enter_context(deployed())
        self._deployed.reset()
        return self._deployed

    def close(self) -> None:
        """Remove the stack, whose clock and services affect other tests."""
        self._deployed = None
        self._open.close()


SHARED = SharedStack()


@pytest.fixture(scope="module")
def deployment() -> "Iterator[Stack]":
    """The simulated stack, as the previous test left it; `reset` makes it empty."""
    SHARED.wanted = True
    yield SHARED.deployed()
    SHARED.wanted = False


@pytest.fixture(scope="module")
def stack(deployment: "Stack") -> "Stack":
    """The simulated stack; each test resets it, or its module has a fixture of this name that does."""
    return deployment


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run modules with the shared stack one after the other, before those with real processes."""
    sharing = {item.path for item in items if _shares(item)}
    items.sort(key=lambda item: ("integration" in item.path.parts, item.path in sharing))


def pytest_collection_finish() -> None:
    """Collect only the garbage of tests, and rarely: the default takes a tenth of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remove the shared stack before a test that has an account of its own."""
    if not SHARED.wanted and not _shares(item):
        SHARED.close()


def pytest_unconfigure() -> None:
    """Remove the shared stack."""
    SHARED.close()


def _shares(item: pytest.Item) -> bool:
    return "deployment" in getattr(item, "fixturenames", ())
