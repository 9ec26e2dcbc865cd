import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usher_local.recommenders.base import Interactions, Query
from usher_local.recommenders.sessions import (
    ERA,
    FORGETTING,
    NEARNESS,
    NEIGHBOURS,
    OCCURRENCES,
    RARITY,
    RECENT,
    SHARPNESS,
    WINDOW,
    Sessions,
)

HISTORIES = st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=9), min_size=1, max_size=6)


def build(histories: list[list[str]]) -> Interactions:
    events = [(str(user), item) for user, history in enumerate(histories) for item in history]
    users, items = zip(*events, strict=True)
    return Interactions.of(users, items, range(0, 10**6 * len(events), 10**6))


def slowly(interactions: Interactions, query: Query) -> dict[int, float]:
    """The definition, one event at a time, with no more sessions than may vote."""
    events = np.bincount(interactions.item)
    recent = query.history[-RECENT:].tolist()
    scores: dict[int, float] = {}
    start = 0
    for history in interactions.histories():
        likeness, match = 0.0, None
        for age, item in enumerate(reversed(recent)):
            places = np.flatnonzero(history == item)
            likeness += len(places) * np.exp(-age / FORGETTING) * events[item] ** -RARITY
            match = places[-1] if match is None and len(places) else match
        if match is not None and query.time is not None:
            likeness /= (1 + abs(interactions.timestamp[start + match] - query.time) / ERA) ** 0.5
        for place, item in enumerate(history.tolist()):
            if match is not None and abs(place - match) <= WINDOW and item not in query.history:
                vote = likeness**SHARPNESS * np.exp(-abs(place - match) / NEARNESS)
                scores[item] = scores.get(item, 0) + vote
        start += len(history)
    return scores


@given(HISTORIES, st.lists(st.integers(0, 4), min_size=1, max_size=5), st.none() | st.integers(0, 10**8))
@settings(max_examples=100, deadline=None)
def test_scores_are_the_votes_of_the_nearest_sessions(
    histories: list[list[str]], history: list[int], time: int | None
) -> None:
    interactions = build(histories)
    items = len(interactions.item_ids)
    query = Query(np.array([item % items for item in history], np.int32), time=time)
    expected = slowly(interactions, query)
    scores = Sessions.fit(interactions, {}).score(query)
    np.testing.assert_allclose(scores, [expected.get(item, 0) for item in range(items)], rtol=1e-4, atol=1e-9)


def test_only_the_most_alike_sessions_vote() -> None:
    histories = [["a", "b", "x"]] * NEIGHBOURS + [["a", "y"]]
    scores = Sessions.fit(build(histories), {}).score(Query(np.array([0, 1], np.int32)))
    assert scores[2] > 0
    assert scores[3] == 0


@pytest.mark.parametrize(("newer", "is_found"), [(OCCURRENCES - 2, True), (OCCURRENCES, False)])
def test_only_the_newest_occurrences_of_an_item_are_compared(newer: int, is_found: bool) -> None:
    histories = [["a", "a", "x"], *[["a", "y"]] * newer]  # the first session would be the nearest
    scores = Sessions.fit(build(histories), {}).score(Query(np.array([0], np.int32)))
    assert (scores[1] > 0) == is_found
    assert scores[2] > 0


def test_sessions_of_the_same_time_count_more_unless_recency_is_masked_off() -> None:
    interactions = build([["a", "x"], ["a", "y"]])
    for mask, louder in (("true", True), ("false", False)):
        scores = Sessions.fit(interactions, {"recency_mask": mask}).score(Query(np.array([0], np.int32), time=0))
        assert (scores[1] > scores[2]) == louder


def test_no_more_events_are_looked_up_than_bptt_says() -> None:
    model = Sessions.fit(build([["a", "x"], ["b", "y"]]), {"bptt": "1"})
    assert model.score(Query(np.array([0, 1], np.int32))).tolist()[2] == 0
