"""Export what a solution recommends: for everyone in a group's data, for some, or for whom the group lists.

In: `{step, ...}`, a step of usher.exporting with what it takes. Between prepare and collect, `reconcile` carries out
the batch jobs.
"""

import os
from typing import Any

from usher.aws import client
from usher.costs.ledger import Spending
from usher.exports.export_job import Setting
from usher.exports.steps import Exporter
from usher.runs.lock import Lock, export_lock, is_running
from usher.runs.notifications import Channels
from usher.serving.export_store import ExportStore
from usher.serving.serving_map import ServingMaps
from usher.storage.bucket import Bucket
from usher.storage.table import Table

table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
exporter = Exporter(
    Bucket(client("s3"), os.environ["BUCKET_NAME"]),
    ServingMaps(table),
    ExportStore(table),
    Spending(table),
    Setting.from_env(os.environ),
    lambda solution: Lock(table, is_running(client("stepfunctions")), export_lock(solution)),
    Channels(client("sns"), os.environ["TOPIC_ARN"]),
)
STEPS = {
    step.__name__: step
    for step in (
        exporter.find, exporter.prepare, exporter.collect, exporter.assemble, exporter.load, exporter.publish
    )
}  # fmt: skip


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    """Do one step of an export."""
    step: Any = STEPS[event.pop("step")]
    return step(**event)
