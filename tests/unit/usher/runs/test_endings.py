"""Every end of a run closes its record, releases its group, and notifies people once."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from usher.aws import client
from usher.errors import UsherError
from usher.independent_steps import raise_errors, run_all
from usher.resources.states import State
from usher.runs.lock import Lock
from usher.runs.naming import run_name
from usher.runs.notifications import EVENT, METRICS, NOTIFICATION, Channels, notification, notify, put_change_events
from usher.runs.record import Run
from usher.serving.serving_map import ServingMaps
from usher.storage.table import Table

from tests.unit.usher.world import STATES, TABLE, TOPIC, World, call, interactions

EXECUTION = STATES + "e-0001"
GIVEN = {"input": {"group": "films"}, "execution": EXECUTION}


class Inbox:
    """A subscriber of the topic."""

    def __init__(self, sns: Any) -> None:
        self.sns, self.sqs = sns, client("sqs")
        self.queue = self.sqs.create_queue(QueueName="inbox")["QueueUrl"]
        self.subscribe()

    def subscribe(self) -> None:
        self.sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:inbox")

    def read(self) -> list[str]:
        """The messages since the last call."""
        received = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(one["Body"])["Message"] for one in received]


@pytest.fixture
def inbox(world: World) -> Inbox:
    return Inbox(world.sns)


@pytest.fixture
def broken(world: World) -> str:
    """The run of a group with bad data, planned and not yet published."""
    world.put("films/interactions.csv", "USER_ID\nu1\n")
    call("plan", **GIVEN, step="take", startedAt="2026-01-01T00:00:00Z")
    return str(call("plan", **GIVEN, step="plan", waits=0)["run"])


def is_free(world: World) -> bool:
    """Whether no run has the group."""
    return not Lock(Table(world.dynamodb, TABLE), lambda _: True).run_of("films", EXECUTION)


def test_every_step_is_taken_and_every_failure_is_raised_at_the_end() -> None:
    taken = []

    def fail() -> None:
        taken.append("b")
        raise OSError("no")

    failed = run_all({"a": lambda: taken.append("a"), "b": fail, "c": fail, "d": lambda: taken.append("d")})
    assert taken == ["a", "b", "b", "d"]
    with pytest.raises(ExceptionGroup, match="failed: b: no; c: no") as raised:
        raise_errors(failed)
    assert len(raised.value.exceptions) == 2
    raise_errors(run_all({"a": lambda: None}))


@pytest.mark.parametrize("run_is_known", [True, False])
def test_without_a_topic_programs_are_notified_the_group_is_released_and_people_are_notified_later(
    world: World, inbox: Inbox, broken: str, capsys: pytest.CaptureFixture[str], run_is_known: bool
) -> None:
    ended = {**GIVEN, "group": "films", "run": broken if run_is_known else None, "error": None}
    world.sns.delete_topic(TopicArn=TOPIC)
    with pytest.raises(ExceptionGroup, match=r"notification: .*NotFound"):
        call("publish", **ended)
    assert "RunSeconds" in capsys.readouterr().out, "metrics are written"
    record = Run(world.bucket, "films", broken).read()
    assert (record["outcome"], record["undelivered"]) == ("FAILED", [NOTIFICATION])
    assert is_free(world)

    world.sns.create_topic(Name="usher")
    inbox.subscribe()
    answer = call("publish", **ended)
    assert (answer["outcome"], answer["again"]) == ("FAILED", False)
    assert "RunSeconds" not in capsys.readouterr().out, "what is published is not published again"
    assert len(inbox.read()) == 1
    stored = Run(world.bucket, "films", broken).read()
    assert stored == {name: value for name, value in record.items() if name != "undelivered"}
    call("publish", **ended)
    assert inbox.read() == []
    assert len(world.bucket.keys("films/out/runs/")) == 2, "there is one run"


def test_without_a_bus_people_are_notified(world: World, inbox: Inbox, broken: str) -> None:
    def without_source(params: Any, **_: Any) -> Any:  # PutEvents refuses the entries, and answers with 200
        return {**params, "Entries": [{**entry, "Source": ""} for entry in params["Entries"]]}

    world.listen(client("events"), "provide-client-params.events.PutEvents", without_source)
    with pytest.raises(ExceptionGroup, match="event: EventBridge refuses 1 events: InvalidArgument"):
        call("publish", **GIVEN, group="films", run=broken, error=None)
    assert len(inbox.read()) == 1
    assert Run(world.bucket, "films", broken).read()["undelivered"] == [EVENT]
    assert is_free(world)


def test_arrivals_are_handled_and_the_next_round_reports_the_formers_failures(
    world: World, inbox: Inbox, broken: str
) -> None:
    states, role = client("stepfunctions"), "arn:aws:iam::123456789012:role/states"
    machine = states.create_state_machine(name="usher-pipeline", definition="{}", roleArn=role)["stateMachineArn"]
    assert states.start_execution(stateMachineArn=machine, name="e-0001")["executionArn"] == EXECUTION
    assert (
        call("plan", input={"group": "films"}, execution=STATES + "e-0002", step="plan", waits=0)["outcome"] == "JOINED"
    )
    world.sns.delete_topic(TopicArn=TOPIC)
    assert call("publish", **GIVEN, group="films", run=broken, error=None)["again"]
    world.sns.create_topic(Name="usher")
    inbox.subscribe()
    world.put("films/interactions.csv", "ITEM_ID\ni1\n")
    second = call("plan", **GIVEN, step="plan", waits=0)["run"]
    assert not call("publish", **GIVEN, group="films", run=second, error=None)["again"]
    first, then = inbox.read()
    assert broken in first
    assert second in then
    assert not any("undelivered" in Run(world.bucket, "films", name).read() for name in (broken, second))


def test_watch_delivers_notifications_of_a_dead_execution(world: World, inbox: Inbox) -> None:
    run = Run(world.bucket, "films", run_name(EXECUTION))
    run.begin(EXECUTION)
    run.conclude(EXECUTION, {"Error": "E", "Cause": "c"}, channels_for=lambda _: [NOTIFICATION])
    detail = {"executionArn": EXECUTION, "status": "FAILED", "input": json.dumps({"group": "films"})}
    call("watch", detail=detail)
    (message,) = inbox.read()
    assert "broke off: E: c" in message
    call("watch", detail=detail)
    assert inbox.read() == []


@pytest.mark.parametrize(
    ("given", "folder", "said"),
    [
        ({"group": "films", "task": "retrian"}, "films", "To request a task"),
        ({"group": "my films"}, "my films", "can't be the name of a dataset group"),
        ({"group": "\ud800"}, r"\ud800", "can't be the name of a dataset group"),
        ({"detail": {"object": {"key": f"{'é' * 480}/usher.yaml"}}}, f"{'é' * 99}...{'é' * 98}", "dataset group"),
        ({"detail": {"object": {"key": "a\u202e\nb/usher.yaml"}}}, r"a\u202e\nb", "can't be the name of a"),
    ],
)  # fmt: skip
def test_every_request_about_a_group_ends_in_a_record_and_a_notification(
    world: World, inbox: Inbox, given: dict[str, Any], folder: str, said: str
) -> None:
    """By the state machine, and by Watch if it fails at once."""
    try:
        taken = call("plan", input=given, execution=EXECUTION, step="take", startedAt="2026-01-01T00:00:00Z")
        planned = call("plan", input=given, execution=EXECUTION, step="plan", waits=0)
        assert taken["run"] == planned["run"]
        call("publish", input=given, execution=EXECUTION, group=planned["group"], run=planned["run"], error=None)
    except UsherError as error:
        cause = json.dumps({"errorMessage": str(error)})
        call(
            "watch", detail={"executionArn": EXECUTION, "status": "FAILED", "input": json.dumps(given), "cause": cause}
        )
    (run,) = world.bucket.keys(f"{folder}/out/runs/")[1::2]
    record = world.bucket.read_json(run)
    assert record["outcome"] == "FAILED"
    (message,) = inbox.read()
    assert said in record["summary"]
    assert said in message


def test_an_input_that_names_no_group_is_reported_without_a_record(world: World, inbox: Inbox) -> None:
    ServingMaps(Table(world.dynamodb, TABLE)).write("films", {"solutions": {}})
    for given in ({"gruop": "films"}, [1], None):
        call("watch", detail={"executionArn": EXECUTION, "status": "FAILED", "input": json.dumps(given)})
        (message,) = inbox.read()
        assert message.startswith("An execution broke off: FAILED")
        assert EXECUTION in message
    assert world.bucket.keys("") == []


def test_an_unreadable_file_is_reported_with_its_remedy(world: World, inbox: Inbox) -> None:
    content = interactions().encode()
    world.s3.put_object(Bucket=world.bucket.name, Key="films/interactions.csv", Body=content, StorageClass="GLACIER")
    call("plan", **GIVEN, step="take", startedAt="2026-01-01T00:00:00Z")
    run = call("plan", **GIVEN, step="plan", waits=0)["run"]
    call("publish", **GIVEN, group="films", run=run, error=None)
    (message,) = inbox.read()
    assert message.startswith("films/interactions.csv: is archived: ")
    assert "Restore it" in message


class Bus:
    """An EventBridge that refuses some entries, each as often as given."""

    def __init__(self, **refusals: int) -> None:
        self.refusals = refusals
        self.sent: list[str] = []
        self.bytes: list[int] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
        self.bytes.append(sum(size(one) for one in Entries))
        return {"Entries": [self._answer(json.loads(one["Detail"])["resource"]) for one in Entries]}

    def _answer(self, name: str) -> dict[str, str]:
        if self.refusals.get(name, 0) > 0:
            self.refusals[name] -= 1
            return {"ErrorCode": "ThrottlingException", "ErrorMessage": "Slow down."}
        self.sent.append(name)
        return {"EventId": "1"}


def size(entry: Mapping[str, Any]) -> int:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html"""
    return sum(
        len(text.encode()) for text in (entry["Source"], entry["DetailType"], entry["Detail"], *entry["Resources"])
    )


def states(*names: str) -> list[State]:
    return [State(name, "create", "FAILED", "arn:" + "a" * 200, "😀" * 5000, "\n" * 5000) for name in names]


def test_an_event_that_is_refused_is_sent_again_and_no_other() -> None:
    bus: Any = Bus(b=2)
    put_change_events(bus, {"group": "g", "run": "r"}, states("a", "b", "c"))
    assert bus.sent == ["a", "c", "b"]
    bus = Bus(b=3)
    with pytest.raises(UsherError, match="EventBridge refuses 1 events: ThrottlingException: Slow down"):
        put_change_events(bus, {"group": "g", "run": "r"}, states("a", "b"))


def test_the_longest_events_fit_into_a_request() -> None:
    bus: Any = Bus()
    put_change_events(
        bus, {"group": "é" * 200, "run": "r" * 99}, states(*("😀" * 256 + str(number) for number in range(10)))
    )
    assert max(bus.bytes) < 262_144


def test_the_longest_notification_fits(world: World) -> None:
    trained_at = "2026-11-22T10:20:00+00:00"
    model = {"name": "😀" * 63, "version": "a/" + "1" * 200, "trainedAt": trained_at}
    live = [model | dict.fromkeys(("since", "by", "why", "answeredBy"), "")] * 2000
    sent = []
    sns: Any = SimpleNamespace(publish=lambda **message: sent.append(message))
    group = "\u202eé" * 100
    record: Any = {"group": group, "outcome": "FAILED", "summary": "😀" * 20_000, "live": live}
    notify(sns, TOPIC, notification(record, Run(world.bucket, group, "r").link))
    assert len(sent[0]["Message"].encode()) < 262_144
    assert len(sent[0]["Subject"]) < 100
    assert sent[0]["Subject"].isascii()
    assert sent[0]["Subject"].isprintable()


def test_folders_that_can_be_no_groups_make_no_metrics(capsys: pytest.CaptureFixture[str], world: World) -> None:
    run = Run(world.bucket, "été", "r")
    run.begin("arn:e")
    record = run.conclude("arn:e", None, channels_for=lambda _: [METRICS])
    Channels(world.sns, TOPIC).deliver(run, record)
    assert "_aws" not in capsys.readouterr().out
    assert "undelivered" not in run.read()
