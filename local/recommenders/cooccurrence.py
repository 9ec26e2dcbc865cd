"""Items alike by the company they keep: the related-items recipes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from local.recommenders.base import TIE_BREAK, Interactions, Query, Recommender, count_later, count_users, number

NEWEST = 1000  # events of one user that count: bounds the pairs by 1000 per event, however active somebody is
KEPT = 1000  # best neighbours of an item that a model stores: twice what a request can ask for
LAGS, DECAY = 20, 10.0  # how far apart two events still make neighbours, and after how many events a pair weighs 1/e


@dataclass(frozen=True)
class Neighbours(Recommender):
    """A sparse matrix of item-to-item likeness (CSR), with popularity between equals and for unknown items."""

    start: NDArray[np.int32]  # (n_items + 1,) where each item's neighbours begin
    neighbour: NDArray[np.int32]  # (pairs,)
    likeness: NDArray[np.float32]  # (pairs,)
    popularity: NDArray[np.float32]  # (n_items,) users, the most popular item's being 1

    @classmethod
    def build(cls, pairs: csr_array, users: NDArray[np.float32], discount: float) -> Self:
        """Divide weights (n_items, n_items) by the neighbour's `users` (n_items,) ** discount; keep the KEPT best."""
        pairs.data /= users[pairs.indices] ** np.float32(discount)
        for begin, end in zip(pairs.indptr[:-1], pairs.indptr[1:], strict=True):
            if end - begin > KEPT:
                row = pairs.data[begin:end]
                row[np.argpartition(row, -KEPT)[:-KEPT]] = 0
        pairs.eliminate_zeros()
        return cls(pairs.indptr, pairs.indices, pairs.data, users / users.max())

    def score(self, query: Query) -> NDArray[np.float32]:
        """Likeness to `query.item`, which itself comes last."""
        if query.item is None:
            return np.array(self.popularity)
        row = slice(self.start[query.item], self.start[query.item + 1])
        scores = self.popularity * TIE_BREAK
        scores[self.neighbour[row]] += self.likeness[row]
        scores[query.item] = -1
        return scores


@dataclass(frozen=True)
class Sims(Neighbours):
    """aws-sims: users who met both, discounted by the neighbour's popularity."""

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Obeys popularity_discount_factor (0 favours popular items, 1 obscure ones) and min_cointeraction_count."""
        size = len(interactions.user_ids), len(interactions.item_ids)
        events = interactions.where(count_later(interactions.user) < NEWEST)
        met = csr_array((np.ones(len(events.user), np.float32), (events.user, events.item)), size)
        met.data[:] = 1  # the constructor has summed repeated meetings
        pairs = csr_array(met.T @ met)
        pairs.data[pairs.data < number(parameters, "min_cointeraction_count", 3)] = 0
        return cls.build(pairs, count_users(interactions), number(parameters, "popularity_discount_factor", 0.5))


@dataclass(frozen=True)
class SimilarItems(Neighbours):
    """aws-similar-items: items met shortly before or after one another."""

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Obeys popularity_discount_factor, whose default here is none."""
        user, item = interactions.user, interactions.item
        size = len(interactions.item_ids)
        pairs = csr_array((size, size), dtype=np.float32)
        for lag in range(1, min(LAGS + 1, len(user))):
            same = user[:-lag] == user[lag:]
            weight = np.full(same.sum(), np.exp((1 - lag) / DECAY), np.float32)
            pairs = pairs + csr_array((weight, (item[:-lag][same], item[lag:][same])), (size, size))
        discount = number(parameters, "popularity_discount_factor", 0)
        return cls.build(csr_array(pairs + pairs.T), count_users(interactions), discount)
