"""Load a group's items and users into the table, for the API.

In: `{group, run}`. Out: `{more, written, deleted}`; more: the function is to be called again.
"""

import os
from typing import Any

from usher.aws import client
from usher.catalogue.entries import Catalogues
from usher.catalogue.loading import Loader, Progress
from usher.datasets.read_limits import ReadLimits
from usher.runs.record import Run
from usher.storage.bucket import Bucket
from usher.storage.table import Table

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
catalogues = Catalogues(Table(client("dynamodb"), os.environ["TABLE_NAME"]))
loader = Loader(bucket, catalogues, ReadLimits.from_env(os.environ))


def lambda_handler(event: dict[str, Any], context: Any) -> Progress:
    """Load the next part of a run's load plan."""
    return loader.load(Run(bucket, event["group"], event["run"]))
