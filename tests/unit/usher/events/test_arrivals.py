"""Arrivals: an event is known by its eventId in its session, and what became of it can be told later."""

from typing import Any, cast

from usher.events.arrivals import Arrivals
from usher.events.messages import Message
from usher.events.sessions import LIFETIME_SECONDS
from usher.storage.table import Table

NOW = 1_800_000_000.0


def message(*event_ids: str, **members: Any) -> Message:
    events = [{"eventId": one, "eventType": "watch", "sentAt": NOW - 5, "itemId": "i"} for one in event_ids]
    base = {"kind": "events", "group": "g", "trackingId": "t", "sessionId": "s", "arrived": NOW + 0.25}
    return cast(Message, {**base, "events": events, **members})


def arrivals(table: Table, seconds: float = NOW) -> Arrivals:
    return Arrivals(table, lambda: seconds)


def test_what_arrived_is_known_in_its_session_for_a_month(table: Table) -> None:
    ids = [f"e{number}" for number in range(120)]  # BatchGetItem takes 100 keys, BatchWriteItem 25 items
    arrivals(table).write(message(*ids, userId="u"), "sent")
    assert arrivals(table).known("g", "s", [*ids, "new"]) == set(ids)
    assert not arrivals(table).known("g", "other", ids)
    assert not arrivals(table).known("g", "s", [])
    assert not arrivals(table, NOW + LIFETIME_SECONDS + 5).known("g", "s", ids)
    assert not list(arrivals(table, NOW + LIFETIME_SECONDS + 5).of_session("g", "s"))


def test_what_waited_is_settled(table: Table) -> None:
    arrivals(table).write(message("e1", "e2"), "pending")
    arrivals(table).settle(message("e1"), "sent")
    arrivals(table).settle(message("e2"), "refused", "The item is bad.")
    arrivals(table).repeated("g", "s", ["e1", "gone"])
    found = {one["event"]["eventId"]: one for one in arrivals(table).of_session("g", "s")}
    event = {"eventId": "e1", "eventType": "watch", "sentAt": NOW - 5, "itemId": "i"}
    assert found["e1"] == {
        "kind": "events", "event": event, "sessionId": "s", "arrived": NOW + 0.25, "outcome": "sent", "repeats": 1,
    }  # fmt: skip
    assert (found["e2"]["outcome"], found["e2"]["reason"]) == ("refused", "The item is bad.")
    assert found.keys() == {"e1", "e2"}


def test_what_is_refused_may_be_sent_again(table: Table) -> None:
    arrivals(table).write(message("e1"), "refused", "No.")
    assert not arrivals(table).known("g", "s", ["e1"])


def test_what_is_through_is_not_pending_again_whoever_writes_last(table: Table) -> None:
    arrivals(table).settle(message("e1"), "sent")
    arrivals(table).write_pending(message("e1"))
    arrivals(table).write_pending(message("e2"))
    assert {one["event"]["eventId"]: one["outcome"] for one in arrivals(table).of_session("g", "s")} == {
        "e1": "sent", "e2": "pending",
    }  # fmt: skip


def test_an_event_id_of_any_length_and_script_has_a_place(table: Table) -> None:
    long = "😀" * 256
    arrivals(table).write(message(long), "sent")
    assert arrivals(table).known("g", "s", [long]) == {long}
