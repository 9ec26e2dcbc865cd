"""A thread that repeats work at an interval."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


@contextmanager
def ticking(name: str, seconds: float, tick: Callable[[], object]) -> Iterator[None]:
    """Call `tick` every so many seconds in a thread until the block ends. Errors are logged, and do not stop it."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(seconds):
            try:
                tick()
            except Exception:
                log.exception("%s failed; the next attempt is in %s s", name, seconds)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
