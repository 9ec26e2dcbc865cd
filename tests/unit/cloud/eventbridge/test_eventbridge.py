import json
import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from usher_local.clock import Clock
from usher_local.cloud.eventbridge.rules import ruling
from usher_local.cloud.eventbridge.sources import flowing
from usher_local.cloud.eventbridge.targets import Deliveries
from usher_local.cloud.step_functions.interpreter import executing

ACCOUNT = "123456789012"


@pytest.fixture
def queue() -> Iterator[Any]:
    """A queue behind a rule whose first target does not exist, and a bucket that notifies EventBridge."""
    with mock_aws(), Deliveries(Clock()) as deliveries, ruling(deliveries), flowing():
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


def test_an_execution_reports_its_start_and_once_its_end() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/r"
    waiting = {"QueryLanguage": "JSONata", "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9, "End": True}}}
    with (
        mock_aws(),
        Deliveries(Clock()) as deliveries,
        ruling(deliveries),
        executing("http://127.0.0.1:1", Clock(1)),
        flowing(),
    ):
        events: Any = boto3.client("events", region_name="us-east-1")
        sqs: Any = boto3.client("sqs", region_name="us-east-1")
        states: Any = boto3.client("stepfunctions", region_name="us-east-1")
        url = sqs.create_queue(QueueName="seen")["QueueUrl"]
        pattern = {"source": ["aws.states"], "detail-type": ["Step Functions Execution Status Change"]}
        events.put_rule(Name="changes", EventPattern=json.dumps(pattern))
        events.put_targets(Rule="changes", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:seen"}])
        arn = states.create_state_machine(name="m", definition=json.dumps(waiting), roleArn=role)["stateMachineArn"]
        execution = states.start_execution(stateMachineArn=arn, input='{"a": 1}')["executionArn"]
        for _ in range(2):
            states.stop_execution(executionArn=execution)
        details = [
            json.loads(message["Body"])["detail"]
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        ]
    assert [(one["status"], one["stopDate"] is None) for one in details] == [("RUNNING", True), ("ABORTED", False)]
    assert {(one["executionArn"], one["input"]) for one in details} == {(execution, '{"a": 1}')}


@pytest.mark.usefixtures("queue")
def test_a_second_deletion_is_possible_and_permanent() -> None:
    s3: Any = boto3.client("s3", region_name="us-east-1")
    s3.put_bucket_versioning(Bucket="drops", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="drops", Key="a.csv", Body=b"abc")
    for _ in range(2):
        assert s3.delete_objects(Bucket="drops", Delete={"Objects": [{"Key": "a.csv"}]}).get("Errors", []) == []
    found = s3.list_object_versions(Bucket="drops")
    versions = [{"Key": "a.csv", "VersionId": one["VersionId"]} for one in found["Versions"] + found["DeleteMarkers"]]
    assert s3.delete_objects(Bucket="drops", Delete={"Objects": versions}).get("Errors", []) == []
    assert "Versions" not in s3.list_object_versions(Bucket="drops")
