"""Queues that invoke functions."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import time_machine
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.unit.cloud.roles import ACCOUNT, allow, make_role
from usher_local.clock import Clock
from usher_local.cloud.aws_lambda.event_source_mappings import checking
from usher_local.cloud.aws_lambda.functions import Answer
from usher_local.cloud.aws_lambda.limits import ThrottledError
from usher_local.cloud.aws_lambda.triggers import Triggers
from usher_local.cloud.state.queues import Queues
from usher_local.simulation.stack import Inline
from usher_local.store import Store

RIGHTS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
ALL_FAIL = Answer("{}", errored=True)
Handle = Callable[[dict[str, Any]], Any]


@cache
def client(service: str) -> Any:
    return boto3.client(service)  # type: ignore[call-overload]


class Site:
    """A function `f`, its queues, and the events that it got."""

    def __init__(self, clock: Any) -> None:
        self.sqs = client("sqs")
        self.functions = client("lambda")
        self.clock = clock
        self.calls: list[list[str]] = []
        self.events: list[dict[str, Any]] = []
        self.handle: Handle = lambda _: None
        self.triggers = Triggers(self.invoke, Clock(1), Inline())

    def invoke(self, _: Any, event: str, __: str) -> Answer:
        self.events.append(json.loads(event))
        self.calls.append([one["body"] for one in self.events[-1]["Records"]])
        answer = self.handle(self.events[-1])
        return answer if isinstance(answer, Answer) else Answer(json.dumps(answer))

    def function(self, *rights: str, timeout: int = 3) -> None:
        role = make_role("lambda.amazonaws.com", allow(*(rights or RIGHTS)))
        code = {"FunctionName": "f", "Handler": "a.b", "Runtime": "python3.13", "Code": {"ZipFile": b"x"}}
        self.functions.create_function(Role=role, Timeout=timeout, **code)

    def queue(self, name: str, **attributes: str) -> str:
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        url: str = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url

    def trigger(self, name: str, **given: Any) -> str:
        arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
        made = self.functions.create_event_source_mapping(FunctionName="f", EventSourceArn=arn, **given)
        return str(made["UUID"])

    def send(self, url: str, *bodies: str, group: str = "") -> None:
        for body in bodies:
            order = {"MessageGroupId": group, "MessageDeduplicationId": f"{group}{body}"} if group else {}
            self.sqs.send_message(QueueUrl=url, MessageBody=body, **order)

    def left(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(map(int, found.values()))


@pytest.fixture
def site() -> Iterator[Site]:
    with time_machine.travel(1_700_000_000, tick=False) as clock, mock_aws(), checking():
        yield Site(clock)


def failing(*bodies: str) -> Handle:
    """A function that reports some messages."""
    return lambda event: {
        "batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in event["Records"] if one["body"] in bodies]
    }


@pytest.mark.parametrize(
    ("queue", "given", "message"),
    [
        ("q", {"BatchSize": 11}, "window in seconds must be greater than 0"),
        ("q", {"BatchSize": 10_001, "MaximumBatchingWindowInSeconds": 1}, "from 1 to 10000"),
        ("q.fifo", {"BatchSize": 11, "MaximumBatchingWindowInSeconds": 1}, "from 1 to 10 "),
        ("q.fifo", {"MaximumBatchingWindowInSeconds": 1}, "not supported for FIFO"),
        ("q", {"ScalingConfig": {"MaximumConcurrency": 1001}}, "MaximumConcurrency"),
        ("slow", {}, "Queue visibility timeout: 2 seconds is less than Function timeout: 3 seconds"),
    ],
)
def test_a_mapping_that_lambda_refuses_is_refused(site: Site, queue: str, given: Any, message: str) -> None:
    site.function()
    site.queue(queue, **({"VisibilityTimeout": "2"} if queue == "slow" else {}))
    with pytest.raises(ClientError, match=message):
        site.trigger(queue, **given)


def test_an_update_is_checked_with_the_unchanged_members(site: Site) -> None:
    site.function()
    site.queue("q")
    uuid = site.trigger("q", BatchSize=100, MaximumBatchingWindowInSeconds=5)
    with pytest.raises(ClientError, match="greater than 0"):
        site.functions.update_event_source_mapping(UUID=uuid, MaximumBatchingWindowInSeconds=0)
    site.functions.update_event_source_mapping(UUID=uuid, MaximumBatchingWindowInSeconds=6)


@pytest.mark.parametrize("missing", RIGHTS)
def test_a_role_that_lacks_a_right_gets_no_mapping(site: Site, missing: str) -> None:
    site.function(*(right for right in RIGHTS if right != missing))
    site.queue("q")
    with pytest.raises(ClientError, match=f"does not have permissions to call {missing.partition(':')[2]} on SQS"):
        site.trigger("q")


def test_a_function_has_a_queue_once(site: Site) -> None:
    site.function()
    site.queue("q")
    site.trigger("q")
    with pytest.raises(ClientError, match="already exists"):
        site.trigger("q")


def test_handled_messages_are_deleted(site: Site) -> None:
    site.function()
    url = site.queue("q")
    site.trigger("q")
    site.send(url, "a", "b")
    assert site.calls == [], "not within the request that sends it"
    assert site.triggers.tick() == 1
    assert (site.calls, site.left(url)) == ([["a", "b"]], 0)
    record = site.events[0]["Records"][0]
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["eventSourceARN"].endswith(":q")


def test_a_failing_function_gets_its_batch_again_after_the_visibility_timeout(site: Site) -> None:
    site.function()
    url = site.queue("q")
    site.trigger("q")
    site.handle = lambda _: ALL_FAIL
    site.send(url, "a")
    site.triggers.tick()
    site.clock.shift(29)
    assert site.triggers.tick() == 0
    site.clock.shift(2)
    assert site.triggers.tick() == 1
    assert site.calls == [["a"], ["a"]]


def test_a_throttled_function_loses_nothing(site: Site) -> None:
    def throttled(_: Any) -> Any:
        raise ThrottledError

    site.function()
    url = site.queue("q")
    site.trigger("q")
    site.handle = throttled
    site.send(url, "a")
    site.triggers.tick()
    assert site.left(url) == 1


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        (None, 0),
        ({}, 0),
        ({"batchItemFailures": []}, 0),
        ({"batchItemFailures": None}, 0),
        ({"batchItemFailures": [{"itemIdentifier": "unknown"}]}, 2),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, 2),
        ({"batchItemFailures": [{"id": "a"}]}, 2),
        ("failed", 2),
    ],
)
def test_a_report_that_names_no_message_fails_all_unless_it_is_empty(site: Site, answer: Any, left: int) -> None:
    site.function()
    url = site.queue("q")
    site.trigger("q", FunctionResponseTypes=["ReportBatchItemFailures"])
    site.handle = lambda _: answer
    site.send(url, "a", "b")
    site.triggers.tick()
    assert site.left(url) == left


def test_only_reported_messages_come_again_and_only_if_the_mapping_says_so(site: Site) -> None:
    site.function()
    for name, kinds, left in (("reported", ["ReportBatchItemFailures"], 1), ("unreported", [], 0)):
        url = site.queue(name)
        site.trigger(name, FunctionResponseTypes=kinds)
        site.handle = failing("b")
        site.send(url, "a", "b")
        site.triggers.tick()
        assert site.left(url) == left, name


def test_the_groups_of_a_fifo_queue_stay_in_order_and_do_not_wait_for_each_other(site: Site) -> None:
    site.function()
    url = site.queue("q.fifo")
    site.trigger("q.fifo", BatchSize=1, FunctionResponseTypes=["ReportBatchItemFailures"])
    site.handle = failing("a1")
    site.send(url, "a1", "a2", group="a")
    site.send(url, "b1", group="b")
    site.triggers.tick()
    site.triggers.tick()
    assert site.calls == [["a1"], ["b1"]], "a2 waits behind a1, b1 does not"
    site.clock.shift(31)
    site.handle = failing()
    for _ in range(2):
        site.triggers.tick()
    assert site.calls[2:] == [["a1"], ["a2"]]


def test_a_group_stays_in_order_when_all_of_a_batch_come_again(site: Site) -> None:
    site.function()
    url = site.queue("q.fifo")
    site.trigger("q.fifo")
    site.handle = lambda _: ALL_FAIL
    site.send(url, "a1", group="a")
    site.send(url, "b1", "b2", group="b")
    for _ in range(2):
        site.triggers.tick()
        site.clock.shift(31)
    assert site.calls == [["a1", "b1", "b2"]] * 2


def test_one_batch_of_a_group_is_in_flight(site: Site) -> None:
    site.function()
    url = site.queue("q.fifo")
    site.trigger("q.fifo", BatchSize=1)
    seen: list[int] = []
    site.handle = lambda _: seen.append(site.triggers.tick())
    site.send(url, "a1", "a2", group="a")
    site.triggers.tick()
    assert seen == [0, 0]


def test_a_function_sets_when_a_message_comes_again(site: Site) -> None:
    def later(event: dict[str, Any]) -> Any:
        (record,) = event["Records"]
        site.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=5)
        return failing("a")(event)

    site.function()
    url = site.queue("q.fifo")
    site.trigger("q.fifo", FunctionResponseTypes=["ReportBatchItemFailures"])
    site.handle = later
    site.send(url, "a", group="a")
    site.triggers.tick()
    site.clock.shift(6)
    assert site.triggers.tick() == 1


def test_the_clock_shortens_the_time_until_a_message_comes_again(site: Site) -> None:
    site.function()
    url = site.queue("q", VisibilityTimeout="600")
    site.trigger("q")
    site.triggers = Triggers(site.invoke, Clock(600), Inline())
    site.handle = lambda _: ALL_FAIL
    site.send(url, "a")
    site.triggers.tick()
    site.clock.shift(1.1)
    assert site.triggers.tick() == 1


def test_a_batch_waits_for_its_window_or_its_size(site: Site) -> None:
    site.function()
    url = site.queue("q")
    site.trigger("q", BatchSize=12, MaximumBatchingWindowInSeconds=10)
    site.send(url, "a")
    assert site.triggers.tick() == 0
    site.clock.shift(9)
    site.send(url, "b")
    assert site.triggers.tick() == 0
    site.clock.shift(1)
    assert site.triggers.tick() == 1
    site.send(url, *map(str, range(12)))
    assert site.triggers.tick() == 1
    assert list(map(len, site.calls)) == [2, 12]


def test_no_more_batches_are_under_way_than_the_mapping_allows(site: Site) -> None:
    site.function()
    url = site.queue("q")
    site.trigger("q", BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    depth: list[int] = [0, 0]

    def nested(_: Any) -> None:
        depth[0] += 1
        depth[1] = max(depth)
        site.triggers.tick()
        depth[0] -= 1

    site.handle = nested
    site.send(url, *"abcd")
    site.triggers.tick()
    assert depth[1] == 2
    assert site.left(url) == 0


def test_repeated_failures_go_to_the_dead_letter_queue_and_their_group_goes_on(site: Site) -> None:
    site.function()
    dead = site.queue("dead.fifo")
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead.fifo", "maxReceiveCount": 2}
    url = site.queue("q.fifo", RedrivePolicy=json.dumps(policy))
    site.trigger("q.fifo", BatchSize=1, FunctionResponseTypes=["ReportBatchItemFailures"])
    site.handle = failing("a1")
    site.send(url, "a1", "a2", group="a")
    for _ in range(4):
        site.triggers.tick()
        site.clock.shift(31)
    assert site.calls == [["a1"], ["a1"], ["a2"]]
    assert (site.left(dead), site.left(url)) == (1, 0)


def test_a_deleted_or_disabled_mapping_takes_nothing(site: Site) -> None:
    site.function()
    url = site.queue("q")
    uuid = site.trigger("q", BatchSize=100, MaximumBatchingWindowInSeconds=10)
    site.send(url, "a")
    site.triggers.tick()
    site.functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    site.clock.shift(11)
    assert site.triggers.tick() == 0
    site.functions.update_event_source_mapping(UUID=uuid, Enabled=True)
    site.functions.delete_event_source_mapping(UUID=uuid)
    site.clock.shift(60)
    assert (site.triggers.tick(), site.left(url)) == (0, 1)


def test_a_fifo_queue_takes_an_id_once_in_five_minutes_even_when_its_message_is_gone(site: Site) -> None:
    site.function()
    url = site.queue("q.fifo")
    site.trigger("q.fifo")
    for pause in (0, 299, 2):
        site.clock.shift(pause)
        site.send(url, "a", group="a")
        site.triggers.tick()
    assert site.calls == [["a"], ["a"]]


def test_a_group_of_a_fifo_queue_may_have_the_id_of_another_one_if_the_queue_says_so(site: Site) -> None:
    for name, scope, left in (("each.fifo", {"DeduplicationScope": "messageGroup"}, 2), ("all.fifo", {}, 1)):
        url = site.queue(name, **scope)
        for group in "ab":
            same = {"MessageBody": "1", "MessageDeduplicationId": "same"}
            site.sqs.send_message(QueueUrl=url, MessageGroupId=group, **same)
        assert site.left(url) == left


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "kept.db")) as opened:
        yield opened


def test_messages_outlive_the_process_with_their_order_and_their_counts(store: Store) -> None:
    for number in range(3):
        kept = Queues(store)
        moment = 1_700_000_000 + number * 1000
        with time_machine.travel(moment, tick=False) as clock, mock_aws(), checking(), kept.keeping():
            site = Site(clock)
            site.function()
            url = site.queue("q.fifo")
            assert kept.restore() == {"messages in queues": (0, 3, 2)[number]}
            site.trigger("q.fifo", BatchSize=1, FunctionResponseTypes=["ReportBatchItemFailures"])
            if number == 0:
                site.send(url, "1", "2", "3", group="a")
            site.handle = failing(str(number + 1))
            site.triggers.tick()
            assert site.calls == ([["1"]], [["1"], ["2"]], [["2"], ["3"]])[number]
            if number == 1:
                assert site.events[0]["Records"][0]["attributes"]["ApproximateReceiveCount"] == "2"
