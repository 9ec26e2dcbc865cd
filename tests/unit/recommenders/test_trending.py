import numpy as np
import pytest

from local.recommenders.base import Interactions, Query
from local.recommenders.trending import Trending, seconds

HOUR = 3600


def hot(events: list[tuple[str, str, int]], **parameters: str) -> str:
    interactions = Interactions.of(*zip(*events, strict=True))
    scores = Trending.fit(interactions, parameters).score(Query(np.empty(0, np.int32)))
    return interactions.item_ids[scores.argmax()]


# An evergreen that many meet all the time, and a riser that fewer meet, but only now.
EVENTS = [(f"u{n}-{hour}", "evergreen", hour * HOUR) for hour in range(40) for n in range(8)]
EVENTS += [(f"n{n}", "riser", 39 * HOUR) for n in range(12)]


def test_what_rises_beats_what_is_always_popular() -> None:
    assert hot(EVENTS) == "riser"


def test_a_longer_interval_sees_longer_trends() -> None:
    day = 24 * HOUR
    events = [(f"u{n}", "slow", 39 * day + n * HOUR) for n in range(20)] + [
        (f"v{n}", "fast", 39 * day + 20 * HOUR) for n in range(6)
    ]
    assert hot(events, trend_discovery_frequency="30 minutes") == "fast"
    assert hot(events, trend_discovery_frequency="1 day") == "slow"


@pytest.mark.parametrize(("text", "wanted"), [("30 minutes", 1800), ("1 hour", 3600), ("1 day", 86400)])
def test_intervals_are_read(text: str, wanted: int) -> None:
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "2", "hours", "0 hours", "2 weeks"])
def test_other_intervals_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="trend_discovery_frequency must be like"):
        seconds(text)
