"""What arrived, kept in the table for a month: it shows which events are repeated, and what became of each.

An event's item is `{"group": <group>#<session>, "item": event#<digest of the eventId>}`.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict, cast

from usher.aws import digest
from usher.events.messages import Event, Message
from usher.events.sessions import LIFETIME_SECONDS, Sessions, partition
from usher.storage.table import Table
from usher.storage.table_batches import TableBatches

EVENT = "event#"
Outcome = Literal["sent", "pending", "refused"]
"""Personalize has taken it; it waits in the queue; or Personalize has refused it for good."""


class Arrival(TypedDict):
    """An event that was accepted, and what became of it."""

    kind: str
    event: Event
    userId: NotRequired[str]
    sessionId: str
    arrived: float
    """Unix seconds."""
    outcome: Outcome
    reason: NotRequired[str]
    """Of a refusal."""
    repeats: NotRequired[int]
    """How often it was sent again, and not counted again."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The arrivals in the table."""

    table: Table
    clock: Callable[[], float] = time.time

    def known(self, group: str, session: str, event_ids: Iterable[str]) -> set[str]:
        """Those of some eventIds that have arrived in a session before."""
        items = {_item(one): one for one in event_ids}
        keys = [(partition(group, session), item) for item in items]
        found = TableBatches(self.table).get(keys, "item", "outcome", "expires", consistent=True)
        return {items[one["item"]] for one in found if one["expires"] >= self.clock() and one["outcome"] != "refused"}

    def write(self, message: Message, outcome: Outcome, reason: str = "") -> None:
        """Keep a message's events, and what has become of them."""
        place = partition(message["group"], message["sessionId"])
        TableBatches(self.table).put(
            {"group": place, "item": _item(event["eventId"]), **_attributes(message, event), **_ended(outcome, reason)}
            for event in message["events"]
        )

    def write_pending(self, message: Message) -> None:
        """Keep the events of a message that is in the queue, unless it is through already."""
        self._write_each(message, "outcome = if_not_exists(outcome, :outcome)", {":outcome": "pending"})

    def settle(self, message: Message, outcome: Outcome, reason: str = "") -> None:
        """Note what became of a message that waited."""
        ended = _ended(outcome, reason)
        values = {f":{name}": value for name, value in ended.items()}
        self._write_each(message, ", ".join(f"{name} = :{name}" for name in ended), values)

    def _write_each(self, message: Message, change: str, values: Mapping[str, Any]) -> None:
        place = partition(message["group"], message["sessionId"])
        for event in message["events"]:
            attributes = _attributes(message, event)
            names = {f"#{name}": name for name in attributes}
            others = {f":{name}": value for name, value in attributes.items()}
            changes = ", ".join([change, *(f"#{name} = :{name}" for name in attributes)])
            self.table.update(place, _item(event["eventId"]), f"SET {changes}", {**values, **others}, names)

    def repeated(self, group: str, session: str, event_ids: Iterable[str]) -> None:
        """Count events that were sent again."""
        for event_id in event_ids:
            change, condition = "ADD repeats :one", "attribute_exists(outcome)"
            self.table.update(partition(group, session), _item(event_id), change, {":one": 1}, None, condition)

    def of_session(self, group: str, session: str) -> Iterator[Arrival]:
        """What arrived in a session, in no order."""
        for item in TableBatches(self.table).query(partition(group, session), EVENT):
            if item["expires"] >= self.clock():
                yield _arrival(item)


def arrivals_of(
    sessions: Sessions, arrivals: Arrivals, group: str, user: str, names: Iterable[str]
) -> Iterator[Arrival]:
    """What arrived from a user in the sessions of these names, also before it was known whose they are."""
    for session in names:
        is_theirs = session == user or sessions.read(group, session).user == user
        for arrival in arrivals.of_session(group, session):
            if arrival.get("userId", user if is_theirs else "") == user:
                yield arrival


def _item(event_id: str) -> str:
    """The sort key of an event: a digest, as an eventId may have more bytes than a key."""
    return f"{EVENT}{digest(event_id, 32)}"


def _attributes(message: Message, event: Event) -> dict[str, Any]:
    """What the table has of an event, besides its key and what became of it."""
    who: dict[str, Any] = {name: message[name] for name in ("userId", "sessionId") if name in message}
    return {
        **who,
        "kind": message["kind"],
        "event": json.dumps(event, separators=(",", ":")),
        "arrived": round(message["arrived"] * 1000),
        "expires": int(message["arrived"]) + LIFETIME_SECONDS,
    }


def _ended(outcome: Outcome, reason: str) -> dict[str, str]:
    return {"outcome": outcome, **({"reason": reason} if reason else {})}


def _arrival(item: dict[str, Any]) -> Arrival:
    optional = {name: item[name] for name in ("userId", "reason") if item.get(name)}
    repeats = {"repeats": int(item["repeats"])} if "repeats" in item else {}
    arrival: Any = {
        "kind": item["kind"],
        "event": json.loads(item["event"]),
        "sessionId": item["sessionId"],
        "arrived": float(item["arrived"]) / 1000,
        "outcome": item["outcome"],
        **optional,
        **repeats,
    }
    return cast(Arrival, arrival)


def place_of(arrival: Arrival) -> tuple[float, float, str]:
    """What orders arrivals, older ones first: when they came, when they happened, and their eventIds."""
    return arrival["arrived"], arrival["event"]["sentAt"], arrival["event"]["eventId"]
