import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from usher_local.clock import Clock
from usher_local.cloud.cloudwatch.alarms import ALARM, OK, UNKNOWN, Alarms, acting, state_of
from usher_local.cloud.eventbridge.rules import ruling
from usher_local.cloud.eventbridge.targets import Deliveries

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
RETAINED = "as before"


@pytest.mark.parametrize(
    ("points", "enough", "expected"),
    [
        ("0-X-X", 3, [OK, OK, OK, OK]),
        ("0----", 3, [OK, OK, OK, OK]),
        ("-----", 3, [UNKNOWN, RETAINED, ALARM, OK]),
        ("0XX-X", 3, [ALARM, ALARM, ALARM, ALARM]),
        ("----X", 3, [UNKNOWN, RETAINED, ALARM, OK]),
        ("X----", 3, [ALARM, RETAINED, ALARM, OK]),
        ("0-X-X", 2, [ALARM, ALARM, ALARM, ALARM]),
        ("00X0X", 2, [ALARM, ALARM, ALARM, ALARM]),
        ("0-X--", 2, [OK, OK, ALARM, OK]),
        ("----0", 2, [OK, OK, ALARM, OK]),
        ("----X", 2, [UNKNOWN, RETAINED, ALARM, OK]),
    ],
)
def test_states_are_those_of_the_guides_examples(points: str, enough: int, expected: list[str]) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html"""
    breaching = [{"0": False, "X": True, "-": None}[point] for point in points]
    assert [state_of(breaching, 3, enough, missing, RETAINED) for missing in TREATMENTS] == expected


@given(st.lists(st.booleans(), min_size=5, max_size=5), st.integers(1, 3), st.sampled_from(TREATMENTS))
def test_without_missing_points_the_last_periods_decide(points: list[bool], enough: int, missing: str) -> None:
    expected = ALARM if sum(points[-3:]) >= enough else OK
    assert state_of(points, 3, enough, missing, RETAINED) == expected


@pytest.fixture
def cloud() -> Iterator[Any]:
    with mock_aws(), Deliveries(Clock()) as deliveries, ruling(deliveries), acting():
        yield lambda service: boto3.client(service, region_name="us-east-1")


@pytest.fixture
def heard(cloud: Any) -> Callable[[], list[Any]]:
    """The messages in a queue behind a topic named `alarms` and a rule for alarms."""
    sqs, sns, rules = cloud("sqs"), cloud("sns"), cloud("events")
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:heard"
    sns.subscribe(TopicArn=sns.create_topic(Name="alarms")["TopicArn"], Protocol="sqs", Endpoint=arn)
    rules.put_rule(Name="alarms", EventPattern=json.dumps({"source": ["aws.cloudwatch"]}))
    rules.put_targets(Rule="alarms", Targets=[{"Id": "1", "Arn": arn}])

    def read() -> list[Any]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for one in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in found]

    return read


PLAIN: Any = {"Namespace": "N", "MetricName": "Failed", "Statistic": "Sum", "Period": 300}
STAT: Any = {"Metric": {"Namespace": "N", "MetricName": "Failed"}, "Period": 300, "Stat": "Sum"}
MATH: Any = {
    "Metrics": [
        {"Id": "sum", "Expression": "FILL(failed, 0) + FILL(late, 0)"},
        {"Id": "failed", "MetricStat": STAT, "ReturnData": False},
        {"Id": "late", "MetricStat": STAT | {"Metric": {"Namespace": "N", "MetricName": "Late"}}, "ReturnData": False},
    ]
}
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"


def alarmed(cloud: Any, **settings: Any) -> Callable[[timedelta], str]:
    """An alarm on a failure that has just happened; returns its state after a while."""
    cloudwatch = cloud("cloudwatch")
    shared = {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold"}
    cloudwatch.put_metric_alarm(AlarmName="a", **shared | settings)
    cloudwatch.put_metric_data(Namespace="N", MetricData=[{"MetricName": "Failed", "Value": 1}])
    happened = datetime.now(UTC)

    def look(later: timedelta) -> str:
        Alarms(lambda: happened + later).tick()
        return str(cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"])

    return look


@pytest.mark.parametrize("metrics", [PLAIN, MATH])
def test_an_alarm_goes_off_when_its_metric_breaches_and_ends_later(cloud: Any, metrics: Any) -> None:
    state = alarmed(cloud, TreatMissingData="notBreaching", **metrics)
    assert state(timedelta(minutes=-10)) == OK
    assert state(timedelta(minutes=1)) == ALARM
    assert state(timedelta(minutes=20)) == OK


@pytest.mark.parametrize(
    ("comparison", "threshold", "expected"),
    [
        ("GreaterThanOrEqualToThreshold", 1, ALARM),
        ("GreaterThanThreshold", 1, OK),
        ("LessThanThreshold", 1, OK),
        ("LessThanOrEqualToThreshold", 1, ALARM),
    ],
)
def test_a_value_is_compared_with_the_threshold(cloud: Any, comparison: str, threshold: int, expected: str) -> None:
    look = alarmed(cloud, ComparisonOperator=comparison, Threshold=threshold, **PLAIN)
    assert look(timedelta(minutes=1)) == expected


def test_some_of_several_periods_can_be_enough(cloud: Any) -> None:
    look = alarmed(
        cloud, **PLAIN | {"EvaluationPeriods": 3, "DatapointsToAlarm": 1, "TreatMissingData": "notBreaching"}
    )
    assert look(timedelta(minutes=1)) == ALARM


def test_an_alarm_without_data_says_so(cloud: Any) -> None:
    assert alarmed(cloud, **PLAIN)(timedelta(minutes=-30)) == UNKNOWN


def test_a_change_of_state_is_reported_once_to_the_topic_and_to_eventbridge(
    cloud: Any, heard: Callable[[], list[Any]]
) -> None:
    state = alarmed(cloud, AlarmActions=[TOPIC], AlarmDescription="It failed", **MATH)
    for _ in range(2):
        state(timedelta(minutes=1))
    messages = heard()
    (note,) = (one for one in messages if "Subject" in one)
    (event,) = (one for one in messages if "detail" in one)
    message = json.loads(note["Message"])
    assert note["Subject"].startswith('ALARM: "a"')
    assert (message["AlarmName"], message["OldStateValue"], message["NewStateValue"]) == ("a", UNKNOWN, ALARM)
    assert message["AlarmDescription"] == "It failed"
    assert message["Trigger"]["Metrics"][0]["Expression"] == MATH["Metrics"][0]["Expression"]
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["detail"]["state"]["value"] == ALARM
    assert event["detail"]["previousState"]["value"] == UNKNOWN


def test_setting_a_state_acts_as_a_change_does_unless_actions_are_off(
    cloud: Any, heard: Callable[[], list[Any]]
) -> None:
    alarmed(cloud, OKActions=[TOPIC], **PLAIN)
    cloudwatch = cloud("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName="a", StateValue=OK, StateReason="tried")
    assert sum("Subject" in one for one in heard()) == 1
    cloudwatch.disable_alarm_actions(AlarmNames=["a"])
    cloudwatch.set_alarm_state(AlarmName="a", StateValue=ALARM, StateReason="tried")
    cloudwatch.set_alarm_state(AlarmName="a", StateValue=OK, StateReason="tried")
    assert not any("Subject" in one for one in heard())


def test_an_alarm_that_is_put_again_keeps_its_state(cloud: Any) -> None:
    assert alarmed(cloud, **PLAIN)(timedelta(minutes=1)) == ALARM
    cloud("cloudwatch").put_metric_alarm(
        AlarmName="a", EvaluationPeriods=1, Threshold=9, ComparisonOperator="GreaterThanThreshold", **PLAIN
    )
    assert cloud("cloudwatch").describe_alarms()["MetricAlarms"][0]["StateValue"] == ALARM


def test_an_alarm_that_cannot_be_evaluated_is_logged_and_leaves_the_others(
    cloud: Any, caplog: pytest.LogCaptureFixture
) -> None:
    cloud("cloudwatch").put_metric_alarm(
        AlarmName="odd", EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanUpperThreshold", **PLAIN
    )
    assert alarmed(cloud, **PLAIN)(timedelta(minutes=1))
    assert "alarm odd could not be evaluated" in caplog.text
    assert {one["StateValue"] for one in cloud("cloudwatch").describe_alarms()["MetricAlarms"]} == {ALARM, UNKNOWN}
