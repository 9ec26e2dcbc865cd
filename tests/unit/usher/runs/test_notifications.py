"""Reports to people, to programs and to CloudWatch."""

import json
from collections import Counter
from typing import Any

import pytest
from usher.aws import client
from usher.datasets.schemas import make_schema
from usher.embedded_metrics import STACK_METRICS, UNITS, Metrics, put_metrics
from usher.resources.plan import Plan
from usher.resources.states import State
from usher.resources.unmanaged import Unmanaged
from usher.runs.cloudwatch import run_metrics
from usher.runs.notifications import changed_states, notification, notify, put_change_events, put_end_event
from usher.runs.record import Run

from tests.unit.stack.files import RESOURCES
from tests.unit.usher.world import TOPIC, World, load_function

VERSION = "arn:aws:personalize:us-east-1:1:solution/films-a/1f2e"
RECORD: Any = {
    "group": "films",
    "run": "r",
    "execution": "arn:e",
    "startedAt": "2026-11-22T10:00:00+00:00",
    "endedAt": "2026-11-22T11:30:00+00:00",
    "outcome": "HELD",
    "summary": "campaign/a: held back: worse. Promote it.",
    "resources": [{"id": "campaign/a", "status": "HELD"}, {"id": "filter/b", "status": "FAILED"}],
    "data": {
        "items": {"rows": 9},
        "interactions": {"rejected": 7},
    },
    "versions": [
        {
            "solution": "a",
            "arn": VERSION,
            "live": True,
            "trainedAt": "2026-11-22T10:20:00+00:00",
            "metrics": {"coverage": 0.5},
        },
        {"solution": "a", "arn": VERSION + "0", "live": False, "trainedAt": "2026-11-22T11:20:00+00:00", "metrics": {}},
    ],
    "live": [
        {
            "name": "a",
            "version": VERSION,
            "trainedAt": "2026-11-22T10:20:00+00:00",
            "since": "",
            "by": "",
            "why": "",
            "answeredBy": "",
        },
    ],
    "cost": {"cost": 1.234, "monthlyCost": 144.115},
}


def test_a_message_has_remedy_live_versions_cost_and_a_link() -> None:
    assert notification(RECORD, "s3://b/run.html").message == (
        "campaign/a: held back: worse. Promote it.\n\n"
        "Live now:\na: 1f2e, trained 2026-11-22 10:20\n\n"
        "This run: about $1.23. Serving, even when idle: $144.12 a month.\n\n"
        "More: s3://b/run.html"
    )


def test_a_message_about_little_is_short() -> None:
    record: Any = {"group": "films", "outcome": "FAILED", "summary": "Broke off.", "cost": {}}
    assert notification(record, "x").message == "Broke off.\n\nMore: x"


@pytest.mark.parametrize("group", ["films", "f" * 200, "été"])
def test_people_are_notified(world: World, group: str) -> None:
    sqs = client("sqs")
    queue = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    world.sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:inbox")
    record: Any = {"group": group, "outcome": "FAILED", "summary": "Why."}
    notify(world.sns, TOPIC, notification(record, "s3://b/run.html"))
    (received,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    content = json.loads(received["Body"])
    assert content["Message"] == "Why.\n\nMore: s3://b/run.html"
    assert content["Subject"].startswith("Usher: ")
    assert content["Subject"].isascii()
    assert len(content["Subject"]) < 100


@pytest.mark.parametrize(
    ("before", "after", "reported"),
    [
        ("PLANNED", "PENDING", True),
        ("PENDING", "READY", True),
        ("PENDING", "FAILED", True),
        ("READY", "HELD", True),
        ("PENDING", "DELETED", True),
        ("PENDING", "PENDING", False),
        ("READY", "READY", False),
        ("PLANNED", "WAITING", False),
        (None, "SKIPPED", True),
    ],
)
def test_a_change_is_reported_once(before: str | None, after: str, reported: bool) -> None:
    past: Any = [{"id": "filter/a", "status": before}] if before else []
    assert bool(list(changed_states(past, [State("filter/a", "create", after)]))) == reported


@pytest.fixture
def heard(world: World) -> Any:  # noqa: ARG001 - sets the scene
    """A function that returns the events that a rule on Usher's events has matched."""
    sqs, events = client("sqs"), client("events")
    queue = sqs.create_queue(QueueName="heard")["QueueUrl"]
    events.put_rule(Name="all", EventPattern=json.dumps({"source": ["usher"]}))
    target: Any = {"Id": "1", "Arn": "arn:aws:sqs:us-east-1:123456789012:heard"}
    events.put_targets(Rule="all", Targets=[target])

    def read() -> list[dict[str, Any]]:
        found = []
        while batch := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(one["Body"]) for one in batch]
            for one in batch:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
        return found

    return read


def test_programs_hear_of_every_changed_resource(heard: Any) -> None:
    failed = State("filter/f", "fail", "FAILED", "arn:f", "Bad words.", "Use others.")
    states = [failed, *(State(f"filter/{number}", "create", "PENDING") for number in range(24))]
    put_change_events(client("events"), {"group": "films", "run": "r"}, states)
    events = heard()
    assert Counter(one["detail-type"] for one in events) == {"Resource Changed": 25}
    (about,) = (one for one in events if one["detail"]["resource"] == "filter/f")
    assert about["resources"] == ["arn:f"]
    assert about["detail"] == {
        "group": "films", "run": "r", "resource": "filter/f", "status": "FAILED", "action": "fail", "arn": "arn:f",
        "reason": "Bad words.", "remedy": "Use others.",
    }  # fmt: skip


def test_programs_are_notified_of_deletions(world: World, heard: Any) -> None:
    schema = make_schema("items", {"ITEM_ID": "string", "YEAR": "long"})
    arn = world.personalize.create_schema(name="films-items-0123af", schema=json.dumps(schema))["schemaArn"]
    leftover = Unmanaged("schema/items", "schema", arn, "replaced", delete=True)
    run = Run(world.bucket, "films", "r")
    run.begin("arn:e")
    run.write_plan(Plan("films", to_delete=[leftover], removal=True))
    reconcile = load_function("reconcile").lambda_handler
    assert reconcile({"group": "films", "run": "r", "stage": "delete"}, None)["settled"]
    (event,) = heard()
    assert event["detail"]["status"] == "DELETED"
    assert event["resources"] == [arn]


def test_programs_hear_of_the_end_of_a_run(heard: Any) -> None:
    put_end_event(client("events"), RECORD)
    (event,) = heard()
    assert event["detail-type"] == "Run Ended"
    assert event["detail"] == {name: RECORD[name] for name in ("group", "run", "execution", "outcome", "summary")}


def test_a_run_measures_its_length_failures_rejections_and_models() -> None:
    assert list(run_metrics(RECORD)) == [
        Metrics({"RunSeconds": 5400, "ResourcesFailed": 1, "VersionsHeld": 1}, {"Group": "films"}),
        Metrics({"RowsRejected": 0}, {"Group": "films", "Dataset": "items"}),
        Metrics({"RowsRejected": 7}, {"Group": "films", "Dataset": "interactions"}),
        Metrics({"coverage": 0.5}, {"Group": "films", "Solution": "a"}, {"version": VERSION}),
        Metrics({}, {"Group": "films", "Solution": "a"}, {"version": VERSION + "0"}),
    ]


def test_metrics_go_to_the_log_in_cloudwatchs_embedded_format(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "usher")
    values = {"coverage": 0.5, "bad": float("nan"), "HoursSinceTraining": 3}
    put_metrics(Metrics(values, {"Group": "g", "Solution": "s"}, {"version": "v"}))
    line, of_the_stack = map(json.loads, capsys.readouterr().out.splitlines())
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Usher"
    assert directive["Dimensions"] == [["Group", "Solution", "service"]]
    assert {one["Name"] for one in directive["Metrics"]} == {"coverage", "HoursSinceTraining"}
    assert {name: line[name] for name in ("service", "Group", "Solution", "version", "coverage")} == {
        "service": "usher", "Group": "g", "Solution": "s", "version": "v", "coverage": [0.5],
    }  # fmt: skip
    (directive,) = of_the_stack["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["service"]], "as an alarm needs it"
    assert [one["Name"] for one in directive["Metrics"]] == ["HoursSinceTraining"]
    put_metrics(Metrics({}, {"Group": "g"}))
    assert capsys.readouterr().out == ""


def test_alarms_and_dashboard_ask_for_metrics_that_are_written() -> None:
    alarms = [one["Properties"] for one in RESOURCES.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    parts = [one["MetricStat"]["Metric"] for alarm in alarms for one in alarm.get("Metrics", []) if "MetricStat" in one]
    ours = {one["MetricName"] for one in [*alarms, *parts] if one.get("Namespace") == "Usher"}
    body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"][0]
    widgets = json.loads(body.replace("${StaleModelHours}", "1").replace("${AWS::StackName}", "usher"))["widgets"]
    rows = [row for one in widgets for row in one["properties"].get("metrics", [])]
    searched = [text for row in rows if (text := row[0]["expression"]).startswith("SEARCH('{Usher")]
    assert ours == STACK_METRICS <= set(UNITS)
    assert all('service="usher"' in text and ",service}" in text for text in searched), "no other stack's"
    assert {name for name in UNITS if any(f'"{name}"' in text for text in searched)} == set(UNITS)
    assert {len(one["properties"]["alarms"]) for one in widgets if one["type"] == "alarm"} == {len(alarms)}
