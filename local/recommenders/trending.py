"""Items that gain interest: how surprising the newest interval is, given what went before."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from local.recommenders.base import TIE_BREAK, Interactions, Query, Recommender, count_users

BASELINE = 10  # intervals before the newest that say what is usual
PRIOR = 5.0  # events added to the variance, so that one event where none was usual is no trend
SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True)
class Trending(Recommender):
    """aws-trending-now: the z-score of a Poisson count, (newest - usual) / sqrt(usual + PRIOR), by different users."""

    scores: NDArray[np.float32]  # (n_items,)

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Obeys trend_discovery_frequency, the length of an interval, such as "2 hours", its default."""
        interval = seconds(parameters.get("trend_discovery_frequency", "2 hours"))
        age = (interactions.timestamp.max() - interactions.timestamp) // interval
        newest = count_users(interactions.where(age == 0))
        usual = sum(count_users(interactions.where(age == past)) for past in range(1, BASELINE + 1)) / BASELINE
        popularity = count_users(interactions)
        rise = (newest - usual) / np.sqrt(usual + PRIOR)
        return cls((rise + popularity / popularity.max() * TIE_BREAK).astype(np.float32))

    def score(self, query: Query) -> NDArray[np.float32]:  # noqa: ARG002
        """The rise, whoever asks."""
        return np.array(self.scores)


def seconds(text: str) -> int:
    """`30 minutes`, `1 hour`, `1 day` in seconds; ValueError for what is no such time."""
    found = re.fullmatch(r"(\d+) (minute|hour|day)s?", text.strip())
    if not found or not int(found[1]):
        raise ValueError(f"trend_discovery_frequency must be like '2 hours', not '{text}'")
    return int(found[1]) * SECONDS[found[2]]
