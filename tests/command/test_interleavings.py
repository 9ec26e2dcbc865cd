"""Concurrent requests: the final state matches the last request, no resource exists twice, every record is closed.

`python -m benchmarks.interleavings` runs a thousand of them.
"""

import json

import pytest

from usher_local.simulation.interleavings import GROUP, Interleaving, faults_of
from usher_local.simulation.stack import Stack

pytestmark = pytest.mark.exhaustive


SEEDS = (0, 3, 5, 9, 12, 24, 29, 40)
"""Removals, promotions, wrong files, and stops, between the steps and inside functions."""


@pytest.mark.parametrize("seed", SEEDS)
def test_the_last_request_counts_in_any_interleaving(stack: Stack, seed: int) -> None:
    one = Interleaving(stack, seed)
    one.run()
    assert faults_of(one) == [], "\n".join(one.log)


def test_faults_would_be_found(stack: Stack) -> None:
    one = Interleaving(stack, 0)
    one.drop("a")
    one.edit("one")
    one.pass_time()
    assert faults_of(one) == []
    one.data = "b"
    assert faults_of(one) == ["best-of-a is recommended, though b is the data"]
    one.data, one.config = "a", "filtered"
    assert faults_of(one) == ["filters: none are served, not {'unseen'}"]
    one.config, one.is_closed = "one", True
    assert "the group was removed, but solutions is there" in faults_of(one)
    one.is_closed = False
    (key,) = stack.keys(f"{GROUP}/out/runs/.*/run.json")
    stack.put(key, json.dumps({**stack.read(key)[key], "outcome": "RUNNING"}))
    assert faults_of(one) == [f"{key} is not closed", f"{key} was written over after it was closed"]
