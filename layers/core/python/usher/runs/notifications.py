"""Reports of runs: notifications to people by SNS, events to programs by EventBridge.

They stay within 262,144 bytes, the limit of a notification and of all entries of a PutEvents request, as the texts are
cut at their sources (usher.texts, usher.errors, MAX_SUMMARY_LENGTH).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from usher.clients import EventBridgeClient, PutEventsRequestEntryTypeDef, SNSClient
from usher.errors import UsherError
from usher.independent_steps import raise_errors, run_all
from usher.resources.states import State
from usher.run_record import RunRecord, StateRecord
from usher.run_summary import cost_sentences, current_cost, done_phrases, has_acted, live_text
from usher.runs.cloudwatch import put_run_metrics
from usher.runs.outcome import MAX_SUMMARY_LENGTH, RUN_PAGE
from usher.runs.record import Run, runs_of
from usher.texts import clean, listing

NOTIFICATION, EVENT, METRICS = "notification", "event", "metrics"
"""The channels by which the end of a run is reported."""
SOURCE = "usher"
BATCH_SIZE = 10
"""The most entries of a PutEvents request."""
MAX_ATTEMPTS = 3
"""The most attempts at an entry that PutEvents refuses because of an error of the service."""
REPORTED_STATUSES = {"PENDING", "READY", "FAILED", "SKIPPED", "HELD", "DELETED"}
END_MEMBERS = ("group", "run", "execution", "outcome", "summary")
"""The members of a record that the event about its run's end has."""


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels by which the ends of runs are reported. `sns` and `events` are boto3 clients."""

    sns: SNSClient
    topic: str
    events: Any = None

    def deliver(self, run: Run, record: RunRecord) -> None:
        """Report a run's end by each channel that its record lists as undelivered, even if another one fails.

        The record then lists the channels that have failed, so that another attempt repeats only these. Raises their
        errors as one ExceptionGroup, and BusyError while another function reports the same.
        """
        undelivered = record.get("undelivered") and (record := run.claim_report()).get("undelivered")
        if not undelivered:
            return
        channels = {
            NOTIFICATION: lambda: notify(self.sns, self.topic, notification(record, run.link)),
            EVENT: lambda: put_end_event(self.events, record),
            METRICS: lambda: put_run_metrics(record),
        }
        failed = run_all({name: send for name, send in channels.items() if name in undelivered})
        run.set_undelivered(failed)
        raise_errors(failed)


@dataclass(frozen=True, slots=True)
class Notification:
    """A message to people. Its subject must be ASCII, for SNS."""

    subject: str
    message: str


def notification(record: RunRecord, link: str) -> Notification:
    """The notification about a run's end. Pure.

    It has problems and remedies, the work done, live versions, costs, and a link to the run's page.
    """
    done, live = "; ".join(done_phrases(record)), list(map(live_text, record.get("live", ())))
    paragraphs = (
        record["summary"],
        f"Done: {clean(done, MAX_SUMMARY_LENGTH)}." if done else "",
        "Live now:\n" + listing(live, MAX_SUMMARY_LENGTH, RUN_PAGE) if live else "",
        clean(" ".join(cost_sentences(current_cost(record))), MAX_SUMMARY_LENGTH),
        f"More: {link}",
    )
    return Notification(subject(record["group"], record["outcome"]), "\n\n".join(filter(None, paragraphs)))


def subject(place: str, outcome: str) -> str:
    """The subject of a notification about a group, or about a folder whose name may be no group's."""
    return f"Usher: {place.encode('ascii', 'backslashreplace').decode()} {outcome.lower()}"


def notify(sns: SNSClient, topic: str, notification: Notification) -> None:
    """Send a notification to an SNS topic."""
    sns.publish(TopicArn=topic, Subject=notification.subject[:99], Message=notification.message)


def should_notify(run: Run, record: RunRecord) -> bool:
    """Whether people are notified of a run's end: of all changes, but of the same problems only once."""
    if has_acted(record) or record["outcome"] != "FAILED":
        return has_acted(record)
    earlier = (one for one in runs_of(run.bucket, run.group, record["execution"]) if one["run"] < run.name)
    return run.is_first or all(one.get("problems") != record["problems"] for one in earlier)


def changed_states(before: Iterable[StateRecord], now: Iterable[State]) -> Iterator[State]:
    """The states whose status has changed and is worth an event. Pure."""
    statuses = {state["id"]: state["status"] for state in before}
    yield from (state for state in now if state.status in REPORTED_STATUSES and statuses.get(state.id) != state.status)


def put_change_events(events: EventBridgeClient, about: Mapping[str, str], states: Iterable[State]) -> None:
    """Send an event for each changed resource; a repeated pass sends it again. `about`: group and run."""
    entries = [
        _entry("Resource Changed", {**about, "resource": state.id, **_detail(state)}, [state.arn] if state.arn else [])
        for state in states
    ]
    for start in range(0, len(entries), BATCH_SIZE):
        _put(events, entries[start : start + BATCH_SIZE])


def put_end_event(events: EventBridgeClient, record: RunRecord) -> None:
    """Send the event about a run's end."""
    members = cast(Mapping[str, object], record)
    detail = {name: members[name] for name in END_MEMBERS if name in members}
    _put(events, [_entry("Run Ended", detail, [])])


def _detail(state: State) -> dict[str, str]:
    members = ("status", "action", "arn", "reason", "remedy")
    return {name: value for name in members if (value := getattr(state, name))}


def _entry(kind: str, detail: Mapping[str, object], arns: list[str]) -> PutEventsRequestEntryTypeDef:
    # Not in ASCII, where a character may take 12 bytes: ten entries of the longest texts would be too much at once.
    return {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps(detail, ensure_ascii=False), "Resources": arns}


def _put(events: EventBridgeClient, entries: Sequence[PutEventsRequestEntryTypeDef]) -> None:
    """Send entries, and repeat refused ones. Raises UsherError if some are still refused.

    PutEvents succeeds even then: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
    """
    for _ in range(MAX_ATTEMPTS):
        results = events.put_events(Entries=entries)["Entries"]
        refused = [(entry, result) for entry, result in zip(entries, results, strict=True) if "ErrorCode" in result]
        if not refused:
            return
        entries = [entry for entry, _ in refused]
    code, message = refused[0][1]["ErrorCode"], refused[0][1].get("ErrorMessage", "")
    raise UsherError(f"EventBridge refuses {len(refused)} events: {code}: {message}")
