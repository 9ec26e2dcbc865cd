"""API: events of users, which their next recommendations take into account."""

import os
from typing import Any

from usher.aws import client
from usher.errors import RequestError
from usher.serving.events import put_events_calls
from usher.serving.http_api import Api
from usher.serving.serving_map import ServingMaps
from usher.storage.table import Table

api = Api()
serving = ServingMaps(Table(client("dynamodb"), os.environ["TABLE_NAME"]))


@api.route("POST /{group}/events")
def record(group: str) -> tuple[dict[str, Any], int]:
    """Record the posted `events` of `userId` in `sessionId`."""
    body, tracking_id = api.body(), serving.cached(group).get("trackingId")
    if not tracking_id:
        raise RequestError(503, "NotLive", "The group's event tracker is not live yet.")
    for call in put_events_calls(body, tracking_id):
        client("personalize-events").put_events(**call)
    return {"accepted": len(body["events"])}, 202


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return api.resolve(event, context)
