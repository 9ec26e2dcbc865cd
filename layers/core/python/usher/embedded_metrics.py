"""Metrics in CloudWatch's embedded metric format: lines in a function's log, from which CloudWatch reads them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

NAMESPACE = "Usher"
UNITS = {
    "RunSeconds": MetricUnit.Seconds,
    "ResourcesFailed": MetricUnit.Count,
    "VersionsHeld": MetricUnit.Count,
    "RowsRejected": MetricUnit.Count,
    "HoursSinceTraining": MetricUnit.NoUnit,
    "DegradedAnswers": MetricUnit.Count,
    "BreakerOpenSeconds": MetricUnit.Seconds,
    "QuotaPercent": MetricUnit.Percent,
    "EventsAccepted": MetricUnit.Count,
    "EventsQueued": MetricUnit.Count,
    "EventsRepeated": MetricUnit.Count,
    "UnknownItems": MetricUnit.Count,
    "EventRequestsRefused": MetricUnit.Count,
    "EventsReplayed": MetricUnit.Count,
    "EventsRefused": MetricUnit.Count,
    "SecondsPending": MetricUnit.Seconds,
    "BudgetPercent": MetricUnit.Percent,
}
"""Usher's own metrics. Personalize's offline metrics keep their names and have no unit."""
STACK_METRICS = {
    "BreakerOpenSeconds",
    "BudgetPercent",
    "DegradedAnswers",
    "HoursSinceTraining",
    "QuotaPercent",
    "SecondsPending",
    "VersionsHeld",
}
"""The metrics that are also written without a group, for alarms on the whole stack: an alarm can't sum dimensions."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of the same dimensions."""

    values: Mapping[str, float]
    dimensions: Mapping[str, str]
    """The dimensions besides `service`, which is the stack."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Further members of the line in the log."""


def put_metrics(metrics: Metrics) -> None:
    """Write metrics to the log. NaN and infinite values are left out: CloudWatch takes none."""
    finite = {name: value for name, value in metrics.values.items() if math.isfinite(value)}
    _write(finite, metrics.dimensions, metrics.properties)
    if metrics.dimensions:
        _write({name: value for name, value in finite.items() if name in STACK_METRICS}, {}, metrics.properties)


def _write(values: Mapping[str, float], dimensions: Mapping[str, str], properties: Mapping[str, str]) -> None:
    if not values:
        return
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    for name, value in values.items():
        metrics.add_metric(name, UNITS.get(name, MetricUnit.NoUnit), value)
    for name, text in dimensions.items():
        metrics.add_dimension(name, text)
    for name, text in properties.items():
        metrics.add_metadata(name, text)
    metrics.flush_metrics()
