"""Progress of a fit, reported to a listener; the models know nothing of processes and logs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[float], None]
"""Takes the share that is done, 0 to 1; what it raises ends the fit."""

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
    """Progress in the block, 0 to 1, counts as `low` to `high` of the whole; both ends are reported."""
    outer = _listener.get()
    outer(low)
    with listening(lambda share: outer(low + (high - low) * share)):
        yield
    outer(high)
