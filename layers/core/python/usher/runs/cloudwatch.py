"""Metrics of runs."""

from collections.abc import Iterator
from datetime import datetime

from usher.embedded_metrics import Metrics, put_metrics
from usher.run_record import RunRecord
from usher.storage.layout import GROUP_NAME


def put_run_metrics(record: RunRecord) -> None:
    """Log a run's metrics."""
    for metrics in run_metrics(record):
        put_metrics(metrics)


def run_metrics(record: RunRecord) -> Iterator[Metrics]:
    """The metrics of a run that has ended, by its last record. Pure.

    A folder whose name is not a group's has none: CloudWatch takes ASCII only, and bills each name as a metric.
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
