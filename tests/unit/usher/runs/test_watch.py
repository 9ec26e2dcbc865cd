"""Failures outside of runs: executions that did not come to their end, and models that grow old."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from usher.aws import client, now
from usher.config.model import Solution
from usher.errors import EndedError
from usher.runs.naming import run_name
from usher.runs.record import Run
from usher.serving.serving_map import ServingMaps
from usher.storage.table import Table

from tests.unit.usher.world import TABLE, TOPIC, World, interactions, load_function
from usher_local.cloud.services.service_quotas import listed

EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:usher-pipeline:0123-4567"
DROP = {"detail": {"object": {"key": "films/interactions.csv"}}}


@pytest.fixture(autouse=True)
def account_has_quotas() -> Iterator[None]:
    """Let Service Quotas list Personalize's."""
    with listed():
        yield


@pytest.fixture
def inbox(world: World) -> Any:
    """A function that returns the notifications of people."""
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
def test_a_dead_executions_record_is_closed_and_reported_once(
    world: World, inbox: Any, status: str, given: object, more: dict[str, Any], said: str
) -> None:
    run = Run(world.bucket, "films", run_name(EXECUTION))
    run.begin(EXECUTION)
    watch(ended(status, given, **more))
    record = run.read()
    assert record["outcome"] == "FAILED"
    assert said in record["summary"]
    (message,) = inbox()
    assert said in message
    assert "it resumes where it stopped" in message
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


def test_events_about_no_group_are_ignored(world: World, inbox: Any) -> None:
    watch(ended("FAILED", {"detail": {"object": {"key": "films/notes.txt"}}}))
    assert inbox() == []
    assert world.bucket.keys("") == []


def test_the_age_of_live_models_is_measured(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.put("films/interactions.csv", interactions())
    states = world.settle(world.plan(Solution("top", "aws-popularity-count")))
    versions = {"top": states["solution_version/top"].arn, "gone": states["solution_version/top"].arn + "0"}
    solutions: Any = {name: {"solutionVersionArn": arn} for name, arn in versions.items()}
    ServingMaps(Table(world.dynamodb, TABLE)).write("films", {"solutions": solutions})
    with time_machine.travel(now() + timedelta(hours=30)):
        watch({"detail": {}})
    measured, _of_the_stack = measured_in(capsys, "HoursSinceTraining")
    assert (measured["Group"], measured["Solution"]) == ("films", "top")
    assert measured["HoursSinceTraining"] == [pytest.approx(30, abs=0.1)]


def measured_in(capsys: pytest.CaptureFixture[str], metric: str) -> list[dict[str, Any]]:
    """The lines of the log with a metric."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if metric in line]


def test_the_use_of_each_quota_is_measured_and_a_former_solution_takes_no_room(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.put("films/interactions.csv", interactions())
    for smoothing in ("0", "1"):
        like = {"algorithmHyperParameters": {"popularity_discount_factor": smoothing}}
        wanted = [Solution("top", "aws-popularity-count"), Solution("like", "aws-sims", {"solutionConfig": like})]
        world.settle(world.plan(*wanted))
    assert len(world.personalize.list_solutions()["solutions"]) == 3
    world.personalize.create_dataset_group(name="of-somebody-else")
    watch({"detail": {}})
    lines = measured_in(capsys, "QuotaPercent")
    used = {(line["group"], line["kind"]): (line["used"], line["QuotaPercent"]) for line in lines}
    assert len(lines) == len(used)
    assert used == {
        ("", "schema"): ("1 of 500", [0.2]),
        ("", "dataset_group"): ("2 of 5", [40.0]),
        ("films", "filter"): ("0 of 30", [0.0]),
        ("films", "solution"): ("2 of 10", [20.0]),
        ("films", "campaign"): ("3 of 5", [60.0]),  # the former one's is not deleted yet
        ("films", "recommender"): ("0 of 5", [0.0]),
    }


EVALUATION = EXECUTION.replace("pipeline", "evaluation")
STARTED = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)


@pytest.fixture
def clear_ups(world: World) -> list[tuple[str, int]]:
    """The runs for whose clearing up an execution was started, and the seconds before that begins."""
    started: list[tuple[str, int]] = []

    def start(model: Any, params: Any, **_: Any) -> Any:
        if model.name != "StartExecution":
            return None
        task = json.loads(json.loads(params["body"])["input"])
        started.append((task["clearUp"], task["afterSeconds"]))
        return SimpleNamespace(status_code=200), {"executionArn": "arn:x", "startDate": STARTED}

    world.listen(client("stepfunctions"), "before-call", start)
    return started


def stopped_evaluation() -> dict[str, Any]:
    event = ended("ABORTED", {"group": "films"}, startDate=int(STARTED.timestamp() * 1000))
    return {"detail": {**event["detail"], "executionArn": EVALUATION}}


def test_an_evaluation_that_is_stopped_before_its_record_is_reported_once_and_ends(
    world: World, inbox: Any, clear_ups: list[tuple[str, int]]
) -> None:
    """Its first function is at work, and outlives it."""
    world.put("films/interactions.csv", interactions())
    for _ in range(2):
        watch(stopped_evaluation())
    event = {"input": {"group": "films"}, "execution": EVALUATION, "startedAt": STARTED.isoformat()}
    with pytest.raises(EndedError):
        load_function("evaluate").lambda_handler({"step": "prepare", **event}, None)
    (record,) = (
        world.bucket.read_json(key) for key in world.bucket.keys("films/out/runs/") if key.endswith("run.json")
    )
    assert record["outcome"] == "FAILED"
    assert len(inbox()) == 1
    assert clear_ups == [], "nothing was made"


def test_an_evaluation_that_is_stopped_after_its_plan_is_cleared_up_once(
    world: World, inbox: Any, clear_ups: list[tuple[str, int]]
) -> None:
    world.put("films/interactions.csv", interactions())
    event = {"input": {"group": "films"}, "execution": EVALUATION, "startedAt": STARTED.isoformat()}
    run = load_function("evaluate").lambda_handler({"step": "prepare", **event}, None)["run"]
    for _ in range(2):
        watch(stopped_evaluation())
    assert clear_ups == [(run, 0)]
    assert len(inbox()) == 1
    with pytest.raises(EndedError):
        load_function("reconcile").lambda_handler({"group": "films", "run": run, "stage": "train"}, None)
    assert world.personalize.list_dataset_groups()["datasetGroups"] == []


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_clearing_up_that_dies_is_started_again_within_an_hour(
    world: World, inbox: Any, clear_ups: list[tuple[str, int]], status: str
) -> None:
    event = ended(status, {"group": "films", "clearUp": "run-evaluation"}, startDate=int(STARTED.timestamp() * 1000))
    watch({"detail": {**event["detail"], "executionArn": EVALUATION}})
    assert clear_ups == [("run-evaluation", 3600)]
    assert (world.bucket.keys("films/"), inbox()) == ([], []), "the evaluation reports it itself"
