"""Posted events are checked as a whole; an error names the event, the member, and the remedy, which works."""

import json
import re
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from usher.errors import RequestError
from usher.events.checks import KINDS, MAX_EVENTS, Posted, check_request
from usher.events.messages import Message, call_of
from usher.limits import FIRST_MILLISECOND

from usher_local.personalize.api.validation import validate

MODEL: Any = botocore.session.get_session().get_service_model("personalize-events")
SHAPES = {kind: MODEL.operation_model(name).input_shape for kind, name in
          {"events": "PutEvents", "action-interactions": "PutActionInteractions"}.items()}  # fmt: skip
NOW = 1_800_000_000.0
EVENT = {"eventType": "watch", "itemId": "i1", "sentAt": NOW - 60}
ACTION = {"eventType": "TAKEN", "actionId": "a1", "timestamp": NOW - 60}
SCHEMA = {
    "USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long", "EVENT_TYPE": "string", "EVENT_VALUE": "float",
    "DISCOUNT_PCT": ["null", "int"], "DEVICE": "string", "GIFT": ["null", "boolean"], "NOTE": ["null", "string"],
}  # fmt: skip
FULL = EVENT | {"eventValue": 1, "properties": {"device": "phone"}}


def posted(*events: Any, **others: Any) -> dict[str, Any]:
    return {"userId": "u1", "sessionId": "s1", "events": list(events), **others}


def acted(*events: Any) -> dict[str, Any]:
    return {"userId": "u1", "actionInteractions": list(events)}


def checked(content: dict[str, Any], kind: str = "events", columns: Any = ()) -> Posted:
    return check_request(content, KINDS[kind], dict(columns), NOW, make_id=lambda: "made")


def refused(content: dict[str, Any], kind: str = "events", columns: Any = ()) -> str:
    with pytest.raises(RequestError) as caught:
        checked(content, kind, columns)
    assert caught.value.status == 400
    return f"{caught.value.code}: {caught.value}"


def call(one: Posted, kind: Any = "events") -> dict[str, Any]:
    message = Message(
        kind=kind, group="g", trackingId="t", sessionId=one.session, userId=one.user, arrived=NOW, events=one.events
    )
    return call_of(message)[1]


def test_the_members_are_those_of_the_service() -> None:
    assert set(KINDS["events"].members) == set(SHAPES["events"].members["eventList"].member.members)
    ours = {*KINDS["action-interactions"].members, "userId", "sessionId"}
    assert ours == set(SHAPES["action-interactions"].members["actionInteractions"].member.members)


def test_numbers_are_taken_as_ids_and_properties_as_an_object() -> None:
    one = checked(posted(EVENT | {"itemId": 7, "properties": {"a": 1}}, userId=5))
    assert (one.user, one.events[0]["itemId"]) == ("5", "7")
    assert json.loads(one.events[0]["properties"]) == {"a": 1}


def test_defaults_are_filled_in_before_anything_is_sent() -> None:
    one = checked(posted({"eventType": "watch"}, {"eventType": "watch", "eventId": "mine"}, {"eventType": "watch"}))
    assert [event["eventId"] for event in one.events] == ["made-1", "mine", "made-3"]
    assert one.given_ids == {"mine"}
    assert {event["sentAt"] for event in one.events} == {NOW}


def test_two_requests_never_make_the_same_event_id() -> None:
    ids = [check_request(posted(EVENT), KINDS["events"], {}, NOW).events[0]["eventId"] for _ in range(99)]
    assert len(set(ids)) == 99


def test_a_user_without_a_session_is_a_session() -> None:
    one = checked({"userId": "u1", "events": [EVENT]})
    assert (one.user, one.session) == ("u1", "u1")


def test_an_anonymous_session_has_no_user() -> None:
    one = checked({"sessionId": "s1", "events": [EVENT]})
    assert (one.user, one.session) == ("", "s1")


BODY = "BadBody: The body must be {userId, sessionId, events: [{eventType, itemId, ...}, ...]}"
NOT_A_LIST = f"{BODY}, with 1 to 500 events."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, NOT_A_LIST),
        (posted(), NOT_A_LIST),
        (posted(EVENT, user="u"), f"{BODY}; it has the unknown member 'user'."),
        ({"userId": "u", "events": EVENT}, NOT_A_LIST),
        ({"events": [EVENT]}, "BadBody: The body names neither userId nor sessionId. Give at least one of them."),
        (posted(EVENT, userId=""), "BadId: userId must be a text of 1 to 256 characters."),
        (posted(*[EVENT] * (MAX_EVENTS + 1)), "BadList: There are 501 events; send at most 500 at a time."),
        (posted(EVENT, "watch"), "BadEvent: Event 2 must be an object such as {eventType, itemId}."),
        (posted({"itemId": "i"}), "BadId: eventType of event 1 must be a text of 1 to 256 characters."),
        (posted(EVENT | {"itemId": None}), "BadId: itemId of event 1 must be a text of 1 to 256 characters."),
    ],
)
def test_a_wrong_body_is_refused_with_the_reason(content: dict[str, Any], message: str) -> None:
    assert refused(content) == message


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("type", "x", "Event 12 has the unknown member type; allowed: eventType"),
        ("DISCOUNT", "x", "Put other columns of your schema into properties."),
        ("item_id", "x", "Write itemId."),
        ("eventValue", "5", "eventValue of event 12 must be a number, not 5. Write it without quotes."),
        ("eventValue", True, "eventValue of event 12 must be a number"),
        ("impression", "a|b", "impression of event 12 must be a list"),
        ("properties", "not json", "properties of event 12 must be an object, or one as JSON text: Expecting value"),
        ("properties", "[1]", "properties of event 12 must be an object, or one as JSON text."),
        ("metricAttribution", 1, "metricAttribution of event 12 must be {eventAttributionSource: a text"),
        ("itemId", "", "itemId of event 12 must be a text"),
        ("itemId", "a\x00", "itemId of event 12 must not have control characters"),
        ("impression", ["i"] * 26, "impression of event 12 has 26 items; 25 are allowed."),
        ("recommendationId", "R" * 41, "recommendationId of event 12 must have at most 40 characters."),
        ("eventValue", 1e39, "eventValue of event 12 must be from -3.4e+38 to 3.4e+38."),
        ("properties", '{"x": NaN}', "or one as JSON text: NaN is not JSON."),
        ("properties", {"x": "y" * 1017}, "properties of event 12 have 1025 characters as JSON; 1024 are allowed."),
        ("metricAttribution", {"eventAttributionSource": " "}, "metricAttribution of event 12 must be"),
        ("metricAttribution", {"eventAttributionSource": "é"}, "metricAttribution of event 12 must be"),
        ("impression", ["€" * 256] * 25, "Event 12 has 19"),
    ],
)
def test_no_event_passes_if_one_is_bad(member: str, value: object, said: str) -> None:
    events = [{"eventType": "watch"} for _ in range(11)] + [{"eventType": "watch", member: value}]
    assert said in refused({"userId": "u", "events": events})


@pytest.mark.parametrize(
    "word", ["null", "NULL", "Undefined", "undefined", "None", "nil", "NaN", "N/A", "[object Object]", " "]
)
@pytest.mark.parametrize("member", ["itemId", "eventId", "eventType", "recommendationId", "impression"])
def test_a_placeholder_for_a_missing_value_is_refused(member: str, word: str) -> None:
    value = ["i1", word] if member == "impression" else word
    said = refused(posted(EVENT, EVENT | {member: value}))
    assert said.startswith("BadId: ")
    assert f"{member} of event 2 is {word!r}, a placeholder for a missing value. Leave it out." in said
    assert checked(posted(EVENT, EVENT | {member: ["i1"] if member == "impression" else "i1"}))


@pytest.mark.parametrize("member", ["userId", "sessionId"])
def test_a_placeholder_for_a_user_or_session_is_refused(member: str) -> None:
    assert f"{member} is 'null', a placeholder" in refused(posted(EVENT, **{member: "null"}))


@pytest.mark.parametrize(
    "sent",
    [
        1, 0, -1, 99_999_999, 1_800_000_000_000, 1.8e12, 1.8e15, 1.8e18, "1800000000", "2027-01-15T08:00:00Z",
        "2027-01-15T08:00:00+01:00", "2027-01-15T08:00:00", "now", "", True, float("nan"), float("inf"), None, {},
        10**300,
    ],
)  # fmt: skip
def test_a_time_that_is_not_in_seconds_is_refused_with_the_valid_form(sent: Any) -> None:
    said = refused(posted(EVENT, EVENT | {"sentAt": sent}))
    assert said.startswith("BadEvent: sentAt of event 2 must be Unix time in seconds, not ")
    assert ("if it is in UTC" in said) == (sent == "2027-01-15T08:00:00")
    assert not re.search("None|True", said), "which no sender has written"
    if found := re.search(r"Write the number (\d+)(, if it is in UTC)?\.", said):
        assert abs(int(found[1]) - NOW) < 86_400
        assert checked(posted(EVENT | {"sentAt": int(found[1])}))
    else:
        assert said.endswith("Write the seconds since 1970, or leave it out to use the current time.")
    is_time = not isinstance(sent, bool) and ("18" in str(sent) or "2027" in str(sent) or "1.8" in str(sent))
    assert bool(found) == is_time


@pytest.mark.parametrize(
    ("ahead", "is_refused"), [(80_000, False), (90_000, True), (FIRST_MILLISECOND - NOW - 1, True)]
)
def test_a_clock_may_be_a_day_ahead(ahead: float, is_refused: bool) -> None:
    event = EVENT | {"sentAt": NOW + ahead}
    if is_refused:
        assert (
            "more than a day from now. Correct the sender's clock, or leave it out to use the current time."
            in refused(posted(event))
        )
    else:
        assert checked(posted(event))


@pytest.mark.parametrize(
    "name", ["itemId", "ITEM_ID", "eventValue", "EVENT_VALUE", "eventid", "sentAt", "timestamp", "userId", "sessionId",
             "EVENT_TYPE", "impression", "recommendation_id", "eventAttributionSource", "actionId"],
)  # fmt: skip
def test_a_member_of_its_own_is_no_property(name: str) -> None:
    said = refused(posted(EVENT, EVENT | {"properties": {"x": 1, name: "2"}}))
    assert re.fullmatch(rf"BadEvent: .+ event 2 must not have {name}. Write .+ outside of properties\.", said)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (EVENT | {"properties": {"device": "tv"}}, "eventValue of event 2 is missing, which the schema requires"),
        (EVENT | {"eventValue": 1}, "properties of event 2: device is missing, which the schema requires"),
        (FULL | {"properties": {"device": None}}, "event 2: device is missing, which the schema requires as DEVICE."),
        (FULL | {"properties": {"DEVICE": ["a"]}}, 'DEVICE is ["a"], and the schema has the type string.'),
        (FULL | {"properties": {"device": "tv", "other": [1]}}, "other is [1]. Give a text, a number, true or false."),
        (FULL | {"properties": {"device": "tv", "other": {"a": 1}}}, 'other is {"a": 1}. Give a text, a number'),
        (FULL | {"properties": {"device": True}}, "device is true, and the schema has the type string. Give a text."),
        (FULL | {"properties": {"device": "tv", "discountPct": "much"}}, 'discountPct is "much", and the schema'),
        (FULL | {"properties": {"device": "tv", "discountPct": 1.5}}, "type int. Give a whole number of 32 bits."),
        (FULL | {"properties": {"device": "tv", "discountPct": "1_0"}}, 'discountPct is "1_0", and the schema'),
        (FULL | {"properties": {"device": "tv", "discountPct": "\u0661"}}, 'discountPct is "\u0661", and the schema'),
        (FULL | {"properties": {"device": "tv", "discountPct": 2**33}}, "Give a whole number of 32 bits."),
        (FULL | {"properties": {"device": "tv", "discountPct": 2**31}}, "Give a whole number of 32 bits."),
        (FULL | {"properties": {"device": "tv", "gift": "yes"}}, 'gift is "yes", and'),
        (FULL | {"properties": {"device": "d" * 1001}}, "device has 1001 characters; 1000 are allowed. Shorten it."),
    ],
)  # fmt: skip
def test_an_event_that_does_not_fit_the_schema_is_refused(event: dict[str, Any], said: str) -> None:
    assert said in refused(posted(FULL, event), columns=SCHEMA)


@pytest.mark.parametrize(
    "properties",
    [{"device": 7}, {"device": "tv", "gift": True, "discountPct": "7"}, {"device": "tv", "gift": None, "other": 1}],
)  # fmt: skip
def test_an_event_that_fits_the_schema_passes(properties: dict[str, Any]) -> None:
    assert checked(posted(FULL | {"properties": properties}), columns=SCHEMA)


@pytest.mark.parametrize("kind", KINDS)
def test_the_largest_allowed_values_pass_the_services_own_model(kind: str) -> None:
    common = {
        "eventId": "e" * 256,
        "impression": ["i"] * 25,
        "recommendationId": "R" * 40,
        "properties": {"x": "€" * 1016},
    }
    attribution = {"eventAttributionSource": "a" * 1024}
    event = EVENT | {"sentAt": NOW + 80_000, "eventValue": -3.4e38, "metricAttribution": attribution} | common
    one = checked(posted(event) if kind == "events" else acted(ACTION | common), kind)
    sent = call(one, kind)
    assert not ParamValidator().validate(sent, SHAPES[kind]).generate_report()
    validate(SHAPES[kind], json.loads(json.dumps(sent)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"userId": "u", "events": [ACTION]}, "BadBody: The body must be {userId, sessionId, actionInteractions: ["),
        (acted(ACTION, {"eventType": "TAKEN"}), "BadId: actionId of event 2 must be a text of 1 to 256 characters."),
        (acted(ACTION | {"eventType": "bought"}), "BadEvent: eventType of event 1 is bought. Write one of"),
        (acted(ACTION | {"timestamp": 1}), "BadEvent: timestamp of event 1 must be Unix time in seconds"),
        (acted(ACTION | {"eventValue": 1}), "BadEvent: Event 1 has the unknown member eventValue"),
    ],
)  # fmt: skip
def test_a_wrong_action_interaction_is_refused(content: dict[str, Any], said: str) -> None:
    assert refused(content, "action-interactions").startswith(said)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = sorted({*KINDS["events"].members, *KINDS["action-interactions"].members, "userId", "x"})


@given(
    st.sampled_from(sorted(KINDS)), st.lists(st.dictionaries(st.sampled_from(MEMBERS), JSON), max_size=4), JSON, JSON
)
def test_any_post_is_refused_with_a_message_or_is_a_call_of_the_service(
    kind: str, events: list[Any], user: Any, session: Any
) -> None:
    usual: dict[str, Any] = EVENT if kind == "events" else ACTION
    content = {"userId": user, "sessionId": session, KINDS[kind].list: [usual | event for event in events]}
    try:
        one = checked(content, kind, SCHEMA if kind == "events" else ())
    except RequestError as error:
        assert error.status == 400
        assert str(error).endswith(".")
    else:
        sent = call(one, kind) if one.user else {**call(one, kind), "userId": "u"}
        sent |= (
            {"actionInteractions": [{**event, "userId": "u"} for event in sent["actionInteractions"]]}
            if kind != "events"
            else {}
        )
        sent.pop("userId", None) if kind != "events" else None
        assert not ParamValidator().validate(sent, SHAPES[kind]).generate_report()
