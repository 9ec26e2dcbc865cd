"""Metrics of runs, written to a function's log in the embedded metric format, from which CloudWatch takes them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from usher.run_record import RunRecord
from usher.storage.layout import GROUP_NAME

NAMESPACE = "Usher"
UNITS = {
    "RunSeconds": MetricUnit.Seconds,
    "ResourcesFailed": MetricUnit.Count,
    "VersionsHeld": MetricUnit.Count,
    "RowsRejected": MetricUnit.Count,
    "HoursSinceTraining": MetricUnit.NoUnit,
    "EventsReplayed": MetricUnit.Count,
    "EventsRefused": MetricUnit.Count,
    "SecondsPending": MetricUnit.Seconds,
}
"""Usher's own metrics. Personalize's offline metrics keep their names and have no unit."""
STACK_METRICS = {"VersionsHeld", "HoursSinceTraining", "SecondsPending"}
"""The metrics that are also written without a group, for alarms on the whole stack: an alarm can't sum dimensions."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of the same dimensions."""

    values: Mapping[str, float]
    dimensions: Mapping[str, str]
    """Besides `service`, which is the stack."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Further members of the line in the log."""


def put_run_metrics(record: RunRecord) -> None:
    """Write a run's metrics to the log."""
    for metrics in run_metrics(record):
        put_metrics(metrics)


def put_metrics(metrics: Metrics) -> None:
    """Write metrics to the log. NaN and infinite values are left out: CloudWatch takes none."""
    finite = {name: value for name, value in metrics.values.items() if math.isfinite(value)}
    _write(finite, metrics.dimensions, metrics.properties)
    _write({name: value for name, value in finite.items() if name in STACK_METRICS}, {}, metrics.properties)


def run_metrics(record: RunRecord) -> Iterator[Metrics]:
    """The metrics of a run that has ended, by its last record. Pure.

    None for a folder whose name is no group's: CloudWatch takes ASCII only, and bills each name as a metric.
    """
    if not GROUP_NAME.match(record["group"]):
        return
    group = {"Group": record["group"]}
    duration = datetime.fromisoformat(record["endedAt"]) - datetime.fromisoformat(record["startedAt"])
    counts = {
        name: float(sum(state["status"] == status for state in record.get("resources", ())))
        for name, status in (("ResourcesFailed", "FAILED"), ("VersionsHeld", "HELD"))
    }
    yield Metrics({"RunSeconds": duration.total_seconds(), **counts}, group)
    for dataset, profile in record.get("data", {}).items():
        yield Metrics({"RowsRejected": float(profile.get("rejected", 0))}, {**group, "Dataset": dataset})
    for version in record.get("versions", ()):
        yield Metrics(version["metrics"], {**group, "Solution": version["solution"]}, {"version": version["arn"]})


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
