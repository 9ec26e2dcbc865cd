"""`usher erase` leaves nothing of a user: not in the bucket, the table, the queues, or Personalize's data."""

import gzip
import io
import json
from collections.abc import Iterator
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

from tests.command.world import told
from usher_cli.deployed_stack import DeployedStack
from usher_local.cloud.credentials import REGION
from usher_local.demo.synthetic import interactions
from usher_local.simulation.stack import LAUNCH, Execution, Stack

ANN, BEN = "ann-8f31", "ben-77c0"
CONFIG = {
    "solutions": {"popular": {"recipe": "aws-popularity-count"}},
    "exports": {"popular": {"numResults": 5, "table": True, "formats": ["csv", "parquet"]}},
    "schedules": {"retrain": "rate(7 days)"},
}


def data() -> str:
    """Interactions, among them those of Ann and Ben."""
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
    """All that is kept: every version of every object, unpacked; items of the table; messages; Personalize's data."""
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
    """Where a user's ID is kept."""
    return [place for place, content in contents(stack) if user.encode() in content]


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The pipeline's inputs that the command would have started."""
    given: list[dict[str, str]] = []
    monkeypatch.setattr(DeployedStack, "start", lambda _self, **request: given.append(request))
    return given


@pytest.fixture
def known(stack: Stack) -> Stack:
    """A group that knows Ann and Ben wherever a user can be known."""
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
    return stack


def erase(stack: Stack, requested: list[dict[str, str]], capsys: Any, *more: str) -> Execution:
    told(capsys, "erase", "films", ANN, "--yes", *more)
    return stack.run(requested[-1])


def test_nothing_is_left_of_a_user_and_all_of_the_others(
    known: Stack, requested: list[dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    before = places(known, BEN)
    assert erase(known, requested, capsys, "--data").status == "SUCCEEDED"
    assert places(known, ANN) == []
    (record,) = (one for one in known.read(r"films/out/runs/[^/]+/run\.json").values() if "erasure" in one)
    assert record["outcome"] == "SUCCEEDED"
    done = record["erasure"]
    assert done["users"] == 1
    assert done["messages"] == 2
    assert done["job"]["status"] == "COMPLETED"
    assert done["job"]["deleted"] == 21, "interactions and the user"
    assert done["isClean"]
    assert "rate(7 days)" in str(record["notes"])
    assert set(before) <= set(places(known, BEN)), "the other user is where she was"
    assert not known.keys("films/erase/.*")
    assert "erase" not in str(known.items("films")["tasks"])
