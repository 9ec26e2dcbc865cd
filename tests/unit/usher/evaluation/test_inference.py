"""Inputs of batch inference jobs, and campaigns that answer their lines one by one."""

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from usher.aws import STEADY
from usher.batch.job_input import write_job_input
from usher.evaluation.files import EvaluationFiles
from usher.evaluation.inference import CampaignClient, input_lines

from tests.unit.usher.world import World

ARN = "arn:aws:personalize:us-east-1:123456789012:campaign/x"


def test_inputs_have_a_line_for_each_user_or_newest_item() -> None:
    users, newest = ["a", "b", "c"], {"a": "1", "b": "1"}
    assert list(input_lines("users", users, newest, [])) == [{"userId": user} for user in users]
    assert list(input_lines("items", users, newest, [])) == [{"itemId": "1"}], "an item has one line"
    assert list(input_lines("rankings", ["a"], newest, ["2", "1"])) == [{"userId": "a", "itemList": ["2", "1"]}]


class Body(io.BytesIO):
    """The body of a response, as botocore reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


class Endpoint:
    """Personalize's runtime behind a real client: it refuses some users, each with an error code for some requests."""

    def __init__(self, **refused: tuple[str, int]) -> None:
        self.refused = refused
        self.requests: list[str] = []
        self.client = boto3.client("personalize-runtime", config=STEADY)
        self.client.meta.events.register_first("before-send.personalize-runtime.GetRecommendations", self.respond)

    def respond(self, request: Any, **_: Any) -> Any:
        user = json.loads(request.body)["userId"]
        self.requests.append(user)
        code, times = self.refused.get(user, ("", 0))
        headers: Any = {"x-amzn-errortype": code}
        if self.requests.count(user) <= times:
            return AWSResponse(request.url, 400, headers, Body(b'{"message": "No."}'))
        return AWSResponse(request.url, 200, headers, Body(b'{"itemList": [{"itemId": "1"}, {"itemId": "2"}]}'))


def with_users(world: World, *users: str) -> EvaluationFiles:
    """The files of an evaluation whose input has users, in parts of four."""
    files = EvaluationFiles(world.bucket, "films", "run-1")
    write_job_input(world.bucket, files.key("input/users/"), input_lines("users", users, {}, []), {}, 4)
    return files


def predict(endpoint: Endpoint, files: EvaluationFiles, is_late: Callable[[], bool] = lambda: False) -> bool:
    return CampaignClient(endpoint.client, ARN, 1000).predict(files, "users", "live", is_late)


def predictions(files: EvaluationFiles) -> list[dict[str, Any]]:
    return [json.loads(line) for _, file in files.open("output/live", ".out") for line in file.read().splitlines()]


def errors(files: EvaluationFiles) -> list[str | None]:
    return [prediction["error"] for prediction in predictions(files)]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that botocore would have waited."""
    waited: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", waited.append)
    return waited


def test_a_refused_request_is_an_error_in_the_output(world: World) -> None:
    files, endpoint = with_users(world, "a", "b", "c"), Endpoint(b=("InvalidInputException", 9))
    assert predict(endpoint, files)
    assert errors(files) == [None, "No.", None]
    assert endpoint.requests == ["a", "b", "c"], "it is not retried"


def test_a_throttled_request_is_retried_after_a_pause(world: World, pauses: list[float]) -> None:
    files, endpoint = with_users(world, "a", "b"), Endpoint(b=("ThrottlingException", 3))
    assert predict(endpoint, files)
    assert errors(files) == [None, None]
    assert endpoint.requests == ["a", *["b"] * 4]
    assert len(pauses) == 3


@pytest.mark.usefixtures("pauses")
def test_a_request_that_stays_throttled_is_given_up_and_the_next_one_follows(world: World) -> None:
    files, endpoint = with_users(world, "a", "b", "c"), Endpoint(b=("ThrottlingException", 99))
    assert predict(endpoint, files)
    assert errors(files) == [None, "No.", None]
    assert Counter(endpoint.requests) == {"a": 1, "b": 6, "c": 1}


@pytest.mark.usefixtures("pauses")
def test_requests_are_not_retried_for_long_while_all_are_throttled(world: World) -> None:
    users = [f"u{number}" for number in range(60)]
    files, endpoint = with_users(world, *users), Endpoint(**dict.fromkeys(users, ("ThrottlingException", 99)))
    assert predict(endpoint, files)
    assert errors(files) == ["No."] * 60
    assert Counter(endpoint.requests)["u59"] == 1


def test_predictions_continue_where_they_were_interrupted(world: World) -> None:
    users = [f"u{number}" for number in range(10)]
    files, endpoint, late = with_users(world, *users), Endpoint(), iter([False, False, True, False, True])
    assert not predict(endpoint, files, lambda: next(late))
    assert not predict(endpoint, files, lambda: next(late))
    assert predict(endpoint, files)
    assert endpoint.requests == users
    assert [prediction["input"]["userId"] for prediction in predictions(files)] == users
    assert set(errors(files)) == {None}
    assert predict(endpoint, files)
    assert endpoint.requests == users, "no user is requested twice"
