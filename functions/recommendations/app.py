"""API: recommendations for a user, and items that are similar to an item."""

import os
from typing import Any

from usher.aws import client
from usher.serving import http_api
from usher.serving.export_store import ExportTable
from usher.serving.serving_map import Serving
from usher.storage.table import Table

app = http_api.resolver()
table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
serving = Serving(table)
exports = ExportTable(table)


@app.get("/<group>/recommendations")
@app.get("/<group>/recommendations/<user>")
def recommend(group: str, user: str = "") -> dict[str, Any]:
    """What a user may like."""
    return ask("recommendations", "userId")


@app.get("/<group>/similar-items")
@app.get("/<group>/similar-items/<item>")
def recommend_similar(group: str, item: str = "") -> dict[str, Any]:
    """What is like an item."""
    return ask("similar-items", "itemId")


def ask(route: str, name: str) -> dict[str, Any]:
    """Ask the campaign that serves a route about a user or an item, or else the newest export."""
    identifier, options = http_api.subject(app, name)

    def get(members: dict[str, Any]) -> Any:
        return client("personalize-runtime").get_recommendations(**{name: identifier}, **members)

    def look_up(group: str, solution: str) -> Any:
        return exports.read(group, solution, identifier)

    return http_api.ask_or_look_up(serving, http_api.group(app), route, options, get, look_up)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return http_api.answer_request(app, event, context)
