"""What a look costs: calls of Personalize, counted, in a group to which a file is added every day."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from usher.config import Solution
from usher.planning import draft

from tests.unit.usher.world import World, interactions, target

SOLUTIONS = [
    Solution("for-you", "aws-user-personalization-v2"),
    Solution("similar", "aws-similar-items"),
    Solution("popular", "aws-popularity-count"),
]
SECONDS_A_CALL = 0.1
INVOCATION = 900
"""Seconds that Plan and Reconcile have (template.yaml)."""
MOST_CALLS = 60
"""Whatever the number of increments."""
AT_ONCE = 5
"""Import jobs that Personalize lets be in progress."""


def put_increments(world: World, count: int) -> None:
    """A group with a base, and files that were added to it."""
    world.put("films/interactions.csv", interactions())
    for day in range(count):
        world.put(f"films/interactions/incremental/{day:03}.csv", interactions(start=1_700_000_000 + day))


@contextmanager
def counting(world: World, calls: list[int]) -> Iterator[None]:
    """Note how many calls the block makes."""
    before = world.calls.total()
    yield
    calls.append(world.calls.total() - before)


@pytest.mark.parametrize("increments", [0, 30, 100, 365])
def test_a_look_and_a_plan_cost_few_calls_however_many_increments(world: World, increments: int) -> None:
    calls: list[int] = []
    put_increments(world, increments)
    wanted = world.plan(*SOLUTIONS)
    world.settle([one for one in wanted if one.stage == "import" and "/interactions/" not in one.id], "import")
    world.hold()
    with counting(world, calls):  # as many as may be are begun, the others wait
        states, _ = world.look(wanted)
    begun = [one for one in states.values() if one.status == "PENDING" and one.id.startswith("dataset_import_job")]
    assert len(begun) == min(increments, AT_ONCE)
    world.let_go()
    world.settle(wanted, "import")
    for stage in ("import", "train"):
        with counting(world, calls):
            world.look(wanted, stage)
    with counting(world, calls):
        planned = draft(world.bucket, target(), world.clients, {})
    assert planned.plan
    assert max(calls) <= MOST_CALLS
    assert max(calls) * SECONDS_A_CALL < INVOCATION
