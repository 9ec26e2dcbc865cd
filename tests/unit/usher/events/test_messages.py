"""The document of the event queues: SQS accepts it, it survives a round trip, and it is one call of Personalize."""

import re
from typing import Any, cast

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from usher.events.messages import MAX_EVENTS, Message, call_of, decode, encode, ordering

MODEL: Any = botocore.session.get_session().get_service_model("personalize-events")
REFUSED_BY_SQS = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""SendMessage accepts the characters of XML 1.0."""
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9)


def message(**members: Any) -> Message:
    events = [{"eventId": "e1", "eventType": "watch", "sentAt": 1_600_000_000.0, "itemId": "i1"}]
    base = {"kind": "events", "group": "g", "trackingId": "t", "sessionId": "s", "arrived": 1_600_000_001.5}
    return cast(Message, {**base, "events": events, **members})


@given(TEXT, TEXT)
def test_any_text_passes_sqs_and_comes_back(user: str, properties: str) -> None:
    sent = message(userId=user)
    sent["events"][0]["properties"] = properties
    body = encode(sent)
    assert not REFUSED_BY_SQS.search(body)
    assert decode(body) == sent


@pytest.mark.parametrize("who", [{}, {"userId": "u"}])
@pytest.mark.parametrize("kind", ["events", "action-interactions"])
def test_a_message_is_one_call_of_the_service(kind: str, who: dict[str, str]) -> None:
    subject = "itemId" if kind == "events" else "actionId"
    event = {"eventId": "e1", "eventType": "watch", "sentAt": 1_600_000_000.0, subject: "x"}
    method, members = call_of(message(kind=kind, events=[event], **who))
    operation = {"put_events": "PutEvents", "put_action_interactions": "PutActionInteractions"}[method]
    shape = MODEL.operation_model(operation).input_shape
    assert not ParamValidator().validate(members, shape).generate_report()
    inner = members if kind == "events" else members["actionInteractions"][0]
    assert inner.get("userId") == who.get("userId")
    assert shape.members.get("eventList", shape.members.get("actionInteractions")).metadata["max"] == MAX_EVENTS


def test_a_session_has_one_order_and_a_repeated_message_one_identity() -> None:
    first, other = message(), message(sessionId="s2")
    assert ordering(first) == ordering(message(arrived=2.0))
    assert ordering(first)["MessageGroupId"] != ordering(other)["MessageGroupId"]
    another = message(events=[{"eventId": "e2", "eventType": "watch", "sentAt": 1.0}])
    assert ordering(first)["MessageGroupId"] == ordering(another)["MessageGroupId"]
    assert ordering(first)["MessageDeduplicationId"] != ordering(another)["MessageDeduplicationId"]
    assert ordering(first)["MessageDeduplicationId"] != ordering(other)["MessageDeduplicationId"], "eventIds may repeat"
    assert all(len(value) <= 128 for value in ordering(first).values())
