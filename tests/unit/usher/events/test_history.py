"""The arrivals of a user's events: newest first, in pages, with the reasons why some do not count."""

import base64
import json
from typing import Any

import pytest
from usher.aws import digest
from usher.errors import RequestError
from usher.routes import ROUTES

from tests.unit.usher.events.conftest import MAP, Site

EVENT = {"eventType": "watch", "itemId": "i1"}
ROUTE = ROUTES["user-events"]


def read(site: Site, user: str = "u", trained: float = 0, **options: Any) -> dict[str, Any]:
    return site.history.of_user("g", ROUTE, {"userId": user, **options}, MAP, {"v1": trained, "v2": trained})


def events_by_id(site: Site, user: str = "u", **options: Any) -> dict[str, dict[str, Any]]:
    return {one["eventId"]: one for one in read(site, user, **options)["events"]}


def test_a_counting_event_says_for_which_solutions_and_from_when(site: Site) -> None:
    site.post(EVENT | {"eventId": "e1", "properties": {"device": "tv"}}, userId="u", sessionId="s")
    [one] = read(site)["events"]
    assert (one["sessionId"], one["outcome"], one["counts"], one["why"]) == ("s", "sent", True, [])
    assert (one["eventType"], one["itemId"], one["properties"]) == ("watch", "i1", {"device": "tv"})
    assert one["countsFor"] == {"for-you": "at once", "similar": "after the next training"}
    [later] = read(site, trained=one["arrived"] + 1)["events"]
    assert later["countsFor"] == {"for-you": "trained", "similar": "trained"}


def test_an_event_that_does_not_count_says_why(site: Site) -> None:
    site.unknown.add("gone")
    site.post(EVENT | {"eventId": "e1", "itemId": "gone"}, EVENT | {"eventId": "e2", "eventType": "stare"})
    site.post({"eventType": "watch", "eventId": "e3"}, EVENT | {"eventId": "e4", "eventType": "buy"})
    site.post(EVENT | {"eventId": "e4"})
    site.personalize.error = "InvalidInputException"
    with pytest.raises(RequestError):
        site.post(EVENT | {"eventId": "e5"})
    site.personalize.error = "ThrottlingException"
    site.post(EVENT | {"eventId": "e6"})
    found = events_by_id(site)
    why = {event_id: [reason["code"] for reason in one["why"]] for event_id, one in found.items()}
    assert why == {
        "e1": ["UnknownItem"], "e2": ["UnusedEventType"], "e3": ["NoItem"], "e4": ["Repeated"], "e5": ["Refused"],
        "e6": ["Pending"],
    }  # fmt: skip
    assert [event_id for event_id, one in found.items() if one["counts"]] == ["e4"]
    assert found["e4"]["countsFor"] == {"similar": "after the next training"}
    site.unknown.clear()
    assert events_by_id(site)["e1"]["counts"]  # the catalogue has it by now


def test_the_events_of_all_sessions_of_a_user_and_no_others_are_listed(site: Site) -> None:
    site.post(EVENT | {"eventId": "guest"}, sessionId="s")
    site.post(EVENT | {"eventId": "stranger"}, sessionId="unknown")
    site.post(EVENT | {"eventId": "login"}, sessionId="s", userId="u")
    site.post(EVENT | {"eventId": "phone"}, sessionId="s2", userId="u")
    site.post(EVENT | {"eventId": "plain"}, userId="u")
    site.post(EVENT | {"eventId": "v"}, sessionId="s3", userId="v")
    assert list(events_by_id(site)) == ["plain", "phone", "login", "guest"]
    assert list(events_by_id(site, "v")) == ["v"]
    assert not events_by_id(site, "nobody")
    site.post(EVENT | {"eventId": "next"}, sessionId="s", userId="v")  # another user of the device
    assert list(events_by_id(site)) == ["plain", "phone", "login"]
    assert "login" not in events_by_id(site, "v")


def test_pages_have_each_event_once_newest_first(site: Site) -> None:
    names = [f"e{number:02d}" for number in range(57)]
    for number, name in enumerate(names):
        site.post(EVENT | {"eventId": name}, userId="u", sessionId=f"s{number % 3}")
    found: list[str] = []
    page = read(site, numResults="10")
    while True:
        assert len(page["events"]) <= 10
        found += [one["eventId"] for one in page["events"]]
        site.post(EVENT, userId="u")  # later arrivals change no page
        if "next" not in page:
            break
        page = read(site, numResults="10", next=page["next"])
    assert found == names[::-1]


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_page_of_a_robot_with_many_events_reads_little_more_than_the_page(site: Site) -> None:
    for number in range(6):
        events = [EVENT | {"eventId": f"e{number}-{place:03d}"} for place in range(200)]
        site.post(*events, userId="u", sessionId=f"s{number % 2}")
    read_items = list[int]()

    def note(parsed: Any, **_: Any) -> None:
        read_items.append(len(parsed["Items"]))

    site.table.dynamodb.meta.events.register("after-call.dynamodb.Query", note)
    page = read(site, numResults="100")
    while True:
        assert sum(read_items) <= 300
        read_items.clear()
        if "next" not in page:
            break
        page = read(site, numResults="100", next=page["next"])


def test_next_is_good_for_its_user_alone(site: Site) -> None:
    for user in "uv":
        for _ in range(2):
            site.post(EVENT, userId=user)
    token = read(site, numResults="1")["next"]
    assert len(read(site, next=token)["events"]) == 1
    with pytest.raises(RequestError, match="an answer about this user"):
        read(site, "v", next=token)


@pytest.mark.parametrize("place", ["", "user", "event#" + "x" * 1100, "event#\ud800", 5])
def test_a_next_that_no_answer_has_given_is_refused(site: Site, place: object) -> None:
    token = base64.urlsafe_b64encode(json.dumps([place, digest(["g", "u"])]).encode()).decode()
    with pytest.raises(RequestError, match="next must be"):
        read(site, next=token)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"numResults": "0"}, "BadNumResults"),
        ({"numResults": "many"}, "BadNumResults"),
        ({"next": "x"}, "BadNext"),
        ({"next": "W10="}, "BadNext"),
        ({"next": "\x00é"}, "BadNext"),
        ({"filter": "x"}, "UnknownOption"),
        ({"userId": ""}, "BadId"),
        ({"userId": None}, "BadId"),
    ],
)
def test_a_bad_option_is_refused(site: Site, options: dict[str, Any], code: str) -> None:
    with pytest.raises(RequestError) as caught:
        site.history.of_user("g", ROUTE, {"userId": "u", **options}, MAP, {})
    assert (caught.value.status, caught.value.code) == (400, code)
