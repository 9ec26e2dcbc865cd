"""Baselines: recommendations without a model, the same for all users."""

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from usher.datasets.columns import texts_of
from usher.evaluation.interactions import Interactions
from usher.evaluation.predictions import MAX_RESULTS, Predictions, RecommendationLists

HALF_LIFE = 30 * 24 * 3600
"""Seconds: an event that is this much older than the newest one counts half."""
Scores = NDArray[np.int64] | NDArray[np.float64]


def _popularity(train: Interactions) -> Scores:
    """The number of events of each item."""
    return np.bincount(train.item, minlength=len(train.item_ids))


def _recent_popularity(train: Interactions) -> Scores:
    """The number of events of each item, discounted by their age."""
    age = (train.time.max(initial=0) - train.time) / HALF_LIFE
    return np.bincount(train.item, np.exp2(-age), len(train.item_ids))


BASELINES: Mapping[str, Callable[[Interactions], Scores]] = {
    "popularity": _popularity,
    "recent-popularity": _recent_popularity,
}
"""The score of each item, by the baseline's name. The first is that of the samples' notebook."""


def predict_baselines(train: Interactions) -> list[Predictions]:
    """The top items of the training part by each baseline; equal scores in the order of the items' first events."""
    predictions = []
    for name, score in BASELINES.items():
        scores = score(train)
        top = np.argsort(-scores, kind="stable")[:MAX_RESULTS]
        items = texts_of(train.item_ids.take(pa.array(top[scores[top] > 0])))
        predictions.append(Predictions(name, "baseline", "", RecommendationLists.of([("", items)], by="anyone")))
    return predictions
