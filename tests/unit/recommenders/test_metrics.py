from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from usher_local.recommenders.base import Interactions, Query, Recommender
from usher_local.recommenders.metrics import TESTED, best, evaluate, hold_out, measure, rank
from usher_local.recommenders.popularity import Popularity


@dataclass(frozen=True)
class Diary(Recommender):
    """Prefers low item numbers, and records its training data."""

    items: NDArray[np.int32]
    learnt: ClassVar[list[Interactions]] = []
    queries: ClassVar[list[Query]] = []

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        cls.learnt.append(interactions)
        return cls(np.arange(len(interactions.item_ids), dtype=np.int32))

    def score(self, query: Query) -> NDArray[np.float32]:
        self.queries.append(query)
        return -self.items.astype(np.float32)


@pytest.fixture(autouse=True)
def new_diary() -> None:
    Diary.learnt.clear()
    Diary.queries.clear()


def test_the_guides_example_comes_out() -> None:
    found = measure([np.arange(5)], [np.array([1, 4], np.int32)], 10)
    assert found["normalized_discounted_cumulative_gain_at_5"] == pytest.approx(0.6241, abs=5e-5)
    assert found["precision_at_5"] == 0.4
    assert found["mean_reciprocal_rank_at_25"] == 0.5
    assert found["coverage"] == 0.5


def test_queries_are_averaged_and_coverage_is_of_all_of_them() -> None:
    found = measure([np.array([0, 1]), np.array([1, 2])], [np.array([0], np.int32), np.array([9], np.int32)], 4)
    assert found["mean_reciprocal_rank_at_25"] == 0.5
    assert found["precision_at_5"] == pytest.approx(0.1)
    assert found["coverage"] == 0.75


def test_without_a_query_everything_is_zero() -> None:
    assert set(measure([], [], 3).values()) == {0.0}


@given(st.integers(1, 400))
def test_the_truth_is_the_newest_tenth_but_at_least_one_event(length: int) -> None:
    _, (case,) = hold_out(Interactions.of(["u"] * length, [f"{item:03}" for item in range(length)], range(length)))
    places = np.arange(1, length + 1) / length
    assert case.truth.tolist() == np.flatnonzero(places > 0.9).tolist()
    assert len(case.query.history) + len(case.truth) == length
    assert len(case.truth) >= 1


def test_equals_are_ranked_in_the_order_of_items() -> None:
    interactions = Interactions.of(["a"] * 30, [f"{item:02}" for item in range(30)], range(30))
    assert rank(Popularity.fit(interactions, {}), Query(np.array([2], np.int32))).tolist() == list(range(25))
    unseen = rank(Popularity.fit(interactions, {}), Query(np.array([2], np.int32)), unseen=True).tolist()
    assert unseen == [0, 1, *range(3, 26)]


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.integers(1, 50))
def test_the_best_are_those_of_a_stable_sort(values: list[int], count: int) -> None:
    scores = np.array(values, np.float32)
    assert best(scores, count).tolist() == np.argsort(-scores, kind="stable")[:count].tolist()


def test_no_more_than_so_many_users_are_tested() -> None:
    count = 10 * TESTED + 10
    evaluate(Diary, Interactions.of([str(user) for user in range(count)], "x" * count, range(count)), {})
    assert len(Diary.queries) == TESTED
    assert len(np.unique(Diary.learnt[0].user)) == count - TESTED


def test_a_tenth_of_the_users_is_tested_and_not_learnt_from() -> None:
    users = [f"{user:02}" for user in range(40) for _ in range(20)]
    interactions = Interactions.of(users, [str(index % 20) for index in range(800)], range(800))
    found, _ = evaluate(Diary, interactions, {}, seed=1)
    assert len(np.unique(Diary.learnt[0].user)) == 36
    assert [(len(query.history), query.item) for query in Diary.queries] == [
        (18, int(query.history[-1])) for query in Diary.queries
    ]
    assert len(Diary.queries) == 4
    assert found["coverage"] == 1


def test_the_seed_chooses_the_tested_users() -> None:
    users = [str(user) for user in range(100)]
    interactions = Interactions.of(users, users, range(100))
    for seed in (1, 1, 2):
        evaluate(Diary, interactions, {}, seed)
    one, same, other = (np.unique(learnt.user).tolist() for learnt in Diary.learnt)
    assert one == same != other


def test_a_single_user_leaves_no_user_to_learn_from() -> None:
    assert set(evaluate(Diary, Interactions.of("aa", "xy", range(2)), {})[0].values()) == {0.0}
    assert not Diary.learnt
