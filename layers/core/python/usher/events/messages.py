"""The message of both event queues: a part of an accepted request, small enough for one call of Personalize.

The queue `Kept` gets every accepted part, in any order, to be written to the bucket. `Pending`, a FIFO queue, gets the
parts that Personalize could not take, to be sent again in the order of their session.
"""

import json
from typing import Any, Literal, NotRequired, TypedDict

from usher.aws import digest

MAX_EVENTS = 10
"""The most events of a message, as of a call of PutEvents or PutActionInteractions. With 10 KB each, they fit into a
message of SQS.
"""


class Event(TypedDict):
    """A checked event in the form of PutEvents."""

    eventId: str
    eventType: str
    sentAt: float
    """The sender's time, in Unix seconds."""
    itemId: NotRequired[str]
    actionId: NotRequired[str]
    """The action of an action interaction, which has no item."""
    eventValue: NotRequired[float]
    properties: NotRequired[str]
    """JSON text of an object."""
    recommendationId: NotRequired[str]
    impression: NotRequired[list[str]]
    metricAttribution: NotRequired[dict[str, str]]


class Message(TypedDict):
    """1 to MAX_EVENTS events of one session, in order."""

    kind: Literal["events", "action-interactions"]
    group: str
    trackingId: str
    sessionId: str
    userId: NotRequired[str]
    """Absent in an anonymous session."""
    arrived: float
    """The time at which the request was accepted, in Unix seconds."""
    events: list[Event]
    refused: NotRequired[str]
    """The reason why Personalize refuses the events. Only in a second message to Kept, after the events
    have been kept.
    """


def encode(message: Message) -> str:
    """The body of a message. It escapes two characters of JSON that SQS refuses (SendMessage)."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def decode(body: str) -> Message:
    """The message of a body."""
    message: Message = json.loads(body)
    return message


def call_of(message: Message) -> tuple[str, dict[str, Any]]:
    """The method of boto3's client `personalize-events` that sends a message, and its arguments."""
    who: dict[str, Any] = {name: message[name] for name in ("userId", "sessionId") if name in message}
    if message["kind"] == "events":
        return "put_events", {"trackingId": message["trackingId"], **who, "eventList": message["events"]}
    interactions = [
        {**{name: value for name, value in event.items() if name != "sentAt"}, **who, "timestamp": event["sentAt"]}
        for event in message["events"]
    ]
    return "put_action_interactions", {"trackingId": message["trackingId"], "actionInteractions": interactions}


def ordering(message: Message) -> dict[str, Any]:
    """The arguments of SendMessage that keep a session's order in the FIFO queue, and drop repeated messages."""
    session = [message["group"], message["sessionId"]]
    # The queue compares all its messages: another session may use the same eventIds.
    content = [*session, message["kind"], *(event["eventId"] for event in message["events"])]
    return {"MessageGroupId": digest(session, 64), "MessageDeduplicationId": digest(content, 64)}
