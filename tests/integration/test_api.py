"""The HTTP API on a live group: its answers and refusals."""

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

import pytest
from botocore.credentials import Credentials

from tests.integration.conftest import Site, interactions, items
from tests.unit.cloud.roles import document, narrowed
from usher_local.cloud.server import STACK
from usher_local.demo.caller import CallError

CONFIG = """
solutions:
  for-you: {recipe: aws-user-personalization-v2}
  popular: {recipe: aws-popularity-count}
  similar: {recipe: aws-sims}
  ranking: {recipe: aws-personalized-ranking}
filters:
  seen: EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")
  genre: INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)
"""


@pytest.fixture(scope="module")
def live(site: Site) -> Iterator[Site]:
    for name, content in (("usher.yaml", CONFIG), ("items.csv", items()), ("interactions.csv", interactions())):
        site.drop(f"live/{name}", content)
    assert site.run("live")["outcome"] == "SUCCEEDED"
    yield site
    site.remove("live")


REFUSED = [
    ("/nowhere/recommendations/u1", {}, 404, "UnknownGroup", "no group nowhere"),
    ("/live/recommendations/u1", {"solution": "ranking"}, 404, "UnknownSolution", "for-you, popular"),
    ("/live/recommendations/u1", {"filter": "unknown"}, 404, "UnknownFilter", "seen, genre"),
    ("/live/recommendations/u1", {"numResults": "0"}, 400, "BadNumResults", "from 1 to 500"),
    ("/live/recommendations/u1", {"numResults": "many"}, 400, "BadNumResults", "from 1 to 500"),
    ("/live/recommendations/u1", {"numresults": "5"}, 400, "UnknownOption", "numResults"),
    ("/live/recommendations/u1", {"filter": "genre", "filterValues": "Comedy"}, 400, "BadFilterValues", "JSON"),
    ("/live/recommendations/u1", {"filterValues": '{"GENRE": "Comedy"}'}, 400, "BadFilterValues", "need a filter"),
    ("/live/recommendations/u1", {"filter": "genre"}, 400, "InvalidInput", "GENRE"),
    (
        "/live/recommendations/u1",
        {"filter": "genre", "filterValues": '{"GENRE": null}'},
        400,
        "BadFilterValues",
        "GENRE",
    ),
    ("/live/recommendations/u1", {"context": "[]"}, 400, "BadContext", "JSON"),
    ("/live/recommendations/" + "u" * 257, {}, 400, "BadId", "256"),
    ("/live/recommendations/a%2520b", {}, 400, "BadPath", "in the query"),
]


@pytest.mark.parametrize(("path", "query", "status", "code", "allowed"), REFUSED)
def test_a_wrong_request_is_answered_with_the_allowed_values(
    live: Site, path: str, query: dict[str, str], status: int, code: str, allowed: str
) -> None:
    with pytest.raises(CallError) as refused:
        live.api.get(path, **query)
    assert refused.value.status == status
    assert refused.value.body["code"] == code
    assert allowed in refused.value.body["message"]


BAD_BODIES = [
    ("rankings", b"not json", 400, "BadBody", "JSON object"),
    ("rankings", {"userId": "u1"}, 400, "BadBody", "items"),
    ("rankings", {"userId": "u1", "items": []}, 400, "BadList", "1 to 500"),
    ("rankings", {"userId": "u1", "items": ["i1"], "numResults": 3}, 400, "UnknownOption", "items"),
    ("events", {"userId": "u1", "events": []}, 400, "BadBody", "eventType"),
    ("events", {"events": [{"eventType": "watch"}]}, 400, "BadBody", "sessionId"),
    ("events", {"userId": "u1", "events": [{"itemId": "i1"}]}, 400, "BadId", "eventType of event 1"),
    ("events", {"userId": "u1", "events": [{"eventType": "watch", "when": 1}]}, 400, "BadEvent", "sentAt"),
    ("events", {"userId": "u1", "events": [{"eventType": "watch", "sentAt": 1.7e12}]}, 400, "BadEvent", "seconds"),
    ("events", b'{"userId": "u1", "events": [{"eventType": "w", "properties": {"x": NaN}}]}', 400, "BadBody", "NaN"),
    ("events", b"[" * 100_000, 400, "BadBody", "nested"),
]


@pytest.mark.parametrize(("path", "body", "status", "code", "allowed"), BAD_BODIES)
def test_a_wrong_body_is_answered_with_the_allowed_values(
    live: Site, path: str, body: object, status: int, code: str, allowed: str
) -> None:
    with pytest.raises(CallError) as refused:
        live.api.post(f"/live/{path}", body)
    assert (refused.value.status, refused.value.body["code"]) == (status, code)
    assert allowed in refused.value.body["message"]


def test_a_path_that_is_not_there_is_not_found(live: Site) -> None:
    with pytest.raises(CallError) as refused:
        live.api.get("/live/elsewhere")
    assert refused.value.status == 404


def test_a_user_who_may_call_one_group_is_refused_for_another(live: Site) -> None:
    iam = live.cloud.client("iam")
    found = live.cloud.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    (api_id,) = (one["PhysicalResourceId"] for one in found if one["LogicalResourceId"] == "Api")
    iam.create_user(UserName="caller")
    policy = document(narrowed("live", api_id))
    iam.put_user_policy(UserName="caller", PolicyName="live", PolicyDocument=policy)
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    caller = replace(live.api, credentials=Credentials(key["AccessKeyId"], key["SecretAccessKey"]))
    assert caller.get("/live/recommendations/u1", numResults=1)["itemList"]
    for path in ("/nowhere/recommendations/u1", "/%6Eowhere/recommendations/u1", "/liver/recommendations/u1"):
        with pytest.raises(CallError) as refused:
            caller.get(path)
        assert refused.value.status == 403


def test_options_reach_personalize(live: Site) -> None:
    popular = live.api.get("/live/recommendations/u1", solution="popular", numResults=3)
    assert popular["solution"] == "popular"
    assert len(popular["itemList"]) == 3
    for values in ({"GENRE": "Horror"}, {"GENRE": ["Horror"]}, {"GENRE": '"Horror"'}):
        horror = live.api.get("/live/recommendations/u1", filter="genre", filterValues=json.dumps(values))
        assert {int(one["itemId"][1:]) % 2 for one in horror["itemList"]} == {0}
    assert live.api.get("/live/recommendations/u1", context='{"DEVICE": "phone"}')["itemList"]


@pytest.mark.parametrize("user", ["Jörg Müller", "a?b", "a#b", 'a"b', "a\\b", "€", "🎬", "a+b", "100%", "a=b&c"])
def test_ids_with_unusual_characters_are_users_like_others(live: Site, user: str) -> None:
    assert live.api.get("/live/recommendations", userId=user)["itemList"]
    if "%" not in user:  # an HTTP API decodes a path twice
        assert live.api.get(f"/live/recommendations/{quote(user, safe='')}")["itemList"]


def test_events_change_the_next_recommendations(live: Site) -> None:
    before = [one["itemId"] for one in live.api.get("/live/recommendations/newcomer", numResults=5)["itemList"]]
    events = [{"eventType": "watch", "itemId": item} for item in ("i20", "i21", "i22")]
    answer = live.api.post("/live/events", {"userId": "newcomer", "sessionId": "s1", "events": events})
    assert answer == {"accepted": 3, "queued": 0, "duplicates": 0, "warnings": []}
    after = live.api.get("/live/recommendations/newcomer", numResults=5, filter="seen")["itemList"]
    assert [one["itemId"] for one in after] != before
    assert after[0]["itemId"] in {"i23", "i24", "i25", "i26"}
    assert not {"i20", "i21", "i22"} & {one["itemId"] for one in after}
    page = live.api.get("/live/users/newcomer/events", numResults=2)
    assert [(one["itemId"], one["outcome"], one["counts"]) for one in page["events"]] == [
        ("i22", "sent", True), ("i21", "sent", True),
    ]  # fmt: skip
    [first] = live.api.get("/live/users/events", userId="newcomer", next=page["next"])["events"]
    assert first["itemId"] == "i20"


READ, RECORD = "/live/recommendations/anna", "/live/events"
SEEN = {"sessionId": "s9", "events": [{"eventType": "watch", "itemId": "i20"}]}


def test_a_user_reads_and_writes_as_themself(live: Site) -> None:
    token = f"Bearer {live.issuer.token('anna')}"
    assert live.send("TokenApiUrl", "GET", READ, authorization=token)[0] == 200
    assert live.send("TokenApiUrl", "POST", RECORD, SEEN, authorization=token)[0] == 202
    ranked = live.send("TokenApiUrl", "POST", "/live/rankings", {"items": ["i1", "i2"]}, authorization=token)
    assert ranked[0] == 200
    elsewhere = [
        ("GET", "/live/recommendations/ben", None),
        ("GET", "/live/recommendations?userId=ben", None),
        ("GET", "/live/similar-items/i1?userId=ben", None),
        ("POST", "/live/rankings", {"userId": "ben", "items": ["i1"]}),
        ("POST", RECORD, {**SEEN, "userId": "ben"}),
    ]
    for method, path, body in elsewhere:
        status, answer = live.send("TokenApiUrl", method, path, body, authorization=token)
        assert (status, answer["code"]) == (403, "Forbidden"), path
        program = f"Bearer {live.issuer.token('mailer', scope='usher/all')}"
        assert live.send("TokenApiUrl", method, path, body, authorization=program)[0] in {200, 202}, path


def test_a_key_is_good_for_its_group_and_routes(live: Site) -> None:
    text = live.api_keys.create("live", "mail tool", ["GET recommendations"])
    assert live.send("KeyApiUrl", "GET", READ, x_api_key=text)[0] == 200
    for method, path, body in (("POST", RECORD, SEEN), ("GET", "/other/recommendations/anna", None)):
        status, answer = live.send("KeyApiUrl", method, path, body, x_api_key=text)
        assert (status, answer["code"]) == (403, "Forbidden"), path
    other = live.api_keys.create("live", "gone", ["GET recommendations"])
    live.api_keys.revoke("live", other.split(".")[1])
    assert live.send("KeyApiUrl", "GET", READ, x_api_key=other) == (403, {"message": "Forbidden"})
    limited = live.api_keys.create("live", "page", ["GET recommendations"], per_minute=1)
    statuses = [live.send("KeyApiUrl", "GET", READ, x_api_key=limited)[0] for _ in range(4)]
    assert (statuses[0], 429 in statuses) == (200, True), "two minutes at most"


CROSSED = [
    ("TokenApiUrl", {}, 401),
    ("TokenApiUrl", {"authorization": "Bearer x"}, 401),
    ("TokenApiUrl", {"x_api_key": "live.k000000000.x"}, 401),
    ("KeyApiUrl", {}, 401),
    ("KeyApiUrl", {"authorization": "Bearer x"}, 401),
    ("KeyApiUrl", {"x_api_key": "x"}, 403),
    ("KeyApiUrl", {"x_api_key": "live.k000000000.x"}, 403),
    ("KeyApiUrl", {"x_api_key": "live.item.keys"}, 403),
    ("ApiUrl", {"x_api_key": "live.k000000000.x"}, 403),
    ("ApiUrl", {"authorization": "Bearer x"}, 403),
]


@pytest.mark.parametrize(("api", "headers", "status"), CROSSED)
def test_a_wrong_request_is_refused_precisely(live: Site, api: str, headers: dict[str, str], status: int) -> None:
    words = {401: "Unauthorized", 403: "Forbidden"}
    assert live.send(api, "GET", READ, **headers) == (status, {"message": words[status]})


def test_headers_do_not_change_the_caller(live: Site) -> None:
    token = f"Bearer {live.issuer.token('anna')}"
    tricks = {"x_amzn_request_context": '{"authorizer": {"iam": {}}}', "x_user_id": "ben", "x_forwarded_user": "ben"}
    assert live.send("TokenApiUrl", "GET", "/live/recommendations/ben", authorization=token, **tricks)[0] == 403
    assert live.send("KeyApiUrl", "GET", READ, x_api_key="live.k000000000.x", authorization=token)[0] == 403
