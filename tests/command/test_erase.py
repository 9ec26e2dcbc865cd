"""`usher erase` deletes all data of a user: from the bucket, the table, the queues, and Personalize."""

import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import FakeDeleteMarker, s3_backends
from moto.sqs.models import sqs_backends
from pyarrow import parquet
from usher.events.arrivals import Arrivals
from usher.events.messages import Message, encode, ordering
from usher.events.sessions import Session, Sessions
from usher.storage.table import Table

from tests.command.world import going_on, run_command
from usher_cli.command import UNCONFIRMED
from usher_local.cloud.access.credentials import REGION
from usher_local.demo.synthetic import interactions
from usher_local.personalize import Faults, inject
from usher_local.simulation.stack import LAUNCH, Boundary, DiedError, Execution, Stack, StoppedError

ANN, BEN = "ann-8f31", "ben-77c0"
CONFIG = {
    "solutions": {"popular": {"recipe": "aws-popularity-count"}},
    "exports": {"popular": {"numResults": 5, "table": True, "formats": ["csv", "parquet"]}},
    "schedules": {"retrain": "rate(7 days)"},
}


def data() -> str:
    """Interactions, including those of Ann and Ben."""
    return interactions() + "".join(f"{one},i{n},{LAUNCH + n},watch\n" for one in (ANN, BEN) for n in range(20))


def queue_url(name: str) -> str:
    (found,) = (one for one in sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues if f"-{name}-" in one)
    return str(boto3.client("sqs").get_queue_url(QueueName=found)["QueueUrl"])


def message(user: str | None, session: str, number: int) -> Message:
    """An accepted event."""
    event: Any = {"eventId": f"{session}{number}", "eventType": "watch", "itemId": "i1", "sentAt": float(LAUNCH)}
    who = {"userId": user} if user else {}
    made: Any = {"kind": "events", "group": "films", "trackingId": "t", "sessionId": session, "arrived": float(LAUNCH)}
    return {**made, **who, "events": [event]}  # type: ignore[typeddict-item]


def send(queue: str, sent: Message) -> None:
    more: Any = {} if queue == "Kept" else ordering(sent)
    boto3.client("sqs").send_message(QueueUrl=queue_url(queue), MessageBody=encode(sent), **more)


def contents(stack: Stack) -> Iterator[tuple[str, bytes]]:
    """All stored content: every version of every object, unpacked; items of the table; messages; Personalize's data."""
    for key, found in s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[stack.bucket].keys.lists():
        for one in found:
            if not isinstance(one, FakeDeleteMarker):
                value = gzip.decompress(one.value) if key.endswith(".gz") else one.value
                if key.endswith(".parquet"):
                    value = str(parquet.read_table(io.BytesIO(value)).to_pylist()).encode()
                yield key, value
    for item in dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].get_table(stack.table).all_items():
        yield "table", json.dumps(item.to_json()).encode()
    for name, queue in sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues.items():
        yield from ((name, str(one.body).encode()) for one in queue._messages)
    for name, kept in stack.personalize.groups.items():
        for part in ("interactions", "users"):
            yield f"Personalize {name} {part}", kept.part(part).rows("ALL").to_csv().encode()


def places(stack: Stack, user: str) -> list[str]:
    """The places that contain a user's ID."""
    return [place for place, content in contents(stack) if user.encode() in content]


@contextmanager
def faults(**given: Any) -> Iterator[None]:
    """Give Personalize faults in the block."""
    inject(Faults(**given))
    try:
        yield
    finally:
        inject(Faults())


@pytest.fixture
def known(stack: Stack) -> Stack:
    """A group with Ann and Ben in every place that can contain a user."""
    stack.begin(know)
    return stack


def know(stack: Stack) -> None:
    """Make the group."""
    stack.put("films/interactions.csv", data())
    stack.put("films/users.csv", f"USER_ID,AGE\n{ANN},30\n{BEN},40\n" + "".join(f"u{n},20\n" for n in range(60)))
    stack.put("films/usher.yaml", json.dumps(CONFIG))
    assert stack.drop("films/usher.yaml").status == "SUCCEEDED"
    assert stack.run({"group": "films"}, "Exports").status == "SUCCEEDED"
    stack.clock.move_to(LAUNCH + 86_400)
    table = Table(boto3.client("dynamodb"), stack.table)
    for user in (ANN, BEN):
        Sessions(table).remember("films", f"phone-of-{user[:3]}", user, Session())
        for number, session in enumerate((user, f"phone-of-{user[:3]}")):
            Arrivals(table).write(message(user, session, number), "sent")
            send("Kept", message(user, session, number))
    Arrivals(table).write(message(None, "phone-of-ann", 7), "sent")
    send("Kept", message(None, "phone-of-ann", 7))
    stack.deliver()
    stack.clock.shift(60)
    stack.deliver()
    for user in (ANN, BEN):
        send("RefusedEvents", message(user, user, 9))
        send("Kept", message(user, user, 10))


def erase(stack: Stack, capsys: Any, *more: str) -> Execution:
    run_command(capsys, "erase", "films", ANN, "--yes", *more)
    return stack.run_started()


def test_all_of_a_users_data_and_none_of_the_others_is_deleted(
    known: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    before = places(known, BEN)
    assert erase(known, capsys, "--data").status == "SUCCEEDED"
    assert places(known, ANN) == []
    (record,) = (one for one in known.read(r"films/out/runs/[^/]+/run\.json").values() if "erasure" in one)
    assert record["outcome"] == "SUCCEEDED"
    done = record["erasure"]
    assert done["users"] == 1
    assert done["messages"] == 2
    assert done["job"]["status"] == "COMPLETED"
    assert done["job"]["deleted"] == 21, "interactions and the user"
    assert done["isClean"]
    (known_still,) = done["stillKnown"]
    created = boto3.client("scheduler").get_schedule(GroupName="usher", Name="films.retrain")["CreationDate"]
    moment = datetime.fromisoformat(known_still["trainedNext"])
    assert (moment - created) % timedelta(days=7) == timedelta(0)
    assert datetime.fromisoformat(record["endedAt"]) < moment < datetime.fromisoformat(record["endedAt"]) + timedelta(7)
    assert f"by its schedule rate(7 days) on {moment:%Y-%m-%d %H:%M} UTC" in str(record["notes"])
    assert set(before) <= set(places(known, BEN)), "the other user is where she was"
    assert not known.keys("films/erase/.*")
    assert "erase" not in str(known.items("films")["tasks"])


def test_without_data_your_own_files_are_named_and_stay(known: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    text = run_command(capsys, "erase", "films", ANN, status=UNCONFIRMED)
    assert "films/interactions.csv: 20 rows" in text
    assert "films/users.csv: 1 row" in text
    assert "Use --data" in text
    assert "Nothing is erased. Repeat the command with --yes." in text
    assert not known.started
    assert not known.keys("films/erase/.*")
    before, imports = set(places(known, BEN)), [arn for arn in known.personalize.resources if "-import-job/" in arn]
    assert erase(known, capsys).status == "SUCCEEDED"
    assert set(places(known, ANN)) == {"films/interactions.csv", "films/users.csv"}
    assert set(places(known, BEN)) == before
    assert [arn for arn in known.personalize.resources if "-import-job/" in arn] == imports, "nothing is imported again"


EVENTS = 3


@pytest.fixture
def watched(stack: Stack) -> Stack:
    """A group with events only, and a dataset group that Usher made."""
    stack.begin(watch)
    return stack


def watch(stack: Stack) -> None:
    """Make the group, and send events of Ann and Ben."""
    (function,) = (one for one in stack.folders if "-Erase-" in one)
    environ = boto3.client("lambda").get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    tags: Any = [{"tagKey": "usher:stack", "tagValue": environ["STACK_ARN"]}]
    boto3.client("personalize").create_dataset_group(name="films", tags=tags)
    stack.put("films/readme.txt", "Events only.")
    # One event of each is refused, and earlier events are in a file and in the table.
    table = Table(boto3.client("dynamodb"), stack.table)
    stack.clock.shift(3600)
    for user in (ANN, BEN):
        Sessions(table).remember("films", f"phone-of-{user[:3]}", user, Session())
        for number in range(EVENTS):
            Arrivals(table).write(message(user, user, number), "sent")
            send("Kept", message(user, f"phone-of-{user[:3]}", number))
        send("RefusedEvents", message(user, user, 0))
    stack.deliver()
    stack.clock.shift(60)
    stack.deliver()
    assert len(places(stack, ANN)) >= EVENTS + 4


def cut(at: int, strike: type[BaseException]) -> tuple[Callable[[Boundary], None], list[Boundary]]:
    """Disturb a run at one of its boundaries. Returns the boundaries that it reached."""
    met = list[Boundary]()

    def disturb(boundary: Boundary) -> None:
        met.append(boundary)
        if len(met) == at:
            raise strike(boundary)

    return disturb, met


@pytest.mark.exhaustive
def test_an_erasure_that_is_cut_anywhere_is_taken_up_by_the_next_run(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    length, noted = 0, 4  # the request is noted by then
    for part, strike in enumerate((None, *[StoppedError, DiedError] * 4)):
        stack.begin(watch)
        run_command(capsys, "erase", "films", ANN, "--yes")
        at = noted + (length - noted) * (part - 1) // 8
        stack.disturb, met = cut(at, strike) if strike else cut(0, StoppedError)
        stack.run_started()
        stack.disturb = lambda _: None
        length = length or len(met)
        if strike is StoppedError:
            assert stack.run({"group": "films"}).status == "SUCCEEDED"
        assert places(stack, ANN) == [], f"cut {at} of {length}: {met[at - 1]}"
        assert places(stack, BEN)
        assert not stack.keys("films/erase/.*")
    assert length > 100


def test_an_erasure_that_personalize_fails_at_says_so_and_does_all_the_rest(
    watched: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(capsys, "erase", "films", ANN, "--yes")
    name = f"films-erase-{watched.started[0][0].given['list']}"
    with faults(fail={name: "The bucket is away."}):
        watched.run_started()
    (record,) = (one for one in watched.read(r"films/out/runs/[^/]+/run\.json").values() if "erasure" in one)
    assert record["outcome"] == "FAILED"
    assert "failed: The bucket is away." in record["summary"]
    assert "usher erase" in record["summary"]
    assert places(watched, ANN) == []


def test_an_erasure_waits_for_an_export_and_for_events_in_the_queue(
    watched: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(capsys, "erase", "films", ANN, "--yes")
    name = "20231114T231320000Z-abcd-popular-export"
    at_work = {
        "group": "films",
        "run": name,
        "execution": "e",
        "startedAt": "2023-11-14T23:13:20",
        "outcome": "RUNNING",
    }
    watched.put(f"films/out/runs/{name}/run.json", json.dumps(at_work))
    send("Pending", message(BEN, BEN, 11))
    send("Pending", message(ANN, ANN, 12))
    [(execution, waits)] = watched.started
    said = []
    for number, seconds in enumerate(waits):
        watched.clock.shift(seconds)
        said += [one["note"] for one in watched.read(r"films/out/runs/[^/]+/run\.json").values() if "erasure" in one]
        if number == 3:
            watched.put(f"films/out/runs/{name}/run.json", json.dumps(at_work | {"outcome": "SUCCEEDED"}))
        if number == 6:
            (pending,) = (one for one in sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues if "-Pending-" in one)
            (left,) = sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues[pending]._messages
            assert BEN in left.body
            boto3.client("sqs").purge_queue(QueueUrl=queue_url("Pending"))
    assert execution.status == "SUCCEEDED"
    assert any(f"Waits for the run {name}" in one for one in said)
    assert any("Waits for queued events" in one for one in said)
    assert places(watched, ANN) == []


def test_an_erasure_without_a_user_or_a_group_is_refused(
    stack: Stack, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "has no group films." in run_command(capsys, "erase", "films", ANN, "--yes", status=1)
    stack.put("films/interactions.csv", interactions())
    assert "No user is named." in run_command(capsys, "erase", "films", "--yes", status=1)
    (tmp_path / "gone.csv").write_text("USER_ID\n\n")
    assert "No user is named." in run_command(capsys, "erase", "films", "--file", str(tmp_path / "gone.csv"), status=1)


def test_the_command_waits_for_the_proof(watched: Stack, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "gone.csv").write_text(f"USER_ID\n{ANN}\n{BEN}\n")
    gone = ("erase", "films", "--file", str(tmp_path / "gone.csv"), "--yes", "--wait")
    text = run_command(capsys, *gone, sleep=going_on(watched))
    assert "2 users are erased: " in text
    assert "The last search found nothing." in text
    found, _ = json.JSONDecoder().raw_decode(run_command(capsys, *gone, "--json", sleep=going_on(watched)))
    assert found["outcome"] == "SUCCEEDED"
    assert found["erasure"]["files"] == found["erasure"]["items"] == found["erasure"]["messages"] == 0
    assert ANN not in str(found)
