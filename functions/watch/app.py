"""See to what no run sees to: executions that were stopped or died, and models that grow old.

In: an EventBridge event, either the end of an execution of one of the state machines, or a tick of the clock.
"""

import json
import os
from collections.abc import Callable
from functools import partial
from typing import Any

from usher.aws import client
from usher.errors import UsherError, lambda_error_message
from usher.resources import versions
from usher.runs.notifications import EVENT, NOTIFICATION, Channels, measure, tell
from usher.runs.record import EVALUATION, RESUME, SUMMARY, Run, concerned_group, has_ended, rounds, run_name
from usher.serving.serving_map import Serving
from usher.steps import raise_all, take_all
from usher.storage.bucket import Bucket
from usher.texts import clean

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
serving = Serving(client("dynamodb"), os.environ["TABLE_NAME"])
channels = Channels(client("sns"), os.environ["TOPIC_ARN"], client("events"))


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Close the records of an execution that has ended, or measure the age of what is live."""
    detail = event["detail"]
    if "executionArn" in detail:
        close(detail["executionArn"], json.loads(detail.get("input") or "{}"), detail)
    else:
        measure_ages()


def close(execution: str, given: Any, detail: dict[str, Any]) -> None:
    """See to it that an execution's end is recorded and told, in every group that it worked on.

    An execution does so itself, unless it was stopped or died. One that has no record at all gets one in the group that
    its input names; if it names none, people are told without.
    """
    error = {"Error": detail["status"], "Cause": detail.get("cause") or "no cause given"}
    machine = execution.split(":")[-2]
    try:
        groups, named = [concerned_group(given)], True
    except UsherError:
        groups, named = serving.groups(), False  # an export of all groups; or an input that nobody understands
    if groups == [""]:
        return
    runs = [Run(bucket, group, one["run"]) for group in groups for one in rounds(bucket, group, execution)]
    if not runs and named:
        suffix = next(suffix for suffix in RESUME if machine.endswith(suffix))
        runs = [Run(bucket, groups[0], run_name(execution, suffix))]
    if not runs:
        said = f"An execution broke off: {error['Error']}: {lambda_error_message(error['Cause'])}"
        record = {"group": machine, "outcome": "FAILED", "summary": clean(said, SUMMARY)}
        tell(channels.sns, channels.topic, record, execution)
    raise_all(take_all({run.key(): partial(end, run, execution, error) for run in runs}))


def end(run: Run, execution: str, error: dict[str, str]) -> None:
    """Conclude a run that its execution did not conclude, and report what is undelivered of its end."""
    record = run.known()
    steps: dict[str, Callable[[], object]] = {}
    if not has_ended(record):
        if record and run.name.endswith(EVALUATION):
            steps["clear up"] = partial(clear_up, run.group, run.name)
        record = run.conclude(execution, error, undelivered=lambda _: [NOTIFICATION, EVENT])
    raise_all(take_all({"tell": partial(channels.deliver, run, record), **steps}))


def clear_up(group: str, run: str) -> None:
    """Have an evaluation take away what it has made: it did not come to that."""
    task = json.dumps({"group": group, "clearUp": run})
    client("stepfunctions").start_execution(stateMachineArn=os.environ["EVALUATION_ARN"], input=task)


def measure_ages() -> None:
    """How long ago each solution's live version was trained."""
    for group in serving.groups():
        for solution, one in serving.read(group).get("solutions", {}).items():
            hours = versions.hours_since_training(client("personalize"), one["solutionVersionArn"])
            measure({"HoursSinceTraining": hours}, {"Group": group, "Solution": solution})
