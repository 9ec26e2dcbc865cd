"""The choice of the live version: by the gate, and by a person; and its notifications."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.conftest import Site, interactions, slowed, wait_until

METRIC = "normalized_discounted_cumulative_gain_at_25"


@pytest.fixture
def heard(site: Site) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """A function that returns Usher's events since the test began."""
    sqs, events = site.cloud.client("sqs"), site.cloud.client("events")
    name = f"heard-{time.monotonic_ns()}"
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["usher"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    found: list[dict[str, Any]] = []

    def read() -> list[dict[str, Any]]:
        while batch := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            found.extend(json.loads(one["Body"]) for one in batch)
            for one in batch:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
        return found

    yield read
    events.remove_targets(Rule=name, Ids=["1"])
    events.delete_rule(Name=name)
    sqs.delete_queue(QueueUrl=queue)


def configured(site: Site, group: str, **bars: float) -> None:
    """Drop a config with one solution, with a gate if there are `bars`, and wait until it is read."""
    gate = {"gate": {"metric": METRIC, **bars}} if bars else {}
    site.drop(f"{group}/usher.yaml", json.dumps({"solutions": {"top": {"recipe": "aws-popularity-count", **gate}}}))
    site.settle(group)


def fed(site: Site, group: str, seed: int = 0) -> dict[str, Any]:
    """The record of a run on new data."""
    site.drop(f"{group}/interactions.csv", interactions(seed=seed))
    return site.run(group)


def chosen(site: Site, group: str, version: str) -> dict[str, Any]:
    """The record of a run that a person starts to choose the live version."""
    given = {"group": group, "solution": "top", "version": version, "who": "Ann", "why": "The other is worse."}
    site.stepfunctions.start_execution(stateMachineArn=site.cloud.outputs["PipelineArn"], input=json.dumps(given))
    site.dropped[group] += 1
    return site.run(group)


def live(record: dict[str, Any]) -> str:
    """The live version in a run's record."""
    (version,) = (one["arn"] for one in record["versions"] if one["live"])
    return str(version)


def served(site: Site, group: str) -> str:
    """The version of the group's campaign."""
    (campaign,) = site.arns(group, "campaign")
    described = site.personalize.describe_campaign(campaignArn=campaign)["campaign"]
    return str(described["solutionVersionArn"])


def state(record: dict[str, Any], resource: str) -> dict[str, Any]:
    return next(one for one in record["resources"] if one["id"] == resource)


def test_a_held_version_leaves_the_old_one_serving_until_a_person_promotes_it(
    site: Site, group: str, messages: Callable[[], list[str]], heard: Callable[[], list[dict[str, Any]]]
) -> None:
    configured(site, group, versusLive=0)
    first = fed(site, group)
    assert first["outcome"] == "SUCCEEDED", first["summary"]
    assert live(first) == served(site, group)
    assert first["estimate"]["minutes"] > 0
    assert first["estimate"]["resources"]["campaign/top"]["action"] == "create"
    assert first["cost"]["monthlyCost"] == pytest.approx(144.1152)
    messages()

    configured(site, group, versusLive=1000)
    held = fed(site, group, seed=1)
    assert held["outcome"] == "HELD"
    assert state(held, "campaign/top")["action"] == "keep"
    assert live(held) == served(site, group) == live(first)
    candidate = next(one for one in held["versions"] if not one["live"])
    assert METRIC in candidate["metrics"]
    (notification,) = messages()
    assert "campaign/top: held back" in notification
    assert "promote" in notification
    changes = [one["detail"] for one in heard() if one["detail-type"] == "Resource Changed"]
    assert "HELD" in {one["status"] for one in changes if one["resource"] == "campaign/top"}
    assert {"PENDING", "READY"} <= {one["status"] for one in changes if one["resource"] == "solution_version/top"}

    site.drop(f"{group}/interactions.csv", interactions(seed=1))
    again = site.run(group)
    assert state(again, "campaign/top")["status"] == "HELD"
    assert messages() == [], "what is held already is not news"

    promoted = chosen(site, group, candidate["arn"])
    assert promoted["outcome"] == "SUCCEEDED"
    assert promoted["pins"]["top"]["who"] == "Ann"
    assert live(promoted) == served(site, group) == candidate["arn"]
    assert len(site.api.get(f"/{group}/recommendations/u1")["itemList"]) == 25


def test_a_run_leaves_a_page_and_metrics(site: Site, group: str) -> None:
    configured(site, group, atLeast=2)
    record = fed(site, group)
    assert record["outcome"] == "HELD"
    assert not site.arns(group, "campaign")
    shown = site.s3.get_object(Bucket=site.bucket, Key=f"{group}/out/runs/{record['run']}/run.html")
    text = shown["Body"].read().decode()
    assert shown["ContentType"].startswith("text/html")
    assert "below 2.0000" in text
    logs = site.cloud.client("logs")
    groups = (one["logGroupName"] for one in logs.describe_log_groups()["logGroups"])
    (log_group,) = (name for name in groups if "FunctionLogs" in name)
    found = logs.filter_log_events(logGroupName=log_group)["events"]
    lines = [json.loads(one["message"]) for one in found if '"_aws"' in one["message"]]
    measured = {name: value for line in lines if line.get("Group") == group for name, value in line.items()}
    assert measured["VersionsHeld"] == [1]
    assert measured["RunSeconds"][0] > 0
    assert METRIC in measured


def test_a_stopped_run_is_closed_and_reported(site: Site, group: str, messages: Callable[[], list[str]]) -> None:
    configured(site, group)
    with slowed():
        site.drop(f"{group}/interactions.csv", interactions())
        wait_until(lambda: bool(site.arns(group, "dataset_group")))
        for one in site.executions(group):
            if one["status"] == "RUNNING":
                site.stepfunctions.stop_execution(executionArn=one["executionArn"], error="Test", cause="cut")
    wait_until(lambda: all(record["outcome"] != "RUNNING" for record in site.records(group)))
    assert "broke off: ABORTED" in site.records(group)[-1]["summary"]
    wait_until(lambda: any("ABORTED" in one for one in messages()))
    configured(site, group)
    assert site.run(group)["outcome"] == "SUCCEEDED"


def test_a_model_that_is_no_better_than_popularity_is_held(site: Site, group: str) -> None:
    gate = {"metric": METRIC, "versusPopularity": 50}
    solutions = {"sims": {"recipe": "aws-sims", "gate": gate}, "top": {"recipe": "aws-popularity-count"}}
    site.drop(f"{group}/usher.yaml", json.dumps({"solutions": solutions}))
    record = fed(site, group)
    assert record["outcome"] == "HELD"
    assert "versusPopularity: the popularity solution" in state(record, "campaign/sims")["reason"]
    assert state(record, "campaign/top")["status"] == "READY"
    assert len(site.arns(group, "campaign")) == 1
