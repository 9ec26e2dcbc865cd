"""Items that the same users meet: the related-items recipes, and the counting of pairs for other models.

Pairs are counted for a block of items at a time, and only the best are kept. No matrix of items by items is ever
complete, so memory grows with the events and with KEPT neighbours for each item.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from usher_local.recommenders.base import TIE_BREAK, Interactions, Query, Recommender, count_later, count_users, number
from usher_local.recommenders.progress import report_progress

NEWEST = 1000  # newest events of a user that count: at most 1000 pairs per event, however active a user is
KEPT = 1000  # best neighbours of an item that a model stores: twice the maximum of a request
BUDGET = 1 << 23  # pairs in memory at a time, some 50 bytes each while they are counted: 400 MB
LAGS, DECAY = 20, 10.0  # largest distance of two neighbours, in events, and the distance at which a pair weighs 1/e
BACKWARD = 0.5  # weight of the items before an item, against the items after it


@dataclass(frozen=True, slots=True)
class Pairs:
    """A matrix (n_items, n_items) of counts for pairs of items; rows are counted on request."""

    bound: NDArray[np.int64]  # (n_items,) the maximum number of an item's neighbours
    rows: Callable[[slice], csr_array]  # counts the rows of a slice of the items
    budget: int  # pairs in memory at a time

    def strongest(self, worth: NDArray[np.float32], least: float = 0) -> csr_array:
        """Each item's KEPT best neighbours, without itself, by value times the neighbour's `worth` (n_items,).

        Pairs of a value below `least` are left out.
        """
        edges = np.unique(np.cumsum(self.bound) // self.budget, return_index=True)[1].tolist()
        kept = []
        for begin, end in pairwise([*edges, len(self.bound)]):
            kept.append(_best(self.rows(slice(begin, end)), begin, worth, least))
            report_progress(end / len(self.bound))
        return csr_array(vstack(kept, format="csr"))


def _best(pairs: csr_array, first: int, worth: NDArray[np.float32], least: float) -> csr_array:
    pairs.data[pairs.data < least] = 0
    pairs.data *= worth[pairs.indices]
    pairs.data[pairs.indices == np.repeat(np.arange(first, first + pairs.shape[0]), np.diff(pairs.indptr))] = 0
    for begin, end in pairwise(pairs.indptr.tolist()):
        if end - begin > KEPT:
            row = pairs.data[begin:end]
            row[np.argpartition(row, -KEPT)[:-KEPT]] = 0
    pairs.eliminate_zeros()
    return pairs


def met_by(interactions: Interactions) -> csr_array:
    """A matrix (n_items, n_users) with 1 where a user met an item, from each user's NEWEST events."""
    kept = count_later(interactions.user) < NEWEST
    size = len(interactions.item_ids), len(interactions.user_ids)
    met = csr_array((np.ones(kept.sum(), np.float32), (interactions.item[kept], interactions.user[kept])), size)
    met.data[:] = 1  # the constructor summed repeated events
    return met


def met_both(met: csr_array, budget: int = BUDGET) -> Pairs:
    """The number of users who met both items, from `met` (n_items, n_users)."""
    items = csr_array(met.T)
    bound = np.minimum(met @ np.diff(items.indptr), met.shape[0]).astype(np.int64)
    return Pairs(bound, lambda block: csr_array(met[block] @ items), budget)


def met_near(interactions: Interactions, budget: int = BUDGET) -> Pairs:
    """The weighted number of times that users met the other item at most LAGS events after, or before, an item."""
    size = len(interactions.item_ids)
    order = np.argsort(interactions.item, kind="stable")
    start = np.searchsorted(interactions.item[order], np.arange(size + 1))
    user, item = (np.pad(column, LAGS, constant_values=-1) for column in (interactions.user, interactions.item))
    lags = np.concatenate((np.arange(-LAGS, 0), np.arange(1, LAGS + 1)))
    weight = (np.exp((1 - np.abs(lags)) / DECAY) * np.where(lags < 0, BACKWARD, 1)).astype(np.float32)

    def count(events: NDArray[np.intp], block: slice) -> csr_array:
        near = (LAGS + events)[:, None] + lags
        same = user[near] == interactions.user[events][:, None]
        windows = csr_array(
            (np.broadcast_to(weight, near.shape)[same], item[near[same]], np.append(0, np.cumsum(same.sum(axis=1)))),
            (len(events), size),
        )
        row, column = interactions.item[events] - block.start, np.arange(len(events))
        shape = block.stop - block.start, len(events)
        return csr_array(csr_array((np.ones(len(events), np.float32), (row, column)), shape) @ windows)

    def rows(block: slice) -> csr_array:
        events = order[start[block.start] : start[block.stop]]
        parts = -(-len(events) * len(lags) // budget) or 1  # one row of a very frequent item may exceed the budget
        return reduce(add, (count(part, block) for part in np.array_split(events, parts)))

    return Pairs(np.minimum(np.diff(start) * len(lags), size), rows, budget)


@dataclass(frozen=True)
class Neighbours(Recommender):
    """A sparse matrix of item-to-item similarity (CSR); popularity breaks ties and ranks for unknown items."""

    start: NDArray[np.int32]  # (n_items + 1,) where each item's neighbours begin
    neighbour: NDArray[np.int32]  # (pairs,)
    likeness: NDArray[np.float32]  # (pairs,)
    popularity: NDArray[np.float32]  # (n_items,) users, divided by those of the most popular item

    @classmethod
    def build(cls, pairs: Pairs, users: NDArray[np.float32], discount: float, least: float = 0) -> Self:
        """Divide values of at least `least` by the neighbour's `users` (n_items,) ** discount; keep the best."""
        kept = pairs.strongest(np.maximum(users, 1) ** np.float32(-discount), least)
        return cls(kept.indptr, kept.indices, kept.data, users / users.max())

    def score(self, query: Query) -> NDArray[np.float32]:
        """The similarity to `query.item`, which itself comes last."""
        if query.item is None:
            return np.array(self.popularity)
        row = slice(self.start[query.item], self.start[query.item + 1])
        scores = self.popularity * TIE_BREAK
        scores[self.neighbour[row]] += self.likeness[row]
        scores[query.item] = -1
        return scores


@dataclass(frozen=True)
class Sims(Neighbours):
    """aws-sims: the number of common users, discounted by the neighbour's popularity."""

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Obeys popularity_discount_factor (0 favours popular items, 1 obscure ones) and min_cointeraction_count."""
        discount, least = (
            number(parameters, name, default)
            for name, default in (("popularity_discount_factor", 0.5), ("min_cointeraction_count", 3))
        )
        return cls.build(met_both(met_by(interactions)), count_users(interactions), discount, least)


@dataclass(frozen=True)
class SimilarItems(Neighbours):
    """aws-similar-items: items that users met shortly before or after an item."""

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Obeys popularity_discount_factor, by default 0."""
        discount = number(parameters, "popularity_discount_factor", 0)
        return cls.build(met_near(interactions), count_users(interactions), discount)
