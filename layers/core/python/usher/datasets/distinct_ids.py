"""The recurring IDs of a dataset, for any number of rows, in bounded memory.

IDs are kept as hashes (hashing.py): a million of them take 17 MB.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from usher.datasets.hashing import Hashed
from usher.datasets.read_limits import LIMITS

MAX_REPORTED = 100
"""The most rows with a duplicate ID whose positions are kept."""
BATCH_SIZE = 1 << 19
"""The number of collected IDs from which they are merged."""

NOTED = ("positions", "recurs")
"""The facts that are kept of each ID."""

Positions = NDArray[np.int64]


@dataclass(slots=True)
class DistinctIds:
    """The different IDs so far, and which of them recur."""

    hashes: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    """The hashes of all different IDs, sorted."""
    positions: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    """The first row of every ID."""
    recurs: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    """Whether an ID recurs."""
    duplicates: int = 0
    """Rows with an ID that an earlier row has."""
    first_duplicates: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    """The positions of the first of these rows."""
    overflowed: bool = False
    """Whether there are more than `max_ids`: nothing else is known then."""
    max_ids: int = LIMITS.ids
    batch_size: int = BATCH_SIZE
    _batch: list["DistinctIds"] = field(default_factory=list)

    def __len__(self) -> int:
        """The number of different IDs, once they are merged."""
        return len(self.hashes)

    @property
    def recurring(self) -> int:
        """The number of different IDs that recur."""
        return int(self.recurs.sum())

    def add_rows(self, ids: Hashed, positions: Positions) -> None:
        """Add rows: their IDs, and their positions, which must follow all earlier ones."""
        if self.overflowed:
            return
        first = np.empty(len(ids.keys), np.int64)
        first[ids.places[::-1]] = np.arange(len(positions))[::-1]
        is_duplicate = np.ones(len(positions), np.bool_)
        is_duplicate[first] = False
        duplicates, recurs = positions[is_duplicate], np.bincount(ids.places, minlength=len(first)) > 1
        self._collect(DistinctIds(ids.keys, positions[first], recurs, len(duplicates), duplicates[:MAX_REPORTED]))

    def add(self, other: "DistinctIds", shift: int) -> None:
        """Add the IDs of other rows, whose positions count from `shift`."""
        other.merge_batch()
        if other.overflowed:
            self._overflow()
        elif not self.overflowed:
            positions, first_duplicates = other.positions + shift, other.first_duplicates + shift
            self._collect(DistinctIds(other.hashes, positions, other.recurs, other.duplicates, first_duplicates))

    def merge_batch(self) -> None:
        """Merge the collected rows."""
        if not self._batch:
            return
        parts = [self, *self._batch]
        hashes = np.concatenate([part.hashes for part in parts])
        order = np.argsort(hashes, kind="stable")  # merges sorted runs; of equal hashes, the first row stays first
        hashes = hashes[order]
        positions, recurs = (np.concatenate([getattr(part, name) for part in parts])[order] for name in NOTED)
        is_duplicate = np.zeros(len(hashes), np.bool_)
        is_duplicate[1:] = hashes[1:] == hashes[:-1]
        first = np.flatnonzero(~is_duplicate)
        self.hashes, self.positions = hashes[first], positions[first]
        self.recurs = np.logical_or.reduceat(recurs | is_duplicate, first) if len(first) else recurs
        duplicates = positions[is_duplicate]
        self.duplicates = sum(part.duplicates for part in parts) + len(duplicates)
        first_duplicates = np.concatenate([duplicates, *(part.first_duplicates for part in parts)])
        self.first_duplicates = np.sort(first_duplicates)[:MAX_REPORTED]
        self._batch = []
        if len(self.hashes) > self.max_ids:
            self._overflow()

    def _collect(self, part: "DistinctIds") -> None:
        self._batch.append(part)
        if sum(len(one.hashes) for one in self._batch) > max(len(self.hashes), self.batch_size):
            self.merge_batch()

    def _overflow(self) -> None:
        self.overflowed, self.duplicates, self._batch = True, 0, []
        self.hashes, self.recurs = np.empty(0, np.uint64), np.empty(0, np.bool_)
        self.positions, self.first_duplicates = np.empty(0, np.int64), np.empty(0, np.int64)
