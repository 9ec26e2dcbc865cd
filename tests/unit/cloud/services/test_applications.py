"""Services give the same answers without Flask as with it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws
from moto.moto_api._internal import mock_random
from moto.moto_server import werkzeug_app
from time_machine import travel
from werkzeug.test import Client

from usher_local.cloud.core.patching import replaced
from usher_local.cloud.services.applications import service_app

JSON = "application/x-amz-json-1.0"
TABLE = json.dumps(
    {
        "TableName": "films",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    }
)
REQUESTS: dict[str, list[dict[str, Any]]] = {
    "s3": [
        {"method": "PUT", "path": "/films"},
        {"method": "PUT", "path": "/films/a%20b//%C3%BC+%252F.txt", "data": b"0123456789"},
        {"method": "PUT", "path": "/films/form", "data": b"a=b", "content_type": "application/x-www-form-urlencoded"},
        {"method": "POST", "path": "/films", "data": {"key": "posted", "file": (b"x", "x.txt")}},
        {"method": "GET", "path": "/films/a%20b//%C3%BC+%252F.txt"},
        {"method": "GET", "path": "/films/a%20b//%C3%BC+%252F.txt", "headers": {"Range": "bytes=2-4"}},
        {"method": "HEAD", "path": "/films/a%20b//%C3%BC+%252F.txt"},
        {"method": "GET", "path": "/films/form"},
        {"method": "GET", "path": "/films/none"},
        {"method": "HEAD", "path": "/films/none"},
        {"method": "GET", "path": "/films", "query_string": "list-type=2&prefix=a"},
        {"method": "GET", "path": "/films/", "query_string": "location"},
        {"method": "OPTIONS", "path": "/films/form", "headers": {"Origin": "https://shop.example"}},
        {"method": "GET", "path": "//films//form"},
        {"method": "TRACE", "path": "/films/form"},
        {"method": "DELETE", "path": "/films/form"},
    ],
    "dynamodb": [
        {"target": "CreateTable", "data": TABLE},
        {"target": "PutItem", "data": '{"TableName": "films", "Item": {"id": {"S": "\u00fc"}}}'},
        {"target": "GetItem", "data": '{"TableName": "films", "Key": {"id": {"S": "\u00fc"}}}'},
        {"target": "GetItem", "data": '{"TableName": "none", "Key": {"id": {"S": "a"}}}'},
        {"target": "GetItem", "data": "{"},
        {"target": "GetItem", "path": "/nowhere", "data": "{}"},
    ],
    "iam": [
        {"data": {"Action": "CreateUser", "UserName": "a & b", "Version": "2010-05-08"}},
        {"data": {"Action": "GetRole", "RoleName": "none", "Version": "2010-05-08"}},
    ],
    "scheduler": [
        {"method": "POST", "path": "/schedule-groups/films", "data": '{"ClientToken": "a"}'},
        {"method": "GET", "path": "/schedule-groups/films"},
        {"method": "GET", "path": "/schedule-groups/none"},
    ],
}


def answers(app: Any, service: str) -> Iterator[tuple[Any, ...]]:
    """An application's answers; IDs are the same each time."""
    mock_random.seed(1)
    client = Client(app)
    for one in REQUESTS[service]:
        request = {"method": "POST", "path": "/", **one}
        if target := request.pop("target", None):
            request |= {"headers": {"X-Amz-Target": f"DynamoDB_20120810.{target}"}, "content_type": JSON}
        signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential=k/20231114/us-east-1/{service}/aws4_request"}
        request["headers"] = signed | dict(request.get("headers", {}))
        try:
            answer = client.open(**request)
        except Exception as error:
            yield type(error), str(error)
            continue
        yield answer.status, sorted(answer.headers), answer.get_data()


@pytest.mark.parametrize("service", REQUESTS)
@travel(1_700_000_000, tick=False)
def test_an_answer_is_the_one_with_flask(service: Any) -> None:
    with mock_aws(), replaced(werkzeug_app, "DISABLE_GLOBAL_CORS", True):
        usual = list(answers(werkzeug_app.create_backend_app(service), service))
    with mock_aws():
        found = list(answers(service_app(service), service))
    for request, one, other in zip(REQUESTS[service], found, usual, strict=True):
        assert one == other, request
    assert len({answer[0] for answer in usual}) > 1
