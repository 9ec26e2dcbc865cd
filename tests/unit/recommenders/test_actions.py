from dataclasses import fields

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from usher_local.recommenders.actions import ENOUGH, PRIOR, NextBestAction
from usher_local.recommenders.base import Interactions, Query

DAY = 86400


def build(rows: list[tuple[str, str, int, float]]) -> Interactions:
    users, actions, times, taken = zip(*rows, strict=True)
    return Interactions.of(users, actions, times, weights=np.array(taken, np.float32))


# Everyone is offered both; a quarter subscribe, half of all share, and whoever subscribes upgrades.
ROWS = [(f"u{n}", "subscribe", 0, float(n % 4 == 0)) for n in range(200)]
ROWS += [(f"u{n}", "share", 0, float(n % 2)) for n in range(200)]
ROWS += [(f"u{n}", "upgrade", 0, float(n % 4 == 0)) for n in range(200)]


def propensities(rows: list[tuple[str, str, int, float]], *taken: str, **parameters: str) -> dict[str, float]:
    interactions = build(rows)
    history = np.array([interactions.item_ids.index(action) for action in taken], np.int32)
    scores = NextBestAction.fit(interactions, parameters).score(Query(history))
    return dict(zip(interactions.item_ids, scores.tolist(), strict=True))


def test_strangers_get_the_share_of_the_users_who_took_an_action() -> None:
    scores = propensities(ROWS)
    assert scores["share"] == pytest.approx(0.5, abs=0.02)
    assert scores["subscribe"] == pytest.approx(0.25, abs=0.02)


def test_taken_actions_predict_later_ones() -> None:
    assert propensities(ROWS, "subscribe")["upgrade"] > 0.5 > 2 * propensities(ROWS, "share")["upgrade"]


def test_too_few_answers_say_nothing() -> None:
    assert set(propensities(ROWS[:100]).values()) == {0.0}


def test_a_short_period_forgets_old_answers() -> None:
    old = [(user, action, 0, 1.0) for user, action, _, _ in ROWS[:200]]
    new = [(user, action, 60 * DAY, 0.0) for user, action, _, _ in ROWS[:200]]
    short, long = (propensities(old + new, action_optimization_period=period)["subscribe"] for period in ("7", "28"))
    assert short < long


@given(st.lists(st.sets(st.integers(0, 4)), min_size=30, max_size=60))
@settings(max_examples=30, deadline=None)
def test_a_propensity_is_the_mean_share_of_the_users_of_each_taken_action(users: list[set[int]]) -> None:
    rows = [
        (f"u{user}", f"a{action}", 0, float(action in took)) for user, took in enumerate(users) for action in range(5)
    ]
    taken = np.array([[action in took for action in range(5)] for took in users], np.float64)
    assume(ENOUGH <= taken.sum() <= taken.size - ENOUGH)
    rate = (taken.sum(axis=0) + PRIOR * taken.mean()) / (len(users) + PRIOR)
    share = (taken.T @ taken + PRIOR * rate) / (taken.sum(axis=0)[:, None] + PRIOR)
    found = propensities(rows, "a1", "a3")
    assert list(found.values()) == pytest.approx((rate + share[1] + share[3]) / 3, abs=1e-5)


def test_an_answer_may_not_be_forgotten_at_once() -> None:
    with pytest.raises(ValueError, match="action_optimization_period must be above 0, not 0"):
        propensities(ROWS, action_optimization_period="0")


def test_thousands_of_actions_need_no_table_of_all_pairs() -> None:
    rows = [(f"u{n % 400}", f"a{n % 4999}", n, float(n % 3 == 0)) for n in range(10_000)]
    model = NextBestAction.fit(build(rows), {})
    assert sum(getattr(model, field.name).nbytes for field in fields(model)) < 4999**2
