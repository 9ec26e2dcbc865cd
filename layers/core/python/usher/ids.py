"""Which IDs of a dataset recur, for any number of rows, in memory that is bounded.

IDs are kept as 64-bit hashes: a million of them take 17 MB however long they are, and the chance that two of them are
taken for one is one in thirty million.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MANY_IDS = 1_000_000
"""Beyond so many different IDs of a dataset, what recurs is not looked for."""
SHOWN = 100
"""Of the rows whose ID was there before, so many are remembered."""
LEAST = 1 << 19
"""So many rows at least are collected before they are looked at together."""
WORD = 8
LONGEST = 1024
"""Bytes of an ID that count; 256 characters, of at most four bytes, are the most that is allowed."""
MIX = tuple(np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
"""Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014: the constants of SplitMix64."""

Places = NDArray[np.int64]


@dataclass(slots=True)
class Ids:
    """The different IDs so far, and which of them were there before."""

    hashes: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    """Of every different ID, sorted."""
    places: Places = field(default_factory=lambda: np.empty(0, np.int64))
    """Where each of them is first."""
    twice: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    """Which of them recur."""
    again: int = 0
    """How many rows have an ID that a row before has."""
    first_again: Places = field(default_factory=lambda: np.empty(0, np.int64))
    """The first of them."""
    many: bool = False
    """There are more than MANY_IDS: nothing else is known."""
    _waiting: list["Ids"] = field(default_factory=list)

    def __len__(self) -> int:
        """How many different ones there are, once they are settled."""
        return len(self.hashes)

    @property
    def recurring(self) -> int:
        """How many of them recur."""
        return int(self.twice.sum())

    def note(self, ids: pa.StringArray, places: Places) -> None:
        """Take note of rows: their IDs, and where they are, which must be behind all others so far."""
        if not self.many:
            self._wait(Ids(hashed(ids), places, np.zeros(len(ids), np.bool_)))

    def add(self, other: "Ids", shift: int) -> None:
        """Take note of what others know, whose places count from `shift`."""
        other.settle()
        if other.many:
            self._forget()
        elif not self.many:
            places, first_again = other.places + shift, other.first_again + shift
            self._wait(Ids(other.hashes, places, other.twice, other.again, first_again))

    def settle(self) -> None:
        """Look at what has been collected."""
        if not self._waiting:
            return
        parts = [self, *self._waiting]
        hashes, places, twice = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("hashes", "places", "twice")
        )
        self.hashes, first, counts = np.unique(hashes, return_index=True, return_counts=True)
        recurs = np.ones(len(hashes), np.bool_)
        recurs[first] = False
        self.places, self.twice = places[first], counts > 1
        self.twice[np.searchsorted(self.hashes, hashes[twice])] = True
        again = places[recurs]
        self.again = sum(part.again for part in parts) + len(again)
        self.first_again = np.sort(np.concatenate([again, *(part.first_again for part in parts)]))[:SHOWN]
        self._waiting = []
        if len(self.hashes) > MANY_IDS:
            self._forget()

    def _wait(self, part: "Ids") -> None:
        self._waiting.append(part)
        if sum(len(one.hashes) for one in self._waiting) > max(len(self.hashes), LEAST):
            self.settle()

    def _forget(self) -> None:
        self.many, self.again, self._waiting = True, 0, []
        self.hashes, self.twice = np.empty(0, np.uint64), np.empty(0, np.bool_)
        self.places, self.first_again = np.empty(0, np.int64), np.empty(0, np.int64)


def hashed(texts: pa.StringArray) -> NDArray[np.uint64]:
    """A 64-bit hash of each text: equal texts, equal hash, in every process. Takes eight bytes of all at a time."""
    _, offsets, content = texts.buffers()
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    starts, lengths = bounds[:-1], np.diff(bounds)
    padded = np.frombuffer((content.to_pybytes() if content else b"") + bytes(WORD), np.uint8)
    words = np.ndarray(len(padded) - WORD + 1, np.dtype("<u8"), padded, strides=(1,))
    found = lengths.astype(np.uint64) * MIX[0]
    rows = np.arange(len(texts))
    for at in range(0, LONGEST, WORD):
        rows = rows[lengths[rows] > at]
        if not len(rows):
            break
        left = np.minimum(lengths[rows] - at, WORD)
        word = words[starts[rows] + at] & (np.uint64(2**64 - 1) >> ((WORD - left) * WORD).astype(np.uint64))
        mixed = (found[rows] ^ word) * MIX[1]
        mixed = (mixed ^ (mixed >> np.uint64(31))) * MIX[2]
        found[rows] = mixed ^ (mixed >> np.uint64(29))
    return found
