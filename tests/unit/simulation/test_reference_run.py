"""The cost of the reference run of benchmarks/waiting.py, if everything takes its usual time."""

from benchmarks.waiting import runs
from usher_local.simulation.stack import Stack


def test_waiting_is_cheap_and_loses_little_time(stack: Stack) -> None:
    (first, first_path), (repeat, repeat_path) = runs(stack, lambda: 1.0)
    assert first.seconds <= 1.05 * first_path
    assert repeat.seconds <= 1.02 * repeat_path
    assert max(first.transitions, repeat.transitions) <= 90
    assert max(first.invocations, repeat.invocations) <= 35
    assert first_path == 60 * (1 + 0.4 + 15 + 60 + 15)
    assert repeat_path == 60 * (15 + 60 + 15)
