"""When to look again."""

from hypothesis import given
from hypothesis import strategies as st
from usher.waiting import SHARE, SHORTEST, seconds_until_next_look

times = st.floats(0, 200_000)
pending = st.lists(st.tuples(times, times), min_size=1)


def test_the_first_look_comes_when_it_is_usually_done() -> None:
    assert seconds_until_next_look([(0, 1800)]) == 1800
    assert seconds_until_next_look([(600, 1800)]) == 1200


def test_what_is_overdue_is_looked_at_by_a_share_of_its_time() -> None:
    assert seconds_until_next_look([(3600, 1800)]) == 360


def test_the_one_that_is_done_first_decides() -> None:
    assert seconds_until_next_look([(0, 1800), (0, 300), (60, 240)]) == 180


@given(pending)
def test_no_wait_is_too_short(given_pending: list[tuple[float, float]]) -> None:
    assert seconds_until_next_look(given_pending) >= SHORTEST


@given(times, st.floats(1, 20_000))
def test_overshoot_is_small_and_looks_are_few(taken: float, usual: float) -> None:
    waited, looks = 0.0, 0
    while waited < taken:
        waited += seconds_until_next_look([(waited, usual)])
        looks += 1
    assert waited <= max(taken * (1 + SHARE) + SHORTEST, usual + 1)
    assert looks < 120
