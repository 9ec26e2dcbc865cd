"""Export recommendations for everyone in a group's data, or for whom the group lists.

In: `{step, ...}`, one of the steps below. Between prepare and publish, `reconcile` carries out the batch job.
"""

import os
from typing import Any

from usher import exports
from usher.aws import client
from usher.bucket import Bucket
from usher.errors import InputError, UsherError
from usher.runs import Run, run_name
from usher.serving import Serving
from usher.telling import tell

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
serving = Serving(client("dynamodb"), os.environ["TABLE_NAME"])


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do one step of an export."""
    return {"groups": groups, "prepare": prepare, "publish": publish}[event["step"]](event)


def groups(event: dict[str, Any]) -> dict[str, Any]:
    """The groups to export: the one asked for, else all that want it and have no schedule of their own."""
    if event["input"].keys() - {"group"}:
        raise UsherError('Start the export with {} for every group, or {"group": "<a folder of the bucket>"} for one.')
    asked = event["input"].get("group")
    wishes = {group: serving.read(group)["export"] for group in serving.groups()}
    nightly = [group for group, wish in wishes.items() if wish["solution"] and not wish.get("scheduled")]
    return {"groups": [asked] if asked else nightly}


def prepare(event: dict[str, Any]) -> dict[str, Any]:
    """Write the job's input and plan."""
    group = event["group"]
    run = Run(bucket, group, run_name(event["execution"], "-export"))
    record = run.begin(event["execution"])
    try:
        job = exports.prepare(bucket, group, run.name, serving.read(group), exports.Setting.from_env(os.environ))
    except InputError as error:
        run.write(record | {"problems": error.as_dicts()})
        return {"group": group, "run": run.name, "ready": False}
    run.write({"group": group, "resources": [job], "excused": {}}, "plan.json")
    return {"group": group, "run": run.name, "ready": True}


def publish(event: dict[str, Any]) -> dict[str, Any]:
    """Point `latest.json` at a complete export; tell about a failed one."""
    group = event["group"]
    run = Run(bucket, group, event["run"] or run_name(event["execution"], "-export"))
    record = run.read()
    if any(state["status"] == "READY" for state in record.get("resources", [])):
        try:
            exports.publish(bucket, run.read("plan.json")["resources"][0])
        except InputError as error:
            run.write(record | {"problems": error.as_dicts()})
    record = run.conclude(event["execution"], event["error"])
    if record["outcome"] == "FAILED":
        tell(client("sns"), os.environ["TOPIC_ARN"], record, run.link)
    return {"group": group, "outcome": record["outcome"], "cause": record["summary"]}
