"""`usher evaluate`: start an evaluation, show its progress, and download its report."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from usher.aws import client
from usher.errors import UsherError
from usher.evaluation.files import EvaluationFiles
from usher.evaluation.options import Options
from usher.reports.evaluation_report import EvaluationReport
from usher.run_record import RunRecord
from usher.runs.naming import EVALUATION
from usher.runs.record import RECORD, Run
from usher.storage.bucket import Bucket

from usher_cli.deployed_stack import DeployedStack

POLL_SECONDS = 0.5
BEGINNING = "Splitting the history"
STAGES = {"train": "Training, requesting predictions", "delete": "Deleting its resources"}


def run_evaluation(
    stack: DeployedStack, request: Mapping[str, Any], to: Path, console: Console
) -> tuple[EvaluationReport, str]:
    """Carry out an evaluation, with a progress bar; return its report and the run's outcome.

    The report's files are then in the folder `to`. `request`: the input of the state machine. Raises UsherError if
    there is no report.
    """
    Options.from_input(request)
    started = client("stepfunctions").start_execution(
        stateMachineArn=stack.outputs["EvaluationArn"], input=json.dumps(request)
    )
    record = follow(stack.bucket, str(request["group"]), str(started["executionArn"]), console)
    problems = "\n".join(f"{one['place']}: {one['message']} {one['remedy']}" for one in record.get("problems", []))
    files = EvaluationFiles(stack.bucket, record["group"], record["run"])
    (to / "pictures").mkdir(parents=True, exist_ok=True)
    for key in stack.bucket.keys(files.key("report")) + stack.bucket.keys(files.key("pictures/")):
        (to / key.removeprefix(files.key(""))).write_bytes(stack.bucket.read(key) or b"")
    report = files.read_report()
    if report is None:
        raise UsherError(problems or record["summary"])
    for one in record.get("notes", []):
        console.print(f"Note: {one['place']} {one['message']} {one['remedy']}", soft_wrap=True, markup=False)
    if problems:
        console.print(problems, style="red", soft_wrap=True, markup=False)
    return report, record["outcome"]


def follow(bucket: Bucket, group: str, execution: str, console: Console) -> RunRecord:
    """Show the progress of an evaluation until it has ended; return its record."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(BEGINNING, total=None)
        for record in _records(bucket, group, execution):
            resources, stage = record.get("resources", []), record.get("stage", "")
            settled = sum(one["status"] in {"READY", "FAILED", "SKIPPED"} for one in resources) + (stage == "delete")
            described = (
                "Requesting predictions of live versions, scoring"
                if settled == len(resources) > 0
                else STAGES.get(stage, BEGINNING)
            )
            progress.update(task, description=described, completed=settled, total=len(resources) + 1)
        progress.update(task, description=record["outcome"].capitalize())
    return record


def _records(bucket: Bucket, group: str, execution: str) -> Iterator[RunRecord]:
    """The record of an execution's run as it changes, until both have ended."""
    stepfunctions = client("stepfunctions")
    while True:
        status = stepfunctions.describe_execution(executionArn=execution)
        keys = bucket.keys(f"{group}/out/runs/")
        runs = [key.split("/")[-2] for key in keys if key.endswith(f"-{execution[-4:]}{EVALUATION}/{RECORD}")]
        record = Run(bucket, group, runs[-1]).read() if runs else None
        if record and record["execution"] == execution:
            yield record
        if status["status"] != "RUNNING":
            if not record or record["execution"] != execution or record["outcome"] == "RUNNING":
                raise UsherError(f"The evaluation is {status['status']}: {status.get('cause') or 'without a cause'}.")
            return
        time.sleep(POLL_SECONDS)
