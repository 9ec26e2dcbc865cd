import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from usher_local.recommenders.base import Interactions, Query
from usher_local.recommenders.linear import (
    DENSE_ITEMS,
    ENOUGH,
    FUTURE,
    LAGS,
    PAST,
    STEPS_RIDGE,
    TASTE_RIDGE,
    Steps,
    Taste,
    vocabulary,
)

HISTORIES = st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=LAGS), min_size=1, max_size=4)


def build(histories: list[str] | list[list[str]]) -> Interactions:
    events = [(str(user), item) for user, history in enumerate(histories) for item in history]
    users, items = zip(*events, strict=True)
    return Interactions.of(users, items, range(len(events)))


def numbers(interactions: Interactions, items: str) -> NDArray[np.int32]:
    return np.array([interactions.item_ids.index(item) for item in items], np.int32)


@given(HISTORIES)
@settings(max_examples=50, deadline=None)
def test_steps_are_the_ridge_regression_of_decayed_futures_on_decayed_pasts(histories: list[list[str]]) -> None:
    interactions = build(histories * ENOUGH)
    size = len(interactions.item_ids)
    pasts, futures = [np.zeros(size)], [np.zeros(size)]
    for items in interactions.histories():
        met = np.eye(size)[items]
        for now in range(1, len(items)):
            pasts.append(np.exp(-np.arange(now)[::-1] / PAST) @ met[:now])
            futures.append(np.exp(-np.arange(len(items) - now) / FUTURE) @ met[now:])
    past, future = np.array(pasts), np.array(futures)
    expected = np.linalg.solve(past.T @ past + STEPS_RIDGE * np.eye(size), past.T @ future)
    np.testing.assert_allclose(Steps.fit(interactions, {}).weight, expected, rtol=1e-4, atol=1e-7)


@given(HISTORIES)
@settings(max_examples=50, deadline=None)
def test_taste_predicts_each_item_from_the_others_by_ridge_regression(histories: list[list[str]]) -> None:
    interactions = build(histories * ENOUGH)
    size = len(interactions.item_ids)
    met = np.zeros((len(interactions.user_ids), size))
    met[interactions.user, interactions.item] = 1
    expected = np.zeros((size, size))
    for item in range(size):
        others = np.arange(size) != item
        gram = met[:, others].T @ met[:, others] + TASTE_RIDGE * np.eye(size - 1)
        expected[others, item] = np.linalg.solve(gram, met[:, others].T @ met[:, item])
    np.testing.assert_allclose(Taste.fit(interactions, {}).weight, expected, rtol=1e-4, atol=1e-7)


def test_the_newest_event_decides_the_next_item() -> None:
    interactions = build(["abc", "xyz"] * 200)
    model = Steps.fit(interactions, {})
    for seen, following in (("xyzab", "c"), ("abcxy", "z")):
        scores = model.score(Query(numbers(interactions, seen)))
        assert interactions.item_ids[scores.argmax()] == following


def test_coming_back_to_an_item_is_learnt_from_the_data() -> None:
    def again_above_new(histories: list[str]) -> bool:
        interactions = build(histories)
        scores = Steps.fit(interactions, {}).score(Query(numbers(interactions, "a")))
        return bool(scores[interactions.item_ids.index("a")] > scores[interactions.item_ids.index("b")])

    assert again_above_new(["aaaa", "aaab"] * 200)
    assert not again_above_new(["ab"] * 200)


def test_taste_scores_no_known_item() -> None:
    interactions = build(["abc", "cba", "bac", "ca"] * 50)
    model = Taste.fit(interactions, {})
    seen = numbers(interactions, "ab")
    np.testing.assert_allclose(model.score(Query(seen)), model.weight[seen].sum(axis=0) * [0, 0, 1], atol=1e-6)
    assert model.score(Query(seen))[2] > 0


@pytest.mark.parametrize("kind", [Steps, Taste])
def test_unlearnt_items_have_no_neighbours_and_no_scores(kind: type[Steps | Taste]) -> None:
    interactions = build(["ab"] * 9 + ["abd"] * (ENOUGH - 1) + ["c"] * 2)
    model = kind.fit(interactions, {})
    assert model.weight.shape == (2, 2)
    scores = model.score(Query(numbers(interactions, "ad")))
    assert scores.tolist() == [scores[0], scores[1], 0, 0]
    assert scores[1] > 0
    assert not model.score(Query(numbers(interactions, "cd"))).any()


def test_only_the_items_with_most_events_are_learnt() -> None:
    all_items = [f"{item:04}" for item in range(DENSE_ITEMS + 1)]
    items = all_items * ENOUGH + [item for item in all_items if item != "0013"]
    dense, position, inside = vocabulary(Interactions.of("u" * len(items), items, range(len(items))))
    assert dense.tolist() == [item for item in range(DENSE_ITEMS + 1) if item != 13]
    assert position[[12, 13, 14]].tolist() == [12, -1, 13]
    assert (~inside).sum() == ENOUGH


def test_items_with_few_events_are_left_to_others() -> None:
    assert Steps.fit(build(["abc"] * 4 + ["ab"]), {}).dense.tolist() == [0, 1]
    assert Steps.fit(build(["abc"] * 3 + ["ab"]), {}).dense.tolist() == [0, 1]  # at least the most frequent ones


def test_heavy_events_lift_the_items_after_them() -> None:
    users, items = "aabbccddeeffgghhiijj", "xyxz" * 5
    heavy = [5.0 if item == "z" else 1.0 for item in items]
    plain, weighted = (
        Steps.fit(Interactions.of(users, items, range(20), weights=weights), {})
        for weights in (None, np.array(heavy, np.float32))
    )
    after_x = Query(np.array([0], np.int32))
    assert weighted.score(after_x)[2] > weighted.score(after_x)[1]
    assert plain.score(after_x)[2] <= weighted.score(after_x)[2]


def test_without_recency_bias_the_order_of_a_history_does_not_matter() -> None:
    interactions = build(["xyz", "yzx", "zxw"] * ENOUGH)
    one, other = numbers(interactions, "wxy"), numbers(interactions, "yxw")
    for bias, same in (("false", True), ("true", False)):
        model = Steps.fit(interactions, {"apply_recency_bias": bias})
        assert np.allclose(model.score(Query(one)), model.score(Query(other)), rtol=1e-3) == same


def test_no_more_events_are_looked_at_than_bptt_says() -> None:
    interactions = build(["abc", "cab", "bca"] * 9)
    long, short = numbers(interactions, "abc"), numbers(interactions, "bc")
    for bptt, same in (("2", True), ("3", False)):
        model = Steps.fit(interactions, {"bptt": bptt})
        assert np.array_equal(model.score(Query(long)), model.score(Query(short))) == same
