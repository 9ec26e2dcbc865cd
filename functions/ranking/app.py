"""API: given items, in the order that suits a user."""

import os
from typing import Any

from usher.aws import client
from usher.errors import RequestError
from usher.serving.fallback import answer_or_fall_back
from usher.serving.http_api import Api
from usher.serving.serving_map import ServingMaps
from usher.storage.table import Table

api = Api()
serving = ServingMaps(Table(client("dynamodb"), os.environ["TABLE_NAME"]))


@api.route("POST /{group}/rankings")
def rank(group: str) -> dict[str, Any]:
    """Order the posted `items` for the posted `userId`."""
    return answer_or_fall_back(serving, group, "rankings", api.body(), personalized_ranking)


def personalized_ranking(members: dict[str, Any]) -> Any:
    """Personalize's answer. Raises RequestError without a user or items."""
    if "userId" not in members or "inputList" not in members:
        raise RequestError(400, "BadBody", "The body must have userId and items.")
    return client("personalize-runtime").get_personalized_ranking(**members)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return api.resolve(event, context)
