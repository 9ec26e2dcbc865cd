"""The same service over HTTP, training in a process of its own."""

import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer

from tests.unit.personalize.world import World
from usher_local.clock import Clock
from usher_local.personalize import install, shutdown


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server with the default settings and another clock."""
    install(Clock(math.inf))
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    shutdown()


@pytest.fixture(scope="module")
def world(endpoint: str) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        yield World()


def post(url: str, target: str, body: bytes) -> tuple[int, dict[str, Any]]:
    headers = {
        "X-Amz-Target": f"AmazonPersonalize.{target}",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/personalize/aws4_request",
    }
    try:
        with urlopen(Request(url, body, headers)) as answer:  # noqa: S310 - our own server
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_all_three_apis_answer_on_one_address(world: World) -> None:
    group = world.loaded()
    campaign = world.campaign(world.version(world.solution(group))["solutionVersionArn"])
    tracking = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
    before = world.runtime.get_recommendations(campaignArn=campaign, userId="new")["itemList"]
    events = [{"sentAt": n, "eventType": "watch", "itemId": f"i{3 + 4 * n}"} for n in range(3)]
    world.events.put_events(trackingId=tracking, userId="new", sessionId="s", eventList=events)
    assert world.runtime.get_recommendations(campaignArn=campaign, userId="new")["itemList"] != before


def test_concurrent_requests_are_all_answered(world: World) -> None:
    def create(number: int) -> str:
        schema = '{"type": "record", "fields": [{"name": "USER_ID", "type": "string"}]}'
        return str(world.personalize.create_schema(name=f"parallel-{number}", schema=schema)["schemaArn"])

    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(create, range(64)))
    pages = world.personalize.get_paginator("list_schemas").paginate()
    assert made <= {schema["schemaArn"] for page in pages for schema in page["schemas"]}


@pytest.mark.exhaustive
def test_no_recommendation_is_lost_when_many_ask_while_events_come_and_a_model_trains(world: World) -> None:
    group = world.loaded()
    campaign = world.campaign(world.version(world.solution(group))["solutionVersionArn"])
    tracking = world.personalize.create_event_tracker(name="crowd", datasetGroupArn=group)["trackingId"]
    world.personalize.create_solution_version(solutionArn=world.solution(group, "sims"))

    def visit(number: int) -> int:
        event = {"sentAt": number, "eventType": "watch", "itemId": f"i{number % 40}"}
        world.events.put_events(trackingId=tracking, userId=f"v{number}", sessionId="s", eventList=[event])
        found = world.runtime.get_recommendations(campaignArn=campaign, userId=f"v{number}", numResults=7)
        return len(found["itemList"])

    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(visit, range(128))) == {7}


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"null"])
def test_a_body_that_is_no_object_is_a_bad_request(endpoint: str, body: bytes) -> None:
    status, answer = post(endpoint, "CreateDatasetGroup", body)
    assert (status, answer["__type"]) == (400, "SerializationException")


def test_an_unknown_resource_is_a_typed_error(endpoint: str) -> None:
    arn = "arn:aws:personalize:us-east-1:123456789012:campaign/nobody"
    status, answer = post(endpoint, "DescribeCampaign", json.dumps({"campaignArn": arn}).encode())
    assert (status, answer["__type"]) == (400, "ResourceNotFoundException")
