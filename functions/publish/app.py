"""Make the outcome of a run live and known, and give the group back.

In: `{input, execution, group, run, error}`. Out: `{outcome, cause, again}`; again: something arrived meanwhile.
"""

import os
from typing import Any

from usher.aws import client
from usher.bucket import Bucket
from usher.runs import Lock, Run, concerned_group, is_running, run_name, tell
from usher.serving import Serving, serving_map

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
lock = Lock(client("dynamodb"), os.environ["TABLE_NAME"], is_running(client("stepfunctions")))
serving = Serving(client("dynamodb"), os.environ["TABLE_NAME"])


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish one round of a pipeline execution."""
    group = event["group"] or concerned_group(event["input"])
    run = Run(bucket, group, event["run"] or lock.run(group, event["execution"]) or run_name(event["execution"]))
    plan, states = run.read("plan.json"), run.read().get("resources", [])
    if plan:
        serving.write(group, serving_map(plan, states, serving.read(group)))
    record = run.conclude(event["execution"], event["error"])
    if record["outcome"] == "FAILED" or "stage" in record:  # what did nothing is no news
        tell(client("sns"), os.environ["TOPIC_ARN"], record, bucket.url(run.key()))
    again = not lock.release(group, event["execution"])
    return {"outcome": record["outcome"], "cause": record["summary"], "again": again}
