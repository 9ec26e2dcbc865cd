"""API: what users do, for recommendations that follow at once."""

import os
from typing import Any

from usher.aws import client
from usher.errors import RequestError
from usher.serving import http_api
from usher.serving.events import portions
from usher.serving.serving_map import Serving
from usher.storage.table import Table

app = http_api.resolver()
table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
serving = Serving(table)


@app.post("/<group>/events")
def record(group: str) -> tuple[dict[str, Any], int]:
    """Take in the posted `events` of `userId` in `sessionId`."""
    body = http_api.body(app)
    tracking_id = serving.of(http_api.group(app))["trackingId"]
    if not tracking_id:
        raise RequestError(503, "NotLive", "The group's event tracker is not live yet.")
    for portion in portions(body, tracking_id):
        client("personalize-events").put_events(**portion)
    return {"accepted": len(body["events"])}, 202


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return http_api.answer_request(app, event, context)
