"""API: authorise a key for its group and routes."""

import os
from typing import Any

from usher.access.keys import Keys
from usher.aws import client
from usher.storage.table import Table

keys = Keys(Table(client("dynamodb"), os.environ["TABLE_NAME"]))


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Authorise the key in the header, without regard to the rest: API Gateway caches the answer by the
    header alone.
    """
    key = keys.find(event["headers"]["x-api-key"])
    if not key:
        return {"isAuthorized": False}
    limit = {"perMinute": key.per_minute} if key.per_minute else {}
    return {"isAuthorized": True, "context": {"group": key.group, "routes": key.routes, "key": key.id, **limit}}
