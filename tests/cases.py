"""Many small cases in one test: for each test of its own, pytest would do more work than the case."""

from collections.abc import Callable, Iterable
from typing import TypeVar

Case = TypeVar("Case")


def check_each(check: Callable[[Case], object], cases: Iterable[Case], name: Callable[[Case], object] = repr) -> None:
    """Check every case; an ExceptionGroup of those that fail, each with the name of its case."""
    failed = []
    for case in cases:
        try:
            check(case)
        except Exception as error:
            error.add_note(f"The case: {name(case)}")
            failed.append(error)
    if failed:
        raise ExceptionGroup("cases that fail", failed)
