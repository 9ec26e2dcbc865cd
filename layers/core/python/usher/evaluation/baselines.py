"""What everybody could recommend without a model: the same to all users."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from usher.evaluation.predictions import LONGEST, Contender, Lists
from usher.evaluation.splits import Events

HALF_LIFE = 30 * 24 * 3600
"""In seconds: an event so much older than the newest counts half."""


def _popularity(events: Events) -> NDArray[np.number[Any]]:
    """Each item's number of events."""
    return np.bincount(events.item, minlength=len(events.item_ids))


def _recent_popularity(events: Events) -> NDArray[np.number[Any]]:
    """Each item's number of events, discounted by their age."""
    age = (events.time.max(initial=0) - events.time) / HALF_LIFE
    return np.bincount(events.item, np.exp2(-age), len(events.item_ids))


BASELINES: Mapping[str, Callable[[Events], NDArray[np.number[Any]]]] = {
    "popularity": _popularity,
    "recent-popularity": _recent_popularity,
}
"""What makes an item worthy. The first is that of the samples' notebook."""


def contenders(train: Events) -> list[Contender]:
    """The baselines' lists: the worthiest items of the training, equals in the order in which they appeared."""
    found = []
    for name, worth in BASELINES.items():
        worths = worth(train)
        best = np.argsort(-worths, kind="stable")[:LONGEST]
        items = train.item_ids.take(pa.array(best[worths[best] > 0])).to_pylist()
        found.append(Contender(name, "baseline", "", Lists.of([("", items)], by="anyone")))
    return found
