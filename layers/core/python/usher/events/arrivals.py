"""Arrived events, kept in the table for a month to detect repeated events and to show each event's outcome.

    {"group": "<group>#<user>", "item": "event#<arrived>#<sentAt>#<eventId, or its beginning and a digest>", ...}
    {"group": "<group>#<user>", "item": "eventid#<likewise>", "event": "event#...", "expires": 17...}

Times are milliseconds, so that the keys are in their order. Anonymous events are in the partition of their session.
Only eventIds that a sender has made are kept: others can't be repeated.
"""

import heapq
import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict, cast

from usher.aws import digest
from usher.events.messages import Event, Message
from usher.events.sessions import LIFETIME_SECONDS, Sessions, partition
from usher.storage.table import Table
from usher.storage.table_batches import TableBatches

EVENT, EVENT_ID = "event#", "eventid#"
Key = tuple[str, str]
"""The group and the item of an event in the table."""
MAX_LENGTH = 64
"""The most characters of an eventId in a key."""
AFTER_ALL = "event#~"
"""A sort key above those of all arrivals."""
Outcome = Literal["sent", "pending", "refused"]
"""sent: Personalize has taken the event; pending: it waits in the queue; refused: Personalize has refused
it for good.
"""


class Arrival(TypedDict):
    """An accepted event and its outcome."""

    place: str
    """The sort key: arrivals are ordered by arrival, then by the event's own time."""
    kind: str
    event: Event
    userId: NotRequired[str]
    sessionId: str
    arrived: float
    """The time of arrival, in Unix seconds."""
    outcome: Outcome
    reason: NotRequired[str]
    """The reason of a refusal."""
    repeats: NotRequired[int]
    """The number of times that the event was sent again, without being counted again."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The arrivals in the table."""

    table: Table
    clock: Callable[[], float] = time.time

    def known_ids(self, group: str, user: str, session: str, event_ids: Iterable[str]) -> dict[str, Key]:
        """The eventIds of `event_ids` that have arrived from a user or in a session before, with the keys of their
        events.

        `user`: empty if the events are anonymous. Events that Personalize has refused may be sent again.
        """
        items, batches = {_id_item(one): one for one in event_ids}, TableBatches(self.table)
        keys = [(partition(group, whose), item) for whose in {user or session, session} for item in items]
        found = {(one["group"], one["event"]): items[one["item"]] for one in batches.get(keys, consistent=True)}
        events = batches.get([*found], "group", "item", "outcome", "expires", consistent=True)
        return {
            found[one["group"], one["item"]]: (one["group"], one["item"])
            for one in events
            if one["expires"] >= self.clock() and one["outcome"] != "refused"
        }

    def write(self, message: Message, outcome: Outcome, reason: str = "", given: Collection[str] = ()) -> None:
        """Write a message's events and their outcome. `given`: the eventIds that the sender has made."""
        ended = _outcome_members(outcome, reason)
        events = [{**_key(message, event), **_attributes(message, event), **ended} for event in message["events"]]
        TableBatches(self.table).put([*events, *_ids(message, given)])

    def write_pending(self, message: Message, given: Collection[str] = ()) -> None:
        """Write the events of a queued message, unless they have an outcome already. `given`: as in `write`."""
        self._write_each(message, "outcome = if_not_exists(outcome, :outcome)", {":outcome": "pending"})
        TableBatches(self.table).put(_ids(message, given))

    def settle(self, message: Message, outcome: Outcome, reason: str = "") -> None:
        """Write the outcome of a message that waited."""
        ended = _outcome_members(outcome, reason)
        values = {f":{name}": value for name, value in ended.items()}
        self._write_each(message, ", ".join(f"{name} = :{name}" for name in ended), values)

    def _write_each(self, message: Message, change: str, values: Mapping[str, Any]) -> None:
        for event in message["events"]:
            attributes = _attributes(message, event)
            names = {f"#{name}": name for name in attributes}
            others = {f":{name}": value for name, value in attributes.items()}
            changes = ", ".join([change, *(f"#{name} = :{name}" for name in attributes)])
            key = _key(message, event)
            self.table.update(key["group"], key["item"], f"SET {changes}", {**values, **others}, names)

    def count_repeated(self, keys: Iterable[Key]) -> None:
        """Count repeated events."""
        for key in keys:
            self.table.update(*key, "ADD repeats :one", {":one": 1}, None, "attribute_exists(outcome)")

    def newest(self, group: str, whose: str, before: str = "") -> Iterator[Arrival]:
        """The arrivals from a user, or the anonymous ones in a session, newest first.

        They are read in parts, as the caller iterates. `before`: the place of an arrival; then only older ones.
        """
        for item in TableBatches(self.table).newest(partition(group, whose), EVENT, before or AFTER_ALL):
            if item["expires"] >= self.clock() and item["item"] != before:
                yield _arrival(item)


def arrivals_of(
    sessions: Sessions, arrivals: Arrivals, group: str, user: str, names: Iterable[str], before: str = ""
) -> Iterator[Arrival]:
    """The arrivals from a user, newest first, with the anonymous ones in the sessions of these names.

    `before`: as for Arrivals.newest.
    """

    def of(session: str) -> Iterator[Arrival]:
        if session == user or sessions.read(group, session).user == user:
            theirs = arrivals.newest(group, session, before)
            yield from (one for one in theirs if one.get("userId", user) == user)

    return heapq.merge(*map(of, names), key=lambda one: one["place"], reverse=True)


def _key(message: Message, event: Event) -> dict[str, str]:
    """The key of an event's item."""
    arrived, sent = (f"{round(seconds * 1000):015d}" for seconds in (message["arrived"], event["sentAt"]))
    place = partition(message["group"], message.get("userId") or message["sessionId"])
    return {"group": place, "item": f"{EVENT}{arrived}#{sent}#{_short(event['eventId'])}"}


def _short(event_id: str) -> str:
    """A short form of an eventId for a key, whose length is limited."""
    return event_id if len(event_id) <= MAX_LENGTH else f"{event_id[:MAX_LENGTH]}#{digest(event_id, 32)}"


def _ids(message: Message, given: Collection[str]) -> Iterator[dict[str, Any]]:
    """The items of a message's eventIds that its sender has made."""
    for event in message["events"]:
        if event["eventId"] in given:
            key, expires = _key(message, event), int(message["arrived"]) + LIFETIME_SECONDS
            yield {"group": key["group"], "item": _id_item(event["eventId"]), "event": key["item"], "expires": expires}


def _id_item(event_id: str) -> str:
    return f"{EVENT_ID}{_short(event_id)}"


def _attributes(message: Message, event: Event) -> dict[str, Any]:
    """The attributes of an event's item, without its key and its outcome."""
    who: dict[str, Any] = {name: message[name] for name in ("userId", "sessionId") if name in message}
    return {
        **who,
        "kind": message["kind"],
        "event": json.dumps(event, separators=(",", ":")),
        "arrived": round(message["arrived"] * 1000),
        "expires": int(message["arrived"]) + LIFETIME_SECONDS,
    }


def _outcome_members(outcome: Outcome, reason: str) -> dict[str, str]:
    return {"outcome": outcome, **({"reason": reason} if reason else {})}


def _arrival(item: dict[str, Any]) -> Arrival:
    optional = {name: item[name] for name in ("userId", "reason") if item.get(name)}
    repeats = {"repeats": int(item["repeats"])} if "repeats" in item else {}
    arrival: Any = {
        "place": item["item"],
        "kind": item["kind"],
        "event": json.loads(item["event"]),
        "sessionId": item["sessionId"],
        "arrived": float(item["arrived"]) / 1000,
        "outcome": item["outcome"],
        **optional,
        **repeats,
    }
    return cast(Arrival, arrival)
