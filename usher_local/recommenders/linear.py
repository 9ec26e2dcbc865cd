"""Linear models from item to item, each one ridge regression in closed form, without user factors.

`Steps` is SLIT of SLIST (Choi et al., "Session-aware Linear Item-Item Models", WWW 2021) with its Gram matrices counted
pair by pair; `Taste` is EASE (Steck, "Embarrassingly Shallow Autoencoders", WWW 2019).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import spotri
from scipy.sparse import csr_array

from usher_local.recommenders.base import Interactions, Query, Recommender, count_later, number

# Quality is flat around these values on all of MovieLens.
PAST = 7.0  # age, in events, at which a past event weighs 1/e
FUTURE = 10.0  # the same for future events
LAGS = 60  # the largest distance, in events, of two events in a pair
MEMORY = 50  # newest events of a history that count
STEPS_RIDGE, TASTE_RIDGE = 500.0, 300.0

# Memory grows with the square of these items (64 MiB a matrix, about five at once in `fit`, one in a model), time with
# the cube. Other models score the other items, and those with fewer than ENOUGH events.
DENSE_ITEMS = 4096
ENOUGH = 5


@dataclass(frozen=True)
class Linear(Recommender):
    """Weights between the v <= DENSE_ITEMS items with most events; other items score 0."""

    dense: NDArray[np.int32]  # (v,) item of each dense position
    position: NDArray[np.int32]  # (n_items,) dense position of each item, -1 for other items
    weight: NDArray[np.float32]  # (v, v) from item to item

    def spread(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scores of the dense items (v,) in an array of all items (n_items,); the others get 0."""
        whole = np.zeros(len(self.position), np.float32)
        whole[self.dense] = scores
        return whole

    def places(self, history: NDArray[np.int32]) -> NDArray[np.int32]:
        """The dense positions of a history's items, in its order, without other items."""
        places = self.position[history]
        return places[places >= 0]


@dataclass(frozen=True)
class Steps(Linear):
    """A model of sequence: the decayed future of every event, predicted from its decayed past."""

    decay: NDArray[np.float32]  # (memory,) weight of the newest event, then of the one before it, and so on

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Obeys apply_recency_bias ("false": all events of a history count alike) and bptt, the number of events that
        count.

        An event's weight multiplies its future, so items of heavy events rank higher.
        """
        dense, position, inside = vocabulary(interactions)
        user, item = interactions.user[inside], position[interactions.item[inside]]
        gram, cross = _count_steps(user, item, interactions.weight[inside], len(dense))
        forgetting = np.inf if parameters.get("apply_recency_bias") == "false" else PAST
        memory = int(number(parameters, "bptt", MEMORY))
        return cls(dense, position, _ridge(gram, STEPS_RIDGE, cross), _decay(forgetting, memory))

    def score(self, query: Query) -> NDArray[np.float32]:
        """The predicted interest in each item; items of the history can score, too."""
        recent = self.places(query.history)[-len(self.decay) :]
        return self.spread(self.decay[: len(recent)][::-1] @ self.weight[recent])


@dataclass(frozen=True)
class Taste(Linear):
    """A model of taste, without order: each item predicted from all other items of a user."""

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Invert the items' Gram matrix. No hyperparameters."""
        dense, position, inside = vocabulary(interactions)
        user, item = interactions.user[inside], position[interactions.item[inside]]
        met = csr_array((np.ones(len(user), np.float32), (user, item)), (len(interactions.user_ids), len(dense)))
        met.data[:] = 1  # the constructor summed repeated events
        inverse = _invert((met.T @ met).toarray(), TASTE_RIDGE)
        weight = inverse / -np.diag(inverse)
        np.fill_diagonal(weight, 0)
        return cls(dense, position, weight)

    def score(self, query: Query) -> NDArray[np.float32]:
        """The sum of the weights from all items of the history; 0 for these items."""
        seen = np.unique(self.places(query.history))
        scores = self.weight[seen].sum(axis=0)
        scores[seen] = 0
        return self.spread(scores)


def vocabulary(interactions: Interactions) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
    """The dense items, the dense position of each item, and a mask (n,) of the events of dense items."""
    events = np.bincount(interactions.item, minlength=len(interactions.item_ids))
    some = np.argsort(-events, kind="stable")[:DENSE_ITEMS]
    dense = np.sort(some[events[some] >= min(ENOUGH, events.max())]).astype(np.int32)
    position = np.full(len(events), -1, np.int32)
    position[dense] = np.arange(len(dense))
    return dense, position, position[interactions.item] >= 0


def _decay(scale: float, length: int) -> NDArray[np.float32]:
    return np.exp(np.arange(length) / -scale).astype(np.float32)


def _count_steps(
    user: NDArray[np.int32], item: NDArray[np.int32], weight: NDArray[np.float32], size: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The Gram matrix of all decayed pasts, and their products with the decayed futures, without building the pasts."""
    mass = ((1 - np.exp(-2 * count_later(user) / PAST)) / (1 - np.exp(-2 / PAST))).astype(np.float32)
    past, future = _decay(PAST, LAGS + 1), _decay(FUTURE, LAGS + 1)
    gram, cross = np.zeros((2, size * size), np.float32)
    for lag in range(1, min(LAGS + 1, len(user))):
        same = user[:-lag] == user[lag:]
        pair = item[:-lag][same].astype(np.int64) * size + item[lag:][same]
        np.add.at(cross, pair, past[:lag] @ future[:lag][::-1] * weight[lag:][same])
        np.add.at(gram, pair, past[lag] * mass[lag:][same])
    gram, cross = gram.reshape(size, size), cross.reshape(size, size)
    gram += gram.T
    gram[np.diag_indices(size)] += np.bincount(item, mass, size).astype(np.float32)
    return gram, cross


def _ridge(gram: NDArray[np.float32], weight: float, right: NDArray[np.float32]) -> NDArray[np.float32]:
    gram[np.diag_indices_from(gram)] += np.float32(weight)
    factor = cho_factor(gram, overwrite_a=True, check_finite=False)
    return np.ascontiguousarray(cho_solve(factor, right, overwrite_b=True, check_finite=False))


def _invert(gram: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """The inverse of a symmetric matrix (v, v) with `weight` added to its diagonal: a third of the work of solving."""
    gram[np.diag_indices_from(gram)] += np.float32(weight)
    factor, _ = cho_factor(gram, overwrite_a=True, check_finite=False)
    half = np.triu(spotri(factor)[0])
    return np.ascontiguousarray(half + np.triu(half, 1).T)
