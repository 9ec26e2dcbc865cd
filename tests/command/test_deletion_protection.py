"""CloudFormation deletes the stack only after Personalize has no dataset group of it."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from usher.aws import client

from tests.command.world import POPULAR
from tests.unit.usher.world import interactions
from usher_local.simulation.deployment import deployed
from usher_local.simulation.stack import Stack

GONE = "DELETE_COMPLETE"


@pytest.fixture
def own() -> Iterator[Stack]:
    """A stack of the test."""
    with deployed() as stack:
        yield stack


def delete(**given: Any) -> str:
    """Delete the stack. Returns its last status."""
    cloudformation = client("cloudformation")
    (before,) = cloudformation.describe_stacks(StackName="usher")["Stacks"]
    cloudformation.delete_stack(StackName="usher", **given)
    for _ in range(600):
        (found,) = cloudformation.describe_stacks(StackName=before["StackId"])["Stacks"]
        if not found["StackStatus"].endswith("IN_PROGRESS"):
            return str(found["StackStatus"])
        threading.Event().wait(0.1)
    raise TimeoutError


def resources() -> dict[str, str]:
    """The status of each resource of the stack."""
    listed = client("cloudformation").list_stack_resources(StackName="usher")["StackResourceSummaries"]
    return {one["LogicalResourceId"]: one["ResourceStatus"] for one in listed}


def test_a_stack_with_a_group_is_not_deleted_and_nothing_of_it_is(own: Stack) -> None:
    client("personalize").create_dataset_group(name="theirs")
    own.put("films/usher.yaml", json.dumps(POPULAR))
    own.put("films/interactions.csv", interactions())
    assert own.drop("films/interactions.csv").status == "SUCCEEDED"
    before = resources()
    assert delete() == "DELETE_FAILED"
    assert resources() == {**before, "DeletionProtection": "DELETE_FAILED"}
    events = client("cloudformation").describe_stack_events(StackName="usher")["StackEvents"]
    (reason,) = [one["ResourceStatusReason"] for one in events if one["ResourceStatus"] == "DELETE_FAILED"][-1:]
    assert "still has dataset groups of this stack, which cost money without it: films." in reason
    assert own.run({"group": "films", "task": "remove"}).status == "SUCCEEDED", "it still works"
    assert delete() == GONE


def test_a_stack_may_leave_its_groups_on_demand(own: Stack) -> None:
    own.put("films/usher.yaml", json.dumps(POPULAR))
    own.put("films/interactions.csv", interactions())
    own.drop("films/interactions.csv")
    assert delete() == "DELETE_FAILED"
    assert delete(RetainResources=["DeletionProtection"]) == GONE
    assert client("personalize").list_dataset_groups()["datasetGroups"]
