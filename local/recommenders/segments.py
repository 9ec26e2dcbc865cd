"""Users by what they like: the recipes that make segments."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from local.recommenders.base import Interactions, Query, Recommender, count_later

MEMORY = 20.0  # events after which an event counts 1/e


@dataclass(frozen=True)
class ItemAffinity(Recommender):
    """aws-item-affinity: a user's decayed history times the cosine of co-occurrence (Sarwar et al., WWW 2001)."""

    start: NDArray[np.int32]  # (n_users + 1,) where each user's items begin
    item: NDArray[np.int32]
    weight: NDArray[np.float32]
    cosine_start: NDArray[np.int32]  # (n_items + 1,) the same for the items that go with an item
    cosine_item: NDArray[np.int32]
    cosine: NDArray[np.float32]

    own: ClassVar[float] = 0.0
    """How much it says that a user has already met the item itself."""

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Count pairs; there is nothing to tune."""
        size = len(interactions.user_ids), len(interactions.item_ids)
        decay = np.exp(count_later(interactions.user) / -MEMORY).astype(np.float32) * interactions.weight
        tastes = csr_array((decay, (interactions.user, interactions.item)), size)
        met = csr_array((np.ones(len(tastes.data), np.float32), tastes.indices, tastes.indptr), size)
        pairs = csr_array(met.T @ met)
        users = pairs.diagonal()
        others = csr_array(pairs - diags_array((1 - cls.own) * users))
        scale = 1 / np.sqrt(np.maximum(1, users))
        cosine = others.data * np.repeat(scale, np.diff(others.indptr)) * scale[others.indices]
        return cls(tastes.indptr, tastes.indices, tastes.data, others.indptr, others.indices, cosine.astype(np.float32))

    def score(self, query: Query) -> NDArray[np.float32]:
        """Affinity of each user (n_users,) to any of the items `query.history`."""
        items = len(self.cosine_start) - 1
        cosine = csr_array((self.cosine, self.cosine_item, self.cosine_start), (items, items))
        tastes = csr_array((self.weight, self.item, self.start), (len(self.start) - 1, items))
        liked: NDArray[np.float32] = cosine[np.unique(query.history)].sum(axis=0)  # the cosine is symmetric
        return np.asarray(tastes @ liked, np.float32)


@dataclass(frozen=True)
class ItemAttributeAffinity(ItemAffinity):
    """aws-item-attribute-affinity: the same towards all items that have an attribute, one's own among them."""

    own: ClassVar[float] = 1.0
