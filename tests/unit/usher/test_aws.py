"""Clients, digests and error codes."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st
from usher.aws import client, digest, error_code

from tests.unit.stack.files import FUNCTIONS
from tests.unit.usher.world import World

MAX_BACK_OFF = 1
"""Seconds before botocore's second try, in its legacy mode."""

values = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2))


def test_there_is_one_client_per_service() -> None:
    assert client("s3") is client("s3")
    s3: object = client("s3")
    assert s3 is not client("sns")


def test_a_call_beyond_a_quota_is_not_retried(world: World) -> None:
    for number in range(5):
        world.personalize.create_dataset_group(name=f"group-{number}")
    with pytest.raises(ClientError) as caught:
        world.personalize.create_dataset_group(name="one-too-many")
    assert error_code(caught.value) == "LimitExceededException"
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


@pytest.mark.parametrize("service", ["personalize-runtime", "personalize-events"])
def test_a_request_that_hangs_is_given_up_before_the_function_is(service: str) -> None:
    config = client(service).meta.config
    longest = config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout) + MAX_BACK_OFF
    assert longest < min(FUNCTIONS[name]["Timeout"] for name in ("Recommendations", "Ranking", "Events"))


def test_a_plan_outlasts_a_minute_of_throttling(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", slept.append)
    body = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'

    def refuse(request: Any, **_: Any) -> AWSResponse | None:
        raw = SimpleNamespace(stream=lambda: iter([body]))
        return AWSResponse(request.url, 400, HTTPHeaders(), raw) if len(slept) < 6 else None

    world.listen(world.personalize, "before-send.personalize.ListSchemas", refuse)
    assert world.personalize.list_schemas()["schemas"] == []
    assert len(slept) == 6
    assert sum(slept) <= 63


def test_an_error_of_another_kind_has_no_code() -> None:
    assert error_code(KeyError("x")) == ""
    assert error_code(ReadTimeoutError(endpoint_url="x")) == ""


@given(values, values)
def test_digests_are_equal_if_and_only_if_the_values_are(one: dict[str, object], other: dict[str, object]) -> None:
    assert (digest(one, 64) == digest(other, 64)) == (one == other)
    assert digest(one) == digest(dict(reversed(one.items())))


def test_a_digest_is_as_long_as_wanted() -> None:
    assert len(digest({}, 6)) == 6
    assert digest({"at": time.gmtime(0)}) == digest({"at": time.gmtime(0)})
