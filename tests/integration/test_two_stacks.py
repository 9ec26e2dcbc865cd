"""Two stacks in one account and region: neither reads, changes or deletes the other's resources."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.integration.conftest import NUMBERS, ROOT, Site, interactions
from usher_local.cloud.server import LocalCloud

NAME = "usher-two"
CONFIG = {
    "solutions": {"popular": {"recipe": "aws-popularity-count"}},
    "schedules": {"retrain": "rate(30 days)"},
    "exports": False,
}
VALUED = {"recipe": "aws-sims", "eventType": "watch", "solutionConfig": {"eventValueThreshold": "3"}}
BROKEN = {**CONFIG, "solutions": {"popular": {"recipe": "aws-popularity-count"}, "bought": VALUED}}


@pytest.fixture(scope="module")
def other(site: Site) -> Iterator[Site]:
    """A second stack of the same cloud."""
    outputs = site.cloud.deploy(NAME, ROOT / "template.yaml")
    cloud = SimpleNamespace(client=site.cloud.client, outputs=outputs, environment=site.cloud.environment)
    yield Site(cast(LocalCloud, cloud), site.days, site.issuer, site.pages)
    cloudformation = site.cloud.client("cloudformation")
    cloudformation.delete_stack(StackName=NAME)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})


@pytest.fixture
def folder(other: Site) -> Iterator[str]:
    """A folder of the second stack, whose group is deleted after the test."""
    name = f"second{next(NUMBERS)}x"
    yield name
    other.settle(name)
    other.remove(name)


def drop(site: Site, group: str, config: dict[str, Any]) -> dict[str, Any]:
    site.drop(f"{group}/usher.yaml", json.dumps(config))
    site.drop(f"{group}/interactions.csv", interactions())
    return site.run(group)


def seen(site: Site, group: str) -> dict[str, Any]:
    """The state of a stack's group that a person can see."""
    metrics = site.cloud.client("cloudwatch").list_metrics(Namespace="Usher")["Metrics"]
    personalize = site.personalize
    return {
        "resources": site.resources(group),
        "tags": {
            arn: personalize.list_tags_for_resource(resourceArn=arn)["tags"]
            for arn in site.arns(group, "campaign") + site.arns(group, "dataset_group")
        },
        "campaigns": [
            personalize.describe_campaign(campaignArn=arn)["campaign"]["solutionVersionArn"]
            for arn in site.arns(group, "campaign")
        ],
        "records": site.records(group),
        "schedules": site.cloud.client("scheduler").list_schedules(GroupName="usher")["Schedules"],
        "metrics": [one for one in metrics if {"Name": "service", "Value": "usher"} in one["Dimensions"]],
    }


def test_a_folder_whose_group_another_stack_has_made_is_refused(site: Site, other: Site, group: str) -> None:
    assert drop(site, group, CONFIG)["outcome"] == "SUCCEEDED"
    before = seen(site, group)
    record = drop(other, group, BROKEN)
    assert record["outcome"] == "FAILED"
    assert "resources" not in record, "nothing was made"
    (problem,) = record["problems"]
    assert problem["place"] == f"{group}/"
    assert "belongs to another stack" in problem["message"]
    assert f"usher import {group} --adopt" in problem["remedy"], "which says whose it is"
    other.stepfunctions.start_execution(
        stateMachineArn=other.cloud.outputs["PipelineArn"], input=json.dumps({"group": group, "task": "remove"})
    )
    other.dropped[group] += 1
    assert other.run(group)["outcome"] == "FAILED"
    assert seen(site, group) == before
    assert site.api.get(f"/{group}/recommendations/u1", numResults=3)["itemList"]


def test_a_failing_run_of_one_stack_leaves_the_other_as_it_is(site: Site, other: Site, group: str, folder: str) -> None:
    assert drop(site, group, CONFIG)["outcome"] == "SUCCEEDED"
    before = seen(site, group)
    record = drop(other, folder, BROKEN)
    assert record["outcome"] == "FAILED"
    assert "solution_version/bought" in record["summary"]
    assert seen(site, group) == before
    assert other.api.get(f"/{folder}/recommendations/u1", numResults=3)["itemList"]
    mine, others = (
        {one["Name"] for one in site.cloud.client("scheduler").list_schedules(GroupName=name)["Schedules"]}
        for name in ("usher", NAME)
    )
    assert f"{group}.retrain" in mine - others
    assert f"{folder}.retrain" in others - mine
