"""Accepting events: stored first, sent once and in order, queued if Personalize does not accept them; or refused as a
whole."""

import itertools
import time
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from usher.errors import RequestError
from usher.storage.table import Table

from tests.unit.usher.events.conftest import MAP, Personalize, Site, make_site

EVENT = {"eventType": "watch", "itemId": "i1"}
ACTION = {"eventType": "TAKEN", "actionId": "a1"}
FINE = {"accepted": 1, "queued": 0, "duplicates": 0, "warnings": []}


def numbered(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [EVENT | {"eventId": f"e{number}"} for number in range(first, first + count)]


def ids(messages: list[Any]) -> list[str]:
    return [event["eventId"] for message in messages for event in message["events"]]


def codes(answer: dict[str, Any]) -> dict[str, list[int]]:
    return {one["code"]: one["events"] for one in answer["warnings"]}


def test_events_are_kept_and_sent_in_order_ten_at_a_time(site: Site) -> None:
    assert site.post(*numbered(25), userId="u", sessionId="s") == FINE | {"accepted": 25}
    assert [len(call["eventList"]) for call in site.personalize.calls] == [10, 10, 5]
    assert site.personalize.event_ids == [f"e{number}" for number in range(25)]
    assert {(call["userId"], call["sessionId"], call["trackingId"]) for call in site.personalize.calls} == {
        ("u", "s", "t")
    }
    assert sorted(ids(site.kept)) == sorted(f"e{number}" for number in range(25))
    assert not site.pending


def test_a_request_with_one_wrong_event_stores_and_sends_nothing(site: Site) -> None:
    with pytest.raises(RequestError):
        site.post(*numbered(15), {"eventType": ""})
    assert (site.personalize.calls, site.kept, site.pending) == ([], [], [])


def test_a_repeated_request_gets_the_same_answer_and_sends_nothing(site: Site) -> None:
    first = site.post(*numbered(12))
    assert site.post(*numbered(12)) == first | {"duplicates": 12}
    assert site.post(*numbered(14)) == FINE | {"accepted": 14, "duplicates": 12}
    assert site.personalize.event_ids == [f"e{number}" for number in range(14)]
    assert len(ids(site.kept)) == 14


def test_an_event_that_a_request_has_twice_counts_once(site: Site) -> None:
    assert site.post(*numbered(1), *numbered(2)) == FINE | {"accepted": 3, "duplicates": 1}
    assert site.personalize.event_ids == ["e0", "e1"]


def test_an_event_counts_once_for_a_user_in_any_session(site: Site) -> None:
    assert site.post(*numbered(1), userId="u") == FINE
    assert site.post(*numbered(2), userId="u", sessionId="s") == FINE | {"accepted": 2, "duplicates": 1}
    assert site.post(*numbered(3), sessionId="s") == FINE | {"accepted": 3, "duplicates": 2}, "it is the user's"
    assert site.post(*numbered(3), userId="u") == FINE | {"accepted": 3, "duplicates": 3}
    assert site.personalize.event_ids == ["e0", "e1", "e2"]


def test_the_same_id_from_another_user_is_another_event(site: Site) -> None:
    site.post(*numbered(1), sessionId="guest")
    for user in "uv":
        assert site.post(*numbered(1), userId=user) == FINE
    assert site.post(*numbered(1), userId="u", sessionId="guest") == FINE | {"duplicates": 1}, "the guest is the user"


def test_events_without_an_id_are_new_events(site: Site) -> None:
    assert site.post(EVENT) == site.post(EVENT) == FINE
    assert len(set(site.personalize.event_ids)) == 2


@pytest.mark.parametrize("error", ["ThrottlingException", "InternalServerException", "AccessDeniedException"])
def test_temporarily_refused_events_are_queued_with_all_later_ones(site: Site, error: str) -> None:
    site.personalize.error = error
    assert site.post(*numbered(25), userId="u", sessionId="s") == FINE | {"accepted": 25, "queued": 25}
    site.personalize.error = ""
    assert site.post(*numbered(2, 25), userId="u", sessionId="s") == FINE | {"accepted": 2, "queued": 2}
    assert site.post(*numbered(1, 90), userId="u", sessionId="other") == FINE
    assert site.personalize.event_ids == ["e90"]
    waiting = site.pending
    assert ids(waiting) == [f"e{number}" for number in range(27)]
    for message in waiting:
        site.acceptance.sessions.stop_waiting(message)
        site.acceptance.arrivals.settle(message, "sent")
    assert site.post(*numbered(1, 27), userId="u", sessionId="s") == FINE


def test_a_service_that_does_not_answer_is_waited_for_once(table: Table) -> None:
    class Unreachable(Personalize):
        def put_events(self, **members: Any) -> None:
            super().put_events(**members)
            raise EndpointConnectionError(endpoint_url="x")

    site = make_site(table, Unreachable())
    assert site.post(*numbered(30)) == FINE | {"accepted": 30, "queued": 30}
    assert len(site.personalize.calls) == 1


def test_an_event_is_accepted_only_if_it_is_stored(site: Site) -> None:
    site.sqs.delete_queue(QueueUrl=site.acceptance.queues.kept_url)
    with pytest.raises(site.sqs.exceptions.QueueDoesNotExist):
        site.post(*numbered(1))
    assert not site.personalize.calls


def test_a_message_that_can_not_be_queued_is_not_waited_for(site: Site) -> None:
    site.personalize.error = "ThrottlingException"
    site.sqs.delete_queue(QueueUrl=site.acceptance.queues.pending_url)
    with pytest.raises(site.sqs.exceptions.QueueDoesNotExist):
        site.post(*numbered(1), sessionId="s")
    site.personalize.error = ""
    assert site.post(*numbered(1), sessionId="s") == FINE


def test_permanent_refusals_of_personalize_are_reported(site: Site) -> None:
    site.personalize.error = "InvalidInputException"
    for _ in range(2):  # the same answer to a repeated request
        with pytest.raises(RequestError, match=r"Personalize refuses these events: Not this\.") as caught:
            site.post(*numbered(3))
        assert caught.value.status == 400
    assert [one.get("refused") for one in site.kept] == [None, "Not this."] * 2, "the reason is kept, too"
    site.personalize.error = ""
    assert site.post(*numbered(3)) == FINE | {"accepted": 3}


def test_an_event_refused_by_personalize_is_not_accepted_when_sent_twice(site: Site) -> None:
    site.personalize.error = "InvalidInputException"
    with pytest.raises(RequestError, match="Personalize refuses these events"):
        site.post(*numbered(1), *numbered(2))


def test_the_records_beside_refused_ones_are_accepted(table: Table) -> None:
    class RefusesTheSecond(Personalize):
        def put_events(self, **members: Any) -> None:
            self.error = "InvalidInputException" if self.calls else ""
            super().put_events(**members)

    answer = make_site(table, RefusesTheSecond()).post(*numbered(12))
    assert (answer["accepted"], answer["refused"]) == (10, 2)
    assert answer["warnings"] == [{"code": "Refused", "message": "Not this.", "events": [11, 12]}]


def test_a_session_remembers_its_user(site: Site) -> None:
    site.post(EVENT, sessionId="s")
    site.post(EVENT, sessionId="s", userId="u")
    site.post(EVENT, sessionId="s")
    assert [call.get("userId") for call in site.personalize.calls] == [None, "u", "u"]
    assert [message.get("userId") for message in site.kept].count("u") == 2


def test_events_that_may_not_count_are_accepted_with_a_warning(site: Site) -> None:
    site.unknown.add("gone")
    answer = site.post(
        EVENT,
        EVENT | {"itemId": "gone"},
        EVENT | {"eventType": "stare"},
        {"eventType": "watch"},
        EVENT | {"itemId": "gone", "properties": {"color": "red", "device": "tv"}},
    )
    assert answer["accepted"] == len(site.personalize.event_ids) == 5
    assert codes(answer) == {"UnknownItem": [2, 5], "UnusedEventType": [3], "NoItem": [4], "UnknownProperty": [5]}
    messages = {one["code"]: one["message"] for one in answer["warnings"]}
    assert messages["UnusedEventType"] == "No solution is trained on stare, but on: buy, watch."
    assert "color" in messages["UnknownProperty"]
    assert "device" not in messages["UnknownProperty"]


def test_a_catalogue_that_does_not_answer_loses_no_event(site: Site) -> None:
    def fail(*_: Any) -> set[str]:
        raise EndpointConnectionError(endpoint_url="x")

    acceptance = replace(site.acceptance, unknown_items=fail)
    assert acceptance.accept("g", "events", MAP, {"userId": "u", "events": [EVENT]}) == FINE


def test_any_event_type_counts_where_one_solution_learns_from_all(site: Site) -> None:
    content: Any = MAP | {"events": {"eventTypes": {"similar": ["buy"]}}}
    assert site.post(EVENT | {"eventType": "stare"}, content=content) == FINE


def test_a_map_of_a_former_release_gives_no_warnings(site: Site) -> None:
    content: Any = {name: value for name, value in MAP.items() if name != "events"}
    assert site.post(EVENT | {"properties": {"x": 1}, "eventValue": 2}, content=content) == FINE


def test_action_interactions_are_accepted_likewise(site: Site) -> None:
    assert site.post(ACTION | {"eventId": "e1"}, kind="action-interactions", userId="u", sessionId="s") == FINE
    [call] = site.personalize.calls
    assert call["trackingId"] == "at"
    [sent] = call["actionInteractions"]
    assert (sent["actionId"], sent["userId"], sent["sessionId"], sent["eventId"]) == ("a1", "u", "s", "e1")
    assert abs(sent["timestamp"] - time.time()) < 60
    assert [message["kind"] for message in site.kept] == ["action-interactions"]


@pytest.mark.parametrize(("kind", "status"), [("events", 503), ("action-interactions", 404)])
def test_events_without_a_tracker_are_refused(site: Site, kind: str, status: int) -> None:
    content: Any = MAP | {"trackingId": None, "actionTrackingId": None}
    with pytest.raises(RequestError) as caught:
        site.post(EVENT if kind == "events" else ACTION, kind=kind, content=content)
    assert caught.value.status == status
    assert not site.kept


VALUES: st.SearchStrategy[Any] = st.sampled_from(
    ["watch", "stare", "", "null", "i1", "e1", "e2", 7, 1.5, None, True, {}, ["i"], 10**10, "ü" * 300]
)
MEMBERS = st.sampled_from(["eventType", "itemId", "eventId", "sentAt", "eventValue", "properties", "impression", "x"])
SESSIONS = itertools.count()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.dictionaries(MEMBERS, VALUES, max_size=2), min_size=1, max_size=25),
    st.sampled_from([{"userId": "u"}, {}, {"userId": "null"}]),
    st.lists(st.sampled_from(["", "ThrottlingException"]), max_size=3),
    st.booleans(),
)
def test_all_of_a_request_is_sent_once_or_nothing_is(
    site: Site, events: list[dict[str, Any]], who: dict[str, Any], errors: list[str], named: bool
) -> None:
    site.personalize.calls, states = [], iter(errors)

    def put_events(**members: Any) -> None:
        site.personalize.error = next(states, "")
        Personalize.put_events(site.personalize, **members)

    site.personalize.put_events = put_events  # type: ignore[method-assign]
    posted = [{"eventType": "watch", **({"eventId": f"n{n}"} if named else {}), **one} for n, one in enumerate(events)]
    body = {**who, "sessionId": f"s{next(SESSIONS)}", "events": posted}
    try:
        answer = site.acceptance.accept("g", "events", MAP, body)
    except RequestError as error:
        assert 400 <= error.status < 500
        assert (site.personalize.calls, site.kept, site.pending) == ([], [], [])
        return
    sent = [*site.personalize.event_ids, *ids(site.pending)]
    assert len(sent) == len(set(sent)) == answer["accepted"] - answer["duplicates"]
    assert sorted(sent) == sorted(ids(site.kept))
    if named:
        again = site.acceptance.accept("g", "events", MAP, body)
        assert again == answer | {"queued": 0, "duplicates": len(posted)}
        assert (site.kept, site.pending) == ([], [])
