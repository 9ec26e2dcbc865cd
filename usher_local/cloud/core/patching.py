"""Temporary replacements of a library's private names, which fail if the library has moved the name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class UpstreamChangedError(Exception):
    """A library lost the name that one of our repairs replaces: it is not the pinned version."""


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Set `owner.name` (a module's or a class's own attribute) to `value` inside the block.

    Raises UpstreamChangedError if `owner` does not define `name`.
    """
    if name not in vars(owner):
        raise UpstreamChangedError(f"{owner.__name__} no longer defines {name}; is the pinned version installed?")
    original = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)
