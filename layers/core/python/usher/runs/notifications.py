"""What Usher says about runs: messages to people, events to programs, metrics to CloudWatch.

All stays within the services' limits (262,144 bytes for a notification, and for all entries of a PutEvents request),
since the texts are cut where they are made (texts.py, errors.py, runs.SUMMARY).
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from usher.errors import UsherError
from usher.resources.reconcile import State
from usher.runs.record import REST_IN, SUMMARY, Run
from usher.steps import raise_all, take_all
from usher.storage.layout import GROUP_NAME
from usher.texts import listing

NOTIFICATION, EVENT, METRICS = "notification", "event", "metrics"
"""The channels by which the end of a run is reported."""
SOURCE = "usher"
BATCH = 10
"""Entries that PutEvents takes at once."""
TRIES = 3
"""For entries that PutEvents refuses, for a reason of its own."""
TOLD = {"PENDING", "READY", "FAILED", "SKIPPED", "HELD", "GONE"}

NAMESPACE = "Usher"
UNITS = {
    "RunSeconds": MetricUnit.Seconds,
    "ResourcesFailed": MetricUnit.Count,
    "VersionsHeld": MetricUnit.Count,
    "RowsRejected": MetricUnit.Count,
    "HoursSinceTraining": MetricUnit.NoUnit,
}
"""Usher's own metrics; Personalize's offline metrics keep their names and have no unit."""
OF_THE_STACK = {"VersionsHeld", "HoursSinceTraining"}
"""What alarms watch in all groups of a stack at once: an alarm can't add up what has other dimensions."""


@dataclass(frozen=True, slots=True)
class Channels:
    """Report the end of runs. `sns` and `events` are boto3 clients."""

    sns: Any
    topic: str
    events: Any = None

    def deliver(self, run: Run, record: Mapping[str, Any]) -> None:
        """Report by every channel that the record has as undelivered, whatever becomes of the others.

        The record is written without what has worked, so that another try repeats only the rest. Raises what went
        wrong, as one ExceptionGroup.
        """
        if not record.get("undelivered"):
            return
        channels = {
            NOTIFICATION: lambda: tell(self.sns, self.topic, record, run.link),
            EVENT: lambda: tell_end(self.events, record),
            METRICS: lambda: measure_run(record),
        }
        failed = take_all({name: send for name, send in channels.items() if name in record["undelivered"]})
        rest = {name: value for name, value in record.items() if name != "undelivered"}
        run.write(rest | ({"undelivered": list(failed)} if failed else {}))
        raise_all(failed)


def tell(sns: Any, topic: str, record: Mapping[str, Any], link: str) -> None:
    """Notify people of a run that has ended. `link`: where its page is."""
    # SNS takes ASCII only, and this may be about a folder whose name is no group's.
    subject = f"Usher: {record['group'].encode('ascii', 'backslashreplace').decode()} {record['outcome'].lower()}"
    sns.publish(TopicArn=topic, Subject=subject[:99], Message=message(record, link))


def message(record: Mapping[str, Any], link: str) -> str:
    """What people are told: what is wrong and what helps, what is live, what it costs, where to read on. Pure."""
    live = [
        f"{one['solution']}: {one['arn'].rpartition('/')[2]}, trained {one['trainedAt'][:16].replace('T', ' ')}"
        for one in record.get("versions", [])
        if one["live"]
    ]
    cost = record.get("cost")
    parts = [
        record["summary"],
        "Live now:\n" + listing(live, SUMMARY, REST_IN) if live else "",
        f"This run: about ${cost['cost']:.2f}. What serves, even idle: ${cost['monthlyCost']:.2f} a month."
        if cost
        else "",
        f"The whole story: {link}",
    ]
    return "\n\n".join(filter(None, parts))


def changed(before: Iterable[Mapping[str, Any]], now: Iterable[State]) -> Iterator[State]:
    """The states that a look has changed: what is begun, done or gone, has failed or is held. Pure."""
    past = {state["id"]: state["status"] for state in before}
    yield from (state for state in now if state.status in TOLD and past.get(state.id) != state.status)


def tell_changes(events: Any, about: Mapping[str, str], states: Iterable[State]) -> None:
    """An EventBridge event for each changed resource. `about`: group and run. Sent again if the look is repeated."""
    entries = [
        _entry("Resource Changed", {**about, "resource": one.id, **_plain(one)}, [one.arn] if one.arn else [])
        for one in states
    ]
    for start in range(0, len(entries), BATCH):
        _put(events, entries[start : start + BATCH])


def tell_end(events: Any, record: Mapping[str, Any]) -> None:
    """An EventBridge event for the end of a run."""
    detail = {name: record[name] for name in ("group", "run", "execution", "outcome", "summary") if name in record}
    _put(events, [_entry("Run Ended", detail, [])])


def measure_run(record: Mapping[str, Any]) -> None:
    """Write a run's metrics to the log."""
    for values, dimensions, properties in measures(record):
        measure(values, dimensions, **properties)


def measure(values: Mapping[str, float], dimensions: Mapping[str, str], **properties: str) -> None:
    """Write metrics to the log in CloudWatch's embedded format, by `service`, which is the stack, and by dimensions."""
    finite = {name: value for name, value in values.items() if math.isfinite(value)}
    _write(finite, dimensions, properties)
    _write({name: value for name, value in finite.items() if name in OF_THE_STACK}, {}, properties)


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


def measures(record: Mapping[str, Any]) -> Iterator[tuple[dict[str, float], dict[str, str], dict[str, str]]]:
    """What a run's last record measures, as `measure` takes it: values, dimensions, properties. Pure.

    Nothing for a folder whose name is no group's: CloudWatch takes ASCII only, and every name would be a metric to pay.
    """
    if not GROUP_NAME.match(record["group"]):
        return
    group = {"Group": record["group"]}
    lasted = datetime.fromisoformat(record["endedAt"]) - datetime.fromisoformat(record["startedAt"])
    states: Sequence[Mapping[str, Any]] = record.get("resources", [])
    counts = {
        name: float(sum(state["status"] == status for state in states))
        for name, status in (("ResourcesFailed", "FAILED"), ("VersionsHeld", "HELD"))
    }
    yield {"RunSeconds": lasted.total_seconds(), **counts}, group, {}
    for dataset, report in record.get("data", {}).items():
        yield {"RowsRejected": float(report.get("rejected", 0))}, {**group, "Dataset": dataset}, {}
    for one in record.get("versions", []):
        yield one["metrics"], {**group, "Solution": one["solution"]}, {"version": one["arn"]}


def _plain(state: State) -> dict[str, str]:
    members = ("status", "action", "arn", "reason", "remedy")
    return {name: value for name in members if (value := getattr(state, name))}


def _entry(kind: str, detail: Mapping[str, Any], arns: list[str]) -> dict[str, Any]:
    # Not in ASCII, where a character may take 12 bytes: ten entries of the longest texts would be too much at once.
    return {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps(detail, ensure_ascii=False), "Resources": arns}


def _put(events: Any, entries: Sequence[Mapping[str, Any]]) -> None:
    """Send entries, those that are refused once more. UsherError where some still are.

    PutEvents succeeds even then: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
    """
    for _ in range(TRIES):
        answers = events.put_events(Entries=entries)["Entries"]
        refused = [(entry, one) for entry, one in zip(entries, answers, strict=True) if "ErrorCode" in one]
        if not refused:
            return
        entries = [entry for entry, _ in refused]
    code, said = refused[0][1]["ErrorCode"], refused[0][1].get("ErrorMessage", "")
    raise UsherError(f"EventBridge refuses {len(refused)} events: {code}: {said}")
