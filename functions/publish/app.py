"""Make the outcome of a run live and known, and give the group back.

In: `{input, execution, group, run, error}`. Out: `{outcome, cause, again}`; again: something arrived meanwhile.
"""

import os
from typing import Any

from usher.aws import client
from usher.bucket import Bucket
from usher.runs import Lock, Run, concerned_group, conclude, is_running, tell
from usher.serving import Serving, serving_map

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
lock = Lock(client("dynamodb"), os.environ["TABLE_NAME"], is_running(client("stepfunctions")))
serving = Serving(client("dynamodb"), os.environ["TABLE_NAME"])


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish one round of a pipeline execution."""
    group = event["group"] or concerned_group(event["input"])
    run = Run(bucket, group, event["run"] or event["execution"].rpartition(":")[2])
    plan = run.read("plan.json")
    record = conclude(run.read() | {"group": group, "run": run.name, "execution": event["execution"]}, event["error"])
    if plan:
        serving.write(group, serving_map(plan, record["resources"], serving.read(group)))
    run.write(record)
    tell(client("sns"), os.environ["TOPIC_ARN"], record, bucket.url(run.key()))
    again = not lock.release(group, event["execution"])
    return {"outcome": record["outcome"], "cause": record["summary"], "again": again}
