"""Counts by key in constant memory: of all keys while there are few, of a sample when there are many.

The sample is by the key's hash: at level k it has the keys whose hash is divisible by 2^k (Gibbons, Distinct Sampling,
VLDB 2001). The level rises when there are too many keys and never falls, so it depends only on the rows that were
counted, not on their order or their division into parts.
"""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from usher.datasets.hashing import Hashes
from usher.formats.typed_json import UnfitError, as_type

MAX_NEW_ROWS = 1 << 18
"""The most rows that are collected before they are merged."""

ROW_BYTES = 24

Integers = npt.NDArray[np.int64]


@dataclass(slots=True)
class Rows:
    """Counts by key and number, such as a time."""

    keys: Hashes
    numbers: Integers
    counts: Integers

    def __len__(self) -> int:
        return len(self.keys)

    def where(self, kept: npt.NDArray[Any]) -> "Rows":
        """Some of the rows, by a mask or by their indices."""
        return Rows(self.keys[kept], self.numbers[kept], self.counts[kept])


def _no_rows() -> Rows:
    return Rows(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class _SampleJson:
    """A sample as JSON."""

    cap: int
    level: int
    rows: str


@dataclass(slots=True)
class Sample:
    """Counts by key and number, of all keys or of one key in `rate`. A row takes 24 bytes."""

    cap: int
    """The most keys in the sample."""
    level: int = 0
    kept: Rows = field(default_factory=_no_rows)
    """The merged rows, in order of key and number, each once."""
    new: list[Rows] = field(default_factory=list)
    """Rows that are not merged yet."""
    max_new_rows: int = MAX_NEW_ROWS

    @property
    def rate(self) -> int:
        """The sampling rate: one key in `rate` is in the sample."""
        self.rows()
        return 1 << self.level

    def has(self, keys: Hashes) -> npt.NDArray[np.bool_]:
        """A mask of the keys that belong to the sample at its present level."""
        in_it: npt.NDArray[np.bool_] = keys & np.uint64((1 << self.level) - 1) == 0
        return in_it

    def add(self, keys: Hashes, numbers: Integers, counts: Integers) -> None:
        """Add counts. The three arrays have the same length; keys may recur."""
        rows = Rows(keys, numbers, counts)
        self.new.append(rows.where(self.has(keys)) if self.level else rows)
        if sum(map(len, self.new)) > self.max_new_rows:
            self.rows()

    def merge(self, other: "Sample", factor: int = 1) -> None:
        """Add the counts of another sample, whose numbers are divided by `factor`."""
        rows = other.rows()
        self.level = max(self.level, other.level)
        self.add(rows.keys, rows.numbers // factor, rows.counts)

    def divide(self, factor: int) -> None:
        """Divide the numbers."""
        rows = self.rows()
        self.kept, self.new = _no_rows(), [Rows(rows.keys, rows.numbers // factor, rows.counts)]

    def rows(self) -> Rows:
        """All rows, in order of key and number, each once."""
        if not self.new:
            return self.kept
        rows = _summed([self.kept, *self.new])
        rows = rows.where(self.has(rows.keys))
        while len(_first_of_equals(rows.keys)) > self.cap:
            self.level += 1
            rows = rows.where(self.has(rows.keys))
        self.kept, self.new = rows, []
        return rows

    def totals(self) -> tuple[Hashes, Integers]:
        """Every key, and the sum of its counts."""
        rows = self.rows()
        first = _first_of_equals(rows.keys)
        return rows.keys[first], np.add.reduceat(rows.counts, first) if len(first) else rows.counts

    def as_dict(self) -> dict[str, Any]:
        """The sample as JSON."""
        rows = self.rows()
        content = b"".join(column.tobytes() for column in (rows.keys, rows.numbers, rows.counts))
        return {"cap": self.cap, "level": self.level, "rows": base64.b64encode(zlib.compress(content, 1)).decode()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], cap: int, max_rows: int) -> "Sample":
        """The inverse of `as_dict`, for at most `max_rows` rows. Raises UnfitError for any other content."""
        stored = as_type(_SampleJson, content)
        packer = zlib.decompressobj()
        try:
            packed = base64.b64decode(stored.rows, validate=True)
            plain = packer.decompress(packed, max_rows * ROW_BYTES + 1)
        except (ValueError, zlib.error) as error:
            raise UnfitError(f"a sample is not packed: {error}") from None
        is_whole = packer.eof and not packer.unused_data and len(plain) % ROW_BYTES == 0
        if not is_whole or stored.cap != cap or not 0 <= stored.level < 64:
            raise UnfitError("a sample is cut off, or has too much")
        keys, numbers, counts = np.split(np.frombuffer(plain, "<i8"), 3)
        sample = cls(cap, stored.level, Rows(keys.view(np.uint64), numbers, counts))
        new = _first_of_equals(sample.kept.keys, numbers)
        in_order = np.lexsort((numbers, sample.kept.keys))
        if not (
            len(new) == len(keys)
            and (in_order == np.arange(len(keys))).all()
            and (counts > 0).all()
            and len(_first_of_equals(sample.kept.keys)) <= cap
            and sample.has(sample.kept.keys).all()
        ):
            raise UnfitError("a sample's rows are in no order, or not its own")
        return sample


def _summed(parts: list[Rows]) -> Rows:
    """Rows in order of key and number; the counts of equal ones are summed."""
    keys = np.concatenate([part.keys for part in parts])
    numbers = np.concatenate([part.numbers for part in parts])
    counts = np.concatenate([part.counts for part in parts])
    if not len(keys):
        return Rows(keys, numbers, counts)
    differ = np.ptp(numbers) > 0
    order = np.lexsort((numbers, keys)) if differ else np.argsort(keys, kind="stable")  # merges sorted runs
    keys, numbers = keys[order], numbers[order] if differ else numbers
    first = _first_of_equals(keys, numbers)
    return Rows(keys[first], numbers[first], np.add.reduceat(counts[order], first))


def _first_of_equals(*columns: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """The indices at which sorted rows differ from the row before."""
    new = np.ones(len(columns[0]), np.bool_)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return np.flatnonzero(new)
