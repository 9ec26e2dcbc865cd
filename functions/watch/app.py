"""See to what no run sees to: executions that were stopped or died, and models that grow old.

In: an EventBridge event, either the end of an execution of one of the state machines, or a tick of the clock.
"""

import json
import os
from typing import Any

from usher import versions
from usher.aws import client
from usher.bucket import Bucket
from usher.runs import EVALUATION, concerned_group, unfinished
from usher.serving import Serving
from usher.telling import measure, tell, tell_end

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
serving = Serving(client("dynamodb"), os.environ["TABLE_NAME"])


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Close the records of an execution that has ended, or measure the age of what is live."""
    detail = event["detail"]
    if "executionArn" in detail:
        close(detail["executionArn"], json.loads(detail.get("input") or "{}"), detail)
    else:
        measure_ages()


def close(execution: str, given: dict[str, Any], detail: dict[str, Any]) -> None:
    """Conclude the runs that an execution has left at work: it did not come to do that itself."""
    groups = [concerned_group(given)] if given.keys() & {"group", "detail"} else serving.groups()
    for group in groups:
        for run in unfinished(bucket, group, execution):
            error = {"Error": detail["status"], "Cause": detail.get("cause") or "no cause given"}
            record = run.conclude(execution, error)
            tell(client("sns"), os.environ["TOPIC_ARN"], record, run.link)
            tell_end(client("events"), record)
            if run.name.endswith(EVALUATION):
                clear_up(group, run.name)


def clear_up(group: str, run: str) -> None:
    """Have an evaluation take away what it has made: it did not come to that."""
    task = json.dumps({"group": group, "clearUp": run})
    client("stepfunctions").start_execution(stateMachineArn=os.environ["EVALUATION_ARN"], input=task)


def measure_ages() -> None:
    """How long ago each solution's live version was trained."""
    for group in serving.groups():
        for solution, one in serving.read(group)["solutions"].items():
            hours = versions.hours_since_training(client("personalize"), one["solutionVersionArn"])
            measure({"HoursSinceTraining": hours}, {"Group": group, "Solution": solution})
