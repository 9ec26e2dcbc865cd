"""Parts of files: byte ranges of whole lines, so that many functions can profile one file at the same time.

A line belongs to the part in which it begins. The names of the columns are in the file's first line.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from usher.datasets.csv_reader import MAX_HEADER_BYTES, UnreadableError, read_header
from usher.datasets.files import chunks
from usher.datasets.profile import DatasetProfile, profile_csv
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.formats.typed_json import UnfitError, fit
from usher.storage.bucket import Bucket, File
from usher.storage.layout import dataset_of, is_data


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of an object that begin in the bytes from `start` to before `end`."""

    key: str
    etag: str
    start: int
    end: int


def read_part(value: Any, limits: ReadLimits = LIMITS) -> Part:
    """A part from its JSON. Raises UnfitError for what is not a part of a group's data."""
    part = fit(Part, value)
    if not is_data(part.key) or not 0 <= part.start <= part.end <= part.start + limits.part_bytes:
        raise UnfitError(f"bytes {part.start} to {part.end} of {part.key[:99]!r} are not a part of a group's data")
    return part


def parts_of(file: File, limits: ReadLimits = LIMITS) -> list[Part]:
    """A file's parts, in order; at least one."""
    starts = range(0, max(file.size, 1), limits.part_bytes)
    return [Part(file.key, file.etag, start, min(start + limits.part_bytes, file.size)) for start in starts]


def profile_part(bucket: Bucket, part: Part, limits: ReadLimits = LIMITS) -> DatasetProfile:
    """Read and profile a part. What is wrong with the header is reported by the first part alone.

    Raises ClientError (PreconditionFailed, NoSuchKey) where the object has been replaced or deleted.
    """
    dataset, names = dataset_of(part.key), list[str]()
    if part.start:
        try:
            names = read_header(part.key, _first_line(bucket, part))
        except UnreadableError:
            return DatasetProfile(dataset)
    # A line that begins just before the end may be as long as this; one byte more shows that it is too long.
    last = f"bytes={max(part.start - 1, 0)}-{part.end + limits.line_bytes}"
    conditions = {"IfMatch": part.etag} | ({"Range": last} if part.end else {})
    hasher = hashlib.sha256()
    with closing(bucket.open(part.key, **conditions)) as stream:
        lines = _own_lines(part, chunks(stream, limits.block_bytes), hasher)
        profile = profile_csv(dataset, part.key, lines, names, limits)
    profile.size, profile.digests = part.end - part.start, [hasher.hexdigest()]
    return profile


def _first_line(bucket: Bucket, part: Part) -> bytes:
    with closing(bucket.open(part.key, IfMatch=part.etag, Range=f"bytes=0-{MAX_HEADER_BYTES}")) as stream:
        return stream.read(MAX_HEADER_BYTES + 1).partition(b"\n")[0]


def _own_lines(part: Part, chunks: Iterable[bytes], hasher: "hashlib._Hash") -> Iterator[bytes]:
    """The bytes of a part's lines, from chunks that begin one byte before the part. The part's own bytes are hashed."""
    position, begun = max(part.start - 1, 0), not part.start
    for chunk in chunks:
        hasher.update(memoryview(chunk)[max(part.start - position, 0) : max(part.end - position, 0)])
        first = 0 if begun else chunk.find(b"\n") + 1
        begun = begun or first > 0
        end = chunk.find(b"\n", max(part.end - 1 - position, 0)) + 1 if part.end <= position + len(chunk) else 0
        if begun:
            yield chunk[first : end or None]
        if end:
            return
        position += len(chunk)
