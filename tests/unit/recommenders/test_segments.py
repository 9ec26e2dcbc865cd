from dataclasses import replace

import numpy as np

from local.recommenders.base import Interactions, Query
from local.recommenders.metrics import evaluate_segments
from local.recommenders.segments import ItemAffinity, ItemAttributeAffinity

# Users 0-4 like the items abc, users 5-9 xyz.
HISTORIES = ["abc", "ab", "bc", "ac", "abc", "xyz", "xy", "yz", "xz", "xyz"]
INTERACTIONS = Interactions.of(
    [str(user) for user, history in enumerate(HISTORIES) for _ in history], "".join(HISTORIES), range(25)
)


def found(model: type[ItemAffinity], items: str, count: int) -> set[str]:
    asked = np.array([INTERACTIONS.item_ids.index(item) for item in items], np.int32)
    scores = model.fit(INTERACTIONS, {}).score(Query(asked))
    return {INTERACTIONS.user_ids[user] for user in np.argsort(-scores, kind="stable")[:count]}


def test_a_segment_holds_those_who_like_what_goes_with_the_item() -> None:
    assert found(ItemAffinity, "x", 5) == set("56789")


def test_having_met_the_item_itself_says_nothing_about_meeting_it_again() -> None:
    # User 7 has not met x, but more of what goes with it than user 6 or 8.
    assert found(ItemAffinity, "x", 3) == set("579")


def test_an_attribute_is_liked_by_those_who_met_its_items() -> None:
    assert found(ItemAttributeAffinity, "ab", 5) == set("01234")


def test_metrics_of_attributes_ask_for_labels() -> None:
    labelled = replace(INTERACTIONS, labels=[["early"]] * 3 + [["late"]] * 3)
    metrics = evaluate_segments(ItemAttributeAffinity, labelled, {})
    assert metrics["coverage"] == 0.2  # one user, the top 1%, for each of the two labels
    assert metrics["hits_at_1_percent"] == 1.0
    assert metrics["recall_at_1_percent"] == 0.2
