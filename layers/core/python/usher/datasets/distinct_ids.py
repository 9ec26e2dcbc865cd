"""Which IDs of a dataset recur, for any number of rows, in memory that is bounded.

They are kept as hashes (hashing.py): a million of them take 17 MB.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from usher.datasets.hashing import Hashed

MANY_IDS = 1_000_000
"""Beyond so many different IDs of a dataset, what recurs is not looked for."""
SHOWN = 100
"""Of the rows whose ID was there before, so many are remembered."""
LEAST = 1 << 19
"""So many IDs at least are collected before they are looked at together."""

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

    def note(self, ids: Hashed, places: Places) -> None:
        """Take note of rows: their IDs, and where they are, which must be behind all others so far."""
        if self.many:
            return
        first = np.empty(len(ids.keys), np.int64)
        first[ids.places[::-1]] = np.arange(len(places))[::-1]
        recurs = np.ones(len(places), np.bool_)
        recurs[first] = False
        again, twice = places[recurs], np.bincount(ids.places, minlength=len(first)) > 1
        self._wait(Ids(ids.keys, places[first], twice, len(again), again[:SHOWN]))

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
