"""Items that gain interest: the newest interval against the intervals before it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from usher_local.recommenders.base import TIE_BREAK, Interactions, Query, Recommender, count_users

BASELINE = 10  # intervals before the newest that give the usual rate
PRIOR = 5.0  # events added to the variance, so that a single event of an item without earlier ones is not a trend
DEFAULT_FREQUENCY = "2 hours"
SECONDS = {"30 minutes": 1800, "1 hour": 3600, "2 hours": 7200, "3 hours": 10800, "1 day": 86400}


@dataclass(frozen=True)
class Trending(Recommender):
    """aws-trending-now: the z-score of a Poisson count of different users, (newest - usual) / sqrt(usual + PRIOR).

    Intervals are counted back from the newest event, so old data have trends, too, and the newest interval is never
    empty. Data that span fewer than BASELINE intervals use those that they have; in data of a single interval nothing
    rises, and popular items come first.
    """

    scores: NDArray[np.float32]  # (n_items,)

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Obeys trend_discovery_frequency, the length of an interval, one of SECONDS."""
        interval = seconds(parameters.get("trend_discovery_frequency", DEFAULT_FREQUENCY))
        age = (interactions.timestamp.max() - interactions.timestamp) // interval
        newest, *past = (count_users(interactions.where(age == back)) for back in range(BASELINE + 1))
        usual = sum(past) / max(1, min(BASELINE, int(age.max())))
        popularity = count_users(interactions)
        rise = (newest - usual) / np.sqrt(usual + PRIOR)
        return cls((rise + popularity / popularity.max() * TIE_BREAK).astype(np.float32))

    def score(self, query: Query) -> NDArray[np.float32]:  # noqa: ARG002
        """The rise of each item, for any query."""
        return np.array(self.scores)


def seconds(text: str) -> int:
    """The length of an interval of SECONDS, in seconds; ValueError for other text."""
    if text not in SECONDS:
        raise ValueError(f"trend_discovery_frequency must be one of {', '.join(SECONDS)}, not '{text}'")
    return SECONDS[text]
