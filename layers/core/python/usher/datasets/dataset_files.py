"""The files of a dataset in the bucket, and their rows."""

from collections.abc import Iterable, Iterator

from usher.datasets.byte_ranges import parts_of, read_blocks
from usher.datasets.csv_reader import Block
from usher.datasets.reading import PLAIN, Reading
from usher.storage.bucket import Bucket, File
from usher.storage.layout import data_keys, increment_keys


def dataset_files(bucket: Bucket, group: str, dataset: str) -> list[File]:
    """A dataset's files; increments come last."""
    files = {file.key: file for file in bucket.files_of(group)}
    keys = [*files]
    return [files[key] for key in (*data_keys(keys, group, dataset), *increment_keys(keys, group, dataset))]


def read_files(bucket: Bucket, files: Iterable[File], reading: Reading = PLAIN) -> Iterator[Block]:
    """The rows of files in Personalize's form, one file after the other. Raises UnreadableError."""
    for file in files:
        for part in parts_of(file, reading=reading):
            yield from read_blocks(bucket, part)
