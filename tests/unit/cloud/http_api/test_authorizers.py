"""The authorizers of an HTTP API, and its answers to web pages: without functions."""

import base64
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.test import Client

from tests.issuer import AUDIENCE, Issuer, issuing, new_key
from usher_local.cloud.http_api.cors import Cors
from usher_local.cloud.http_api.gateway import HttpApi

FUNCTION, AUTHORIZER = (f"arn:aws:lambda:us-east-1:123456789012:function:{name}" for name in ("f", "authorize"))
URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"
ANSWER = json.dumps({"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "https://mine"}, "body": "{}"})
UNAUTHORIZED, FORBIDDEN = (401, {"message": "Unauthorized"}), (403, {"message": "Forbidden"})
DAY = 86400  # tests may run minutes after they were collected
PAGE = "https://shop.example"
CORS = {
    "allowOrigins": [PAGE, "http://other"], "allowMethods": ["GET", "POST"], "allowHeaders": ["authorization"],
    "exposeHeaders": ["etag"], "maxAge": 60,
}  # fmt: skip


class Functions:
    """Records invocations; `answer` is the authorizer's."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any, str, str]] = []
        self.answer: tuple[str, bool] = json.dumps({"isAuthorized": True, "context": {"group": "g"}}), False

    def __call__(self, function: str, event: str, role: str, source: str) -> tuple[str, bool]:
        self.calls.append((function, json.loads(event), role, source))
        return self.answer if function == AUTHORIZER else (ANSWER, False)

    def events(self, function: str = FUNCTION) -> list[Any]:
        return [event for called, event, _, _ in self.calls if called == function]


def client(
    functions: Functions, authorizer: dict[str, Any], *scopes: str, cors: dict[str, Any] | None = None
) -> Client:
    operation = {
        "security": [{"Who": list(scopes)}],
        "x-amazon-apigateway-integration": {"uri": URI.format(FUNCTION), "credentials": "role"},
    }
    body: dict[str, Any] = {
        "paths": {"/{group}/things": {"get": operation, "post": operation}, "/{group}/others": {"get": operation}},
        "components": {"securitySchemes": {"Who": {"x-amazon-apigateway-authorizer": authorizer}}},
    }
    return Client(HttpApi("local", body | ({"x-amazon-apigateway-cors": cors} if cors else {}), functions, 1).app)


def answer(response: Any) -> tuple[int, Any]:
    return response.status_code, json.loads(response.get_data())


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


def by_token(issuer: Issuer) -> dict[str, Any]:
    configuration = {"issuer": issuer.url, "audience": [AUDIENCE, "other"]}
    return {"type": "jwt", "identitySource": "$request.header.Authorization", "jwtConfiguration": configuration}


def get(issuer: Issuer, token: str, *scopes: str) -> Any:
    return client(Functions(), by_token(issuer), *scopes).get("/g/things", headers={"Authorization": token})


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer "])
def test_a_function_learns_the_claims_as_texts(issuer: Issuer, prefix: str) -> None:
    functions = Functions()
    claims: dict[str, Any] = {"cognito:groups": ["a", "b"], "email_verified": True, "aud": ["x", AUDIENCE]}
    token = issuer.token(**claims)
    api = client(functions, by_token(issuer))
    assert api.get("/g/things", headers={"Authorization": prefix + token}).status_code == 200
    [event] = functions.events()
    passed = event["requestContext"]["authorizer"]["jwt"]
    expected = {"sub": "anna", "cognito:groups": "[a b]", "email_verified": "true", "aud": f"[x {AUDIENCE}]"}
    assert passed["claims"].items() >= expected.items()
    assert passed["scopes"] is None
    assert all(isinstance(value, str) for value in passed["claims"].values())


def test_a_token_may_name_its_audience_as_client(issuer: Issuer) -> None:
    assert get(issuer, issuer.token(aud=None, client_id=AUDIENCE)).status_code == 200
    assert answer(get(issuer, issuer.token(aud="wrong", client_id=AUDIENCE))) == UNAUTHORIZED


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"}, {"iss": None}, {"aud": "wrong"}, {"aud": None}, {"aud": []},
        {"exp": time.time() - 1}, {"exp": None}, {"exp": "tomorrow"}, {"exp": True}, {"nbf": time.time() + DAY},
        {"iat": time.time() + DAY}, {"nbf": "now"},
    ],
)  # fmt: skip
def test_a_token_that_is_not_for_here_and_now_is_refused(issuer: Issuer, claims: dict[str, Any]) -> None:
    response = get(issuer, issuer.token(**claims))
    assert answer(response) == UNAUTHORIZED
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def forged(issuer: Issuer) -> dict[str, str]:
    header, payload, signature = issuer.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    shared = f"{part({'alg': 'HS256', 'kid': 'first'})}.{payload}"
    digest = hmac.digest(issuer.keys[-1].as_pem(private=False), shared.encode(), "sha256")
    return {
        "none": f"{part({'alg': 'none', 'kid': 'first'})}.{payload}.",
        "None": f"{part({'alg': 'None', 'kid': 'first'})}.{payload}.{signature}",
        "another key": jwt.encode({"alg": "RS256", "kid": "first"}, claims, new_key("first")),
        "an unknown key": jwt.encode({"alg": "RS256", "kid": "other"}, claims, new_key("other")),
        "no key": jwt.encode({"alg": "RS256"}, claims, issuer.keys[-1]),
        "the public key as a secret": f"{shared}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}",
        "an algorithm of elliptic curves": jwt.encode({"alg": "ES256", "kid": "first"}, claims, ECKey.generate_key()),
        "other claims": f"{header}.{part({**claims, 'sub': 'ben'})}.{signature}",
        "two tokens": f"{issuer.token()},{issuer.token()}",
        "no token": "x", "points": "..", "not JSON": "YQ.YQ.YQ", "not an object": f"{part([])}.{part([])}.YQ",
        "a number as key": f"{part({'alg': 'RS256', 'kid': 1})}.{payload}.{signature}",
        "a list as key": f"{part({'alg': 'RS256', 'kid': []})}.{payload}.{signature}",
        "basic": "Basic YTpi", "Bearer": "Bearer", "letters": "\u00e9.\u00e9.\u00e9", "long": "a" * 8000,
    }  # fmt: skip


def test_tokens_without_the_issuers_signature_are_refused(issuer: Issuer) -> None:
    answers = {kind: answer(get(issuer, text)) for kind, text in forged(issuer).items()}
    assert answers == dict.fromkeys(answers, UNAUTHORIZED)


def test_without_a_token_the_function_is_not_called(issuer: Issuer) -> None:
    functions = Functions()
    response = client(functions, by_token(issuer)).get("/g/things")
    assert (answer(response), response.headers["WWW-Authenticate"]) == (UNAUTHORIZED, "Bearer")
    assert not functions.calls


def test_a_route_may_require_scopes(issuer: Issuer) -> None:
    assert get(issuer, issuer.token(scope="a b"), "b", "c").status_code == 200
    assert get(issuer, issuer.token(scp=["b"]), "b").status_code == 200
    assert answer(get(issuer, issuer.token(scope="a"), "b")) == FORBIDDEN
    assert answer(get(issuer, issuer.token(), "b")) == FORBIDDEN


def test_the_issuers_keys_are_kept_and_a_new_one_is_fetched() -> None:
    with issuing() as issuer:
        api = client(Functions(), by_token(issuer))
        first = issuer.token()
        for _ in range(2):
            assert api.get("/g/things", headers={"Authorization": first}).status_code == 200
        assert issuer.paths.count("/keys") == 1
        issuer.keys.append(new_key("second"))
        for token in (issuer.token(), first):
            assert api.get("/g/things", headers={"Authorization": token}).status_code == 200
        assert issuer.paths.count("/keys") == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://shop.example", "file:///etc"])
def test_an_unreachable_issuer_admits_no_caller(issuer: Issuer, url: str) -> None:
    configuration = {"issuer": url, "audience": [AUDIENCE]}
    api = client(Functions(), by_token(issuer) | {"jwtConfiguration": configuration})
    response = api.get("/g/things", headers={"Authorization": issuer.token(iss=url)})
    assert answer(response) == UNAUTHORIZED
    assert "communication error" in response.headers["WWW-Authenticate"]


def by_function(*sources: str, ttl: int = 0) -> dict[str, Any]:
    return {
        "type": "request", "authorizerUri": URI.format(AUTHORIZER), "authorizerCredentials": "role",
        "identitySource": list(sources or ["$request.header.x-api-key"]), "authorizerResultTtlInSeconds": ttl,
        "authorizerPayloadFormatVersion": "2.0", "enableSimpleResponses": True,
    }  # fmt: skip


def test_the_authorizer_sees_the_request_and_the_function_its_context() -> None:
    functions = Functions()
    api = client(functions, by_function())
    assert api.post("/g/things?a=1", headers={"X-Api-Key": "k"}, data="secret").status_code == 200
    [request] = functions.events(AUTHORIZER)
    expected = {
        "version": "2.0", "type": "REQUEST", "identitySource": ["k"], "routeKey": "POST /{group}/things",
        "rawPath": "/g/things", "rawQueryString": "a=1", "pathParameters": {"group": "g"},
        "routeArn": "arn:aws:execute-api:us-east-1:123456789012:local/$default/POST/g/things",
    }  # fmt: skip
    assert request.items() >= expected.items()
    assert request["headers"]["x-api-key"] == "k"
    assert "body" not in request
    [event] = functions.events()
    assert event["requestContext"]["authorizer"] == {"lambda": {"group": "g"}}
    assert [(role, source.rpartition("/")[2]) for _, _, role, source in functions.calls] == [
        ("role", "authorizers"),
        ("role", "things"),
    ]


@pytest.mark.parametrize(
    ("body", "errored", "status"),
    [
        ({"isAuthorized": False}, False, 403), ({"isAuthorized": False, "context": {}}, False, 403),
        ({"isAuthorized": "true"}, False, 500), ({}, False, 500), (None, False, 500), ([True], False, 500),
        ({"isAuthorized": True}, True, 500), ("", False, 500),
    ],
)  # fmt: skip
def test_only_true_lets_through(body: Any, errored: bool, status: int) -> None:
    functions = Functions()
    functions.answer = json.dumps(body), errored
    words = {403: "Forbidden", 500: "Internal Server Error"}
    response = client(functions, by_function()).get("/g/things", headers={"x-api-key": "k"})
    assert answer(response) == (status, {"message": words[status]})
    assert not functions.events()


@pytest.mark.parametrize("headers", [{}, {"x-api-key": ""}, {"x-api-key-2": "k"}])
def test_without_an_identity_source_no_function_is_called(headers: dict[str, str]) -> None:
    functions = Functions()
    assert answer(client(functions, by_function()).get("/g/things", headers=headers)) == UNAUTHORIZED
    assert not functions.calls


def test_an_answer_is_kept_for_all_routes_by_the_identity_alone() -> None:
    functions = Functions()
    api = client(functions, by_function(ttl=60))
    for path, key in (("/g/things", "k"), ("/g/others", "k"), ("/g/things", "l"), ("/h/things", "k")):
        assert api.get(path, headers={"x-api-key": key}).status_code == 200
    assert [event["identitySource"] for event in functions.events(AUTHORIZER)] == [["k"], ["l"]]
    functions.answer = json.dumps({"isAuthorized": False}), False
    assert api.get("/g/things", headers={"x-api-key": "k"}).status_code == 200
    assert [api.get("/g/things", headers={"x-api-key": "m"}).status_code for _ in range(2)] == [403, 403]
    assert len(functions.events(AUTHORIZER)) == 3


def test_an_identity_may_hold_the_route_and_the_query() -> None:
    functions = Functions()
    api = client(functions, by_function("$context.routeKey", "$request.querystring.key", ttl=60))
    for path in ("/g/things?key=k", "/g/others?key=k", "/h/things?key=k"):
        assert api.get(path).status_code == 200
    assert len(functions.events(AUTHORIZER)) == 2
    assert answer(api.get("/g/things")) == UNAUTHORIZED


def test_without_a_time_nothing_is_kept() -> None:
    functions = Functions()
    api = client(functions, by_function())
    for _ in range(2):
        api.get("/g/things", headers={"x-api-key": "k"})
    assert len(functions.events(AUTHORIZER)) == 2


def test_an_authorizer_that_answers_with_policies_is_refused() -> None:
    with pytest.raises(ValueError, match="simple responses"):
        client(Functions(), by_function() | {"enableSimpleResponses": False})


def cors_of(response: Any) -> dict[str, str]:
    names = {name.lower(): value for name, value in response.headers.items()}
    return {name: value for name, value in names.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("path", ["/g/things", "/g/unknown"])
def test_a_preflight_is_answered_without_authorization(path: str) -> None:
    functions = Functions()
    response = client(functions, by_function(), cors=CORS).options(path, headers={"Origin": PAGE})
    assert response.status_code == 204
    assert cors_of(response) == {
        "access-control-allow-origin": PAGE, "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "authorization", "access-control-max-age": "60",
    }  # fmt: skip
    assert not functions.calls


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://shop.example.evil", "null", "HTTPS://SHOP.example"]
)
def test_another_page_may_read_nothing(origin: str) -> None:
    api = client(Functions(), by_function(), cors=CORS)
    headers = {"Origin": origin, "x-api-key": "k"}
    assert cors_of(api.options("/g/things", headers=headers)) == {}
    assert cors_of(api.get("/g/things", headers=headers)) == {}


def test_the_apis_headers_replace_the_functions_own() -> None:
    api = client(Functions(), by_function(), cors=CORS)
    expected = {"access-control-allow-origin": PAGE, "access-control-expose-headers": "etag"}
    assert cors_of(api.get("/g/things", headers={"Origin": PAGE, "x-api-key": "k"})) == expected
    assert cors_of(api.get("/g/things", headers={"x-api-key": "k"})) == {}
    plain = client(Functions(), by_function())
    assert cors_of(plain.get("/g/things", headers={"Origin": PAGE, "x-api-key": "k"})) == {
        "access-control-allow-origin": "https://mine"
    }
    assert plain.options("/g/things", headers={"Origin": PAGE}).status_code == 404


def test_every_page_may_be_let_in() -> None:
    cors = Cors.of({"x-amazon-apigateway-cors": {"allowOrigins": ["*"]}})
    assert cors.answer(PAGE) == {"Access-Control-Allow-Origin": "*"}
    assert cors.answer(None) == {}
    assert not Cors.of({}).allows(PAGE)
