from dataclasses import replace

import numpy as np

from usher_local.recommenders.base import Interactions, Query
from usher_local.recommenders.metrics import evaluate_segments
from usher_local.recommenders.segments import MEMORY, PRIOR, ItemAffinity, ItemAttributeAffinity

# Users 0-4 like the items abc, users 5-9 xyz.
HISTORIES = ["abc", "ab", "bc", "ac", "abc", "xyz", "xy", "yz", "xz", "xyz"]
INTERACTIONS = Interactions.of(
    [str(user) for user, history in enumerate(HISTORIES) for _ in history], "".join(HISTORIES), range(25)
)


def found(model: type[ItemAffinity], items: str, count: int) -> set[str]:
    query = np.array([INTERACTIONS.item_ids.index(item) for item in items], np.int32)
    scores = model.fit(INTERACTIONS, {}).score(Query(query))
    return {INTERACTIONS.user_ids[user] for user in np.argsort(-scores, kind="stable")[:count]}


def test_without_repeats_a_segment_has_users_of_related_items() -> None:
    assert found(ItemAffinity, "x", 1) == {"7"}
    assert found(ItemAffinity, "c", 1) == {"1"}


def test_with_repeats_a_segment_has_the_items_own_users() -> None:
    loyal = [*HISTORIES[:5], *(history * 3 for history in HISTORIES[5:])]
    users = [str(user) for user, history in enumerate(loyal) for _ in history]
    interactions = Interactions.of(users, "".join(loyal), range(len(users)))
    scores = ItemAffinity.fit(interactions, {}).score(Query(np.array([interactions.item_ids.index("x")], np.int32)))
    assert set(np.argsort(-scores, kind="stable")[:4].tolist()) == {5, 6, 8, 9}


def test_an_attribute_is_liked_by_those_who_met_its_items() -> None:
    assert found(ItemAttributeAffinity, "ab", 5) == set("01234")


def test_affinity_sums_the_chances_given_each_item_of_the_history() -> None:
    met = np.array([[item in history for item in "abcxyz"] for history in HISTORIES], np.float64)
    given = met.T @ met / (met.sum(axis=0) + PRIOR)
    np.fill_diagonal(given, 1)
    decay = [[np.exp((history.find(item) - len(history) + 1) / MEMORY) for item in "abcxyz"] for history in HISTORIES]
    scores = ItemAffinity.fit(INTERACTIONS, {}).score(
        Query(np.array([0, 3], np.int32))
    )  # a and x, without a common user
    np.testing.assert_allclose(scores, met * decay @ (given[0] + given[3]), rtol=1e-5)


def test_metrics_of_attributes_ask_for_labels() -> None:
    labelled = replace(INTERACTIONS, labels=[["early"]] * 3 + [["late"]] * 3)
    metrics, _ = evaluate_segments(ItemAttributeAffinity, labelled, {})
    assert metrics["coverage"] == 0.2  # one user, the top 1%, for each of the two labels
    assert metrics["hits_at_1_percent"] == 1.0
    assert metrics["recall_at_1_percent"] == 0.2


def test_metrics_of_items_ask_for_items() -> None:
    labelled = replace(INTERACTIONS, labels=[["any"]] * 6)
    assert evaluate_segments(ItemAffinity, labelled, {})[0] == evaluate_segments(ItemAffinity, INTERACTIONS, {})[0]
