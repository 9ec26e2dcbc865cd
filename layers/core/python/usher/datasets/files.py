"""The bytes of a stream."""

import functools
from collections.abc import Iterator
from typing import IO

from usher.datasets.read_limits import LIMITS


def chunks(stream: IO[bytes], size: int = LIMITS.block_bytes) -> Iterator[bytes]:
    """A stream's bytes in pieces of at most `size`."""
    return iter(functools.partial(stream.read, size), b"")
