"""API: recommendations for a user, and items that are similar to an item."""

import os
from typing import Any

from usher.aws import client
from usher.serving.export_store import ExportStore
from usher.serving.fallback import answer_or_fall_back
from usher.serving.http_api import Api
from usher.serving.requests import checked_id
from usher.serving.serving_map import ServingMaps
from usher.storage.table import Table

api = Api()
table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
serving, exports = ServingMaps(table), ExportStore(table)


@api.route("GET /{group}/recommendations", "GET /{group}/recommendations/{userId}")
def recommend(group: str, user_id: str | None = None) -> dict[str, Any]:
    """Recommend items to a user."""
    return answer_about("recommendations", group, "userId", user_id)


@api.route("GET /{group}/similar-items", "GET /{group}/similar-items/{itemId}")
def recommend_similar(group: str, item_id: str | None = None) -> dict[str, Any]:
    """Recommend items that are similar to an item."""
    return answer_about("similar-items", group, "itemId", item_id)


def answer_about(route: str, group: str, name: str, path_id: str | None) -> dict[str, Any]:
    """Answer a request about the user or the item in the path, else in the query, by a campaign or else an export."""
    options = api.options()
    subject = checked_id(options.pop(name, None) if path_id is None else path_id, name)

    def call(members: dict[str, Any]) -> Any:
        return client("personalize-runtime").get_recommendations(**{name: subject}, **members)

    def look_up(group: str, solution: str) -> Any:
        return exports.look_up(group, solution, subject)

    return answer_or_fall_back(serving, group, route, options, call, look_up)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return api.resolve(event, context)
