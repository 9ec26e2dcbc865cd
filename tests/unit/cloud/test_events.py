import json
import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.cloud.events import fill, flowing, target_input

EVENT = {"id": "e1", "detail-type": "Object Created", "detail": {"object": {"key": 'a "b".csv', "size": 3}}}
ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, EVENT),
        ({"Input": '{"constant": true}'}, {"constant": True}),
        ({"InputPath": "$.detail.object"}, {"key": 'a "b".csv', "size": 3}),
        ({"InputPath": "$.detail.nothing"}, None),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"key": "$.detail.object.key", "size": "$.detail.object.size"},
                    "InputTemplate": '{"file": <key>, "text": "<key> has <size> bytes", "size": <size>}',
                }
            },
            {"file": 'a "b".csv', "text": 'a "b".csv has 3 bytes', "size": 3},
        ),
        ({"InputTransformer": {"InputTemplate": '{"all": <aws.events.event.json>}'}}, {"all": EVENT}),
    ],
)
def test_a_target_gets_the_part_of_the_event_that_it_asks_for(target: dict[str, Any], expected: object) -> None:
    assert json.loads(target_input(target, EVENT)) == expected


def test_a_template_with_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill("<unknown>", {})


@pytest.fixture
def queue() -> Iterator[Any]:
    """A queue behind a rule whose first target does not exist, and a bucket that tells EventBridge."""
    with mock_aws(), flowing():
        s3: Any = boto3.client("s3", region_name="us-east-1")
        events: Any = boto3.client("events", region_name="us-east-1")
        sqs: Any = boto3.client("sqs", region_name="us-east-1")
        s3.create_bucket(Bucket="drops")
        s3.put_bucket_notification_configuration(
            Bucket="drops", NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        url = sqs.create_queue(QueueName="seen")["QueueUrl"]
        events.put_rule(Name="drop", EventPattern=json.dumps({"detail-type": ["Object Created"]}))
        arns = (
            f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:none",
            f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/x",
        )
        targets = [*arns, f"arn:aws:sqs:us-east-1:{ACCOUNT}:seen"]
        events.put_targets(Rule="drop", Targets=[{"Id": str(n), "Arn": arn} for n, arn in enumerate(targets)])
        yield lambda: [
            json.loads(message["Body"])
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        ]


def test_an_object_event_has_awss_shape_and_a_failing_target_does_not_keep_it_from_the_next(
    queue: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        boto3.client("s3", region_name="us-east-1").put_object(Bucket="drops", Key="a b/ü.csv", Body=b"abc")
    (event,) = queue()
    assert set(event) == {
        *("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"),
    }
    assert event["detail"]["object"] == {
        "key": "a b/ü.csv",
        "size": 3,
        "etag": "900150983cd24fb0d6963f7d28e17f72",
        "sequencer": event["detail"]["object"]["sequencer"],
    }
    assert event["detail"]["reason"] == "PutObject"
    assert [name in caplog.text for name in ("could not reach arn:aws:states", "could not reach arn:aws:kinesis")] == [
        True,
        True,
    ]


def test_a_disabled_rule_delivers_nothing(queue: Any) -> None:
    boto3.client("events", region_name="us-east-1").disable_rule(Name="drop")
    boto3.client("s3", region_name="us-east-1").put_object(Bucket="drops", Key="a", Body=b"")
    assert queue() == []
