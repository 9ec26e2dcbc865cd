import numpy as np
import pytest

from local.recommenders.actions import NextBestAction
from local.recommenders.base import Interactions, Query

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


def test_strangers_get_the_share_of_those_who_took_an_action() -> None:
    scores = propensities(ROWS)
    assert scores["share"] == pytest.approx(0.5, abs=0.02)
    assert scores["subscribe"] == pytest.approx(0.25, abs=0.02)


def test_what_was_taken_tells_what_will_be() -> None:
    assert propensities(ROWS, "subscribe")["upgrade"] > 0.5 > 2 * propensities(ROWS, "share")["upgrade"]


def test_too_few_answers_say_nothing() -> None:
    assert set(propensities(ROWS[:100]).values()) == {0.0}


def test_a_short_period_forgets_old_answers() -> None:
    old = [(user, action, 0, 1.0) for user, action, _, _ in ROWS[:200]]
    new = [(user, action, 60 * DAY, 0.0) for user, action, _, _ in ROWS[:200]]
    short, long = (propensities(old + new, action_optimization_period=period)["subscribe"] for period in ("7", "28"))
    assert short < long
