"""Make one pass over a run's plan.

In: `{group, run, stage}`; stages: import, train, export, delete. The stage promote has no run: a version that a person
has chosen serves at once. Out: usher.passes.passes.PassOutcome. The run's record has the state of every resource.
"""

import os
from typing import Any

from usher.aws import NO_RETRY, client
from usher.passes.passes import Passes, PassOutcome
from usher.storage.bucket import Bucket
from usher.storage.table import Table

clients = {
    "personalize": client("personalize"),
    "personalize-once": client("personalize", NO_RETRY),
    "scheduler": client("scheduler"),
}
passes = Passes(
    Bucket(client("s3"), os.environ["BUCKET_NAME"]),
    Table(client("dynamodb"), os.environ["TABLE_NAME"]),
    clients,
    client("events"),
    os.environ["STACK_ARN"],
)


def lambda_handler(event: dict[str, Any], context: Any) -> PassOutcome:
    """Make one pass over a stage."""
    if event["stage"] == "promote":
        return passes.promote(event["group"])
    return passes.make_pass(event["group"], event["run"], event["stage"])
