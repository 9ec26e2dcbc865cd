"""Changes by requests: the subjects that methods of moto's backends touch, reported after each request."""

import inspect
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

Arguments = Mapping[str, Any]
"""The arguments of a call, by the names of its parameters."""


class Changes:
    """Calls `keep` with each subject that a thread's calls have touched, after the outermost of them ends.

    `keep` writes the subject's current state, and runs once at a time. So the last write of a subject has its last
    state.
    """

    def __init__(self, keep: Callable[[Any], None]) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._thread = threading.local()

    def of(self, method: Any, touched: Callable[[Arguments], Hashable | None] = lambda _: None) -> Any:
        """A method as a part of a change; `touched` returns its subject from its arguments."""
        signature = inspect.signature(method)

        @wraps(method)
        def change(*arguments: Any, **named: Any) -> Any:
            with self._collecting() as subjects:
                try:
                    return method(*arguments, **named)
                finally:
                    if (subject := touched(signature.bind(*arguments, **named).arguments)) is not None:
                        subjects[subject] = None

        return change

    @contextmanager
    def _collecting(self) -> Iterator[dict[Hashable, None]]:
        if hasattr(self._thread, "subjects"):
            yield self._thread.subjects
            return
        subjects: dict[Hashable, None] = {}
        self._thread.subjects = subjects
        try:
            yield subjects
        finally:
            del self._thread.subjects
            with self._lock:
                for subject in subjects:
                    self._keep(subject)
