"""The API functions, called as by API Gateway (payload version 2)."""

import base64
import gzip
import io
import json
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, unquote, urlencode

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from usher.aws import client, now, within
from usher.catalogue.entries import Catalogues
from usher.catalogue.known import Known
from usher.errors import UsherError
from usher.routes import ROUTES
from usher.serving import http_api
from usher.serving.campaigns import CALLERS_FAULTS, REASONS, Campaigns
from usher.serving.catalogue_check import CatalogueCheck
from usher.serving.demand import Demand
from usher.serving.export_store import ExportStore
from usher.serving.http_api import HANDLERS, OUTAGES, STATUSES
from usher.serving.pages import Pages
from usher.serving.popular_lists import PopularLists
from usher.serving.reading import Reader
from usher.serving.serving_map import ServingMaps
from usher.serving.stored_filters import StoredFilters
from usher.storage.table import Table

from tests.unit.stack.files import SENT_ROUTES
from tests.unit.usher.world import TABLE, World, load_function

SERVED: Any = {
    "solutions": {
        "for-you": {"type": "USER_PERSONALIZATION", "campaignArn": "arn:aws:personalize:us-east-1:1:campaign/for-you"},
        "ranking": {"type": "PERSONALIZED_RANKING", "campaignArn": "arn:aws:personalize:us-east-1:1:campaign/ranking"},
    },
    "filters": {},
    "trackingId": "t-1",
}
RUNTIME = partial(client, "personalize-runtime", within(0.25))
"""The functions' client."""
CONTEXT = SimpleNamespace(function_name="f", aws_request_id="r")


def ask(
    function: Any,
    method: str,
    path: str,
    body: object = None,
    parameters: Mapping[str, str] | None = None,
    **query: str,
) -> tuple[int, dict[str, Any]]:
    """The status and the JSON of a function's answer."""
    answer = function.lambda_handler(event_of(method, path, body, parameters, **query), CONTEXT)
    assert answer["headers"]["Content-Type"] == "application/json"
    return answer["statusCode"], json.loads(answer["body"])


def event_of(
    method: str, path: str, body: object = None, parameters: Mapping[str, str] | None = None, **query: str
) -> dict[str, Any]:
    """API Gateway's event. `path` as in the URL, `parameters` decoded."""
    _, _, *kind = path.split("/")
    given = {"group": "films", **(parameters or {})}
    names = "/".join(f"{{{name}}}" for name in given if name != "group")
    return {
        "version": "2.0",
        "routeKey": f"{method} /" + "/".join(["{group}", *kind[:1], *([names] if names else kind[1:])]),
        "rawPath": unquote(path),
        "rawQueryString": urlencode(query),
        "headers": {"content-type": "application/json"},
        "queryStringParameters": query,
        "pathParameters": given,
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default", "authorizer": {"iam": {}}},
        "body": body if isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }


@pytest.fixture
def served(world: World) -> World:
    """A world whose serving map names campaigns that do not exist."""
    ServingMaps(Table(world.dynamodb, TABLE)).write("films", SERVED)
    return world


@pytest.mark.parametrize(
    ("function", "method", "path"),
    [
        ("recommendations", "GET", "/films/recommendation"),
        ("recommendations", "POST", "/films/recommendations/u1"),
        ("recommendations", "GET", "/"),
        ("ranking", "GET", "/films/rankings"),
        ("events", "POST", "/films/event"),
    ],
)
@pytest.mark.usefixtures("served")
def test_nothing_is_found_at_an_unknown_path(function: str, method: str, path: str) -> None:
    assert ask(load_function(function), method, path) == (
        404, {"code": "NotFound", "message": "This path does not exist."},
    )  # fmt: skip


@pytest.mark.usefixtures("served")
def test_an_unknown_group_is_answered_without_those_there_are() -> None:
    status, body = ask(load_function("recommendations"), "GET", "/art/recommendations/u", parameters={
        "group": "art", "userId": "u"})  # fmt: skip
    assert (status, body["code"]) == (404, "UnknownGroup")
    assert body["message"] == "There is no group art, or none of its runs has put anything live yet."


@pytest.mark.usefixtures("served")
def test_a_wrong_option_is_the_callers_fault() -> None:
    status, body = ask(
        load_function("recommendations"), "GET", "/films/recommendations/u", parameters={"userId": "u"}, numResults="x"
    )
    assert (status, body["code"]) == (400, "BadNumResults")


@pytest.mark.parametrize("user", ["u1", "a b", "ü/ö", "100%", "a+b", "u:1@x"])
@pytest.mark.usefixtures("served")
def test_any_user_id_reaches_personalize(user: str, served: World) -> None:
    users: list[str] = []
    served.listen(RUNTIME(), "before-parameter-build", lambda params, **_: users.append(params["userId"]))
    path = f"/films/recommendations/{quote(user, safe='')}"
    ask(load_function("recommendations"), "GET", path, parameters={"userId": user})
    assert set(users) == {user}


@pytest.mark.usefixtures("served")
def test_an_error_of_a_service_names_neither_arns_nor_the_account() -> None:
    status, body = recommended()
    assert (status, body["code"]) in {(404, "NotFound"), (400, "InvalidInput")}
    assert "arn" not in body["message"]
    assert not re.search(r"\d{12}", body["message"])


READ_TWICE = [
    ("/films/recommendations/a%20b", "films", "a b"),  # sent as a%2520b
    ("/films/recommendations/%61", "films", "a"),
    ("/films/recommendations/a%2Fb", "films", "a/b"),
    ("/films/recommendations/a", "films", "a?b"),  # the gateway cuts the path, but not the parameter
    ("/%66ilms/recommendations/u", "films", "u"),
    ("/films/recommendations/..", "films", ".."),
    ("/art/../films/recommendations/u", "films", "u"),
    ("//films/recommendations/u", "films", "u"),
    ("/./films/recommendations/u", "films", "u"),
]


@pytest.mark.parametrize(("path", "group", "user"), READ_TWICE)
@pytest.mark.usefixtures("served")
def test_a_path_that_iam_may_have_read_in_another_way_is_refused(path: str, group: str, user: str) -> None:
    event = event_of("GET", "/films/recommendations/u", parameters={"group": group, "userId": user}) | {"rawPath": path}
    answer = load_function("recommendations").lambda_handler(event, CONTEXT)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "BadPath")


def test_a_domain_may_put_a_prefix_in_front(world: World) -> None:
    load(world, campaign=None)
    event = event_of("GET", "/films/recommendations/u", parameters={"userId": "u"})
    event["rawPath"] = "/v1/films/recommendations/u"
    assert load_function("recommendations").lambda_handler(event, CONTEXT)["statusCode"] == 200


@pytest.mark.parametrize("group", ["*", "films#for-you#u", "f" * 36, "films\n", "-", "a b", "films%", "ﬁlms"])
@pytest.mark.usefixtures("served")
def test_an_invalid_group_name_is_never_looked_up(group: str, served: World) -> None:
    groups: list[Any] = []
    served.listen(client("dynamodb"), "before-call", lambda **_: groups.append(group))
    status, body = ask(
        load_function("events"), "POST", f"/{quote(group)}/events", {"userId": "u", "events": [{"eventType": "w"}]},
        {"group": group},
    )  # fmt: skip
    assert (status, body["code"]) == (404, "UnknownGroup")
    assert not groups


@pytest.mark.usefixtures("served")
def test_an_option_that_is_given_twice_is_refused() -> None:
    event = event_of("GET", "/films/recommendations", userId="a,b") | {"rawQueryString": "userId=a&user%49d=b"}
    answer = load_function("recommendations").lambda_handler(event, CONTEXT)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "RepeatedOption")


@pytest.mark.parametrize(
    ("function", "method", "path"),
    [
        ("ranking", "POST", "/films/rankings"),
        ("recommendations", "POST", "/films/recommendations"),
        ("events", "POST", "/films/events"),
        ("catalogue", "PUT", "/films/items"),
    ],
)
@pytest.mark.usefixtures("served")
def test_an_option_in_the_query_of_a_route_with_a_body_is_refused(function: str, method: str, path: str) -> None:
    body = {"userId": "u", "userIds": ["u"], "items": ["i"], "events": [{"eventType": "w"}]}
    status, answer = ask(load_function(function), method, path, body, filter="seen")
    assert (status, answer["code"]) == (400, "UnknownOption")
    assert answer["message"] == "filter is in the query. Send it in the body."


SIGNATURE: Any = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Date": "20261127T080000Z", "X-Amz-Signature": "0a1b"}


@pytest.mark.usefixtures("served")
def test_the_signature_of_a_pre_signed_url_is_no_option() -> None:
    reading = load_function("recommendations")
    status, answer = ask(reading, "GET", "/films/recommendations", userId="u", numResults="x", **SIGNATURE)
    assert (status, answer["code"]) == (400, "BadNumResults")
    status, answer = ask(load_function("ranking"), "POST", "/films/rankings", {"userId": "u"}, **SIGNATURE)
    assert (status, answer["code"]) == (400, "BadBody")


@pytest.mark.parametrize("user", ["u1", "50%off", "a%20b", "ü/ö", "a+b"])
@pytest.mark.usefixtures("served")
def test_an_id_may_stand_in_the_query(user: str, served: World) -> None:
    users: list[str] = []
    served.listen(RUNTIME(), "before-parameter-build", lambda params, **_: users.append(params["userId"]))
    status, body = ask(load_function("recommendations"), "GET", "/films/recommendations", userId=user)
    assert (status, body["code"]) in {(404, "NotFound"), (400, "InvalidInput")}
    assert set(users) == {user}


@pytest.mark.usefixtures("served")
def test_a_request_without_a_user_is_the_callers_fault() -> None:
    for path in ("/films/recommendations", "/films/similar-items"):
        status, body = ask(load_function("recommendations"), "GET", path)
        assert (status, body["code"]) == (400, "BadId")


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"text"'])
@pytest.mark.parametrize(("function", "path"), [("ranking", "/films/rankings"), ("events", "/films/events")])
@pytest.mark.usefixtures("served")
def test_a_body_that_is_no_object_is_refused(function: str, path: str, body: str) -> None:
    status, answer = ask(load_function(function), "POST", path, body)
    assert (status, answer["code"]) == (400, "BadBody")
    assert "The body must be a JSON object" in answer["message"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (gzip.compress(b"{}", mtime=0), "it is compressed; send it as it is, without Content-Encoding."),
        ("{}".encode("utf-16"), "its byte 1 is not UTF-8."),
        (b'{"userId": "\xed\xa0\x80"}', "its byte 13 is not UTF-8."),
        (b" ", "it is empty."),
    ],
)
@pytest.mark.usefixtures("served")
def test_a_body_that_is_not_text_is_refused_with_its_type(sent: bytes, said: str) -> None:
    event = event_of("POST", "/films/events") | {"body": base64.b64encode(sent).decode(), "isBase64Encoded": True}
    answer = json.loads(load_function("events").lambda_handler(event, CONTEXT)["body"])
    assert answer == {"code": "BadBody", "message": f"The body must be a JSON object: {said}"}


@pytest.mark.parametrize("text", ["arn:aws:s3:::usher-1", "usher-123456789012-us-east-1", "key_123456789012_x"])
def test_a_message_contains_nothing_of_the_account(text: str) -> None:
    error = ClientError({"Error": {"Code": "InvalidInputException", "Message": f"No {text}!"}}, "GetRecommendations")
    assert not re.search(r"arn|[0-9]{12}", http_api.error_document(error)["message"])


@pytest.mark.usefixtures("served")
def test_a_ranking_needs_a_user_and_items() -> None:
    status, body = ask(load_function("ranking"), "POST", "/films/rankings", {"userId": "u"})
    assert (status, body["code"]) == (400, "BadBody")


def test_events_wait_for_a_live_tracker(served: World) -> None:
    ServingMaps(Table(served.dynamodb, TABLE)).write("films", SERVED | {"trackingId": None})
    status, body = ask(
        load_function("events"), "POST", "/films/events", {"userId": "u", "events": [{"eventType": "w"}]}
    )
    assert (status, body["code"]) == (503, "NotLive")


@pytest.mark.usefixtures("served")
def test_an_event_of_the_wrong_type_is_the_callers_fault_and_named() -> None:
    event = {"eventType": "watch", "eventValue": "five"}
    status, body = ask(load_function("events"), "POST", "/films/events", {"userId": "u", "events": [event]})
    assert (status, body["code"]) == (400, "BadEvent")
    assert body["message"] == "eventValue of event 1 must be a number, not five. Write it without quotes."


def failing(error: Exception) -> Any:
    """A hook that lets a call fail."""

    def fail(**_: Any) -> None:
        raise error

    return fail


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "Its own words."}}, "GetRecommendations")


@pytest.mark.parametrize(
    ("error", "status", "code", "message"),
    [
        *((refusal(name), *STATUSES[name], "Its own words.") for name in sorted(CALLERS_FAULTS)),
        *((refusal(name), *OUTAGES[reason]) for name, reason in REASONS.items()),
        (
            refusal("AccessDeniedException"),
            503,
            "Unavailable",
            "The service is temporarily unavailable. Try again later.",
        ),
        (
            EndpointConnectionError(endpoint_url="x"),
            503,
            "Unavailable",
            "The service is temporarily unavailable. Try again later.",
        ),
        (KeyError("x"), 500, "InternalError", "Internal error. The log of the function has the details."),
    ],
    ids=lambda value: str(value)[:40],
)
def test_every_failure_gets_the_right_status(
    served: World, error: Exception, status: int, code: str, message: str
) -> None:
    served.listen(RUNTIME(), "before-call", failing(error))
    answer = ask(load_function("recommendations"), "GET", "/films/recommendations/u", parameters={"userId": "u"})
    assert answer == (status, {"code": code, "message": message})


@pytest.mark.parametrize("name", ["AccessDeniedException", "ThrottlingException", "ResourceNotFoundException"])
@pytest.mark.parametrize("filtered", [{}, {"filter": "seen"}])
def test_only_requests_with_a_filter_hear_that_no_stored_list_helps(served: World, name: str, filtered: Any) -> None:
    content = SERVED | {"filters": {"seen": "arn:aws:personalize:us-east-1:1:filter/seen"}}
    ServingMaps(Table(served.dynamodb, TABLE)).write("films", content)
    served.listen(RUNTIME(), "before-call", failing(refusal(name)))
    status, answer = ask(load_function("recommendations"), "GET", "/films/recommendations", userId="u", **filtered)
    assert status >= 400
    assert ("Stored answers can't apply the filter" in answer["message"]) == bool(filtered)


@pytest.mark.parametrize("error", [refusal("AccessDeniedException"), KeyError("x")], ids=str)
def test_the_log_of_a_failure_does_not_name_the_user(
    served: World, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.listen(RUNTIME(), "before-call", failing(error))
    log = io.StringIO()
    monkeypatch.setattr(http_api.logger.registered_handler, "stream", log)
    query = {"userId": "jane@example.com", "context": json.dumps({"STREET": "Elm Street 7"})}
    status, _ = ask(load_function("recommendations"), "GET", "/films/recommendations", **query)  # type: ignore[arg-type]
    assert status >= 500
    assert type(error).__name__ in log.getvalue()
    assert "jane" not in log.getvalue()
    assert "Elm" not in log.getvalue()


EXPORTED = {"recommendedItems": ["a", "b", "c"], "scores": [0.5, 0.25]}
FAILURES = {
    "Throttled": refusal("ThrottlingException"),
    "NotFound": refusal("ResourceNotFoundException"),
    "ServerError": refusal("ServiceUnavailable"),
    "Unreachable": EndpointConnectionError(endpoint_url="x"),
}
"""The degraded answers by their reason."""


def load(world: World, campaign: str | None = "campaign/for-you", answer: object = EXPORTED, seconds: int = 60) -> None:
    """Put a user's export into the table."""
    solution = {"type": "USER_PERSONALIZATION", "campaignArn": campaign}
    content: Any = {**SERVED, "solutions": {"for-you": solution}, "exports": {"for-you": {"table": True}}}
    ServingMaps(Table(world.dynamodb, TABLE)).write("films", content)
    item = {"group": "films#for-you#u", "item": "export", "answer": json.dumps(answer)}
    expires = {"expires": {"N": str(int(now().timestamp()) + seconds)}}
    world.dynamodb.put_item(TableName=TABLE, Item={name: {"S": text} for name, text in item.items()} | expires)


def recommended(user: str = "u", **query: str) -> tuple[int, dict[str, Any]]:
    path = f"/films/recommendations/{user}"
    return ask(load_function("recommendations"), "GET", path, parameters={"userId": user}, **query)


@pytest.mark.parametrize("reason", FAILURES)
def test_a_campaign_that_fails_is_stood_in_for_by_the_newest_export(world: World, reason: str) -> None:
    load(world)
    world.listen(RUNTIME(), "before-call", failing(FAILURES[reason]))
    items = [{"itemId": "a", "score": 0.5}, {"itemId": "b", "score": 0.25}, {"itemId": "c"}]
    degraded = {"reason": reason}
    expected = {"solution": "for-you", "source": "export", "itemList": items, "degraded": degraded}
    assert recommended() == (200, expected)
    assert recommended(numResults="1", solution="for-you")[1]["itemList"] == items[:1]
    degraded_by_context = recommended(context='{"DEVICE": "phone"}')[1]["degraded"]
    assert degraded_by_context == {"reason": reason, "ignored": ["context"]}


@pytest.fixture
def hanging(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:  # noqa: ARG001
    """A function whose campaigns take requests and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_PERSONALIZE_RUNTIME", address)
        runtime = boto3.client("personalize-runtime", config=within(0.25))
        function: Any = load_function("recommendations")
        function.reader = replace(function.reader, campaigns=Campaigns(runtime))
        yield function


def test_a_campaign_that_hangs_is_stood_in_for_too(world: World, hanging: Any) -> None:
    load(world)
    ask_for = {"userId": "u"}
    status, body = ask(hanging, "GET", "/films/recommendations/u", parameters=ask_for)
    assert (status, body["source"]) == (200, "export")
    ServingMaps(Table(world.dynamodb, TABLE)).write("films", SERVED)
    hanging.reader.maps.forget("films")
    assert ask(hanging, "GET", "/films/recommendations/u", parameters=ask_for)[0] == 503


def test_a_solution_without_a_campaign_is_answered_from_its_export(world: World) -> None:
    load(world, campaign=None)
    assert recommended()[1]["source"] == "export"
    assert recommended(user="v") == (
        404, {"code": "NotFound", "message": "No campaign answers this request, and no export has an answer."},
    )  # fmt: skip


@pytest.mark.parametrize("query", [{"filter": "f"}, {"solution": "other"}, {"numResults": "0"}])
def test_an_export_does_not_answer_requests_beyond_its_content(world: World, query: dict[str, str]) -> None:
    load(world)
    world.listen(RUNTIME(), "before-call", failing(FAILURES["Throttled"]))
    assert recommended(**query)[0] >= 400


def test_an_expired_export_is_not_listed(world: World) -> None:
    load(world, campaign=None, seconds=-60)
    assert recommended()[0] == 404


def test_the_callers_fault_is_no_reason_to_look_elsewhere(world: World) -> None:
    load(world)
    world.listen(RUNTIME(), "before-call", failing(refusal("InvalidInputException")))
    assert recommended() == (400, {"code": "InvalidInput", "message": "Its own words."})


def test_every_error_has_a_handler() -> None:
    for kind in (UsherError, ClientError, EndpointConnectionError, KeyError):
        assert any(issubclass(kind, known) for known in HANDLERS)


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "InvalidInputException"])
def test_a_replaced_item_is_looked_up_again(served: World, code: str) -> None:
    serving = ServingMaps(Table(served.dynamodb, TABLE))
    serving.cached("films")
    solutions = {"for-you": {"type": "USER_PERSONALIZATION", "campaignArn": "new"}}
    ServingMaps(Table(served.dynamodb, TABLE)).write("films", SERVED | {"solutions": solutions})
    campaigns = []

    def call(**members: str) -> dict[str, Any]:
        campaigns.append(members["campaignArn"])
        if members["campaignArn"] != "new":
            raise ClientError({"Error": {"Code": code, "Message": "gone"}}, "GetRecommendations")
        return {"itemList": [], "recommendationId": "RID-1"}

    runtime: Any = SimpleNamespace(get_recommendations=call)
    table = Table(served.dynamodb, TABLE)
    catalogue = CatalogueCheck(Known(Catalogues(table)))
    sources = ExportStore(table), Pages(table), PopularLists(table), Campaigns(runtime), catalogue, Demand(table)
    reader = Reader(serving, *sources, StoredFilters(catalogue, lambda *_: {}))
    expected = {"itemList": [], "source": "campaign", "solution": "for-you", "recommendationId": "RID-1"}
    assert reader.answer("films", ROUTES["recommendations"], {"userId": "u"}) == expected
    assert campaigns == [SERVED["solutions"]["for-you"]["campaignArn"], "new"]


@pytest.mark.parametrize("name", ["recommendations", "ranking", "events"])
def test_a_function_has_the_routes_that_the_template_sends_to_it(world: World, name: str) -> None:  # noqa: ARG001
    assert set(load_function(name).api.routes) == SENT_ROUTES[name.capitalize()]
