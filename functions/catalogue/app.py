"""API: put single items, users and actions into their datasets and the catalogue."""

import os
from functools import partial
from typing import Any

from usher.aws import client
from usher.catalogue.entries import Catalogues
from usher.serving.http_api import Api
from usher.serving.putting import Puts
from usher.serving.serving_map import ServingMaps
from usher.storage.table import Table

api = Api()
table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
serving = ServingMaps(table)
puts = Puts(Catalogues(table), partial(client, "personalize-events"))


@api.route("put-users", "put-items", "put-actions")
def put_records(group: str) -> tuple[dict[str, Any], int]:
    """Put the posted records, replacing those with the same IDs."""
    route, body = api.route_and_options()
    [dataset] = route.options
    return serving.resolve(group, lambda content: puts.put(group, dataset, content, body)), 202


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return api.resolve(event, context)
