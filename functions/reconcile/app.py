"""Advance a run's plan by what can be advanced now.

In: `{group, run, stage}`. Out: `{settled, waitSeconds}`; the run's record tells the state of every resource.
"""

import os
from typing import Any

from usher.aws import client
from usher.bucket import Bucket
from usher.reconcile import advance
from usher.resources import Resource
from usher.runs import Run

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
personalize = client("personalize")


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take one look at a stage."""
    run = Run(bucket, event["group"], event["run"])
    plan, record = run.read("plan.json"), run.read()
    wanted = [Resource(**resource) for resource in plan["resources"]]
    slept = record.get("waitSeconds") or 0
    states, wait = advance(personalize, wanted, event["stage"], plan["excused"], record.get("resources", []), slept)
    run.write(record | {"stage": event["stage"], "waitSeconds": wait, "resources": states})
    return {"settled": wait is None, "waitSeconds": wait}
