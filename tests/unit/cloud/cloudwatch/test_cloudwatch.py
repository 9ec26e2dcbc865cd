"""The sources of metrics, on moto alone; tests/integration/test_alarms.py tests the whole."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.logs.models import LogsBackend

from usher_local.cloud import measurements
from usher_local.cloud.cloudwatch import metric_queries, metrics
from usher_local.cloud.http_api import stages


@pytest.fixture
def total() -> Iterator[Any]:
    """The sum of metrics."""
    with mock_aws(), metric_queries.answered():

        def sums(namespace: str, *names: str, **dimensions: str) -> list[float]:
            found: Any = boto3.client("cloudwatch", region_name="us-east-1")
            now = datetime.now(UTC)
            series = [
                found.get_metric_statistics(
                    Namespace=namespace,
                    MetricName=name,
                    Dimensions=metrics.listed(dimensions),
                    StartTime=now - timedelta(minutes=5),
                    EndTime=now + timedelta(minutes=5),
                    Period=3600,
                    Statistics=["Sum"],
                )["Datapoints"]
                for name in names
            ]
            return [sum(point["Sum"] for point in points) for points in series]

        yield sums


def test_a_log_event_in_the_embedded_format_becomes_a_metric_however_it_is_written(
    total: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LogsBackend, "put_log_events", measurements.extracting(LogsBackend.put_log_events))
    logs = boto3.client("logs", region_name="us-east-1")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    directive = {"Namespace": "N", "Dimensions": [["service"]], "Metrics": [{"Name": "Rows", "Unit": "Count"}]}
    moment = int(time.time() * 1000)
    line = {"_aws": {"Timestamp": moment, "CloudWatchMetrics": [directive]}, "service": "usher", "Rows": [1, 2]}
    messages = ("hello", json.dumps(line))
    logs.put_log_events(
        logGroupName="g", logStreamName="s", logEvents=[{"timestamp": moment, "message": one} for one in messages]
    )
    assert total("N", "Rows", service="usher") == [3]
    assert len(logs.get_log_events(logGroupName="g", logStreamName="s")["events"]) == 2


def answering(status: str, seconds: float = 0.0) -> Any:
    def app(_: Any, start_response: Any) -> list[bytes]:
        time.sleep(seconds)
        start_response(status, [])
        return [b""]

    return stages.metered(app, "api")


@pytest.mark.parametrize(
    ("status", "counts"), [("200 OK", [1, 0, 0]), ("404 Not Found", [1, 1, 0]), ("500 Error", [1, 0, 1])]
)
def test_a_request_counts_by_its_status(total: Any, status: str, counts: list[float]) -> None:
    answering(status, 0.01)({}, lambda *_: None)
    for dimensions in ({"ApiId": "api"}, {"ApiId": "api", "Stage": "$default"}):
        assert total("AWS/ApiGateway", "Count", "4xx", "5xx", **dimensions) == counts
        (latency,) = total("AWS/ApiGateway", "Latency", **dimensions)
        assert latency >= 10


def test_a_queue_is_measured_by_looking(total: Any) -> None:
    sqs = boto3.client("sqs", region_name="us-east-1")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="lost")
    measurements.Gauges().collect()
    assert total("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName="q") == [1]
