"""The writing of metrics, in the units of the services' guides."""

import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from moto.cloudwatch.models import cloudwatch_backends
from moto.core import DEFAULT_ACCOUNT_ID

from usher_local.cloud.access.credentials import REGION

Dimensions = Mapping[str, str]
Values = Mapping[str, float]

UNITS = MappingProxyType(
    {
        "ApproximateAgeOfOldestMessage": "Seconds",
        "Duration": "Milliseconds",
        "ExecutionTime": "Milliseconds",
        "Latency": "Milliseconds",
        "IntegrationLatency": "Milliseconds",
        "GetRecommendationsLatency": "Milliseconds",
        "GetPersonalizedRankingLatency": "Milliseconds",
        "PutEventLatency": "Milliseconds",
        "DatasetImportJobExecutionTime": "Seconds",
        "SolutionTrainingJobExecutionTime": "Seconds",
    }
)
"""The units of metrics that are not counts."""


def put(
    namespace: str,
    values: Values,
    sets: Iterable[Dimensions],
    account: str = DEFAULT_ACCOUNT_ID,
    region: str = REGION,
) -> None:
    """Write values at the current time under each set of dimensions."""
    data = [
        {"MetricName": name, "Value": value, "Unit": UNITS.get(name, "Count"), "Dimensions": listed(dimensions)}
        for dimensions in sets
        for name, value in values.items()
    ]
    cloudwatch_backends[account][region].put_metric_data(namespace, data)


def listed(dimensions: Dimensions) -> list[dict[str, str]]:
    """Dimensions in the API's form."""
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def milliseconds(began: float) -> float:
    """The milliseconds since a time of the monotonic clock."""
    return (time.monotonic() - began) * 1000
