"""Compare models on interactions that were held out of their training.

In: `{step, ...}`, a step of usher.evaluation.steps with its arguments. Between the steps, `reconcile` carries out the
plan, and deletes all resources that it made.
"""

import os
from collections.abc import Callable
from typing import Any

from usher.aws import STEADY, client
from usher.costs.ceilings import Ceilings
from usher.costs.ledger import Spending
from usher.datasets.read_limits import ReadLimits
from usher.evaluation.athena_split import Athena
from usher.evaluation.split_step import max_bytes
from usher.evaluation.steps import Evaluator
from usher.runs.notifications import Channels
from usher.serving.serving_map import ServingMaps
from usher.storage.bucket import Bucket
from usher.storage.table import Table

SPARE_MILLISECONDS = 120_000
"""The milliseconds to leave for scoring after the campaigns' predictions."""

table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
workgroup = os.environ["ATHENA_WORKGROUP"]
evaluator = Evaluator(
    Bucket(client("s3"), os.environ["BUCKET_NAME"]),
    ServingMaps(table),
    Spending(table),
    Ceilings.from_env(os.environ),
    os.environ["PERSONALIZE_ARN_PREFIX"],
    os.environ["PERSONALIZE_ROLE_ARN"],
    {name: client(name) for name in ("personalize", "service-quotas")},
    client("personalize-runtime", STEADY),
    Athena(client("athena"), os.environ["ATHENA_DATABASE"], workgroup) if workgroup else None,
    max_bytes(os.environ),
    Channels(client("sns"), os.environ["TOPIC_ARN"], client("events")),
    ReadLimits.from_env(os.environ),
)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do one step of an evaluation."""
    match event["step"]:
        case "prepare":
            return evaluator.prepare(event["input"], event["execution"], event["startedAt"])
        case "split":
            return evaluator.split(event["group"], event["run"], is_late(context))
        case "score":
            return evaluator.score(event["group"], event["run"], is_late(context))
        case _:
            return evaluator.publish(event["input"], event["execution"], event["startedAt"], event["error"])


def is_late(context: Any) -> Callable[[], bool]:
    """A function that returns whether the Lambda function has to end soon."""
    return lambda: bool(context.get_remaining_time_in_millis() < SPARE_MILLISECONDS)
