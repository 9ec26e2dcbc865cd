"""The next best action: how likely a user takes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from local.recommenders.base import Interactions, Query, Recommender, number

PRIOR = 5.0  # imagined answers at the general rate, for actions and pairs about which little is known
ENOUGH = 50  # answers of either kind that the service wants to see before it says anything
DAY = 86400


@dataclass(frozen=True)
class NextBestAction(Recommender):
    """Shares of users who took an action, given those they took before: weights above 0 mean taken, 0 not taken."""

    rate: NDArray[np.float32]  # (n_actions,) 0 to 1
    given: NDArray[np.float32]  # (n_actions, n_actions) rate of the second among those who took the first

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Obeys action_optimization_period: answers count half after so many days."""
        size = len(interactions.user_ids), len(interactions.item_ids)
        taken = interactions.weight > 0
        if min(taken.sum(), (~taken).sum()) < ENOUGH:
            return cls(np.zeros(size[1], np.float32), np.zeros((size[1], size[1]), np.float32))
        age = (interactions.timestamp.max() - interactions.timestamp) / DAY
        fresh = 0.5 ** (age / number(parameters, "action_optimization_period", 14))
        yes, all_ = (np.bincount(interactions.item, fresh * kind, size[1]) for kind in (taken, np.ones(len(taken))))
        general = yes.sum() / all_.sum()
        rate = (yes + PRIOR * general) / (all_ + PRIOR)
        took = csr_array((taken.astype(np.float32), (interactions.user, interactions.item)), size)
        took.data = np.minimum(took.data, 1)
        both = (took.T @ took).toarray()
        given = (both + PRIOR * rate) / (both.diagonal()[:, None] + PRIOR)
        return cls(rate.astype(np.float32), given.astype(np.float32))

    def score(self, query: Query) -> NDArray[np.float32]:
        """Propensity, 0 to 1, of each action after the actions taken, `query.history`."""
        others = self.given[np.unique(query.history)].sum(axis=0)
        return np.asarray((self.rate + others) / (1 + len(np.unique(query.history))), np.float32)
