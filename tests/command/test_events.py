"""`usher events` shows, counts and resends the stored events of a group."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sqs.models import Queue, sqs_backends
from usher.events.messages import Message, decode, encode
from usher.serving.serving_map import ServingMaps
from usher.storage.table import Table

from tests.command.world import POPULAR, run_command
from usher_local.cloud.access.credentials import REGION
from usher_local.demo.synthetic import interactions
from usher_local.simulation.stack import LAUNCH, Stack

DAY = "2023-11-14"
PROPERTIES = '{"deviceType":"tv"}'


def queue(name: str) -> Queue:
    (found,) = (one for one in sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues.values() if f"-{name}-" in one.name)
    return found


def keep(stack: Stack, *event_ids: str, session: str = "s", **more: Any) -> None:
    """Store accepted events, as the API and the function `Keep` do."""
    listed: Any = [
        {"eventId": one, "eventType": "watch", "itemId": f"i{one}", "sentAt": LAUNCH, "properties": PROPERTIES}
        for one in event_ids
    ]
    made: Any = {"kind": "events", "group": "films", "trackingId": "t", "sessionId": session, "arrived": float(LAUNCH)}
    message: Message = {**made, "events": listed, **more}  # type: ignore[typeddict-item]
    url = boto3.client("sqs").get_queue_url(QueueName=queue("Kept").name)["QueueUrl"]
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody=encode(message))
    stack.deliver()
    stack.clock.shift(60)
    assert stack.deliver() == 1


def serve(stack: Stack) -> str:
    """Make the group's event tracker. Returns its tracking ID."""
    stack.put("films/interactions.csv", interactions())
    stack.put("films/usher.yaml", json.dumps(POPULAR))
    assert stack.drop("films/usher.yaml").status == "SUCCEEDED"
    stack.clock.move_to(LAUNCH)
    return str(ServingMaps(Table(boto3.client("dynamodb"), stack.table)).read("films")["trackingId"])


def test_stats_count_each_event_once_and_those_that_were_refused(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(stack, "a", "b")
    keep(stack, "b", refused="It is not valid.")
    counts = json.loads(run_command(capsys, "events", "stats", "films", "--json"))
    assert counts == [{"day": DAY, "event_type": "watch", "events": 2, "refused": 1}]
    assert "Refused" in run_command(capsys, "events", "stats", "films")
    stack.put("other/usher.yaml", "solutions: {}")
    assert run_command(capsys, "events", "stats", "other").startswith(
        "No events of other are kept of 2023-11-08 to 2023-11-14."
    )


def test_tail_shows_each_event_once_and_goes_on(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    keep(stack, "a")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise KeyboardInterrupt
        keep(stack, "a", "b", userId="ann")

    first, second = run_command(capsys, "events", "tail", "films", status=130, sleep=sleep).splitlines()
    assert first.split() == ["2023-11-14T22:13:20+00:00", "watch", "ia", "session", "s"]
    assert second.split()[1:] == ["watch", "ib", "ann"]


def test_replay_shows_its_plan_and_the_stack_sends_the_events_in_order(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    tracking_id = serve(stack)
    keep(stack, *map(str, range(10, 22)), userId="ann")
    keep(stack, "bad", refused="It is not valid.")
    output = run_command(capsys, "events", "replay", "films", "--from", DAY, "--to", DAY, status=5)
    assert "would send 12 events of 1 session, of 2023-11-14, to films" in output
    assert queue("Pending")._messages == []
    run_command(capsys, "events", "replay", "films", "--from", DAY, "--to", DAY, "--yes")
    waiting = [decode(one.body) for one in queue("Pending")._messages]
    assert [one["trackingId"] for one in waiting] == [tracking_id] * 2
    assert [event["eventId"] for one in waiting for event in one["events"]] == [*map(str, range(10, 22))]
    stack.deliver()
    assert queue("Pending")._messages == queue("RefusedEvents")._messages == []
    refused = run_command(capsys, "events", "replay", "films", "--from", DAY, "--to", DAY, "--refused", status=5)
    assert "1 refused event of" in refused


def test_replay_into_a_group_without_a_tracker_gives_a_remedy(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    keep(stack, "a")
    answer = run_command(capsys, "events", "replay", "films", "--from", DAY, "--to", DAY, status=1)
    assert "films takes no events yet. Run its pipeline" in answer


def test_replay_writes_interactions_that_can_be_dropped(
    stack: Stack, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    keep(stack, "a", userId="ann")
    keep(stack, "b", session="guest")
    file = tmp_path / "interactions.csv"
    answer = run_command(capsys, "events", "replay", "films", "--from", DAY, "--to", DAY, "--file", str(file))
    assert "has 1 interactions of 2023-11-14; 1 events without a user or an item are left out." in answer
    assert file.read_text().splitlines() == [
        "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,DEVICE_TYPE",
        f"ann,ia,{LAUNCH},watch,,tv",
    ]


def test_a_finished_day_is_compacted_by_the_schedule(stack: Stack) -> None:
    keep(stack, "a")
    keep(stack, "b")
    (name,) = (one for one in stack.folders if "-Keep-" in one)
    stack.invoke(name, {})
    assert len(stack.keys(r"films/out/events/.*")) == 2, "today"
    stack.clock.shift(86_400)
    stack.invoke(name, {})
    assert len(stack.keys(r"films/out/events/.*")) == 1
