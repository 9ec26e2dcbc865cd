"""Make the outcome of a run live and known, and give the group back.

In: `{input, execution, group, run, error}`. Out: `{outcome, cause, again}`; again: something arrived meanwhile.
"""

import os
from typing import Any

from usher import versions
from usher.aws import client
from usher.bucket import Bucket
from usher.prices import spent
from usher.runs import Lock, Run, concerned_group, is_news, is_running, run_name
from usher.serving import Serving, serving_map
from usher.telling import measure, measures, tell, tell_end

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
lock = Lock(client("dynamodb"), os.environ["TABLE_NAME"], is_running(client("stepfunctions")))
serving = Serving(client("dynamodb"), os.environ["TABLE_NAME"])


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish one round of a pipeline execution."""
    group = event["group"] or concerned_group(event["input"])
    run = Run(bucket, group, event["run"] or lock.run(group, event["execution"]) or run_name(event["execution"]))
    plan, record = run.known("plan.json"), run.known()
    states = record.get("resources", [])
    if plan and "removed" not in plan:
        serving.write(group, serving_map(plan, states, serving.read(group)))
    known = versions.report(client("personalize"), states, serving.read(group).get("solutions", {}))
    record = run.conclude(event["execution"], event["error"], {"versions": known, "cost": spent(plan, record, known)})
    if is_news(run, record):
        tell(client("sns"), os.environ["TOPIC_ARN"], record, run.link)
    if record["outcome"] == "FAILED" or "stage" in record:
        tell_end(client("events"), record)
        for values, dimensions, properties in measures(record):
            measure(values, dimensions, **properties)
    again = not lock.release(group, event["execution"])
    return {"outcome": record["outcome"], "cause": record["summary"], "again": again}
