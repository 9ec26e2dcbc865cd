"""Public reports about lost events, replayed: each event is refused with a message, or explained.

Reports: aws-sdk-js #3370, #3371, #2773, boto3 #2573, amplify-js #6906, #3533, #9644, amazon-personalize-samples #15.
"""

import time
from typing import Any

import pytest
from usher.errors import RequestError
from usher.routes import ROUTES

from tests.unit.usher.events.conftest import MAP, Site

NOW = int(time.time())
EVENT = {"eventType": "watch", "itemId": "1"}
VIDEO = '{"itemId":"593","timestamp":139.47,"duration":597,"eventValue":0.23}'
"""The properties of a player's event as a client of 2020 sent them."""


def body(event: Any = None, **who: Any) -> dict[str, Any]:
    return {**(who or {"userId": "u"}), "events": [EVENT | (event or {})]}


REFUSED = {
    "3370: a second such as 1": (body({"sentAt": 1}), "sentAt of event 1", "Write the seconds since 1970"),
    "3370: milliseconds": (body({"sentAt": NOW * 1000}), "sentAt of event 1", f"Write the number {NOW}"),
    "3370: a Date as JSON": (
        body({"sentAt": "2026-11-27T08:00:00.000Z"}),
        "sentAt of event 1",
        "Write the number 1795766400",
    ),
    "3370: a Date as text": (
        body({"sentAt": "Fri Nov 27 2026 08:00:00 GMT"}),
        "sentAt of event 1",
        "seconds since 1970",
    ),
    "3370: seconds as text": (body({"sentAt": f"{NOW}"}), "sentAt of event 1", f"Write the number {NOW}"),
    "3371: the session null": (body(userId="u", sessionId="null"), "sessionId is 'null'", "Leave it out"),
    "3371: the user undefined": (body(userId="undefined"), "userId is 'undefined'", "Leave it out"),
    "2773: broken properties": (
        body({"properties": "{itemId: 1}"}),
        "properties of event 1",
        "an object, or one as JSON",
    ),
    "2573: the item twice": (body({"properties": {"itemId": "2"}}), "must not have itemId", "Write itemId outside"),
    "2573: the value inside": (
        body({"properties": {"eventValue": 4}}),
        "must not have eventValue",
        "Write eventValue outs",
    ),
    "2573: the user inside": (body({"properties": {"userId": "v"}}), "must not have userId", "Write userId outside"),
    "6906: a player's event": (
        body({"properties": VIDEO}),
        "must not have itemId, timestamp, eventValue",
        "Write itemId, ",
    ),
    "6906: a session without anybody": ({"events": [EVENT]}, "neither userId nor sessionId", "Give at least one"),
    "3533: a form of PutEvents": (
        {"trackingId": "t", "sessionId": "s", "eventList": [EVENT]},
        "The body must be",
        "events: [",
    ),
    "9644: another program's recommendationId": (
        body({"recommendationId": "undefined"}),
        "recommendationId of event 1 is 'undefined'",
        "Leave it out",
    ),
    "9644: impressions as in a CSV": (body({"impression": "1|2"}), "impression of event 1 must be a list", "IDs"),
}


@pytest.mark.parametrize("report", REFUSED)
def test_a_vanished_file_is_refused_with_a_remedy(site: Site, report: str) -> None:
    posted, place, remedy = REFUSED[report]
    with pytest.raises(RequestError) as caught:
        site.acceptance.accept("g", "events", MAP, posted)
    assert caught.value.status == 400
    assert place in str(caught.value)
    assert remedy in str(caught.value)
    assert (site.personalize.calls, site.kept, site.pending) == ([], [], [])


def test_arrived_and_counting_events_are_listed(site: Site) -> None:
    site.unknown.add("sold")
    site.post(EVENT | {"eventType": "stare"}, EVENT | {"itemId": "sold"}, EVENT | {"recommendationId": "RID-1"})
    events = site.history.of_user("g", ROUTES["user-events"], {"userId": "u"}, MAP, {})["events"]
    assert [one["counts"] for one in events] == [True, False, False]
    assert [[reason["code"] for reason in one["why"]] for one in events] == [[], ["UnknownItem"], ["UnusedEventType"]]
    assert events[0]["recommendationId"] == site.personalize.calls[0]["eventList"][2]["recommendationId"] == "RID-1"


def test_a_guest_is_tracked_and_later_known(site: Site) -> None:
    site.post(EVENT, sessionId="s")
    site.post(EVENT, sessionId="s", userId="u")
    assert len(site.history.of_user("g", ROUTES["user-events"], {"userId": "u"}, MAP, {})["events"]) == 2
