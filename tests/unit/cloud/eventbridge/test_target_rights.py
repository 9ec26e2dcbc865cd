"""The permissions that a rule or a schedule needs for a delivery."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.unit.cloud.roles import ACCOUNT, allow, make_role
from usher_local.cloud.access.iam import check_function
from usher_local.cloud.eventbridge.targets import Sender, deliver

EVENTS, RULE = "events.amazonaws.com", f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:seen"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"


@pytest.fixture
def queue() -> Iterator[Any]:
    with mock_aws():
        sqs: Any = boto3.client("sqs", region_name="us-east-1")
        url = sqs.create_queue(QueueName="seen")["QueueUrl"]
        yield lambda: [one["Body"] for one in sqs.receive_message(QueueUrl=url).get("Messages", [])]


@pytest.mark.parametrize(
    ("trusted", "conditions"),
    [
        (EVENTS, {}),
        (EVENTS, {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": RULE}}),
    ],
)
def test_a_role_that_may_is_used(queue: Any, trusted: str, conditions: Any) -> None:
    role = make_role(trusted, allow("sqs:SendMessage", resource=QUEUE), **conditions)
    deliver(QUEUE, "{}", Sender(EVENTS, RULE, role))
    assert queue() == ["{}"]


@pytest.mark.parametrize(
    ("trusted", "conditions", "action", "refused"),
    [
        ("scheduler.amazonaws.com", {}, "sqs:SendMessage", "may not assume"),
        (EVENTS, {"StringEquals": {"aws:SourceAccount": "1"}}, "sqs:SendMessage", "may not assume"),
        (EVENTS, {"ArnLike": {"aws:SourceArn": f"{RULE}2"}}, "sqs:SendMessage", "may not assume"),
        (EVENTS, {}, "sqs:ReceiveMessage", "is not authorized to perform: sqs:SendMessage on resource: " + QUEUE),
    ],
)
def test_a_role_that_may_not_is_refused(queue: Any, trusted: str, conditions: Any, action: str, refused: str) -> None:
    role = make_role(trusted, action, **conditions)
    with pytest.raises(PermissionError, match=refused):
        deliver(QUEUE, "{}", Sender(EVENTS, RULE, role))
    assert queue() == []


@pytest.mark.usefixtures("queue")
def test_a_rule_starts_a_state_machine_by_a_role_only() -> None:
    with pytest.raises(PermissionError, match="give its target a RoleArn"):
        deliver(MACHINE, "{}", Sender(EVENTS, RULE, None))


@pytest.mark.usefixtures("queue")
def test_a_rule_without_a_role_needs_the_functions_permission() -> None:
    client: Any = boto3.client("lambda", region_name="us-east-1")
    role = make_role("lambda.amazonaws.com")
    client.create_function(FunctionName="f", Role=role, Handler="a.b", Runtime="python3.13", Code={"ZipFile": b"x"})
    invoke = {"FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": EVENTS}
    client.add_permission(StatementId="other", SourceArn=f"{RULE}2", **invoke)
    with pytest.raises(PermissionError, match="is there an AWS::Lambda::Permission"):
        deliver(FUNCTION, "{}", Sender(EVENTS, RULE, None))
    client.add_permission(StatementId="this", SourceArn=RULE, **invoke)
    check_function(FUNCTION, EVENTS, RULE)
