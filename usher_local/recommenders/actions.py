"""The next best action: the probability that a user takes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from usher_local.recommenders.base import Interactions, Query, Recommender, number
from usher_local.recommenders.cooccurrence import met_both, met_by

PRIOR = 5.0  # imaginary responses at the general rate, for actions and pairs with little data
ENOUGH = 50  # responses of each kind, taken and not taken, that the service needs for a prediction
DAY = 86400


@dataclass(frozen=True)
class NextBestAction(Recommender):
    """For each action, the share of users who took it, given the actions that they took before.

    Interactions with a weight above 0 mean that the action was taken, those with 0 that it was not.
    """

    rate: NDArray[np.float32]  # (n_actions,) 0 to 1
    doubt: NDArray[np.float32]  # (n_actions,) the part of `rate` that remains for users who took the action, 0 to 1
    start: NDArray[np.int32]  # (n_actions + 1,) where each action's co-taken actions begin in `other` and `share`
    other: NDArray[np.int32]
    share: NDArray[np.float32]  # the share of the action's takers who also took the other

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Obeys action_optimization_period, the half-life of a response in days. ValueError unless it is above 0."""
        period = number(parameters, "action_optimization_period", 14)
        if not period > 0:
            raise ValueError(f"action_optimization_period must be above 0, not {period:g}")
        actions, taken = len(interactions.item_ids), interactions.weight > 0
        if min(taken.sum(), (~taken).sum()) < ENOUGH:
            nothing = csr_array((actions, actions), dtype=np.float32)
            return cls(
                np.zeros(actions, np.float32),
                np.ones(actions, np.float32),
                nothing.indptr,
                nothing.indices,
                nothing.data,
            )
        fresh = 0.5 ** ((interactions.timestamp.max() - interactions.timestamp) / DAY / period)
        yes, all_ = (np.bincount(interactions.item, fresh * kind, actions) for kind in (taken, np.ones(len(taken))))
        rate = (yes + PRIOR * yes.sum() / all_.sum()) / (all_ + PRIOR)
        met = met_by(interactions.where(taken))
        takers = (np.diff(met.indptr) + PRIOR).astype(np.float32)
        both = met_both(met).strongest(np.ones(actions, np.float32))
        both.data /= np.repeat(takers, np.diff(both.indptr))
        return cls(rate.astype(np.float32), PRIOR / takers, both.indptr, both.indices, both.data)

    def score(self, query: Query) -> NDArray[np.float32]:
        """The propensity, 0 to 1, of each action after the taken actions `query.history`."""
        actions, taken = len(self.rate), np.unique(query.history)
        others = csr_array((self.share, self.other, self.start), (actions, actions))
        shares: NDArray[np.float32] = others[taken].sum(axis=0)
        shares[taken] += 1 - self.doubt[taken]
        return np.asarray((self.rate * (1 + self.doubt[taken].sum()) + shares) / (1 + len(taken)), np.float32)
