"""Items by the attributes of the items in a user's history."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from usher_local.recommenders.base import Interactions, Query, Recommender
from usher_local.recommenders.content import tfidf

MEMORY, FORGETTING = 100, 10.0  # newest events of a history that count, and the age, in events, at which one weighs 1/e


@dataclass(frozen=True)
class Labels(Recommender):
    """The tf-idf vectors of all items' labels (CSR, rows of length 1); without labels every item scores 0."""

    start: NDArray[np.int32]  # (n_items + 1,) where each item's labels begin
    label: NDArray[np.int32]
    weight: NDArray[np.float32]
    count: NDArray[np.int32]  # () number of different labels

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Weigh the labels. No hyperparameters."""
        vectors = tfidf(interactions.labels or [()] * len(interactions.item_ids))
        return cls(vectors.indptr, vectors.indices, vectors.data, np.array(vectors.shape[1], np.int32))

    def score(self, query: Query) -> NDArray[np.float32]:
        """The product with the decayed history's vector: the cosine without division by that vector's length."""
        if not self.label.size:
            return np.zeros(len(self.start) - 1, np.float32)
        recent = query.history[-MEMORY:]
        starts, ends = self.start[recent], self.start[recent + 1]
        places = np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)] or [recent])
        decay = np.exp(np.arange(1 - len(recent), 1) / FORGETTING)
        amounts = self.weight[places] * np.repeat(decay, ends - starts)
        wanted = np.bincount(self.label[places], amounts, int(self.count)).astype(np.float32)
        scores: NDArray[np.float32] = self._vectors @ wanted
        return scores

    @cached_property
    def _vectors(self) -> csr_array:
        return csr_array((self.weight, self.label, self.start), (len(self.start) - 1, int(self.count)))
