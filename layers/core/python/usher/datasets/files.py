"""The CSV files of a dataset in the bucket, and their rows."""

import functools
from collections.abc import Iterable, Iterator
from typing import IO

from usher.datasets.csv_reader import Block, read_csv
from usher.datasets.read_limits import LIMITS
from usher.storage.bucket import Bucket
from usher.storage.layout import data_keys, increment_keys


def dataset_keys(keys: list[str], group: str, dataset: str) -> list[str]:
    """The keys, among all of a group, of a dataset's CSV files; increments come last."""
    return data_keys(keys, group, dataset) + increment_keys(keys, group, dataset)


def read_files(bucket: Bucket, keys: Iterable[str]) -> Iterator[Block]:
    """The rows of CSV files, one file after the other. Raises UnreadableError."""
    for key in keys:
        yield from read_csv(key, chunks(bucket.open(key)))


def chunks(stream: IO[bytes], size: int = LIMITS.block_bytes) -> Iterator[bytes]:
    """A stream's bytes in pieces of at most `size`."""
    return iter(functools.partial(stream.read, size), b"")
