"""Breakers and budgets, on a clock that the test sets."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from usher.serving.breaker import (
    MAX_FAILURES,
    MAX_PAUSE_SECONDS,
    MIN_PAUSE_SECONDS,
    REQUESTS_PER_RETRY,
    Breakers,
    RetryBudget,
)

WAITS = st.floats(0, 100)
OUTCOMES = st.lists(st.tuples(WAITS, st.booleans()), max_size=60)
"""Requests: the seconds before each, and whether the campaign would answer."""


class Hands:
    """A clock that stands still until it is turned."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def play(breakers: Breakers, clock: Hands, requests: Sequence[tuple[float, bool]], name: str = "a") -> list[bool]:
    """Make requests. Returns whether each was allowed."""
    allowed = []
    for wait, answers in requests:
        clock.now += wait
        allowed.append(breakers.allow(name))
        if allowed[-1]:
            breakers.succeeded(name) if answers else breakers.failed(name, "Timeout")
    return allowed


@given(OUTCOMES)
def test_a_breaker_opens_after_two_failures_in_a_row_and_not_before(requests: list[tuple[float, bool]]) -> None:
    clock = Hands()
    breakers, failures = Breakers(clock), 0
    for wait, answers in requests:
        clock.now += wait
        state, is_allowed = breakers.state("a"), breakers.allow("a")
        assert (state == "closed") == (failures < MAX_FAILURES)
        assert is_allowed == (state != "open")
        if is_allowed:
            breakers.succeeded("a") if answers else breakers.failed("a", "Timeout")
            failures = 0 if answers else failures + 1


@given(st.floats(0.01, 1), st.floats(1, 1000))
def test_probes_of_an_outage_have_pauses_that_double_up_to_half_a_minute(step: float, seconds: float) -> None:
    clock = Hands()
    breakers = Breakers(clock)
    probes = [clock.now for one in range(int(seconds / step)) for ok in play(breakers, clock, [(step, False)]) if ok]
    pauses = [
        later - earlier for earlier, later in zip(probes[MAX_FAILURES - 1 :], probes[MAX_FAILURES:], strict=False)
    ]
    for number, pause in enumerate(pauses):
        expected = min(MIN_PAUSE_SECONDS * 2**number, MAX_PAUSE_SECONDS)
        assert expected - 1e-6 <= pause <= expected + step + 1e-6


@given(OUTCOMES)
def test_a_breaker_is_open_since_the_failure_that_opened_it(requests: list[tuple[float, bool]]) -> None:
    clock = Hands()
    breakers, opened = Breakers(clock), clock.now
    for request in requests:
        was_open = breakers.state("a") != "closed"
        play(breakers, clock, [request])
        is_open = breakers.state("a") != "closed"
        opened = opened if was_open else clock.now
        assert breakers.open_seconds("a") == (clock.now - opened if is_open else 0)


@given(OUTCOMES)
def test_after_the_longest_pause_a_probe_is_allowed_and_an_answer_closes(requests: list[tuple[float, bool]]) -> None:
    clock = Hands()
    breakers = Breakers(clock)
    play(breakers, clock, requests)
    assert breakers.seconds_until_call("a") <= MAX_PAUSE_SECONDS
    assert play(breakers, clock, [(MAX_PAUSE_SECONDS, True), (0, True), (0, False)]) == [True] * 3
    assert breakers.state("a") == "closed"


def test_one_probe_at_a_time_is_allowed() -> None:
    clock = Hands()
    breakers = Breakers(clock)
    play(breakers, clock, [(0, False), (0, False)])
    clock.now += MIN_PAUSE_SECONDS
    assert breakers.state("a") == "half-open"
    assert [breakers.allow("a") for _ in range(3)] == [True, False, False]


@given(OUTCOMES, OUTCOMES)
def test_a_campaign_does_not_pay_for_another_one(
    first: list[tuple[float, bool]], second: list[tuple[float, bool]]
) -> None:
    alone, together = Hands(), Hands()
    expected, breakers = play(Breakers(alone), alone, first), Breakers(together)
    found = []
    for number, request in enumerate(first):
        found += play(breakers, together, [request])
        play(breakers, together, [(0, answers) for _, answers in second[number : number + 2]], name="b")
    assert found == expected


def test_the_reason_is_that_of_the_last_failure_until_an_answer() -> None:
    breakers = Breakers(Hands())
    assert breakers.reason("a") == ""
    breakers.failed("a", "Timeout")
    breakers.failed("a", "Throttled")
    assert breakers.reason("a") == "Throttled"
    breakers.succeeded("a")
    assert breakers.reason("a") == ""


@given(st.lists(st.booleans(), max_size=500))
def test_at_most_a_tenth_of_the_requests_is_retried(fails: list[bool]) -> None:
    budget, retries = RetryBudget(), 0
    for number, failed in enumerate(fails, start=1):
        budget.count_request()
        retries += failed and budget.take_retry()
        assert retries * REQUESTS_PER_RETRY <= number


def test_few_failures_among_many_requests_are_retried() -> None:
    budget = RetryBudget()
    for _ in range(100):
        budget.count_request()
    assert [budget.take_retry() for _ in range(11)] == [True] * 10 + [False]
