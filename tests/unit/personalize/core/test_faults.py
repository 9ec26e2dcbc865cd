"""Faults that a test injects."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.moto_server.werkzeug_app import create_backend_app

from tests.unit.personalize.world import REGION, World
from usher_local.personalize import Faults, inject
from usher_local.personalize.core import environment, faults

CAMPAIGN = "arn:aws:personalize:us-east-1:123456789012:campaign/x"


def throttled(calls: int) -> list[bool]:
    client = boto3.client("personalize", REGION, config=Config(retries={"total_max_attempts": 1}))

    def refused() -> bool:
        try:
            client.list_schemas()
        except ClientError as error:
            assert error.response["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
            return True
        return False

    return [refused() for _ in range(calls)]


@pytest.mark.usefixtures("world")
def test_a_share_of_the_calls_is_throttled_the_same_every_time() -> None:
    assert not any(throttled(20))
    runs = []
    for _ in range(2):
        inject(Faults(throttle=0.5, seed=7))
        runs.append(throttled(40))
    assert runs[0] == runs[1]
    assert 10 < sum(runs[0]) < 30
    inject(Faults())
    assert not any(throttled(20))


@pytest.mark.usefixtures("world")
def test_the_other_apis_are_throttled_too() -> None:
    inject(Faults(throttle=1))
    once = Config(retries={"total_max_attempts": 1})
    runtime = boto3.client("personalize-runtime", REGION, config=once)
    events = boto3.client("personalize-events", REGION, config=once)
    with pytest.raises(ClientError, match="ThrottlingException"):
        runtime.get_recommendations(campaignArn=CAMPAIGN)
    with pytest.raises(ClientError, match="ThrottlingException"):
        events.put_events(trackingId="x", sessionId="x", eventList=[{"eventType": "x", "sentAt": "1"}])


def serving(name: str) -> Any:
    client: Any = boto3.client
    return client(name, REGION, config=Config(retries={"total_max_attempts": 1}))


@pytest.mark.usefixtures("world")
def test_the_serving_apis_are_down_for_a_while_and_the_control_plane_is_not() -> None:
    clock = [0.0]
    inject(Faults(down=True, seconds=60, now=lambda: clock[0]))
    runtime, event = serving("personalize-runtime"), {"eventType": "x", "sentAt": "1"}
    calls: list[tuple[Any, dict[str, Any]]] = [
        (runtime.get_recommendations, {"campaignArn": CAMPAIGN}),
        (runtime.get_personalized_ranking, {"campaignArn": CAMPAIGN, "userId": "u", "inputList": ["i"]}),
        (serving("personalize-events").put_events, {"trackingId": "x", "sessionId": "x", "eventList": [event]}),
    ]
    for clock[0] in (0, 59):
        for call, members in calls:
            with pytest.raises(ClientError) as caught:
                call(**members)
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.SERVICE_UNAVAILABLE
            assert caught.value.response["Error"]["Code"] == "ServiceUnavailableException"
        boto3.client("personalize", REGION).list_schemas()
    clock[0] = 60
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        runtime.get_recommendations(campaignArn=CAMPAIGN)


@pytest.mark.usefixtures("world")
def test_the_serving_apis_are_slow_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, slept = [0.0], list[float]()
    monkeypatch.setattr(environment.current.pacing, "sleep", slept.append)
    inject(Faults(slow=5, seconds=60, now=lambda: clock[0]))
    for clock[0] in (0, 59, 60):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            serving("personalize-runtime").get_recommendations(campaignArn=CAMPAIGN)
        boto3.client("personalize", REGION).list_schemas()
    assert slept == [5, 5]


def test_a_job_fails_with_the_reason_that_was_ordered(world: World) -> None:
    inject(Faults(fail={"bad-luck": "A disk was full."}))
    world.names = iter(["films", "schema", "dataset", "bad-luck", "bad-luck-2"])
    dataset = world.dataset(world.group())
    job = world.import_data(dataset, "s3://personalize-data/nothing.csv")
    assert (job["status"], job["failureReason"]) == ("CREATE FAILED", "A disk was full.")
    assert world.import_data(dataset, "s3://personalize-data/x.csv")["failureReason"] == "Invalid Data location."


def test_a_job_takes_longer_when_that_was_ordered(world_at: Callable[[float], World]) -> None:
    world = world_at(60_000)
    inject(Faults(delay={"slow": 10_000}))
    arns = {name: world.personalize.create_dataset_group(name=name)["datasetGroupArn"] for name in ("slow", "quick")}
    world.settled("datasetGroup", arns["quick"])
    assert world.describe("datasetGroup", arns["slow"])["status"] == "CREATE PENDING"


def test_a_role_is_refused_with_any_permissions(world: World) -> None:
    inject(Faults(refuse=(world.role,)))
    dataset = world.dataset(world.group())
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="cannot assume the role"):
        world.import_data(dataset, "s3://personalize-data/x.csv")


def post(body: str) -> tuple[int, Any]:
    app = create_backend_app("personalize").test_client()
    headers = {
        "X-Amz-Target": "AmazonPersonalize.SetFaults",
        "Authorization": "AWS4 Credential=x/1/us-east-1/personalize/x",
    }
    answer = app.post("/", data=body, headers=headers)
    return answer.status_code, answer.get_json(force=True)


@pytest.mark.usefixtures("world")
def test_faults_can_be_ordered_over_http() -> None:
    assert post('{"throttle": 1, "fail": {"a": "b"}, "refuse": ["c"]}') == (200, {})
    assert (faults.current.throttle, faults.current.fail, faults.current.refuse) == (1, {"a": "b"}, ("c",))
    assert post("{}") == (200, {})
    assert faults.current == Faults()


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    "body",
    [
        '{"throttle": 2}',
        '{"throttle": "1"}',
        '{"down": 60}',
        '{"slow": -1}',
        '{"seconds": "60"}',
        '{"fail": {"a": 1}}',
        '{"delay": {"a": -1}}',
        '{"refuse": "a"}',
        '{"unnamed": "yes"}',
        '{"x": 1}',
    ],
)
def test_an_invalid_fault_is_refused(body: str) -> None:
    status, answer = post(body)
    assert (status, answer["__type"]) == (400, "InvalidInputException")
