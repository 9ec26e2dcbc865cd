from dataclasses import replace

import numpy as np

from usher_local.recommenders.base import Interactions, Query
from usher_local.recommenders.labels import Labels

PLAIN = Interactions.of("aab", "wxy", range(3), known=["z"])
LABELLED = replace(PLAIN, labels=[["G=red"], ["G=red", "G=big"], ["G=blue"], ["G=blue"]])


def test_items_are_liked_for_the_labels_of_those_met() -> None:
    model = Labels.fit(LABELLED, {})
    after_w = model.score(Query(np.array([0], np.int32)))
    assert after_w[0] > after_w[1] > 0
    assert after_w[2:].tolist() == [0, 0]


def test_the_newest_event_counts_most() -> None:
    after_both = Labels.fit(LABELLED, {}).score(Query(np.array([0, 2], np.int32)))
    assert after_both[3] > after_both[0]


def test_without_labels_nothing_is_liked() -> None:
    assert not Labels.fit(PLAIN, {}).score(Query(np.array([0], np.int32))).any()
