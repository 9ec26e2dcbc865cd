"""Failing deliveries: retried, and at last put into the dead-letter queue."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.exceptions import JsonRESTError

from tests.unit.cloud.roles import allow, document, make_role
from usher_local.clock import Clock
from usher_local.cloud.eventbridge.rules import ruling
from usher_local.cloud.eventbridge.scheduler import Scheduler
from usher_local.cloud.eventbridge.targets import Deliveries, Sender

ACCOUNT = "123456789012"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:none"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r"


class Away:
    """A target that does not answer for a while."""

    def __init__(self, attempts: float, error: Exception) -> None:
        self.attempts, self.error, self.payloads = attempts, error, list[str]()

    def __call__(self, _: str, payload: str, __: Sender) -> None:
        self.payloads.append(payload)
        if len(self.payloads) < self.attempts:
            raise self.error


def policy_for(rule: str) -> str:
    condition = {"ArnEquals": {"aws:SourceArn": rule}}
    who = {"Service": "events.amazonaws.com"}
    return document(allow("sqs:SendMessage", resource=QUEUE, Principal=who, Condition=condition))


@pytest.fixture
def dead() -> Iterator[Callable[[], Any]]:
    """The dead-letter queue: a function that waits for a message, and returns its body and attributes."""
    with mock_aws():
        sqs: Any = boto3.client("sqs", region_name="us-east-1")
        url = sqs.create_queue(QueueName="dead", Attributes={"Policy": policy_for(RULE)})["QueueUrl"]

        def receive() -> Any:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                answer = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])
                for message in answer.get("Messages", []):
                    attributes = message["MessageAttributes"].items()
                    return json.loads(message["Body"]), {name: one["StringValue"] for name, one in attributes}
                time.sleep(0.01)
            raise AssertionError("nothing came")

        yield receive


def put_event(**target: Any) -> None:
    events: Any = boto3.client("events", region_name="us-east-1")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["s"]}))
    role = make_role("events.amazonaws.com", "states:StartExecution")
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": MACHINE, "RoleArn": role, **target}])
    events.put_events(Entries=[{"Source": "s", "DetailType": "t", "Detail": json.dumps({"x": 1})}])


def schedule(*rights: str, **target: Any) -> None:
    schedules: Any = boto3.client("scheduler", region_name="us-east-1")
    role = make_role("scheduler.amazonaws.com", "states:StartExecution", *rights)
    schedules.create_schedule(
        Name="s",
        ScheduleExpression="at(2026-01-01T01:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": MACHINE, "RoleArn": role, "Input": '{"attempt": <aws.scheduler.attempt-number>}', **target},
    )


def fire(deliveries: Deliveries) -> None:
    moments = iter([datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=2)])
    assert Scheduler(deliveries, lambda: next(moments)).tick() == 1


def test_an_event_for_a_target_that_does_not_exist_goes_to_the_dead_letter_queue_at_once(dead: Any) -> None:
    with Deliveries(Clock(1)) as deliveries, ruling(deliveries):
        put_event(DeadLetterConfig={"Arn": QUEUE})
        body, attributes = dead()
    assert (body["source"], body["detail"]) == ("s", {"x": 1})
    assert attributes.pop("ERROR_MESSAGE")
    assert attributes == {
        "RULE_ARN": RULE,
        "TARGET_ARN": MACHINE,
        "ERROR_CODE": "NO_RESOURCE",
        "RETRY_ATTEMPTS": "0",
    }


@pytest.mark.parametrize(
    ("policy", "retries", "exhausted"),
    [
        ({"MaximumRetryAttempts": 3}, "3", "MaximumRetryAttempts"),
        ({"MaximumRetryAttempts": 0}, "0", "MaximumRetryAttempts"),
        ({"MaximumEventAgeInSeconds": 60}, "5", "MaximumEventAgeInSeconds"),
        ({}, "185", "MaximumRetryAttempts"),
    ],
)
def test_an_event_for_a_target_that_is_away_is_tried_again_as_often_as_its_policy_says(
    dead: Any, policy: Any, retries: str, exhausted: str
) -> None:
    away = Away(1000, ConnectionError("away"))
    with Deliveries(Clock.parse("instant"), away) as deliveries, ruling(deliveries):
        put_event(DeadLetterConfig={"Arn": QUEUE}, **({"RetryPolicy": policy} if policy else {}))
        _, attributes = dead()
    assert attributes == {
        "RULE_ARN": RULE,
        "TARGET_ARN": MACHINE,
        "ERROR_CODE": "ERROR_FROM_TARGET",
        "ERROR_MESSAGE": "away",
        "RETRY_ATTEMPTS": retries,
        "EXHAUSTED_RETRY_CONDITION": exhausted,
    }
    assert len(away.payloads) == int(retries) + 1


def test_a_throttled_delivery_arrives_later_with_its_attempt(dead: Any) -> None:  # noqa: ARG001
    away = Away(3, JsonRESTError("ThrottlingException", "slowly"))
    with Deliveries(Clock.parse("instant"), away) as deliveries:
        schedule()
        fire(deliveries)
        deadline = time.monotonic() + 60
        while len(away.payloads) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert [json.loads(payload) for payload in away.payloads] == [{"attempt": n} for n in (1, 2, 3)]


def test_a_schedule_has_a_dead_letter_queue_too(dead: Any) -> None:
    with Deliveries(Clock(1)) as deliveries:
        schedule("sqs:SendMessage", DeadLetterConfig={"Arn": QUEUE})
        fire(deliveries)
        body, attributes = dead()
    assert body == {"attempt": 1}
    assert attributes.pop("ERROR_MESSAGE")
    assert attributes.pop("EXECUTION_ID")
    assert attributes == {
        "SCHEDULE_ARN": f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/s",
        "SCHEDULED_TIME": "2026-01-01T01:00:00Z",
        "TARGET_ARN": MACHINE,
        "ERROR_CODE": "StateMachineDoesNotExist",
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "0",
    }


def lost(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(one.exc_info[1]) for one in caplog.records if one.exc_info and one.exc_info[1]]


@pytest.mark.usefixtures("dead")
def test_a_dead_letter_without_the_queues_permission_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    sqs: Any = boto3.client("sqs", region_name="us-east-1")
    url = sqs.get_queue_url(QueueName="dead")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy_for(f"{RULE}2")})
    with Deliveries(Clock(1)) as deliveries, ruling(deliveries):
        put_event(DeadLetterConfig={"Arn": QUEUE})
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    (reason,) = lost(caplog)
    assert f"may not sqs:SendMessage on {QUEUE} for {RULE}; is there an AWS::SQS::QueuePolicy?" in reason


@pytest.mark.usefixtures("dead")
def test_a_dead_letter_without_the_schedules_permission_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    sqs: Any = boto3.client("sqs", region_name="us-east-1")
    with Deliveries(Clock(1)) as deliveries:
        schedule(DeadLetterConfig={"Arn": QUEUE})
        fire(deliveries)
    assert "Messages" not in sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="dead")["QueueUrl"])
    (reason,) = lost(caplog)
    assert "is not authorized to perform: sqs:SendMessage" in reason
