"""Next-item model: decayed history -> decayed future by ridge regression, plus a little of EASE's lasting taste.

The first part is SLIT of SLIST (Choi et al., "Session-aware Linear Item-Item Models", WWW 2021) with its Gram matrices
counted pair by pair; the second is Steck, "Embarrassingly Shallow Autoencoders", WWW 2019. Both are closed-form solves.
There are no user factors: an event counts for the very next request, and strangers are served as well as known users.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array

from local.recommenders.base import TIE_BREAK, Interactions, Query, Recommender, count_later, count_users

# Quality is flat around these values on three MovieLens sets; Personalize's (neural) hyperparameters steer nothing.
PAST = 7.0  # events after which an event of the history weighs 1/e
FUTURE = 10.0  # the same for events to come
LAGS = 60  # how far apart two events still teach
MEMORY = 100  # newest events of a history that are looked at
RIDGE, TASTE_RIDGE, TASTE_WEIGHT = 500.0, 300.0, 0.1

# Dense cap: memory grows with its square (64 MiB a matrix, about six at once in `fit`, two in a model), time with its
# cube. Items beyond it have only their popularity as score.
DENSE_ITEMS = 4096


@dataclass(frozen=True)
class Sequential(Recommender):
    """LagRidge + 0.1 EASE over the v <= DENSE_ITEMS items with most events."""

    dense: NDArray[np.int32]  # (v,) item of each dense position
    position: NDArray[np.int32]  # (n_items,) dense position of each item, -1 outside
    steps: NDArray[np.float32]  # (v, v) what comes after what
    taste: NDArray[np.float32]  # (v, v) what goes with what
    popularity: NDArray[np.float32]  # (n_items,) users, the most popular item's being 1
    memory: NDArray[np.float32]  # () events after which an event of the history counts 1/e

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Solve both ridges; nothing here is random. Obeys apply_recency_bias: "false" makes all events count alike.

        The weights of events say how much a future is worth, so that items met by heavy events rank higher.
        """
        events = np.bincount(interactions.item, minlength=len(interactions.item_ids))
        size = min(DENSE_ITEMS, int(np.count_nonzero(events)))
        dense = np.sort(np.argsort(-events, kind="stable")[:size]).astype(np.int32)
        position = np.full(len(events), -1, np.int32)
        position[dense] = np.arange(size)
        inside = position[interactions.item] >= 0
        user, item = interactions.user[inside], position[interactions.item[inside]]
        steps = _solve_steps(user, item, interactions.weight[inside], size)
        users = count_users(interactions)
        memory = np.array(np.inf if parameters.get("apply_recency_bias") == "false" else PAST, np.float32)
        return cls(dense, position, steps, _solve_taste(user, item, size), users / users.max(), memory)

    def score(self, query: Query) -> NDArray[np.float32]:
        """Predicted next interest; popularity for an empty history, and otherwise only between equals."""
        history = self.position[query.history]
        history = history[history >= 0]
        if not history.size:
            return np.array(self.popularity)
        recent = history[-MEMORY:]
        seen = np.unique(history)
        taste = self.taste[seen].sum(axis=0)
        taste[seen] = 0  # whether people come back to an item, the steps have learnt from data
        scores: NDArray[np.float32] = self.popularity * TIE_BREAK
        scores[self.dense] += (
            _decay(float(self.memory), len(recent))[::-1] @ self.steps[recent] + np.float32(TASTE_WEIGHT) * taste
        )
        return scores


def _decay(scale: float, length: int) -> NDArray[np.float32]:
    return np.exp(np.arange(length) / -scale).astype(np.float32)


def _solve_steps(
    user: NDArray[np.int32], item: NDArray[np.int32], weight: NDArray[np.float32], size: int
) -> NDArray[np.float32]:
    """Ridge regression of every decayed future on its decayed past, without building the prefixes."""
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
    return _ridge(gram, RIDGE, cross)


def _solve_taste(user: NDArray[np.int32], item: NDArray[np.int32], size: int) -> NDArray[np.float32]:
    """EASE: which items the rest of a user's items predict, order aside."""
    met = csr_array((np.ones(len(user), np.float32), (user, item)), (user[-1] + 1, size))
    met.data[:] = 1
    inverse = _ridge((met.T @ met).toarray(), TASTE_RIDGE, np.eye(size, dtype=np.float32))
    taste = inverse / -np.diag(inverse)
    np.fill_diagonal(taste, 0)
    return taste


def _ridge(gram: NDArray[np.float32], weight: float, right: NDArray[np.float32]) -> NDArray[np.float32]:
    gram[np.diag_indices_from(gram)] += np.float32(weight)
    return np.ascontiguousarray(
        cho_solve(cho_factor(gram, overwrite_a=True, check_finite=False), right, check_finite=False)
    )
