"""The rights of callers by route and user: for every route of the template, and for all IDs in a request."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.access.callers import SCOPE, Caller, caller_of, scopes
from usher.errors import RequestError
from usher.routes import ROUTES_BY_KEY, SHORT_NAMES, short_name

from tests.unit.stack import files

KEYS = sorted(key for sent in files.SENT_ROUTES.values() for key in sent)
IDS = st.text(min_size=1, max_size=8)
VALUES = st.recursive(IDS | st.integers() | st.none(), lambda part: st.lists(part, max_size=3), max_leaves=5)


def token(**claims: str) -> dict[str, Any]:
    return {"jwt": {"claims": {"sub": "anna", **claims}, "scopes": None}}


def key(*routes: str) -> dict[str, Any]:
    return {"lambda": {"group": "films", "routes": list(routes)}}


def refused(call: Any, *arguments: Any) -> str:
    with pytest.raises(RequestError) as error:
        call(*arguments)
    assert (error.value.status, error.value.code) == (403, "Forbidden")
    return str(error.value)


def test_the_routes_of_the_template_are_those_of_the_table() -> None:
    assert sorted(ROUTES_BY_KEY) == KEYS


def test_only_changes_of_everybodys_answers_need_the_scope() -> None:
    scoped = {key for key, route in ROUTES_BY_KEY.items() if route.needs_scope}
    assert scoped == {"PUT /{group}/items", "PUT /{group}/actions"}


@pytest.mark.parametrize("route", KEYS)
def test_a_signer_may_make_the_requests_that_the_policy_allows(route: str) -> None:
    caller = caller_of({"iam": {"userArn": "arn"}})
    caller.check_route(route, "films")
    caller.check_users({"userId": "anyone"})


@pytest.mark.parametrize("route", KEYS)
@given(
    allowed=st.sets(st.sampled_from(sorted(SHORT_NAMES))), group=st.sampled_from(["films", "film", "films-eu", None])
)
def test_a_key_is_for_one_group_and_its_routes(route: str, allowed: set[str], group: str | None) -> None:
    caller = caller_of(key(*allowed))
    if (group == "films" or "{group}" not in route) and short_name(route) in allowed:
        caller.check_route(route, group)
    else:
        refused(caller.check_route, route, group)


@pytest.mark.parametrize("route", ["DELETE /{group}/events", "GET /{group}/secrets", "GET /", "", "$default"])
def test_a_route_without_a_row_is_refused_to_keys_and_tokens(route: str) -> None:
    refused(caller_of(key(*SHORT_NAMES, short_name(route))).check_route, route, "films")
    refused(caller_of(token()).check_route, route, "films")


@pytest.mark.parametrize("route", KEYS)
def test_a_token_suffices_for_requests_about_its_user(route: str) -> None:
    if ROUTES_BY_KEY[route].needs_scope:
        assert SCOPE in refused(caller_of(token()).check_route, route, "films")
    else:
        caller_of(token()).check_route(route, "films")
    caller_of(token(scope=f"openid {SCOPE}")).check_route(route, "films")


@given(
    where=st.sampled_from(
        [
            lambda who: {"userId": who},
            lambda who: {"userIds": [who]},
            lambda who: {"userIds": ["anna", who]},
            lambda who: {"users": [{"userId": who, "properties": {}}]},
            lambda who: {"events": [{"a": [[{"userId": who}]]}]},
        ]
    ),
    who=VALUES,
)
def test_a_token_names_no_other_user_wherever_a_request_names_one(where: Any, who: Any) -> None:
    def others(value: Any) -> bool:
        return any(map(others, value)) if isinstance(value, list) else value is not None and str(value) != "anna"

    caller = caller_of(token())
    if others(who):
        refused(caller.check_users, where(who))
    else:
        caller.check_users(where(who))
    caller_of(token(scope=SCOPE)).check_users(where(who))


@pytest.mark.parametrize(
    "who", ["Anna", "anna ", " anna", "anna\n", "anna,anna", "ann\u0430", "", True, {}, {"sub": "anna"}, 1.5]
)
def test_similar_ids_belong_to_other_users(who: object) -> None:
    refused(caller_of(token()).check_users, {"userId": who})


def test_a_number_is_the_text_that_requests_may_write_for_it() -> None:
    caller_of(token(sub="17")).check_users({"userId": 17})


@pytest.mark.parametrize(
    "route", ["POST /{group}/events", "POST /{group}/action-interactions", "POST /{group}/rankings"]
)
def test_a_caller_without_a_user_id_writes_as_themself(route: str) -> None:
    caller = caller_of(token())
    for body in ({"sessionId": "s"}, {"sessionId": "s", "userId": None}):
        assert caller.with_own_user(route, body) == {"sessionId": "s", "userId": "anna"}
    assert caller.with_own_user("PUT /{group}/users", {"users": []}) == {"users": []}
    assert Caller().with_own_user(route, {"sessionId": "s"}) == {"sessionId": "s"}


def test_another_claim_may_hold_the_user() -> None:
    assert caller_of(token(username="a7"), "username").user == "a7"
    assert "email" in refused(caller_of, token(), "email")


@pytest.mark.parametrize(
    "authorizer",
    [None, {}, {"jwt": {}}, {"jwt": {"claims": {}}}, {"jwt": {"claims": {"sub": ""}}}, {"lambda": {}}, {"lambda": None},
     {"lambda": {"group": "films"}}, {"lambda": {"group": None, "routes": []}}, {"other": {"group": "films"}}],
)  # fmt: skip
def test_an_unknown_caller_is_refused(authorizer: Any) -> None:
    refused(caller_of, authorizer)


@pytest.mark.parametrize(
    ("claims", "held"),
    [
        ({"scope": f"openid {SCOPE}"}, True),
        ({"scp": f"[openid {SCOPE}]"}, True),
        ({"scp": f"[{SCOPE}]"}, True),
        ({"scope": f"{SCOPE}x my{SCOPE}"}, False),
        ({"scope": "usher all"}, False),
        ({"aud": SCOPE}, False),
        ({}, False),
    ],
)
def test_a_scope_is_a_whole_word_of_its_claim(claims: dict[str, str], held: bool) -> None:
    assert (SCOPE in scopes(claims)) == held


def test_the_api_asks_in_one_place_for_all_routes() -> None:
    text = (files.REPOSITORY / "layers/core/python/usher/serving/http_api.py").read_text()
    assert len(re.findall(r"check_route\(", text)) == 1
