"""Sending events: permanent refusals of Personalize are distinguished from temporary ones."""

from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from usher.events.messages import Message
from usher.events.sending import send

EVENT = {"eventId": "e1", "eventType": "watch", "sentAt": 1_600_000_000.0}
MESSAGE = cast(
    Message, {"kind": "events", "group": "g", "trackingId": "t", "sessionId": "s", "arrived": 1.0, "events": [EVENT]}
)


def answered(code: str, status: int) -> Any:
    client = boto3.client("personalize-events", region_name="us-east-1")
    stubber = Stubber(client)
    stubber.add_client_error("put_events", code, "Not this.", status)
    stubber.activate()
    return client


def test_a_lasting_refusal_is_returned_in_the_services_words() -> None:
    assert send(answered("InvalidInputException", 400), MESSAGE) == "Not this."


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 400), ("InternalFailure", 500)])
def test_any_other_refusal_is_raised(code: str, status: int) -> None:
    with pytest.raises(ClientError):
        send(answered(code, status), MESSAGE)


def test_refusals_of_botocore_are_permanent() -> None:
    client = boto3.client("personalize-events", region_name="us-east-1")
    assert "trackingId" in send(client, MESSAGE | {"trackingId": ""})
