"""Progress of a fit, reported to a listener; the models know neither processes nor logs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[float], None]
"""Takes the share of the work that is done, 0 to 1. An exception from it ends the fit."""

_listener: ContextVar[Listener] = ContextVar("listener", default=lambda _: None)


def report_progress(share: float) -> None:
    """Report that `share` (0 to 1) of the work is done."""
    _listener.get()(share)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Report the progress of the block to `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def part(low: float, high: float) -> Iterator[None]:
    """Report progress 0 to 1 in the block as `low` to `high` of the whole, and report both ends."""
    outer = _listener.get()
    outer(low)
    with listening(lambda share: outer(low + (high - low) * share)):
        yield
    outer(high)
