"""The stack's table and the queues of events, in moto, and a Personalize that records its calls."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from usher.events.accept import Acceptance, Queues
from usher.events.arrivals import Arrivals
from usher.events.history import History
from usher.events.messages import Message, decode
from usher.events.sessions import Sessions
from usher.serving.serving_map import ServingMap
from usher.storage.table import Table

from tests.quick_aws import quick_aws
from tests.unit.usher.world import TABLE

MAP: ServingMap = {
    "solutions": {
        "for-you": {"type": "USER_PERSONALIZATION", "solutionVersionArn": "v1"},
        "similar": {"type": "RELATED_ITEMS", "solutionVersionArn": "v2"},
    },
    "recommenders": {},
    "filters": {},
    "trackingId": "t",
    "actionTrackingId": "at",
    "events": {
        "columns": {"interactions": {"USER_ID": "string", "EVENT_TYPE": "string", "DEVICE": ["null", "string"]}},
        "eventTypes": {"for-you": ["watch"], "similar": ["buy", "watch"]},
    },
}


@dataclass
class Personalize:
    """A boto3 client that records calls, and answers with `error` if it is set."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""

    def put_events(self, **members: Any) -> None:
        if self.error:
            raise ClientError({"Error": {"Code": self.error, "Message": "Not this."}}, "PutEvents")
        self.calls.append(members)

    put_action_interactions = put_events

    @property
    def event_ids(self) -> list[str]:
        return [event["eventId"] for call in self.calls for event in call["eventList"]]


@dataclass
class Site:
    """The parts that events pass."""

    table: Table
    sqs: Any
    personalize: Personalize
    acceptance: Acceptance
    history: History
    unknown: set[str]

    def post(self, *events: Any, kind: Any = "events", content: ServingMap = MAP, **who: Any) -> dict[str, Any]:
        member = "events" if kind == "events" else "actionInteractions"
        return self.acceptance.accept("g", kind, content, {**(who or {"userId": "u"}), member: list(events)})

    def take(self, url: str) -> list[Message]:
        """The messages of a queue, which are deleted."""
        found: list[Message] = []
        while taken := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for one in taken:
                found.append(decode(one["Body"]))
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return found

    @property
    def kept(self) -> list[Message]:
        return self.take(self.acceptance.queues.kept_url)

    @property
    def pending(self) -> list[Message]:
        return self.take(self.acceptance.queues.pending_url)


@pytest.fixture
def table() -> Iterator[Table]:
    with quick_aws():
        yield make_table()


def make_table() -> Table:
    dynamodb = boto3.client("dynamodb", region_name="us-east-1")
    keys: dict[str, Any] = {"group": "HASH", "item": "RANGE"}
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
    return Table(dynamodb, TABLE)


def make_site(table: Table, personalize: Any = None) -> Site:
    sqs = boto3.client("sqs", region_name="us-east-1")
    kept = sqs.create_queue(QueueName="kept")["QueueUrl"]
    pending = sqs.create_queue(QueueName="pending.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    unknown = set[str]()
    personalize = personalize or Personalize()
    sessions, arrivals = Sessions(table), Arrivals(table)

    def unknown_items(_: str, items: set[str]) -> set[str]:
        return items & unknown

    acceptance = Acceptance(Queues(sqs, kept, pending), sessions, arrivals, personalize, unknown_items, clock=time.time)
    return Site(table, sqs, personalize, acceptance, History(sessions, arrivals, unknown_items), unknown)


@pytest.fixture
def site(table: Table) -> Site:
    return make_site(table)
