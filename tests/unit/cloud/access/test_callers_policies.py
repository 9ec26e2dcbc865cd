"""A caller's policy for one group, with any path: the policy of docs/api.md, the real router."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from usher.serving.http_api import Api
from werkzeug.test import Client

from tests.unit.cloud.roles import ACCOUNT, allow, make_role, narrowed
from usher_local.cloud.access import credentials, iam
from usher_local.cloud.access.credentials import REGION
from usher_local.cloud.http_api.gateway import HttpApi
from usher_local.iam_policy import matches

LAMBDA = "lambda.amazonaws.com"
API = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:a1b2c3d4e5"
ROUTES = {"/{group}/recommendations/{userId}": "get", "/{group}/recommendations": "get", "/{group}/events": "post"}
HOST = "http://127.0.0.1:1"


def function() -> Any:
    """Answers with the group of a request, as the API's functions find it."""
    api = Api()

    @api.route("recommendations", "events")
    def group_of_request(group: str, user_id: str = "") -> dict[str, str]:  # noqa: ARG001 - the router's names
        return {"group": group}

    context = SimpleNamespace(function_name="f", aws_request_id="r")
    return lambda _, event, *_who: (json.dumps(api.resolve(json.loads(event), context)), False)


@dataclass
class Caller:
    """Signs and sends requests as a role with a policy."""

    client: Client
    keys: Credentials

    def __call__(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        signed = AWSRequest(method, HOST + path)
        SigV4Auth(self.keys, "execute-api", REGION).add_auth(signed)
        sent = {"RAW_URI": path, "PATH_INFO": unquote_to_bytes(path).decode("latin-1")}
        response = self.client.open(
            "/", base_url=HOST, method=method, headers=dict(signed.headers.items()), environ_overrides=sent
        )
        return response.status_code, json.loads(response.get_data() or b"{}")


@pytest.fixture(scope="module")
def callers() -> Iterator[Any]:
    """Makes callers from the statements of their policies."""
    signed: dict[str, Any] = {"security": [{"AWS_IAM": []}]}
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/f/invocations"
    operation = {"x-amazon-apigateway-integration": {"uri": uri}, **signed}
    paths = {path: {method: operation} for path, method in ROUTES.items()}
    made: dict[str, Caller] = {}
    with mock_aws(), iam.enforced():
        client = Client(HttpApi("a1b2c3d4e5", {"paths": paths}, function(), 1).app)

        def caller(*statements: dict[str, Any]) -> Caller:
            name = f"r{len(made)}"
            role = make_role(LAMBDA, *statements, name=name)
            return made.setdefault(name, Caller(client, credentials.assume(role, "f", LAMBDA)))

        yield caller


@pytest.fixture(scope="module")
def narrow(callers: Any) -> Caller:
    return callers(narrowed("movielens", "a1b2c3d4e5"))  # type: ignore[no-any-return]


def test_the_documented_policy_lets_a_group_be_called(narrow: Caller) -> None:
    for method, path in (
        ("GET", "/movielens/recommendations/u"),
        ("GET", "/movielens/recommendations"),
        ("POST", "/movielens/events"),
    ):
        assert narrow(method, path) == (200, {"group": "movielens"})


OTHERS = [
    "/other/recommendations/u",
    "/movielens2/recommendations/u",
    "/Movielens/recommendations/u",
    "/%6Fther/recommendations/u",
    "/%256Fther/recommendations/u",
    "/movielens/../other/recommendations/u",
    "/movielens%2F..%2Fother/recommendations/u",
    "/movielens%252F..%252Fother/recommendations/u",
    "/other/recommendations/..%252F..%252Fmovielens%252Fx",
    "/other/recommendations/movielens/",
    "//other/recommendations/u",
    "/movielens//other/recommendations/u",
    "/other./recommendations/u",
    "/*/recommendations/u",
    "/?/movielens/recommendations/u",
]


@pytest.mark.parametrize("path", OTHERS)
def test_it_lets_no_other_be_called(narrow: Caller, path: str) -> None:
    status, body = narrow("GET", path)
    assert status in {400, 403, 404}
    assert "group" not in body


SEGMENTS = [
    *("movielens", "other", "recommendations", "events", "u", "GET", "POST", "*", ".", "..", ""),
    *("%6Dovielens", "%256Dovielens", "%6fther", "%256Fther", "movielens%2F..%2Fother", "other%2F..%2Fmovielens"),
    *("movielens%252F..%252Fother", "other%252f..%252fmovielens", "%2e%2e", "%252e%252e", "movielens%00", "movielens;"),
    *("movielens%3F", "%2F", "%252F", "a%3Fb", "%ED%A0%80", "movielens%20", "other%0A", "%2525"),
]


@given(st.sampled_from(["GET", "POST"]), st.lists(st.sampled_from(SEGMENTS), min_size=2, max_size=5))
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_path_leads_from_one_group_to_another(narrow: Caller, method: str, segments: list[str]) -> None:
    status, body = narrow(method, "/" + "/".join(segments))
    assert status in {200, 400, 403, 404}
    assert body.get("group", "movielens") == "movielens"


@pytest.mark.parametrize(
    ("resource", "route"),
    [("*/movielens/*", "GET/other/recommendations/movielens/"), ("GET/movielens*", "GET/movielens-eu/recommendations")],
)
def test_the_wildcards_that_the_page_warns_of_are_wide(resource: str, route: str) -> None:
    assert matches(f"{API}/$default/{resource}", f"{API}/$default/{route}")


def test_a_caller_without_a_right_is_refused_before_the_function(callers: Any) -> None:
    for elsewhere in (allow("execute-api:ManageConnections"), allow("execute-api:Invoke", resource=f"{API[:-1]}6/*")):
        assert callers(elsewhere)("GET", "/movielens/recommendations/u") == (403, {"message": "Forbidden"})


@pytest.mark.parametrize("group", ["other", "%6Fther", "%256Fther"])
def test_a_denied_group_is_not_reached_by_another_spelling(callers: Any, group: str) -> None:
    denied = allow("execute-api:Invoke", resource=f"{API}/$default/GET/other/*") | {"Effect": "Deny"}
    caller = callers(allow("execute-api:Invoke"), denied)
    assert caller("GET", "/movielens/recommendations/u")[0] == 200
    assert caller("GET", f"/{group}/recommendations/u")[0] in {400, 403}
