import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher_local.recommenders.base import Interactions, Query
from usher_local.recommenders.trending import Trending, seconds

HOUR = 3600


def hot(events: list[tuple[str, str, int]], **parameters: str) -> str:
    interactions = Interactions.of(*zip(*events, strict=True))
    scores = Trending.fit(interactions, parameters).score(Query(np.empty(0, np.int32)))
    return interactions.item_ids[scores.argmax()]


# An item with many events all the time, and one with fewer, but only now.
EVENTS = [(f"u{n}-{hour}", "evergreen", hour * HOUR) for hour in range(40) for n in range(8)]
EVENTS += [(f"n{n}", "riser", 39 * HOUR) for n in range(12)]


def test_rising_items_beat_constantly_popular_ones() -> None:
    assert hot(EVENTS) == "riser"


def test_a_longer_interval_sees_longer_trends() -> None:
    day = 24 * HOUR
    events = [(f"u{n}", "slow", 39 * day + n * HOUR) for n in range(20)] + [
        (f"v{n}", "fast", 39 * day + 20 * HOUR) for n in range(6)
    ]
    assert hot(events, trend_discovery_frequency="30 minutes") == "fast"
    assert hot(events, trend_discovery_frequency="1 day") == "slow"


def scores(events: list[tuple[str, str, int]], **parameters: str) -> dict[str, float]:
    interactions = Interactions.of(*zip(*events, strict=True))
    found = Trending.fit(interactions, parameters).score(Query(np.empty(0, np.int32)))
    return dict(zip(interactions.item_ids, found.tolist(), strict=True))


def test_falling_items_are_below_steady_ones() -> None:
    falling = [(f"f{n}-{hour}", "falling", hour * HOUR) for hour in range(30) for n in range(8)]
    ranked = scores(EVENTS + falling)
    assert ranked["riser"] > ranked["evergreen"] > ranked["falling"]


def test_a_user_who_comes_back_within_an_interval_counts_once() -> None:
    insistent = [("u", "insistent", 39 * HOUR + second) for second in range(100)]
    assert hot(EVENTS + insistent) == "riser"


@given(st.integers(0, 10**9))
def test_old_data_have_trends_too(ago: int) -> None:
    assert scores([(user, item, time + ago) for user, item, time in EVENTS]) == scores(EVENTS)


def test_a_short_past_is_compared_with_as_much_as_there_is() -> None:
    # Three intervals of two hours without a change: nothing trends, and the popular item comes first.
    steady = [
        (f"{item}{n}-{t}", item, 2 * t * HOUR)
        for t in range(3)
        for item, many in (("a", 9), ("b", 3))
        for n in range(many)
    ]
    ranked = scores(steady)
    assert ranked["a"] > ranked["b"]
    assert abs(ranked["a"]) < 1e-5


def test_within_a_single_interval_popular_items_come_first() -> None:
    events = [(f"u{n}", "some", n) for n in range(3)] + [(f"v{n}", "many", n) for n in range(9)] + [("w", "few", 5)]
    ranked = scores(events, trend_discovery_frequency="1 day")
    assert sorted(ranked, key=ranked.__getitem__) == ["few", "some", "many"]


def test_an_item_that_was_quiet_all_the_time_neither_rises_nor_falls() -> None:
    events = [*EVENTS, ("long ago", "quiet", 0)]
    assert abs(scores(events)["quiet"]) < 1e-5


@pytest.mark.parametrize(("text", "wanted"), [("30 minutes", 1800), ("1 hour", 3600), ("1 day", 86400)])
def test_intervals_are_read(text: str, wanted: int) -> None:
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "2", "hours", "0 hours", "4 hours", "2 weeks"])
def test_other_intervals_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"must be one of 30 minutes, .*, 1 day, not '{text}'"):
        seconds(text)
