"""A simulated stack from a snapshot equals the stack after the run itself."""

import json
import time
from typing import Any

import boto3
import pytest

from tests.unit.usher.world import interactions
from usher_local.cloud.access.credentials import REGION
from usher_local.simulation.chaos import world
from usher_local.simulation.stack import Stack

pytestmark = pytest.mark.exhaustive


CONFIG = {
    "solutions": {"popular": {"recipe": "aws-popularity-count"}, "others": {"recipe": "aws-sims", "campaign": False}},
    "filters": {"unseen": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'},
    "schedules": {"retrain": "rate(7 days)"},
}
made = list[str]()


def films(stack: Stack) -> None:
    made.append("films")
    stack.put("films/usher.yaml", json.dumps(CONFIG))
    drop(stack, 60)


def drop(stack: Stack, users: int) -> None:
    stack.put("films/interactions.csv", interactions(users=users))
    assert stack.drop("films/interactions.csv").status == "SUCCEEDED"


def state(stack: Stack) -> Any:
    """The whole state, with times and random names."""
    logs: Any = boto3.client("logs", REGION)
    messages = [one["message"] for one in logs.filter_log_events(logGroupName=stack.logs)["events"]]
    schedules = boto3.client("scheduler", REGION).list_schedules()["Schedules"]
    texts = {key: stack.read(key) for key in stack.keys(r".*\.json")}
    arns = list(stack.personalize.resources)
    return world(stack), arns, stack.keys(".*"), texts, stack.notifications(), messages, schedules, time.time()


def test_a_made_state_is_restored_whatever_has_happened_since(stack: Stack) -> None:
    stack.begin(films)
    first = state(stack)
    for _ in range(2):
        drop(stack, 70)
        assert state(stack) != first
        assert stack.run({"group": "films", "task": "remove"}).status == "SUCCEEDED"
        stack.begin(films)
        assert state(stack) == first
    assert made == ["films"], "it was run once"


@pytest.mark.parametrize("_", range(2))
def test_a_restored_stack_continues_like_the_original(stack: Stack, _: int) -> None:
    stack.reset()
    films(stack)
    drop(stack, 70)
    expected = world(stack)
    stack.begin(films)
    drop(stack, 70)
    assert world(stack) == expected
