"""Export a solution's recommendations: for all users in a group's data, for some, or for lines of the group.

In: `{step, ...}`: a step of usher.exports.steps with its arguments. Between prepare and collect, `reconcile` runs the
batch jobs.
"""

import os
from typing import Any

from usher.aws import client
from usher.costs.ledger import Spending
from usher.exports.export_job import ExportTarget
from usher.exports.steps import Exporter
from usher.runs.lock import Lock, export_lock, is_running
from usher.runs.notifications import Channels
from usher.serving.export_store import ExportStore
from usher.serving.popular_lists import PopularLists
from usher.serving.serving_map import ServingMaps
from usher.storage.bucket import Bucket
from usher.storage.table import Table

table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
exporter = Exporter(
    Bucket(client("s3"), os.environ["BUCKET_NAME"]),
    ServingMaps(table),
    ExportStore(table),
    PopularLists(table),
    Spending(table),
    ExportTarget.from_env(os.environ),
    lambda solution: Lock(table, is_running(client("stepfunctions")), export_lock(solution)),
    Channels(client("sns"), os.environ["TOPIC_ARN"]),
)


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    """Do one step of an export."""
    return exporter.take_step(**event)
