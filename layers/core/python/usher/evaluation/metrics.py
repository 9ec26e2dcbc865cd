"""Metrics of ranked lists against the items that users met later: vectorised, per user, with bootstrap intervals.

A list is a row of item codes, best first, padded with -1. Only its first DEPTH places count, and an item is in it once.
Definitions and their sources: docs/evaluation.md. A metric is 0 for a list without a hit, and for a missing list.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from usher.evaluation.resampling import Values, bootstrap_interval
from usher.reports.evaluation_report import MetricValue

Ints = NDArray[np.integer[Any]]
Mask = NDArray[np.bool_]

DEPTH = 25
CUTOFFS = (5, 10, 25)
BATCH_SIZE = 1 << 15
"""Lists that are scored at a time: their numbers then fit into the processor's cache, and memory stays bounded."""
PLACES = np.arange(1, DEPTH + 1)
SERVICE_DISCOUNT = 1 / np.log2(1 + PLACES)
"""The weights of the places in Personalize's NDCG."""
LEGACY_DISCOUNT = 1 / np.log2(np.maximum(PLACES, 2))
"""The weights in the NDCG of the samples' notebook: the second place weighs as much as the first."""


@dataclass(frozen=True, slots=True)
class InteractionSet:
    """A set of (row, item), as sorted numbers row * width + item."""

    keys: NDArray[np.int64]
    width: int
    """A number above every item's code."""

    @classmethod
    def of(cls, rows: Ints, items: Ints, width: int) -> Self:
        """The set of rows and items, both (m,), in any order, repeated or not."""
        keys = np.sort(rows.astype(np.int64) * width + items)  # np.unique builds a table first: ten times as slow
        return cls(keys[np.diff(keys, prepend=-1) > 0], width)

    def of_items(self, items: Mask) -> "InteractionSet":
        """The subset of some items, selected by code."""
        return InteractionSet(self.keys[items[self.keys % self.width]], self.width)

    def counts(self, rows: int) -> Ints:
        """The number of items of each row (rows,)."""
        return np.bincount(self.keys // self.width, minlength=rows)

    def contains(self, lists: Ints, first: int = 0) -> Mask:
        """A mask of the items of lists (n, k) that are in the set (n, k); the lists belong to the rows from
        `first` on.
        """
        return self.contains_pairs(np.arange(first, first + len(lists))[:, None], lists)

    def contains_pairs(self, rows: Ints, items: Ints) -> Mask:
        """A mask of the pairs of a row and an item that are in the set, in the shape of the items."""
        if not self.keys.size:
            return np.zeros(items.shape, np.bool_)
        keys = rows.astype(np.int64) * self.width + items
        candidates = self.keys[np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)]
        return np.asarray((candidates == keys) & (items >= 0))


@dataclass(frozen=True, slots=True)
class ScoredLists:
    """The quantities from which metrics are computed, for n lists."""

    hits: Values
    """1 if the user met the item later, else 0 (n, DEPTH)."""
    hit_counts: Ints
    """The number of hits down to each place (n, DEPTH)."""
    relevant: Ints
    """The number of distinct items that the user met later, in the list or not (n,)."""
    novelty: Values
    """The novelty of each list (n,)."""

    @classmethod
    def of(cls, lists: Ints, hits: Mask, relevant: Ints, self_information: Values) -> Self:
        """The scored form of lists (n, DEPTH). `self_information`: -log2 of the share of users who met an item, by
        item.
        """
        listed = lists >= 0
        novelty = np.where(listed, self_information[lists], 0).sum(axis=1) / np.maximum(listed.sum(axis=1), 1)
        return cls(hits.astype(np.float64), np.cumsum(hits, axis=1), relevant, novelty)


def _reciprocal_rank(scored: ScoredLists) -> Values:
    return np.asarray((scored.hits / PLACES).max(axis=1))


def _reciprocal_rank_over_hits(scored: ScoredLists) -> Values:
    return np.asarray(scored.hits @ (1 / PLACES) / np.maximum(scored.hit_counts[:, -1], 1))


def _precision(scored: ScoredLists, cutoff: int) -> Values:
    return np.asarray(scored.hit_counts[:, cutoff - 1] / cutoff)


def _ndcg(scored: ScoredLists, cutoff: int, discount: Values, ideal_depth: int) -> Values:
    """Discounted cumulative gain down to a cut-off, over the gain of the hits down to `ideal_depth`, moved
    to the top.
    """
    ideal = np.concatenate(([1.0], np.cumsum(discount)))  # without a hit the gain is 0, whatever the divisor is
    hits = np.minimum(scored.hit_counts[:, ideal_depth - 1], cutoff)
    return np.asarray(scored.hits[:, :cutoff] @ discount[:cutoff] / ideal[hits])


def _average_precision(scored: ScoredLists) -> Values:
    return np.asarray((scored.hits * scored.hit_counts) @ (1 / PLACES) / np.maximum(scored.hit_counts[:, -1], 1))


def _recall(scored: ScoredLists, cutoff: int) -> Values:
    return np.asarray(scored.hit_counts[:, cutoff - 1] / np.maximum(scored.relevant, 1))


def _novelty(scored: ScoredLists) -> Values:
    return scored.novelty


METRICS: Mapping[str, Callable[[ScoredLists], Values]] = {
    "mean_reciprocal_rank": _reciprocal_rank,
    "mean_reciprocal_rank_over_hits": _reciprocal_rank_over_hits,
    **{f"precision_at_{cutoff}": partial(_precision, cutoff=cutoff) for cutoff in CUTOFFS},
    **{
        f"normalized_discounted_cumulative_gain_at_{cutoff}": partial(
            _ndcg, cutoff=cutoff, discount=SERVICE_DISCOUNT, ideal_depth=cutoff
        )
        for cutoff in CUTOFFS
    },
    **{
        f"legacy_ndcg_at_{cutoff}": partial(_ndcg, cutoff=cutoff, discount=LEGACY_DISCOUNT, ideal_depth=DEPTH)
        for cutoff in CUTOFFS
    },
    "average_precision": _average_precision,
    **{f"recall_at_{cutoff}": partial(_recall, cutoff=cutoff) for cutoff in CUTOFFS},
    "novelty": _novelty,
}
"""Each returns a value per list (n,); reports have the mean over users. `coverage` is apart, as it is not a user's."""


def batches(rows: int, batch_size: int = BATCH_SIZE) -> Iterator[slice]:
    """Slices of all rows, `batch_size` at a time."""
    return (slice(start, start + batch_size) for start in range(0, rows, batch_size))


def compute_metrics(
    lists: Ints, truth: InteractionSet, self_information: Values, batch_size: int = BATCH_SIZE
) -> Values:
    """Every metric of every list: (n, DEPTH) to (n, len(METRICS)). `truth`: the items that each user met later."""
    relevant = truth.counts(len(lists))
    values = np.empty((len(lists), len(METRICS)))
    for rows in batches(len(lists), batch_size):
        hits = truth.contains(lists[rows], rows.start)
        scored = ScoredLists.of(lists[rows], hits, relevant[rows], self_information)
        for column, metric in enumerate(METRICS.values()):
            values[rows, column] = metric(scored)
    return values


def coverage(lists: Ints, items: Mask) -> float:
    """The share of some items, selected by code, that is in any of the lists (n, k)."""
    listed = np.zeros(len(items), np.bool_)
    for rows in batches(len(lists)):
        listed[lists[rows][lists[rows] >= 0]] = True
    return float((listed & items).sum() / max(items.sum(), 1))


def summarize(values: Values) -> dict[str, MetricValue]:
    """The mean of each metric over users, and its interval: (n, len(METRICS)), n > 0."""
    low, high = bootstrap_interval(values)
    columns = ([round(float(value), 6) for value in row] for row in (values.mean(axis=0), low, high))
    rows = zip(METRICS, *columns, strict=True)
    return {name: {"value": value, "low": low, "high": high} for name, value, low, high in rows}
