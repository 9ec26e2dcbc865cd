"""Evaluate what a group's solutions recommend against a part of its history that they do not know.

In: `{step, ...}`, one of the steps below. Between them, `reconcile` carries out the plan, and takes all of it away.
"""

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

from usher.aws import client
from usher.costs.ceilings import Ceilings
from usher.costs.ledger import Spending
from usher.errors import InputError
from usher.evaluation import athena_split, preparation, score_step
from usher.evaluation.plan import Home
from usher.evaluation.split_step import Athena, clear, split
from usher.resources.target import Target
from usher.runs.naming import EVALUATION, group_of_input, run_name
from usher.runs.notifications import EVENT, NOTIFICATION, Channels
from usher.runs.outcome import has_ended
from usher.runs.record import Run
from usher.serving.serving_map import ServingMaps
from usher.storage.bucket import Bucket
from usher.storage.table import Table

SPARE_MILLISECONDS = 120_000
"""What scoring may take after campaigns have been asked."""

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
serving, spending = ServingMaps(table), Spending(table)
ceilings = Ceilings.from_env(os.environ)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do one step of an evaluation."""
    return {"prepare": prepare, "split": hold_back, "score": score, "publish": publish}[event["step"]](event, context)


def run_of(event: dict[str, Any]) -> Run:
    """The execution's run: the same however often a step is tried; or the one that it clears up."""
    name = run_name(event["execution"], EVALUATION, datetime.fromisoformat(event["startedAt"]))
    return Run(bucket, group_of_input(event["input"]), event["input"].get("clearUp", name))


def prepare(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Plan what is to be compared."""
    options, run = preparation.Options.of(event["input"]), run_of(event)
    record = run.begin(event["execution"])
    role = os.environ["PERSONALIZE_ARN_PREFIX"], os.environ["PERSONALIZE_ROLE_ARN"]
    at = Target(run.group, run.name, *role, bucket_url=bucket.url(""))
    try:
        past, served = spending.of(run.group), serving.read(run.group)
        plan, findings, estimate = preparation.prepare(
            bucket, at, client("personalize"), served, options, ceilings, past
        )
        ceilings.order(spending, run.group, run.name, estimate)
    except InputError as error:
        run.write(record | {"data": error.report, "problems": error.as_dicts()})
        return {"group": run.group, "run": run.name, "ready": False}
    run.write(plan, "plan.json")
    run.write(record | findings)
    return {"group": run.group, "run": run.name, "ready": True}


def hold_back(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Hold a part of the history back."""
    run = Run(bucket, event["group"], event["run"])
    try:
        wait = split(run, engine(), is_late(context))
    except InputError as error:
        run.update({"problems": error.as_dicts()})
        return {"ready": False, "waitSeconds": None}
    return {"ready": wait is None, "waitSeconds": wait}


def score(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Ask the campaigns, as far as time allows; when all have answered, write the report."""
    clients = {name: client(name) for name in ("personalize", "personalize-runtime")}
    return {"written": score_step.score(Run(bucket, event["group"], event["run"]), clients, is_late(context))}


def publish(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Tell how it went, once nothing is left of it."""
    run = run_of(event)
    record = run.read_or_empty()
    if preparation.is_left(run.read("plan.json"), record):
        return {"outcome": "RUNNING", "cause": ""}
    if not has_ended(record):
        record = run.conclude(event["execution"], event["error"], channels_for=lambda _: [NOTIFICATION, EVENT])
    try:
        Channels(client("sns"), os.environ["TOPIC_ARN"], client("events")).deliver(run, record)
    finally:
        clear(Home.of(run))
    return {"outcome": "CLEARED" if "clearUp" in event["input"] else record["outcome"], "cause": record["summary"]}


def is_late(context: Any) -> Callable[[], bool]:
    """Whether the function has to come to an end."""
    return lambda: bool(context.get_remaining_time_in_millis() < SPARE_MILLISECONDS)


def engine() -> Athena | None:
    """Athena, if the stack has been told to split there."""
    workgroup = os.environ["ATHENA_WORKGROUP"]
    return (
        Athena(client("athena"), athena_split.Setting(os.environ["ATHENA_DATABASE"], workgroup)) if workgroup else None
    )
