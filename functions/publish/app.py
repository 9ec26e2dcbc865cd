"""Make the outcome of a run live and known, and give the group back.

In: `{input, execution, group, run, error}`. Out: `{outcome, cause, again}`; again: something arrived meanwhile.
"""

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from usher.aws import client
from usher.costs.prices import actual_cost
from usher.resources import versions
from usher.runs.notifications import EVENT, METRICS, NOTIFICATION, Channels
from usher.runs.record import Lock, Run, begun_run, concerned_group, has_ended, is_news, is_running, rounds
from usher.serving.serving_map import Serving, serving_map
from usher.steps import raise_all, take_all
from usher.storage.bucket import Bucket

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
lock = Lock(client("dynamodb"), os.environ["TABLE_NAME"], is_running(client("stepfunctions")))
serving = Serving(client("dynamodb"), os.environ["TABLE_NAME"])
channels = Channels(client("sns"), os.environ["TOPIC_ARN"], client("events"))


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish one round of a pipeline execution.

    Where its end can't be told, the group is given back all the same; another try, or the next round, tells the rest.
    """
    group, execution = event["group"] or concerned_group(event["input"]), event["execution"]
    run = Run(bucket, group, event["run"] or begun_run(lock, bucket, group, execution))
    record = run.known()
    if not has_ended(record, event["error"]):
        record = conclude(run, record, execution, event["error"])
    former = [] if run.is_first else [one for one in rounds(bucket, group, execution) if one["run"] < run.name]
    ends = {one["run"]: one for one in [*former, record]}
    failed = take_all({name: partial(channels.deliver, Run(bucket, group, name), one) for name, one in ends.items()})
    again = not lock.release(group, execution)
    if not again:
        raise_all(failed)
    return {"outcome": record["outcome"], "cause": record["summary"], "again": again}


def conclude(run: Run, record: dict[str, Any], execution: str, error: dict[str, str] | None) -> dict[str, Any]:
    """Make live what has come up, and write the run's last record."""
    plan, states = run.known_plan(), record.get("resources", [])
    if plan and not plan.removal:
        serving.write(run.group, serving_map(plan, states, serving.read(run.group)))
    known = versions.report_versions(client("personalize"), states, serving.read(run.group).get("solutions", {}))

    def undelivered(ended: Mapping[str, Any]) -> list[str]:
        programs = ended["outcome"] == "FAILED" or "stage" in ended
        return [*([NOTIFICATION] if is_news(run, ended) else []), *([EVENT, METRICS] if programs else [])]

    return run.conclude(execution, error, {"versions": known, "cost": actual_cost(plan, record, known)}, undelivered)
