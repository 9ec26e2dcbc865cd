import gc
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usher_local.recommenders.base import Interactions, count_later, count_users, number, read_array


def test_events_are_sorted_by_user_then_time_then_arrival() -> None:
    interactions = Interactions.of("baaab", "zyxwv", [5, 2, 1, 2, 4])
    assert interactions.user_ids == ["a", "b"]
    assert [[interactions.item_ids[item] for item in history] for history in interactions.histories()] == [
        ["x", "y", "w"],
        ["v", "z"],
    ]
    assert interactions.timestamp.tolist() == [1, 2, 2, 4, 5]


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(max_size=2), st.text(max_size=2)), min_size=1), st.randoms())
def test_the_order_of_arrival_matters_to_nothing_but_ties(events: list[tuple[str, str]], chance: random.Random) -> None:
    timed = [(user, item, time) for time, (user, item) in enumerate(events)]
    shuffled = chance.sample(timed, len(timed))
    one, other = (Interactions.of(*zip(*rows, strict=True)) for rows in (timed, shuffled))
    assert [history.tolist() for history in one.histories()] == [history.tolist() for history in other.histories()]
    assert (one.user_ids, one.item_ids) == (other.user_ids, other.item_ids)


def test_a_part_of_the_events_keeps_the_numbers_of_the_whole() -> None:
    interactions = Interactions.of("aabc", "wxyz", range(4))
    part = interactions.where(interactions.user != 1)
    assert part.item_ids == interactions.item_ids
    assert [history.tolist() for history in part.histories()] == [[0, 1], [], [3]]


def test_popularity_counts_each_user_once() -> None:
    assert count_users(Interactions.of("aaab", "xxyy", range(4))).tolist() == [1, 2]


def test_later_events_are_those_of_the_same_user() -> None:
    assert count_later(Interactions.of("aaab", "xxyy", range(4)).user).tolist() == [2, 1, 0, 0]


def test_a_hyperparameter_that_is_no_number_is_refused() -> None:
    assert number({"x": "0.25"}, "x", 1) == 0.25
    assert number({}, "x", 1) == 1
    with pytest.raises(ValueError, match="half"):
        number({"x": "half"}, "x", 1)


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Collect garbage all the time, since each collection lets other threads run."""
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.callbacks.append(switch := lambda *_: sum(range(30)))
    gc.set_threshold(3, 2, 2)
    sys.setswitchinterval(1e-6)
    yield
    gc.callbacks.remove(switch)
    gc.set_threshold(*thresholds)
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("busy_threads")
def test_threads_read_arrays_at_the_same_time(tmp_path: Path) -> None:
    """Python 3.11 counts the depth of its parser for all threads together."""
    np.save(tmp_path / "one.npy", np.arange(3))
    with ThreadPoolExecutor(4) as threads:
        read = list(threads.map(lambda _: read_array(tmp_path / "one.npy", "r").sum(), range(1000)))
    assert read == [3] * 1000
