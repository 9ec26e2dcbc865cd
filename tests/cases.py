"""Many small cases in one test, since pytest's work for a test of its own would exceed the case's."""

from collections.abc import Callable, Iterable
from typing import TypeVar

Case = TypeVar("Case")


def check_each(check: Callable[[Case], object], cases: Iterable[Case], name: Callable[[Case], object] = repr) -> None:
    """Check every case. Raises an ExceptionGroup of the failures, each with the name of its case."""
    failed = []
    for case in cases:
        try:
            check(case)
        except Exception as error:
            error.add_note(f"The case: {name(case)}")
            failed.append(error)
    if failed:
        raise ExceptionGroup("cases that fail", failed)
