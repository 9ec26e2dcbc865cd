"""The status of a group: its last run, live models, exports and evaluations."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TypedDict, cast

from usher.aws import client
from usher.errors import UsherError
from usher.planning.pins import Pins
from usher.resources.kinds import KINDS
from usher.resources.lookup import describe
from usher.run_record import LiveModel, Outcome, PinRecord, RunRecord
from usher.run_summary import RunSummary, summarize
from usher.runs.lock import PIPELINE, is_running
from usher.runs.naming import EVALUATION, EXPORT
from usher.runs.pauses import Pause, pause_of
from usher.runs.record import Run
from usher.serving.live_models import live_models
from usher.storage.layout import group_folders, group_of
from usher.storage.near_names import starts_run

from usher_cli.deployed_stack import DeployedStack
from usher_cli.parallel import in_parallel

EXIT_STATUS: dict[Outcome, int] = {"SUCCEEDED": 0, "FAILED": 1, "RUNNING": 3, "HELD": 4}
POLL_SECONDS = 5.0
ARRIVAL_POLLS = 12
"""The number of look-ups for a run that S3's event has not started yet: for a minute. It takes a second or two."""


class OtherRun(TypedDict):
    """The last run of an export, or of an evaluation."""

    name: str
    """`export/<solution>` or `evaluation`."""
    run: str
    outcome: Outcome
    startedAt: str
    endedAt: str
    summary: str


class GroupStatus(TypedDict):
    """The status of a group."""

    last: RunSummary
    """The last run of the pipeline."""
    live: list[LiveModel]
    """The models with which the API answers now."""
    others: list[OtherRun]
    paused: Pause | None
    """The pause; None if it is not paused."""


def status_of(stack: DeployedStack, group: str) -> GroupStatus:
    """The status of a group. Raises UsherError if it has had no run yet."""
    return {
        "last": summarize(last_record(stack, group)),
        "live": list(_live(stack, group)),
        "others": list(_other_runs(stack, group)),
        "paused": pause_of(stack.table, group),
    }


def last_summaries(stack: DeployedStack) -> list[RunSummary]:
    """The last run of every group that has had one, by name: a list and a record for each, read at the same time."""
    records = in_parallel(lambda group: _newest(stack.runs(group)), stack.groups())
    return [summarize(record) for record in records if record]


def last_record(stack: DeployedStack, group: str) -> RunRecord:
    """The record of a group's last run of the pipeline. Raises UsherError if it has had none yet."""
    record = _newest(stack.runs(group))
    if record is None:
        place = f"s3://{stack.bucket.name}/{group}/"
        raise UsherError(
            f"{group} has had no run yet. Put interactions.csv into {place} to start one.{stack.suggestion_for(group)}"
        )
    return record


def _newest(runs: Sequence[Run]) -> RunRecord | None:
    """The record of the newest run with one; None if none has one."""
    return next(filter(None, (run.read() for run in reversed(runs))), None)


def until_done(stack: DeployedStack, group: str, execution: str) -> Iterator[RunRecord]:
    """The record of a group's last run, repeatedly until an execution has ended, and all others running then.

    The execution's work may be done by another one that was running already.
    """
    running = is_running(client("stepfunctions"))
    while running(execution) is not False:
        stack.sleep(POLL_SECONDS)
        if stack.runs(group):
            yield last_record(stack, group)
    yield from until_end(stack, group)


def until_end(stack: DeployedStack, group: str) -> Iterator[RunRecord]:
    """The record of a group's last run, repeatedly as long as a run is running, or is about to begin."""
    polls = ARRIVAL_POLLS
    while (is_at_work := _is_at_work(stack, group)) or (polls and _is_about_to_begin(stack, group)):
        if is_at_work and stack.runs(group):
            yield last_record(stack, group)
        polls -= not is_at_work
        stack.sleep(POLL_SECONDS)


def _is_at_work(stack: DeployedStack, group: str) -> bool:
    """Whether an execution holds the group, or has not closed its record yet."""
    execution = stack.table.get(group, PIPELINE).get("execution")
    if execution and is_running(client("stepfunctions"))(execution):
        return True
    return any(run.read_or_empty().get("outcome") == "RUNNING" for run in stack.runs(group)[-1:])


def _is_about_to_begin(stack: DeployedStack, group: str) -> bool:
    """Whether a file has arrived since the end of the last run: its event starts another one in a second or two."""
    ends = [run.read_or_empty().get("endedAt", "") for run in stack.runs(group)[-1:]]
    list_objects = stack.bucket.s3.get_paginator("list_objects_v2").paginate
    pages = (page for folder in group_folders(group) for page in list_objects(Bucket=stack.bucket.name, Prefix=folder))
    arrivals = [
        entry["LastModified"]
        for page in pages
        for entry in page.get("Contents", [])
        if group_of(entry["Key"]) == group and starts_run(entry["Key"])
    ]
    return bool(arrivals) and not any(end and datetime.fromisoformat(end) >= max(arrivals) for end in ends)


def _live(stack: DeployedStack, group: str) -> Iterator[LiveModel]:
    serving, trained_at = stack.serving.read(group), dict[str, str]()
    pins = {name: cast(PinRecord, asdict(pin)) for name, pin in Pins(stack.table).of(group).items()}
    for solution in serving.get("solutions", {}).values():
        arn = solution["solutionVersionArn"]
        if details := describe(stack.clients["personalize"], KINDS["solution_version"], arn):
            trained_at[arn] = details["creationDateTime"].isoformat()
    return live_models(serving, trained_at, stack.serving.live_since(group), pins)


def _other_runs(stack: DeployedStack, group: str) -> Iterator[OtherRun]:
    """The last run of each export and of the evaluations."""
    newest: dict[str, Run] = {}
    for run in stack.runs(group, others=True):
        _, _, tail = run.name.partition("Z-")
        name = "evaluation" if run.name.endswith(EVALUATION) else f"export/{tail[5:].removesuffix(EXPORT)}"
        newest[name] = run
    for name, run in newest.items():
        if record := run.read_or_empty():
            yield {
                "name": name,
                "run": run.name,
                "outcome": record["outcome"],
                "startedAt": record["startedAt"],
                "endedAt": record.get("endedAt", ""),
                "summary": record.get("summary", ""),
            }
