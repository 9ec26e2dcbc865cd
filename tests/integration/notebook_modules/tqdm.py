"""A progress bar without output."""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def tqdm_notebook(iterable: Iterable[T]) -> Iterable[T]:
    return iterable
