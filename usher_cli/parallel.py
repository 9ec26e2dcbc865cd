"""Concurrent calls that do not depend on each other."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
THREADS = 10
"""The number of threads: a boto3 client keeps as many connections."""


def in_parallel(ask: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """A function's result for each item, in the order of the items. Raises the first error of any."""
    with ThreadPoolExecutor(THREADS) as executor:
        return list(executor.map(ask, items))
