"""What no run sees to: executions that did not come to their end, and models that grow old."""

import json
from datetime import timedelta
from typing import Any

import pytest
from usher.aws import client, now
from usher.config.model import Solution
from usher.runs.naming import run_name
from usher.runs.record import Run
from usher.serving.serving_map import ServingMaps
from usher.storage.table import Table

from tests.unit.usher.world import TABLE, TOPIC, World, interactions, load_function

EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:usher-pipeline:0123-4567"
DROP = {"detail": {"object": {"key": "films/interactions.csv"}}}


@pytest.fixture
def inbox(world: World) -> Any:
    """A function that returns what people were told."""
    sqs = client("sqs")
    queue = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    world.sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:inbox")
    return lambda: [
        json.loads(one["Body"])["Message"]
        for one in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    ]


def ended(status: str, given: object, **more: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html"""
    return {"detail": {"executionArn": EXECUTION, "status": status, "input": json.dumps(given), **more}}


def watch(event: dict[str, Any]) -> None:
    load_function("watch").lambda_handler(event, None)


@pytest.mark.parametrize("given", [DROP, {"group": "films"}])
@pytest.mark.parametrize(
    ("status", "more", "said"),
    [
        ("ABORTED", {"cause": "I changed my mind"}, "broke off: ABORTED: I changed my mind"),
        ("TIMED_OUT", {"cause": None}, "broke off: TIMED_OUT: no cause given"),
        ("FAILED", {"cause": '{"errorMessage": "boom"}'}, "broke off: FAILED: boom"),
    ],
)
def test_a_dead_executions_record_is_closed_and_told_once(
    world: World, inbox: Any, status: str, given: object, more: dict[str, Any], said: str
) -> None:
    run = Run(world.bucket, "films", run_name(EXECUTION))
    run.begin(EXECUTION)
    watch(ended(status, given, **more))
    record = run.read()
    assert record["outcome"] == "FAILED"
    assert said in record["summary"]
    (told,) = inbox()
    assert said in told
    assert "it resumes where it stopped" in told
    watch(ended(status, given, **more))
    assert inbox() == []
    assert run.read() == record


def test_an_execution_that_has_closed_its_record_is_left_alone(world: World, inbox: Any) -> None:
    run = Run(world.bucket, "films", run_name(EXECUTION))
    run.begin(EXECUTION)
    before = run.conclude(EXECUTION, {"Error": "E", "Cause": "c"})
    watch(ended("FAILED", DROP))
    assert run.read() == before
    assert inbox() == []


def test_an_export_of_all_groups_is_closed_in_each(world: World, inbox: Any) -> None:
    runs = [Run(world.bucket, group, run_name(EXECUTION, "-export")) for group in ("films", "music")]
    for run in runs:
        ServingMaps(Table(world.dynamodb, TABLE)).write(run.group, {"solutions": {}})
        run.begin(EXECUTION)
    watch(ended("TIMED_OUT", {}))
    assert [run.read()["outcome"] for run in runs] == ["FAILED", "FAILED"]
    assert len(inbox()) == 2


def test_what_concerns_no_group_is_left_alone(world: World, inbox: Any) -> None:
    watch(ended("FAILED", {"detail": {"object": {"key": "films/notes.txt"}}}))
    assert inbox() == []
    assert world.bucket.keys("") == []


def test_the_age_of_what_is_live_is_measured(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.put("films/interactions.csv", interactions())
    states = world.settle(world.plan(Solution("top", "aws-popularity-count")))
    versions = {"top": states["solution_version/top"].arn, "gone": states["solution_version/top"].arn + "0"}
    solutions: Any = {name: {"solutionVersionArn": arn} for name, arn in versions.items()}
    ServingMaps(Table(world.dynamodb, TABLE)).write("films", {"solutions": solutions})
    monkeypatch.setattr("usher.resources.versions.now", lambda: now() + timedelta(hours=30))
    watch({"detail": {}})
    line, _of_the_stack = capsys.readouterr().out.splitlines()
    measured = json.loads(line)
    assert (measured["Group"], measured["Solution"]) == ("films", "top")
    assert measured["HoursSinceTraining"] == [pytest.approx(30, abs=0.1)]
