"""The caching of answers, and the callers that have one already."""

import base64
import gzip
import json
from typing import Any

import pytest
from usher.serving.api_pages import DOCUMENT
from usher.serving.caching import cached
from usher.serving.http_api import MAX_ANSWER_LENGTH, Api

from tests.unit.usher.serving.test_http_api import CONTEXT, event_of
from tests.unit.usher.world import World, load_function

ANSWER: dict[str, Any] = {
    "statusCode": 200,
    "headers": {"Content-Type": "application/json"},
    "body": '{"itemList": []}',
}


def headers(answer: dict[str, Any] = ANSWER, method: str = "GET", *, for_all: bool = False) -> dict[str, str]:
    found: dict[str, str] = cached(answer, method, {}, for_all=for_all)["headers"]
    return found


def test_answers_about_a_user_are_cached_only_by_the_caller_and_revalidated() -> None:
    assert headers()["Cache-Control"] == "private, no-cache"
    assert headers(for_all=True)["Cache-Control"] == "private, max-age=60"
    assert headers(for_all=True)["Vary"] == "Authorization, Origin, X-Api-Key"


@pytest.mark.parametrize(("method", "status"), [("POST", 200), ("GET", 404), ("GET", 503), ("PUT", 202)])
def test_errors_and_answers_to_other_methods_than_get_are_not_cached(method: str, status: int) -> None:
    sent = headers({**ANSWER, "statusCode": status}, method, for_all=True)
    assert sent["Cache-Control"] == "no-store"
    assert "ETag" not in sent


@pytest.mark.parametrize("known", ["{}", "W/{}", '"other", {}', '"other",W/{}'])
def test_the_same_answer_is_not_sent_again(known: str) -> None:
    tag = headers()["ETag"]
    answer = cached(ANSWER, "GET", {"If-None-Match": known.format(tag)}, for_all=False)
    assert (answer["statusCode"], answer["body"], answer["headers"]["ETag"]) == (304, "", tag)
    assert "Content-Type" not in answer["headers"]


@pytest.mark.parametrize("known", ["", "*", "{}x", '"{}', "other"])
def test_another_answer_is_sent(known: str) -> None:
    tag = headers()["ETag"].strip('"')
    assert cached(ANSWER, "GET", {"if-none-match": known.format(tag)}, for_all=False)["statusCode"] == 200
    other = {**ANSWER, "body": '{"itemList": [{"itemId": "a"}]}'}
    assert cached(other, "GET", {"if-none-match": f'"{tag}"'}, for_all=False)["statusCode"] == 200


def event(path: str) -> dict[str, Any]:
    return event_of("GET", path, parameters={}) | {"routeKey": f"GET {path}", "pathParameters": None}


def ask(path: str) -> dict[str, Any]:
    answer: dict[str, Any] = load_function("recommendations").lambda_handler(event(path), CONTEXT)
    return answer


@pytest.mark.usefixtures("world")
def test_the_document_is_served() -> None:
    answer = ask("/openapi.json")
    assert json.loads(answer["body"]) == json.loads(DOCUMENT.read_text())
    assert answer["headers"]["Content-Type"] == "application/json"
    assert answer["headers"]["Cache-Control"] == "private, max-age=60"


def test_the_page_holds_all_that_it_needs(world: World) -> None:  # noqa: ARG001
    answer = ask("/docs")
    assert answer["isBase64Encoded"]
    assert answer["headers"]["Content-Encoding"] == "gzip"
    assert len(answer["body"]) < 1_000_000
    html = gzip.decompress(base64.b64decode(answer["body"])).decode()
    assert "SwaggerUIBundle({dom_id" in html
    assert '"openapi": "3.1.0"' in html
    assert "<script src" not in html
    assert "<link" not in html


def test_an_answer_that_is_too_long_for_a_function_is_refused_with_a_remedy() -> None:
    api, content = Api(), {"text": '"' * (MAX_ANSWER_LENGTH // 4)}
    api.route("docs")(lambda: content)
    assert len(json.dumps(content)) < MAX_ANSWER_LENGTH, "Lambda counts what escapes quotes, too"
    answer = api.resolve(event("/docs"), CONTEXT)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "TooLong")
