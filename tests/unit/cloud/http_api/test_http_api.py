"""The HTTP API's limits, its decoding of paths, and its stage: without servers and functions."""

import io
import json
import threading
from typing import Any

import boto3
import pytest
from moto import mock_aws
from werkzeug.test import Client

from usher_local.cloud.http_api.gateway import PAYLOAD_BYTES, HttpApi
from usher_local.cloud.http_api.stages import Stage, Throttle, access_log_line

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
ANSWER = json.dumps({"statusCode": 200, "headers": {"content-type": "application/json"}, "body": "{}"})


class Function:
    """Records its events; answers when it may."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, _: str, event: str, *_by: str) -> tuple[str, bool]:
        self.events.append(json.loads(event))
        self.may_answer.wait(60)
        return ANSWER, False


def serve(function: Function, stage: Stage = Stage(), seconds: float = 30.0) -> Client:  # noqa: B008 - immutable
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{ARN}/invocations"
    integration = {"x-amazon-apigateway-integration": {"uri": uri}}
    paths = {"/{group}/things/{thing}": {"get": integration}, "/{group}/things": {"post": integration}}
    return Client(HttpApi("local", {"paths": paths}, function, 1, stage, seconds).app)


def answer(response: Any) -> tuple[int, Any]:
    return response.status_code, json.loads(response.get_data())


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("a%20b", "a b"),
        ("caf%C3%A9", "café"),
        ("a%2520b", "a b"),
        ("50%2525off", "50%off"),
        ("a%252Fb", "a/b"),
        ("a+b", "a+b"),
    ],
)
def test_a_parameter_of_the_path_is_decoded_for_the_route_and_once_more(path: str, parameter: str) -> None:
    function = Function()
    assert serve(function).get(f"/g/things/{path}").status_code == 200
    assert function.events[0]["pathParameters"] == {"group": "g", "thing": parameter}


@pytest.mark.parametrize("path", ["a%2Fb", "50%25off", "100%25"])
def test_ids_that_do_not_survive_decoding_are_not_found(path: str) -> None:
    assert answer(serve(Function()).get(f"/g/things/{path}")) == (404, {"message": "Not Found"})


@pytest.mark.parametrize("path", ["//g/things/1", "/g//things/1", "/g/things/1/", "/x/../g/things/1", "/g/things/%2F"])
def test_a_path_is_taken_as_it_is(path: str) -> None:
    function = Function()
    assert answer(serve(function).open(path, method="GET")) == (404, {"message": "Not Found"})
    assert not function.events


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "TRACE"])
def test_a_route_is_of_its_own_method(method: str) -> None:
    function = Function()
    assert serve(function).open("/g/things/1", method=method).status_code == 404
    assert not function.events


def test_an_integration_has_thirty_seconds() -> None:
    function = Function()
    function.may_answer.clear()
    client = serve(function, seconds=0.05)
    assert answer(client.get("/g/things/1")) == (503, {"message": "Service Unavailable"})
    function.may_answer.set()


@pytest.mark.parametrize(("size", "status"), [(10 * 1024 * 1024, 200), (10 * 1024 * 1024 + 1, 413)])
def test_a_payload_has_ten_megabytes_at_most(size: int, status: int) -> None:
    response = serve(Function()).post("/g/things", data=b"x" * size)
    assert response.status_code == status
    if status == 413:
        assert answer(response)[1] == {"message": "Request Entity Too Large"}


def test_line_and_headers_have_ten_kilobytes_at_most() -> None:
    client = serve(Function())
    assert client.get("/g/things/1", headers={"x": "y" * 10_000}).status_code == 200
    assert client.get("/g/things/1", headers={"x": "y" * 10_240}).status_code == 431


def test_a_stage_allows_its_configured_rate() -> None:
    client = serve(Function(), Stage(rate=1e-6, burst=2))
    statuses = [client.get(f"/g/things/{number}").status_code for number in range(3)]
    assert statuses == [200, 200, 429]
    assert answer(client.get("/g/things/3")) == (429, {"message": "Too Many Requests"})
    assert client.post("/g/things").status_code == 200  # each route has requests of its own


def test_a_bucket_fills_at_its_rate_up_to_its_burst() -> None:
    now = [0.0]
    throttle = Throttle(Stage(rate=2, burst=3), lambda: now[0])

    def admitted(moment: float, count: int) -> int:
        now[0] = moment
        return sum(throttle.admits("r") for _ in range(count))

    assert [admitted(0, 5), admitted(0.4, 5), admitted(0.5, 5), admitted(1.5, 1), admitted(9, 5)] == [3, 0, 1, 1, 3]


def test_properties_of_cloudformation_make_a_stage() -> None:
    settings = {
        "DefaultRouteSettings": {"ThrottlingRateLimit": "50", "ThrottlingBurstLimit": "100"},
        "AccessLogSettings": {"DestinationArn": "arn", "Format": "$context.status"},
    }
    assert Stage.of(settings) == Stage(50.0, 100, "arn", "$context.status")
    assert Stage.of({"StageName": "$default"}) == Stage()


def test_a_line_of_the_access_log_has_a_dash_for_unknown_values() -> None:
    line = access_log_line('{"a":"$context.error.message","b":$context.status,"c":"$context.no"}', {"status": 200})
    assert line == '{"a":"-","b":200,"c":"-"}'


def test_every_request_is_in_the_access_log() -> None:
    form = "$context.httpMethod $context.routeKey $context.status $context.error.message $context.stage"
    with mock_aws():
        logs: Any = boto3.client("logs", region_name="us-east-1")
        logs.create_log_group(logGroupName="api")
        (group,) = logs.describe_log_groups()["logGroups"]
        client = serve(Function(), Stage(burst=1, rate=1e-6, log_group=group["arn"], log_format=form))
        for path in ("/g/things/1", "/g/things/2", "/nowhere"):
            client.get(path)
        lines = [event["message"] for event in logs.filter_log_events(logGroupName="api")["events"]]
    assert lines == [
        "GET GET /{group}/things/{thing} 200 - $default",
        "GET GET /{group}/things/{thing} 429 Too Many Requests $default",
        "GET - 404 Not Found $default",
    ]


class Endless(io.RawIOBase):
    """A body that does not end."""

    given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.given += len(buffer)
        return len(buffer)


@pytest.mark.parametrize(
    ("sent", "body", "encoded"),
    [(b"\xc3\xa9", "é", False), (b"\x1f\x8b\x00", "H4sA", True), (b"\xff\xfe", "//4=", True)],
)
def test_a_body_that_is_no_text_reaches_the_function_in_base64(sent: bytes, body: str, encoded: bool) -> None:
    function = Function()
    assert serve(function).post("/g/things", data=sent, headers={"content-encoding": "gzip"}).status_code == 200
    assert (function.events[0]["body"], function.events[0]["isBase64Encoded"]) == (body, encoded)


def test_a_malformed_request_is_refused_in_the_gateways_words() -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert answer(serve(Function()).get("/g/things/1", headers=upgrade)) == (400, {"message": "Bad Request"})


def test_a_body_without_a_length_is_read_up_to_the_limit_only() -> None:
    body = Endless()
    chunked = {"wsgi.input": body, "wsgi.input_terminated": True}  # as a server passes a body in chunks
    answered = serve(Function()).post("/g/things", environ_overrides=chunked)
    assert answer(answered) == (413, {"message": "Request Entity Too Large"})
    assert body.given < 2 * PAYLOAD_BYTES
