"""Events: checked as a whole, then cut into what PutEvents takes."""

import json
import time
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from usher.errors import RequestError
from usher.serving.events import BATCH_SIZE, MEMBERS, NULL_WORDS, put_events_calls

from usher_local.personalize.api.validation import validate

MODEL: Any = botocore.session.get_session().get_service_model("personalize-events")
SHAPE = MODEL.operation_model("PutEvents").input_shape
EVENT = {"eventType": "watch", "itemId": "i1", "sentAt": 1_600_000_000}


def posted(*events: Any, **others: Any) -> dict[str, Any]:
    return {"userId": "u1", "sessionId": "s1", "events": list(events), **others}


def refused(content: dict[str, Any]) -> str:
    with pytest.raises(RequestError) as caught:
        list(put_events_calls(content, "t"))
    assert caught.value.status == 400
    return f"{caught.value.code}: {caught.value}"


def test_the_members_are_those_of_the_service() -> None:
    assert set(MEMBERS) == set(SHAPE.members["eventList"].member.members)


@given(st.integers(1, 35))
def test_events_are_cut_into_portions_in_order(count: int) -> None:
    calls = list(put_events_calls(posted(*(EVENT | {"itemId": str(n)} for n in range(count))), "t"))
    assert [len(call["eventList"]) for call in calls[:-1]] == [BATCH_SIZE] * (len(calls) - 1)
    assert 1 <= len(calls[-1]["eventList"]) <= BATCH_SIZE
    assert [event["itemId"] for call in calls for event in call["eventList"]] == [str(n) for n in range(count)]
    for call in calls:
        assert (call["trackingId"], call["userId"], call["sessionId"]) == ("t", "u1", "s1")
        assert not ParamValidator().validate(call, SHAPE).generate_report()


def test_numbers_are_taken_as_ids_and_properties_as_an_object() -> None:
    (call,) = put_events_calls(posted(EVENT | {"itemId": 7, "properties": {"a": 1}}, userId=5), "t")
    assert (call["userId"], call["eventList"][0]["itemId"]) == ("5", "7")
    assert json.loads(call["eventList"][0]["properties"]) == {"a": 1}


def test_an_event_without_a_time_has_happened_now() -> None:
    before = time.time()
    (call,) = put_events_calls(posted({"eventType": "watch"}), "t")
    assert before <= call["eventList"][0]["sentAt"] <= time.time()


def test_a_user_without_a_session_is_a_session() -> None:
    (call,) = put_events_calls({"userId": "u1", "events": [EVENT]}, "t")
    assert call["sessionId"] == "u1"


def test_an_anonymous_session_has_no_user() -> None:
    (call,) = put_events_calls({"sessionId": "s1", "events": [EVENT]}, "t")
    assert "userId" not in call


BODY = "BadBody: The body must be {userId, sessionId, events: [{eventType, itemId, ...}, ...]}."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, BODY),
        (posted(), BODY),
        (posted(EVENT, user="u"), BODY),
        ({"userId": "u", "events": EVENT}, BODY),
        ({"events": [EVENT]}, "BadBody: The body names neither userId nor sessionId."),
        (posted(EVENT, userId=""), "BadId: userId must be a text of 1 to 256 characters."),
        (posted(EVENT, "watch"), "BadEvent: Event 2 must be an object."),
        (
            posted(EVENT | {"type": "x"}),
            f"BadEvent: Event 1 has the unknown member type; allowed: {', '.join(MEMBERS)}.",
        ),
        (posted({"itemId": "i"}), "BadId: eventType of event 1 must be a text of 1 to 256 characters."),
        (posted(EVENT | {"itemId": None}), "BadId: itemId of event 1 must be a text of 1 to 256 characters."),
        *(
            (posted(EVENT | {"sentAt": sent}), f"BadEvent: sentAt of event 1 must be Unix time in seconds, not {sent}.")
            for sent in (1_600_000_000_000, 0, -1, "now", True, float("nan"), float("inf"), None)
        ),
    ],
)
def test_a_wrong_body_is_refused_with_the_reason(content: dict[str, Any], message: str) -> None:
    assert refused(content) == message


def test_nothing_is_sent_of_a_body_with_one_wrong_event() -> None:
    sent = []
    with pytest.raises(RequestError):
        for call in put_events_calls(posted(*[EVENT] * 15, {}), "t"):
            sent.append(call)
    assert not sent


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("eventValue", "x", "eventValue of event 12 must be a number, not x."),
        ("eventValue", True, "eventValue of event 12 must be a number"),
        ("impression", "a|b", "impression of event 12 must be a list"),
        ("properties", "not json", "properties of event 12 must be an object, or one as JSON text: Expecting value"),
        ("properties", "[1]", "properties of event 12 must be an object, or one as JSON text."),
        ("metricAttribution", 1, "metricAttribution of event 12 must be {eventAttributionSource: a text"),
        ("itemId", "", "itemId of event 12 must be a text"),
        ("itemId", "null", "itemId of event 12 is null, a placeholder for a missing ID."),
        ("itemId", "a\x00", "itemId of event 12 must not have control characters"),
        ("impression", ["i"] * 26, "impression of event 12 has 26 items; 25 are allowed."),
        ("recommendationId", "R" * 41, "recommendationId of event 12 must have at most 40 characters."),
        ("sentAt", 4_102_444_800, "more than a day from now."),
        ("eventValue", 1e39, "eventValue of event 12 must be from -3.4e+38 to 3.4e+38."),
        ("properties", '{"x": NaN}', "or one as JSON text: NaN is not JSON."),
        ("properties", {"timestamp": 1}, "properties of event 12 must not have timestamp."),
        ("properties", {"EVENT_TYPE": "w"}, "properties of event 12 must not have EVENT_TYPE."),
        ("properties", {"x": "y" * 1017}, "properties of event 12 have 1025 characters as JSON; 1024 are allowed."),
        ("metricAttribution", {"eventAttributionSource": " "}, "metricAttribution of event 12 must be"),
        ("impression", ["€" * 256] * 25, "Event 12 has 19"),
    ],
)
def test_nothing_is_passed_on_if_any_event_is_bad(member: str, value: object, said: str) -> None:
    events = [{"eventType": "watch"} for _ in range(11)] + [{"eventType": "watch", member: value}]
    with pytest.raises(RequestError) as refused:
        put_events_calls({"userId": "u", "events": events}, "t")
    assert said in str(refused.value)


def test_what_is_just_allowed_passes_the_services_own_model() -> None:
    event = EVENT | {
        "sentAt": time.time() + 80_000,
        "impression": ["i"] * 25,
        "recommendationId": "R" * 40,
        "eventValue": -3.4e38,
        "properties": {"x": "€" * 1016},
        "metricAttribution": {"eventAttributionSource": "a" * 1024},
    }
    (call,) = put_events_calls(posted(event), "t")
    validate(SHAPE, json.loads(json.dumps(call)))
    assert len(call["eventList"][0]["properties"]) == 1024


@pytest.mark.parametrize("word", sorted(NULL_WORDS))
@pytest.mark.parametrize("member", ["userId", "sessionId"])
def test_a_programs_word_for_nothing_is_nobody(member: str, word: str) -> None:
    assert refused(posted(EVENT, **{member: word})).startswith(f"BadId: {member} is {word}, a placeholder")


def test_no_more_events_than_can_be_passed_on_in_time() -> None:
    with pytest.raises(RequestError, match="There are 501 events; post at most 500 at a time"):
        put_events_calls({"userId": "u", "events": [{"eventType": "watch"}] * 501}, "t")
