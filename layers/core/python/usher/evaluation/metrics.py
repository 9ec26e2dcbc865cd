"""Metrics of ranked lists against what users did later: vectorised, per user, with bootstrap intervals.

A list is a row of item codes, best first, padded with -1. Only its first DEPTH places count, and an item is in it once.
Definitions and their sources: docs/evaluation.md. Where a list has no hit, or there is no list, a metric is 0.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]
Mask = NDArray[np.bool_]
Values = NDArray[np.float64]

DEPTH = 25
CUTS = (5, 10, 25)
ROWS = 1 << 15
"""So many lists are judged at a time: their numbers then fit into the processor's cache, and memory stays bounded."""
PLACES = np.arange(1, DEPTH + 1)
SERVICE = 1 / np.log2(1 + PLACES)
"""Personalize's weights of the places."""
LEGACY = 1 / np.log2(np.maximum(PLACES, 2))
"""Those of the samples' notebook: the second place weighs as much as the first."""
RESAMPLES = 1000
BLOCKS = 10_000


@dataclass(frozen=True, slots=True)
class Pairs:
    """A set of (row, item), as sorted numbers row * width + item."""

    keys: NDArray[np.int64]
    width: int
    """More than every item's code."""

    @classmethod
    def of(cls, rows: Ints, items: Ints, width: int) -> Self:
        """From rows and items, both (m,), in any order, repeated or not."""
        keys = np.sort(rows.astype(np.int64) * width + items)  # np.unique builds a table first: ten times as slow
        return cls(keys[np.diff(keys, prepend=-1) > 0], width)

    def where(self, items: Mask) -> "Pairs":
        """Those of some items, told by code."""
        return Pairs(self.keys[items[self.keys % self.width]], self.width)

    def counts(self, rows: int) -> Ints:
        """How many items each of the rows has (rows,)."""
        return np.bincount(self.keys // self.width, minlength=rows)

    def hold(self, lists: Ints, first: int = 0) -> Mask:
        """Which places of lists (n, k), those of the rows from `first` on, are in the set (n, k)."""
        if not self.keys.size:
            return np.zeros(lists.shape, np.bool_)
        keys = np.arange(first, first + len(lists))[:, None] * self.width + lists
        found = self.keys[np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)]
        return np.asarray((found == keys) & (lists >= 0))


@dataclass(frozen=True, slots=True)
class Judged:
    """What metrics are made from, for n lists."""

    hits: Values
    """1 where the item was met later, else 0 (n, DEPTH)."""
    found: Ints
    """How many hits there are down to each place (n, DEPTH)."""
    wanted: Ints
    """How many different items the user met later, in the list or not (n,)."""
    novelty: Values
    """(n,)"""

    @classmethod
    def of(cls, lists: Ints, hits: Mask, wanted: Ints, surprise: Values) -> Self:
        """Judge lists (n, DEPTH). `surprise`: of each item, -log2 of the share of users who know it."""
        listed = lists >= 0
        novelty = np.where(listed, surprise[lists], 0).sum(axis=1) / np.maximum(listed.sum(axis=1), 1)
        return cls(hits.astype(np.float64), np.cumsum(hits, axis=1), wanted, novelty)


def _first(judged: Judged) -> Values:
    return np.asarray((judged.hits / PLACES).max(axis=1))


def _over_hits(judged: Judged) -> Values:
    return np.asarray(judged.hits @ (1 / PLACES) / np.maximum(judged.found[:, -1], 1))


def _precision(judged: Judged, cut: int) -> Values:
    return np.asarray(judged.found[:, cut - 1] / cut)


def _gain(judged: Judged, cut: int, weights: Values, ideal_of: int) -> Values:
    """Discounted gain down to a cut, over that of the hits down to place `ideal_of`, moved to the top."""
    ideal = np.concatenate(([1.0], np.cumsum(weights)))  # without a hit the gain is 0, whatever it is divided by
    return np.asarray(judged.hits[:, :cut] @ weights[:cut] / ideal[np.minimum(judged.found[:, ideal_of - 1], cut)])


def _average_precision(judged: Judged) -> Values:
    return np.asarray((judged.hits * judged.found) @ (1 / PLACES) / np.maximum(judged.found[:, -1], 1))


def _recall(judged: Judged, cut: int) -> Values:
    return np.asarray(judged.found[:, cut - 1] / np.maximum(judged.wanted, 1))


METRICS: Mapping[str, Callable[[Judged], Values]] = {
    "mean_reciprocal_rank": _first,
    "mean_reciprocal_rank_over_hits": _over_hits,
    **{f"precision_at_{cut}": partial(_precision, cut=cut) for cut in CUTS},
    **{
        f"normalized_discounted_cumulative_gain_at_{cut}": partial(_gain, cut=cut, weights=SERVICE, ideal_of=cut)
        for cut in CUTS
    },
    **{f"legacy_ndcg_at_{cut}": partial(_gain, cut=cut, weights=LEGACY, ideal_of=DEPTH) for cut in CUTS},
    "average_precision": _average_precision,
    **{f"recall_at_{cut}": partial(_recall, cut=cut) for cut in CUTS},
    "novelty": lambda judged: judged.novelty,
}
"""Each gives a value per list (n,); the mean over users is what is told. `coverage` is apart, as no user has one."""


def slices(rows: int) -> Iterator[slice]:
    """All rows, ROWS at a time."""
    return (slice(start, start + ROWS) for start in range(0, rows, ROWS))


def measure(lists: Ints, truth: Pairs, surprise: Values) -> Values:
    """Every metric of every list: (n, DEPTH) to (n, len(METRICS)). `truth`: what each row's user met later."""
    wanted = truth.counts(len(lists))
    values = np.empty((len(lists), len(METRICS)))
    for rows in slices(len(lists)):
        judged = Judged.of(lists[rows], truth.hold(lists[rows], rows.start), wanted[rows], surprise)
        for column, metric in enumerate(METRICS.values()):
            values[rows, column] = metric(judged)
    return values


def coverage(lists: Ints, items: Mask) -> float:
    """Which share of some items, told by code, is in any of the lists (n, k)."""
    listed = np.zeros(len(items), np.bool_)
    for rows in slices(len(lists)):
        listed[lists[rows][lists[rows] >= 0]] = True
    return float((listed & items).sum() / max(items.sum(), 1))


def interval(values: Values, seed: int = 0) -> tuple[Values, Values]:
    """The 95% percentile bootstrap interval of each column's mean over users: (n, m) to two (m,).

    Efron, "Bootstrap methods: another look at the jackknife", 1979. Of more than BLOCKS users, blocks of equal size,
    put together at random, are drawn instead of single users: the mean of the means, and its spread, stay the same.
    The same users are drawn for all contenders.
    """
    chance = np.random.default_rng(seed)
    blocks = min(len(values), BLOCKS)
    block = chance.permutation(len(values)) % blocks
    size = np.bincount(block)
    total = np.stack([np.bincount(block, column) for column in values.T], axis=1)
    means = []
    for drawn in _drawn(blocks, chance):
        means.append(drawn @ total / (drawn @ size)[:, None])
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975], axis=0)
    return low, high


def _drawn(blocks: int, chance: np.random.Generator, at_once: int = 50) -> Iterator[Values]:
    """How often each block is in each resample, some resamples at a time (at_once, blocks)."""
    start = np.arange(at_once, dtype=np.int32)[:, None] * blocks
    for _ in range(RESAMPLES // at_once):
        drawn = chance.integers(0, blocks, (at_once, blocks), np.int32)
        drawn += start
        yield np.bincount(drawn.ravel(), minlength=at_once * blocks).reshape(at_once, blocks).astype(np.float64)


def summary(values: Values) -> dict[str, dict[str, float]]:
    """Each metric's mean over users, and its interval: (n, len(METRICS)), n > 0."""
    low, high = interval(values)
    rows = zip(METRICS, values.mean(axis=0), low, high, strict=True)
    return {
        name: {key: round(float(value), 6) for key, value in zip(("value", "low", "high"), row, strict=True)}
        for name, *row in rows
    }
