"""Arrivals: an event is identified by its eventId from its user and in its session, and its state can be read."""

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


def test_arrivals_are_known_of_their_user_for_a_month(table: Table) -> None:
    ids = [f"e{number}" for number in range(120)]  # BatchGetItem takes 100 keys, BatchWriteItem 25 items
    arrivals(table).write(message(*ids, "made", userId="u"), "sent", given=ids)
    for session in ("s", "another", "u"):
        assert arrivals(table).known_ids("g", "u", session, [*ids, "new", "made"]).keys() == set(ids)
    assert not arrivals(table).known_ids("g", "", "s", ids), "of nobody, or of another user of the device"
    assert not arrivals(table).known_ids("g", "v", "s", ids)
    assert not arrivals(table).known_ids("g", "u", "s", [])
    assert not arrivals(table, NOW + LIFETIME_SECONDS + 5).known_ids("g", "u", "s", ids)
    assert len(list(arrivals(table).newest("g", "u"))) == 121
    assert not list(arrivals(table, NOW + LIFETIME_SECONDS + 5).newest("g", "u"))


def test_arrivals_before_the_login_are_known_after_it(table: Table) -> None:
    arrivals(table).write(message("e1"), "sent", given=["e1"])
    assert arrivals(table).known_ids("g", "u", "s", ["e1"])
    assert not arrivals(table).known_ids("g", "u", "another", ["e1"])


def test_only_a_part_of_many_arrivals_is_read(table: Table) -> None:
    for number in range(5):
        arrivals(table).write(message(*map(str, range(100)), arrived=NOW + number, userId="u"), "sent")
    queries = list[Any]()
    table.dynamodb.meta.events.register("before-call.dynamodb.Query", lambda **call: queries.append(call))
    found = arrivals(table).newest("g", "u")
    assert [next(found)["arrived"] for _ in range(90)] == [NOW + 4] * 90
    assert len(queries) == 1
    middle = next(found)["place"]
    older = [one["place"] for one in arrivals(table).newest("g", "u", middle)]
    assert len(older) == 409
    assert older == sorted(older, reverse=True)
    assert older[0] < middle


def test_pending_events_are_settled(table: Table) -> None:
    arrivals(table).write(message("e1", "e2"), "pending", given=["e1"])
    arrivals(table).settle(message("e1"), "sent")
    arrivals(table).settle(message("e2"), "refused", "The item is bad.")
    arrivals(table).count_repeated([*arrivals(table).known_ids("g", "", "s", ["e1"]).values(), ("g#s", "event#gone")])
    found: dict[str, Any] = {one["event"]["eventId"]: one for one in arrivals(table).newest("g", "s")}
    assert found["e1"].pop("place") == "event#001800000000250#001799999995000#e1"
    event = {"eventId": "e1", "eventType": "watch", "sentAt": NOW - 5, "itemId": "i"}
    assert found["e1"] == {
        "kind": "events", "event": event, "sessionId": "s", "arrived": NOW + 0.25, "outcome": "sent", "repeats": 1,
    }  # fmt: skip
    assert (found["e2"]["outcome"], found["e2"]["reason"]) == ("refused", "The item is bad.")
    assert found.keys() == {"e1", "e2"}


def test_a_refused_event_may_be_sent_again(table: Table) -> None:
    arrivals(table).write(message("e1"), "refused", "No.", ["e1"])
    assert not arrivals(table).known_ids("g", "", "s", ["e1"])
    arrivals(table).write(message("e1", arrived=NOW + 1), "sent", given=["e1"])
    assert arrivals(table).known_ids("g", "", "s", ["e1"])


def test_a_delivered_event_is_not_pending_again_whatever_the_order_of_writes(table: Table) -> None:
    arrivals(table).settle(message("e1"), "sent")
    arrivals(table).write_pending(message("e1"))
    arrivals(table).write_pending(message("e2"))
    assert {one["event"]["eventId"]: one["outcome"] for one in arrivals(table).newest("g", "s")} == {
        "e1": "sent", "e2": "pending",
    }  # fmt: skip


def test_an_event_id_of_any_length_and_script_has_a_place(table: Table) -> None:
    long = "😀" * 256
    arrivals(table).write(message(long), "sent", given=[long])
    assert arrivals(table).known_ids("g", "", "s", [long]).keys() == {long}
