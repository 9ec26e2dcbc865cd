"""The items that a user has met, by the events in the table."""

import time
from typing import Any

import pytest
from usher.errors import RequestError
from usher.events.met import MAX_EVENTS, MAX_SESSIONS, WINDOWS, Met

from tests.unit.usher.events.conftest import Site


def bought(item: str, event_type: str = "Buy", **more: Any) -> dict[str, Any]:
    return {"eventType": event_type, "itemId": item, **more}


def test_events_of_all_of_a_users_sessions_count_and_those_of_others_do_not(site: Site) -> None:
    site.post(bought("a"), sessionId="s")
    site.post(bought("b"), sessionId="s", userId="u")
    site.post(bought("c", "watch"), userId="u")
    site.post(bought("x"), userId="other")
    assert Met.from_table(site.table)("g", "u", "events") == {"buy": {"a", "b"}, "watch": {"c"}}
    assert Met.from_table(site.table)("g", "nobody", "events") == {}


def test_a_guest_is_known_by_the_session(site: Site) -> None:
    site.post(bought("a"), sessionId="guest")
    assert Met.from_table(site.table)("g", "guest", "events") == {"buy": {"a"}}


def test_pending_events_count_and_refused_ones_do_not(site: Site) -> None:
    site.personalize.error = "InvalidInputException"
    with pytest.raises(RequestError):
        site.post(bought("refused"))
    site.personalize.error = "ThrottlingException"
    site.post(bought("waiting"))
    assert Met.from_table(site.table)("g", "u", "events") == {"buy": {"waiting"}}


def test_actions_are_distinguished_from_items(site: Site) -> None:
    site.post(bought("a"))
    site.post({"eventType": "TAKEN", "actionId": "x"}, kind="action-interactions")
    met = Met.from_table(site.table)
    assert (met("g", "u", "events"), met("g", "u", "action-interactions")) == ({"buy": {"a"}}, {"taken": {"x"}})


def test_the_latest_events_of_each_type_count_as_many_as_personalize_looks_at(site: Site) -> None:
    site.post(*(bought(f"i{second}", sentAt=1_700_000_000 + second) for second in range(WINDOWS["events"] + 1)))
    site.post(bought("old", "watch", sentAt=1_600_000_000))
    met = Met.from_table(site.table)("g", "u", "events")
    assert met == {"buy": {f"i{second}" for second in range(1, WINDOWS["events"] + 1)}, "watch": {"old"}}


def test_more_events_than_can_be_read_in_time_are_not_used(site: Site) -> None:
    event: Any = {"eventType": "watch", "itemId": "a", "sentAt": 1_700_000_000.0}
    message: Any = {"kind": "events", "group": "g", "trackingId": "t", "sessionId": "u", "arrived": time.time()}
    events = [{**event, "eventId": f"e{number}"} for number in range(MAX_EVENTS + 1)]
    site.acceptance.arrivals.write(message | {"events": events[:-1]}, "sent")
    assert Met.from_table(site.table)("g", "u", "events") == {"watch": {"a"}}
    site.acceptance.arrivals.write(message | {"events": events[-1:]}, "sent")
    assert Met.from_table(site.table)("g", "u", "events") is None


def test_more_sessions_than_can_be_read_in_time_are_not_used(site: Site) -> None:
    for session in range(MAX_SESSIONS):
        site.post(bought("a"), userId="u", sessionId=f"s{session}")
    assert Met.from_table(site.table)("g", "u", "events") == {"buy": {"a"}}
    for session in range(MAX_SESSIONS):
        site.post(bought("a"), sessionId=f"guest{session}")
        site.post(bought("a"), userId="u", sessionId=f"guest{session}")
    assert Met.from_table(site.table)("g", "u", "events") is None
