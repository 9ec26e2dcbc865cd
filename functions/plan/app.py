"""Plan a run: take the group's lock, check its files, write the plan, and load the table for the API.

In: `{step, input, execution}`, and for the step `take` `startedAt`, for `plan` `waits`. The input is an S3 event or,
from a person or a schedule, `{group}` with a task or a version to promote. Step `take` takes the group, `plan` plans
and loads small files, `load` loads the rest: `{step, group, run}`.
Out: `{outcome, group, run}` (usher.planning.steps.Outcome).
"""

import os
from functools import partial
from typing import Any

from usher.aws import client
from usher.catalogue.entries import Catalogues
from usher.catalogue.loading import Loader
from usher.costs.ceilings import Ceilings
from usher.costs.ledger import Spending
from usher.datasets.profile_cache import ProfileCache
from usher.datasets.read_limits import ReadLimits
from usher.planning.pins import Pins
from usher.planning.steps import Outcome, PlanSteps
from usher.planning.tasks import Tasks
from usher.resources.target import Target
from usher.runs.lock import Lock, is_running
from usher.runs.naming import group_of_input
from usher.serving.serving_map import ServingMaps
from usher.storage.bucket import Bucket
from usher.storage.table import Table

bucket, limits = Bucket(client("s3"), os.environ["BUCKET_NAME"]), ReadLimits.from_env(os.environ)
table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
steps = PlanSteps(
    bucket,
    Lock(table, is_running(client("stepfunctions"))),
    Tasks(table),
    Pins(table),
    Spending(table),
    ProfileCache(bucket, limits),
    Loader(bucket, Catalogues(table), limits),
    Ceilings.from_env(os.environ),
    {name: client(name) for name in ("personalize", "scheduler", "service-quotas")},
    partial(Target.from_env, environ=os.environ),
    ServingMaps(table).read,
)


def lambda_handler(event: dict[str, Any], context: Any) -> Outcome:
    """Do one step of a run of the pipeline."""
    if event["step"] == "load":
        return steps.load(event["group"], event["run"])
    group = group_of_input(event["input"])
    if not group:
        return {"outcome": "NOTHING", "group": None, "run": None}
    if event["step"] == "take":
        return steps.take(group, event["input"], event["execution"], event["startedAt"])
    return steps.plan(group, event["input"], event["execution"], event["waits"])
