"""Users by the items that they like: the recipes for segments."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from usher_local.recommenders.base import Interactions, Query, Recommender, count_later
from usher_local.recommenders.cooccurrence import met_both, met_by

MEMORY = 100.0  # events after which an event weighs 1/e; with a longer memory, the busiest users are in every segment
PRIOR = 10.0  # imaginary users of an item who met nothing else, so that two common users prove nothing


@dataclass(frozen=True)
class ItemAffinity(Recommender):
    """aws-item-affinity: the probability that the users of a met item meet the item, summed over the decayed history.

    The conditional probabilities are those of Deshpande and Karypis, "Item-Based Top-N Recommendation Algorithms", TOIS
    2004.
    """

    start: NDArray[np.int32]  # (n_users + 1,) where each user's items begin
    item: NDArray[np.int32]
    weight: NDArray[np.float32]
    given_start: NDArray[np.int32]  # (n_items + 1,) where each item's related items begin, those with common users
    given_item: NDArray[np.int32]
    given: NDArray[np.float32]
    again: NDArray[np.float32]  # () how much likelier users meet an item again than a new one, as a factor

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Count pairs and repeats. No hyperparameters."""
        size = len(interactions.user_ids), len(interactions.item_ids)
        decay = np.exp(count_later(interactions.user) / -MEMORY).astype(np.float32) * interactions.weight
        tastes = csr_array((decay, (interactions.user, interactions.item)), size)
        repeats, unmet = len(interactions.user) - tastes.nnz, size[0] * size[1] - tastes.nnz
        again = np.array(repeats * unmet / max(1, tastes.nnz) ** 2, np.float32)
        met = met_by(interactions)
        given = met_both(met).strongest((1 / (np.diff(met.indptr) + PRIOR)).astype(np.float32))
        return cls(tastes.indptr, tastes.indices, tastes.data, given.indptr, given.indices, given.data, again)

    def score(self, query: Query) -> NDArray[np.float32]:
        """The affinity of each user (n_users,) to the items `query.history`, times `again` if the user met them all."""
        users, items, queried = len(self.start) - 1, len(self.given_start) - 1, np.unique(query.history)
        given = csr_array((self.given, self.given_item, self.given_start), (items, items))
        wanted: NDArray[np.float32] = given[queried].sum(axis=0)
        wanted[queried] += 1
        tastes = csr_array((self.weight, self.item, self.start), (users, items))
        scores = np.asarray(tastes @ wanted, np.float32)
        met = np.searchsorted(self.start, np.flatnonzero(np.isin(self.item, queried)), side="right") - 1
        scores[np.bincount(met, minlength=users) == len(queried)] *= self.again
        return scores


@dataclass(frozen=True)
class ItemAttributeAffinity(ItemAffinity):
    """aws-item-attribute-affinity: the affinity to all items that have an attribute."""
