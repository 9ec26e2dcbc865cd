"""Parts of files: byte ranges that begin and end with a line, so that many can be read at the same time.

A line belongs to the part in which it begins. The columns stand in the file's first line.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from usher.datasets import profile
from usher.datasets.csv_reader import LONGEST_HEADER, LONGEST_LINE, UnreadableError, read_header
from usher.datasets.files import chunks
from usher.formats.typed_json import UnfitError, fit
from usher.storage.bucket import Bucket, File
from usher.storage.layout import dataset_of, is_data

PART_BYTES = int(os.environ.get("PART_BYTES", 1 << 28))
"""How long parts are. With another length, data has another digest: all is imported and trained once more."""


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of an object that begin in the bytes from `start` to before `end`."""

    key: str
    etag: str
    start: int
    end: int


def part_of(value: Any) -> Part:
    """A part as the list of parts has it. Raises UnfitError."""
    part = fit(Part, value)
    if not is_data(part.key) or not 0 <= part.start <= part.end <= part.start + PART_BYTES:
        raise UnfitError(f"bytes {part.start} to {part.end} of {part.key[:99]!r} are no part of a group's data")
    return part


def cut(file: File) -> list[Part]:
    """A file's parts, in their order; at least one."""
    starts = range(0, max(file.size, 1), PART_BYTES)
    return [Part(file.key, file.etag, start, min(start + PART_BYTES, file.size)) for start in starts]


def scan(bucket: Bucket, part: Part) -> profile.Table:
    """Read a part, and note what matters. What is wrong with the columns is told by the part that has them."""
    dataset, names = dataset_of(part.key), list[str]()
    if part.start:
        try:
            names = read_header(part.key, _first_line(bucket, part))
        except UnreadableError:
            return profile.Table(dataset)
    # A line that begins just before the end may have as many bytes; one more tells that it is too long.
    last = f"bytes={max(part.start - 1, 0)}-{part.end + LONGEST_LINE}"
    conditions = {"IfMatch": part.etag} | ({"Range": last} if part.end else {})
    hasher = hashlib.sha256()
    with closing(bucket.open(part.key, **conditions)) as stream:
        table = profile.scan(dataset, part.key, _own_lines(part, chunks(stream), hasher), names)
    table.size, table.digests = part.end - part.start, [hasher.hexdigest()]
    return table


def _first_line(bucket: Bucket, part: Part) -> bytes:
    with closing(bucket.open(part.key, IfMatch=part.etag, Range=f"bytes=0-{LONGEST_HEADER}")) as stream:
        return stream.read(LONGEST_HEADER + 1).partition(b"\n")[0]


def _own_lines(part: Part, chunks: Iterable[bytes], hasher: "hashlib._Hash") -> Iterator[bytes]:
    """The bytes of a part's lines, out of those from one before its start on. The part's own bytes are hashed."""
    at, begun = max(part.start - 1, 0), not part.start
    for chunk in chunks:
        hasher.update(memoryview(chunk)[max(part.start - at, 0) : max(part.end - at, 0)])
        first = 0 if begun else chunk.find(b"\n") + 1
        begun = begun or first > 0
        behind = chunk.find(b"\n", max(part.end - 1 - at, 0)) + 1 if part.end <= at + len(chunk) else 0
        if begun:
            yield chunk[first : behind or None]
        if behind:
            return
        at += len(chunk)
