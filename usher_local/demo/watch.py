"""A live view of a run in the terminal: its stage, and the state of every resource."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

STYLES = {
    "READY": "green",
    "PENDING": "yellow",
    "WAITING": "dim",
    "PLANNED": "dim",
    "FAILED": "bold red",
    "SKIPPED": "red",
}
POLL_SECONDS = 0.2


def watch(stepfunctions: Any, s3: Any, machine: str, bucket: str, group: str, console: Console) -> dict[str, Any]:
    """Show a group's runs until no execution is at work; return the newest run's record. All clients are boto3's."""
    bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    task = bar.add_task("Waiting for a run", total=None)
    with Live(bar, console=console, refresh_per_second=8) as live:
        for record in _records(stepfunctions, s3, machine, bucket, group):
            resources = record.get("resources", [])
            ready = sum(state["status"] == "READY" for state in resources)
            bar.update(task, completed=ready, total=len(resources) or None, description=_headline(record))
            live.update(Group(_resources(resources), bar))
    return record


def cause(execution: Mapping[str, Any]) -> str:
    """The drop that started an execution (described), or the execution itself. S3 may report one drop twice.

    A sequencer distinguishes the writes of one key.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    dropped = json.loads(execution["input"]).get("detail", {}).get("object")
    return f"{dropped['key']} {dropped['sequencer']}" if dropped else str(execution["executionArn"])


def _records(stepfunctions: Any, s3: Any, machine: str, bucket: str, group: str) -> Iterator[dict[str, Any]]:
    """The newest run's record, again and again, until no execution runs and the newest run had something to do."""
    record: dict[str, Any] = {}
    while True:
        running = stepfunctions.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{group}/out/runs/")
        keys = sorted(
            one["Key"] for page in pages for one in page.get("Contents", []) if one["Key"].endswith("/run.json")
        )
        if keys:
            record = json.loads(s3.get_object(Bucket=bucket, Key=keys[-1])["Body"].read())
            yield record
        if not running and (record.get("resources") or record.get("problems")):
            return
        time.sleep(POLL_SECONDS)


def _headline(record: Mapping[str, Any]) -> str:
    stage = {"import": "Importing the data", "train": "Training and deploying"}.get(record.get("stage", ""), "Planning")
    return stage if record["outcome"] == "RUNNING" else record["outcome"].capitalize()


def _resources(states: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("kind", "name", "status", ""):
        table.add_column(column)
    for state in states:
        kind, _, name = state["id"].partition("/")
        status = Text(state["status"].lower(), STYLES[state["status"]])
        table.add_row(kind.replace("_", " "), name, status, Text(state.get("reason", ""), "red"))
    return table
