"""The log of `usher logs`: the decisions of a run, from its functions' logs."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NotRequired, TypedDict, cast

from usher.aws import client
from usher.errors import UsherError
from usher.runs.outcome import has_ended
from usher.runs.record import Run

from usher_cli.deployed_stack import DeployedStack

EARLY_SECONDS = 60
"""The seconds before the record's start within which the first line may have been logged: clocks differ."""
POLL_SECONDS = 2.0
LAST_POLLS = 3
"""The number of look-ups after the end of a followed run: lines arrive late."""


class Line(TypedDict):
    """A line of the log, as `usher.runs.decision_log` writes it."""

    at: str
    """ISO time."""
    group: str
    run: str
    action: str
    resource: NotRequired[str]
    status: NotRequired[str]
    reason: NotRequired[str]


def run_named(stack: DeployedStack, group: str, name: str | None) -> Run:
    """A group's run by its name, or its newest one. Raises UsherError if there is none."""
    runs = sorted([*stack.runs(group), *stack.runs(group, others=True)], key=lambda run: run.name)
    if not runs:
        raise UsherError(f"{group} has had no run yet.{stack.suggestion_for(group)}")
    found = next((run for run in reversed(runs) if name in (None, run.name)), None)
    if found is None:
        newest = ", ".join(run.name for run in runs[:-6:-1])
        raise UsherError(f"{group} has no run {name}. The newest runs: {newest}.")
    return found


def lines_of(stack: DeployedStack, run: Run, *, follow: bool = False) -> Iterator[Line]:
    """The lines of a run in the order of time; with `follow`, until the run has ended."""
    since = datetime.fromisoformat(run.read()["startedAt"]).timestamp() - EARLY_SECONDS
    seen: set[str] = set()
    polls_left = LAST_POLLS if follow else 1
    while polls_left:
        if not follow or has_ended(run.read_or_empty()):
            polls_left -= 1
        for event in _events(stack.function_logs, run, int(since * 1000)):
            if event["eventId"] not in seen:
                seen.add(event["eventId"])
                yield from _lines(event, run)
        if polls_left:
            stack.sleep(POLL_SECONDS)


def _events(log_group: str, run: Run, since: int) -> list[dict[str, Any]]:
    """The log events about a run from a time (milliseconds) on, in the order of time.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """
    pattern = f'{{ $.group = "{run.group}" && $.run = "{run.name}" }}'
    pages = client("logs").get_paginator("filter_log_events")
    found = pages.paginate(logGroupName=log_group, filterPattern=pattern, startTime=since)
    return sorted((event for page in found for event in page["events"]), key=lambda event: event["timestamp"])


def _lines(event: dict[str, Any], run: Run) -> Iterator[Line]:
    """The line of a log event; none for an event about something else, which the local cloud does not filter."""
    try:
        line = json.loads(event["message"])
    except ValueError:
        return
    if isinstance(line, dict) and (line.get("group"), line.get("run")) == (run.group, run.name) and "action" in line:
        at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).isoformat(timespec="milliseconds")
        members = {name: line[name] for name in ("action", "resource", "status", "reason") if name in line}
        yield cast(Line, {"at": at, "group": run.group, "run": run.name, **members})
