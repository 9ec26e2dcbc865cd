"""Popular items, the same for everyone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from usher_local.recommenders.base import Interactions, Query, Recommender, count_users


@dataclass(frozen=True)
class Popularity(Recommender):
    """Items by the number of different users who met them: the recipe aws-popularity-count."""

    users: NDArray[np.float32]  # (n_items,)

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Count the users of each item. No hyperparameters."""
        return cls(count_users(interactions))

    def score(self, query: Query) -> NDArray[np.float32]:  # noqa: ARG002
        """The number of users of each item, for any query."""
        return np.array(self.users)
