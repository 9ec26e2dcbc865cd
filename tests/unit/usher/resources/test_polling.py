"""The times of passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.resources.polling import EARLIEST, MIN_SECONDS, STRIDE, Pending, seconds_until_next_pass

times = st.floats(0, 200_000)
pending = st.lists(st.lists(st.builds(Pending, times, times), min_size=1), min_size=1)
HOUR = 3600.0


def looks(taken: float, usual: float) -> list[float]:
    """The times of passes, until one finds the resource finished."""
    found = [0.0]
    while found[-1] < taken:
        found.append(found[-1] + seconds_until_next_pass([[Pending(found[-1], usual)]]))
    return found[1:]


@pytest.mark.parametrize("usual", [30, 60, 900, HOUR, 6 * HOUR])
def test_a_resource_of_usual_duration_is_found_when_it_is_done(usual: float) -> None:
    assert looks(usual, usual)[-1] == pytest.approx(usual, abs=MIN_SECONDS)


def test_the_first_check_is_not_before_the_earliest_end() -> None:
    assert looks(1, HOUR) == [pytest.approx(EARLIEST * HOUR, abs=STRIDE * HOUR**0.5)]
    assert looks(1, HOUR)[0] >= EARLIEST * HOUR


def test_a_step_is_taken_when_the_last_of_what_it_needs_is_done_and_the_first_step_decides() -> None:
    slow, fast = Pending(0.0, HOUR), Pending(0.0, 60.0)
    alone = seconds_until_next_pass([[slow]])
    assert seconds_until_next_pass([[slow, fast]]) == alone
    assert seconds_until_next_pass([[slow], [fast]]) == seconds_until_next_pass([[fast]]) < alone


@given(pending)
def test_no_wait_is_too_short(steps: list[list[Pending]]) -> None:
    assert seconds_until_next_pass(steps) >= MIN_SECONDS


@given(st.floats(60, 200_000), st.floats(0.7, 1.3))
def test_overshoot_is_at_most_a_stride_and_looks_are_few_if_it_takes_about_its_usual_time(
    usual: float, factor: float
) -> None:
    found = looks(usual * factor, usual)
    stride = STRIDE * max(usual, found[-1]) ** 0.5
    assert found[-1] - usual * factor <= stride + MIN_SECONDS
    assert len(found) <= 0.6 * usual**0.5 / STRIDE + 3


@given(times, st.floats(1, 20_000))
def test_two_days_are_waited_for_in_few_looks(taken: float, usual: float) -> None:
    assert len(looks(taken, usual)) < 300
