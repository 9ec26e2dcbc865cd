"""The rate limits of keys, on a clock that the test sets."""

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from usher.access.key_limits import KeyLimits
from usher.storage.table import Table

from tests.unit.usher.serving.test_http_api import CONTEXT, event_of
from tests.unit.usher.world import TABLE, World, load_function

FAR = 2_000_000_000.0
HOURS = itertools.count(FAR, 3600)
"""The keys of each example, as all share a table."""
KEYS = [("films", "k1"), ("films", "k2"), ("music", "k1")]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(1, 4),
    requests=st.lists(st.tuples(st.sampled_from(KEYS), st.floats(0, 40), st.integers(0, 1)), max_size=30),
)
def test_a_key_makes_as_many_requests_in_a_minute_as_it_may_from_all_environments(
    world: World, limit: int, requests: list[tuple[tuple[str, str], float, int]]
) -> None:
    now = [next(HOURS)]
    environments = [KeyLimits(Table(world.dynamodb, TABLE), lambda: now[0]) for _ in range(2)]
    made: dict[tuple[tuple[str, str], int], int] = {}
    for key, pause, number in requests:
        now[0] += pause
        wait, minute = environments[number].seconds_to_wait(*key, limit), int(now[0] // 60)
        before = made.get((key, minute), 0)
        assert (wait == 0) == (before < limit)
        assert wait == 0 or int((now[0] + wait) // 60) == minute + 1
        made[key, minute] = before + (wait == 0)


def test_a_refused_request_is_not_written_again_and_its_count_expires(world: World) -> None:
    calls: list[dict[str, Any]] = []

    def update_item(**members: Any) -> Any:
        calls.append(members)
        return world.dynamodb.update_item(**members)

    dynamodb: Any = SimpleNamespace(update_item=update_item, exceptions=world.dynamodb.exceptions)
    limits = KeyLimits(Table(dynamodb, TABLE), lambda: FAR)
    assert [limits.seconds_to_wait("films", "k", 2) > 0 for _ in range(6)] == [False, False, True, True, True, True]
    assert len(calls) == 3
    [item] = world.dynamodb.scan(TableName=TABLE)["Items"]
    assert FAR < int(item["expires"]["N"]) <= FAR + 120


def test_a_failing_table_refuses_no_request() -> None:
    def update_item(**_: Any) -> Any:
        raise ReadTimeoutError(endpoint_url="x")

    absent = type("Absent", (Exception,), {})
    dynamodb: Any = SimpleNamespace(
        update_item=update_item, exceptions=SimpleNamespace(ConditionalCheckFailedException=absent)
    )
    assert [KeyLimits(Table(dynamodb, TABLE)).seconds_to_wait("films", "k", 1) for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize("limit", [1, 3])
def test_the_api_refuses_requests_above_a_keys_limit_and_names_the_time_to_retry(world: World, limit: int) -> None:
    function = load_function("recommendations")
    function.api._limits = KeyLimits(Table(world.dynamodb, TABLE), lambda: FAR)
    who = {"lambda": {"group": "films", "routes": ["GET health"], "key": "k1", "perMinute": limit}}
    event = event_of("GET", "/films/health")
    event["requestContext"]["authorizer"] = who
    answers = [function.lambda_handler(event, CONTEXT) for _ in range(limit + 2)]
    statuses = [one["statusCode"] for one in answers]
    assert statuses[:limit] == [404] * limit, "the group has published nothing"
    assert statuses[limit:] == [429, 429]
    assert answers[-1]["headers"]["Retry-After"] == f"{60 - FAR % 60:.0f}"
    other = {"requestContext": {**event["requestContext"], "authorizer": {"lambda": {**who["lambda"], "key": "k2"}}}}
    assert function.lambda_handler(event | other, CONTEXT)["statusCode"] == 404
