"""Latency and throttling that a test switches on."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.personalize.conftest import Served
from tests.unit.personalize.world import REGION, World
from usher_local.clock import Clock
from usher_local.cloud.foreground import seconds, switch
from usher_local.personalize import Pacing, install
from usher_local.personalize.core import environment
from usher_local.personalize.core.pacing import Limit

ONCE = Config(retries={"total_max_attempts": 1})
BACKEND: Any = SimpleNamespace(account_id="1", region_name=REGION, resources={})


@dataclass
class Hands:
    """A clock that a test sets."""

    at: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.at


@pytest.fixture
def paced() -> Iterator[Callable[[Pacing], None]]:
    """Give the running service another pacing until the test ends."""
    before = environment.current.pacing
    yield lambda pacing: setattr(environment.current, "pacing", pacing)
    environment.current.pacing = before


def taken(calls: int, call: Callable[[], Any]) -> int:
    """The number of calls that are not throttled."""

    def refused() -> bool:
        try:
            call()
        except ClientError as error:
            assert error.response["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
            return True
        return False

    return sum(not refused() for _ in range(calls))


@pytest.mark.usefixtures("world")
def test_calls_take_no_time_and_are_not_throttled_by_default() -> None:
    pacing = environment.current.pacing
    assert (pacing.latency, pacing.serving_latency, pacing.throttled) == (0, None, False)
    pacing.sleep = lambda _: pytest.fail("it sleeps")
    assert taken(300, boto3.client("personalize", REGION, config=ONCE).list_schemas) == 300


@pytest.mark.parametrize(("own", "expected"), [(0.02, [0.1, 0.02, 0.02]), (0.0, [0.1]), (None, [0.1] * 3)])
def test_each_api_takes_its_time(world: World, own: float | None, expected: list[float]) -> None:
    hands = Hands()
    install(Clock(), pacing=Pacing(0.1, own, sleep=hands.slept.append))
    world.personalize.list_schemas()
    with pytest.raises(world.runtime.exceptions.ResourceNotFoundException):
        world.runtime.get_recommendations(campaignArn="arn:aws:personalize:us-east-1:123456789012:campaign/x")
    with pytest.raises(ClientError):
        world.events.put_events(trackingId="x", sessionId="x", eventList=[{"eventType": "x", "sentAt": 1}])
    assert hands.slept == expected


@pytest.mark.usefixtures("world")
def test_calls_are_slow_side_by_side() -> None:
    together = threading.Barrier(8, timeout=60)  # it fails if one waits for another

    def sleep(_: float) -> None:
        together.wait()

    install(Clock(), pacing=Pacing(0.1, sleep=sleep))
    clients = [boto3.client("personalize", REGION) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda client: client.list_schemas(), clients))
    assert [answer["schemas"] for answer in answers] == [[]] * 8


@pytest.mark.usefixtures("world")
def test_a_call_takes_real_time_at_any_speed() -> None:
    install(Clock(600), pacing=Pacing(0.2))
    begun = time.monotonic()
    boto3.client("personalize", REGION).list_schemas()
    assert time.monotonic() - begun >= 0.2


@given(
    rate=st.floats(0.5, 100),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 3), min_size=1, max_size=200),
)
def test_no_more_than_the_burst_and_the_rate_are_taken(rate: float, burst: int, pauses: list[float]) -> None:
    hands = Hands()
    pacing = Pacing(throttled=True, limits={"PutItems": Limit(rate, burst, "datasetArn")}, now=hands.now)
    count = 0
    for pause in pauses:
        hands.at += pause
        count += not pacing.throttles(BACKEND, "personalize-events", "PutItems", {"datasetArn": "a"})
    assert min(burst, len(pauses)) <= count <= burst + rate * sum(pauses) + 1e-6
    hands.at += 1 / rate + 1e-6
    assert not pacing.throttles(BACKEND, "personalize-events", "PutItems", {"datasetArn": "a"}), "after a pause"


def test_each_dataset_has_a_rate_of_its_own() -> None:
    pacing = Pacing(throttled=True, now=Hands().now)
    put = [pacing.throttles(BACKEND, "personalize-events", "PutItems", {"datasetArn": arn}) for arn in "ab" * 11]
    assert put == [False] * 20 + [True] * 2


def test_the_control_plane_has_one_rate_for_all_operations(world: World, paced: Callable[[Pacing], None]) -> None:
    hands = Hands()
    paced(Pacing(throttled=True, limits={"personalize": Limit(2, 4)}, now=hands.now))
    client = boto3.client("personalize", REGION, config=ONCE)
    assert taken(3, client.list_schemas) + taken(3, client.list_solutions) == 4
    hands.at += 1
    assert taken(3, client.list_filters) == 2
    with pytest.raises(world.runtime.exceptions.ResourceNotFoundException):  # another API
        world.runtime.get_recommendations(campaignArn="arn:aws:personalize:us-east-1:123456789012:campaign/x")


def test_a_campaign_answers_its_provisioned_rate(served: Served, paced: Callable[[Pacing], None]) -> None:
    hands = Hands()
    paced(Pacing(throttled=True, now=hands.now))
    client = boto3.client("personalize-runtime", REGION, config=ONCE)

    def ask(name: str) -> Callable[[], Any]:
        return lambda: client.get_recommendations(campaignArn=served.campaigns[name], userId="u1", numResults=1)

    assert taken(12, ask("popularity-count")) == 10
    assert taken(1, ask("user-personalization")) == 1
    hands.at += 2
    assert taken(5, ask("popularity-count")) == 2


@pytest.mark.parametrize(("text", "expected"), [("100ms", 0.1), ("0.5s", 0.5), ("0s", 0), ("2s", 2)])
def test_durations_are_read_with_their_unit(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["100", "-1s", "soon", "1 s", ""])
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="use one such as 100ms"):
        seconds(text)


def test_a_switch_is_on_or_off() -> None:
    assert (switch("on"), switch("off")) == (True, False)
    with pytest.raises(ValueError, match="neither on nor off"):
        switch("yes")
