"""Parts of files: byte ranges of whole rows, so that many functions can profile one file at the same time.

A line belongs to the part in which it begins, and so does a row group of a Parquet file. A file compressed with gzip
can't be read from the middle: it is one part. The names of the columns are in the file's first line, or in Parquet's
footer.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from usher.datasets.csv_reader import MAX_HEADER_BYTES, Block, UnreadableError, read_header
from usher.datasets.files import chunks
from usher.datasets.jsonl_reader import read_names
from usher.datasets.parquet_reader import read_parquet
from usher.datasets.profile import DatasetProfile, profile_blocks
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.datasets.readers import apply_reading, read_lines, unpacked
from usher.datasets.reading import PLAIN, Reading
from usher.formats.typed_json import UnfitError, as_type
from usher.storage.bucket import Bucket, File
from usher.storage.layout import dataset_of, is_data, suffix_of


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of an object that begin in the bytes from `start` to before `end`."""

    key: str
    etag: str
    start: int
    end: int
    size: int = 0
    """The object's size in bytes."""
    reading: Reading = PLAIN

    @property
    def is_csv(self) -> bool:
        """Whether the part is a CSV that Personalize takes as it is."""
        return is_plain_csv(self.key, self.reading)

    def max_bytes(self, limits: ReadLimits) -> int:
        """The most bytes that the part may hold: other formats compress them."""
        return self.end - self.start if suffix_of(self.key) == ".csv" else max(limits.unpacked_bytes, self.end)


def is_plain_csv(key: str, reading: Reading) -> bool:
    """Whether Personalize takes a file as it is."""
    return suffix_of(key) == ".csv" and reading.is_plain


def read_part(value: Any, limits: ReadLimits = LIMITS) -> Part:
    """A part from its JSON. Raises UnfitError for a value that is not a part of a group's data."""
    part = as_type(Part, value)
    longest = part.size if part.key.endswith(".gz") else limits.part_bytes
    if not is_data(part.key) or not 0 <= part.start <= part.end <= part.start + longest:
        raise UnfitError(f"bytes {part.start} to {part.end} of {part.key[:99]!r} are not a part of a group's data")
    return part


def parts_of(file: File, limits: ReadLimits = LIMITS, reading: Reading = PLAIN) -> list[Part]:
    """A file's parts, in order; at least one."""
    length = max(file.size, 1) if file.key.endswith(".gz") else limits.part_bytes
    starts = range(0, max(file.size, 1), length)
    return [Part(file.key, file.etag, start, min(start + length, file.size), file.size, reading) for start in starts]


def profile_part(bucket: Bucket, part: Part, limits: ReadLimits = LIMITS) -> DatasetProfile:
    """Read and profile a part. Only the first part reports faults of the header.

    Raises ClientError (PreconditionFailed, NoSuchKey) if the object has been replaced or deleted.
    """
    hasher = hashlib.sha256()
    blocks = read_blocks(bucket, part, limits, hasher)
    profile = profile_blocks(dataset_of(part.key), part.key, blocks, limits, begins=not part.start)
    if suffix_of(part.key) == ".csv":
        profile.size = part.end - part.start
    profile.digests = [hasher.hexdigest()]
    return profile


def read_blocks(
    bucket: Bucket, part: Part, limits: ReadLimits = LIMITS, hasher: "hashlib._Hash | None" = None
) -> Iterator[Block]:
    """The rows of a part, with its Reading; at least one block, unless another part says that the file has no header.

    `hasher` gets the part's own bytes, decompressed. Raises UnreadableError, and ClientError as `profile_part` does.
    """
    hasher, suffix = hasher or hashlib.sha256(), suffix_of(part.key)
    if suffix == ".parquet":
        return apply_reading(part.key, _row_groups(bucket, part, limits, hasher), part.reading)
    if suffix.endswith(".gz"):
        return apply_reading(part.key, _unpacked(bucket, part, limits, hasher), part.reading)
    return apply_reading(part.key, _lines(bucket, part, limits, hasher), part.reading)


def _row_groups(bucket: Bucket, part: Part, limits: ReadLimits, hasher: "hashlib._Hash") -> Iterator[Block]:
    if part.end:
        with closing(bucket.open(part.key, IfMatch=part.etag, Range=f"bytes={part.start}-{part.end - 1}")) as stream:
            for chunk in chunks(stream, limits.block_bytes):
                hasher.update(chunk)
    file = io.BufferedReader(ObjectFile(bucket, part), 1 << 20)
    yield from read_parquet(part.key, file, part.reading, lambda byte: part.start <= byte < part.end)


def _unpacked(bucket: Bucket, part: Part, limits: ReadLimits, hasher: "hashlib._Hash") -> Iterator[Block]:
    """The blocks of a compressed part. The decompressed bytes are hashed: gzip writes its time into the file."""
    with closing(bucket.open(part.key, IfMatch=part.etag)) as stream:
        pieces = hashed(unpacked(part.key, stream, limits), hasher)
        yield from read_lines(part.key, pieces, suffix_of(part.key), limits=limits)


def _lines(bucket: Bucket, part: Part, limits: ReadLimits, hasher: "hashlib._Hash") -> Iterator[Block]:
    suffix, names = suffix_of(part.key), list[str]()
    if part.start:
        try:
            first = _first_line(bucket, part, MAX_HEADER_BYTES if suffix == ".csv" else limits.line_bytes)
            names = read_header(part.key, first) if suffix == ".csv" else read_names(part.key, first)
        except UnreadableError:
            return
    # A line that begins just before the end may be as long as this; one byte more shows that it is too long.
    last = f"bytes={max(part.start - 1, 0)}-{part.end + limits.line_bytes}"
    conditions = {"IfMatch": part.etag} | ({"Range": last} if part.end else {})
    with closing(bucket.open(part.key, **conditions)) as stream:
        lines = _own_lines(part, chunks(stream, limits.block_bytes), hasher)
        yield from read_lines(part.key, lines, suffix, names, limits)


def hashed(pieces: Iterable[bytes], hasher: "hashlib._Hash") -> Iterator[bytes]:
    """The pieces, each hashed as it is read."""
    for piece in pieces:
        hasher.update(piece)
        yield piece


class ObjectFile(io.RawIOBase):
    """An object of the bucket as a seekable file. Reading fails if the object has changed since the part was listed."""

    def __init__(self, bucket: Bucket, part: Part) -> None:
        self._bucket = bucket
        self._part = part
        self._position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position; return it."""
        self._position = offset + (0, self._position, self._part.size)[whence]
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read into the buffer in one request; return the number of bytes."""
        end = min(self._position + len(buffer), self._part.size)
        if end <= self._position:
            return 0
        span = f"bytes={self._position}-{end - 1}"
        with closing(self._bucket.open(self._part.key, IfMatch=self._part.etag, Range=span)) as stream:
            content = stream.read(end - self._position)
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)


def _first_line(bucket: Bucket, part: Part, max_bytes: int) -> bytes:
    with closing(bucket.open(part.key, IfMatch=part.etag, Range=f"bytes=0-{max_bytes}")) as stream:
        return stream.read(max_bytes + 1).partition(b"\n")[0]


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
