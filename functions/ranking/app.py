"""API: given items, in the order that suits a user."""

import os
from functools import partial
from typing import Any

from usher.aws import client
from usher.serving.export_store import ExportStore
from usher.serving.fallback import Reads
from usher.serving.http_api import Api
from usher.serving.routes import ROUTES
from usher.serving.serving_map import ServingMaps
from usher.storage.table import Table

api = Api()
table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
reads = Reads(ServingMaps(table), ExportStore(table), partial(client, "personalize-runtime"))


@api.route(*ROUTES["rankings"].keys)
def rank(group: str) -> dict[str, Any]:
    """Order the posted `items` for the posted `userId`."""
    return reads.answer(group, *api.asked())


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return api.resolve(event, context)
