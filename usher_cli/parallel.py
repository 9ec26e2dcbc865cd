"""Calls that do not depend on each other, made at the same time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
THREADS = 10
"""As many connections as a boto3 client keeps."""


def in_parallel(ask: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """What a function answers for each item, in the order of the items. Raises the first error of any."""
    with ThreadPoolExecutor(THREADS) as executor:
        return list(executor.map(ask, items))
