"""API: recommendations for a user, and items that are similar to an item."""

import os
from typing import Any

from usher import api
from usher.aws import client
from usher.export_table import ExportTable
from usher.serving import Serving, identifier

app = api.resolver()
serving = Serving(client("dynamodb"), os.environ["TABLE_NAME"])
table = ExportTable(client("dynamodb"), os.environ["TABLE_NAME"])


@app.get("/<group>/recommendations/<user>")
def recommend(group: str, user: str) -> dict[str, Any]:
    """What a user may like."""
    return ask("recommendations", {"userId": identifier(api.path(app, "userId"), "userId")})


@app.get("/<group>/similar-items/<item>")
def recommend_similar(group: str, item: str) -> dict[str, Any]:
    """What is like an item."""
    return ask("similar-items", {"itemId": identifier(api.path(app, "itemId"), "itemId")})


def ask(route: str, subject: dict[str, str]) -> dict[str, Any]:
    """Ask the campaign that serves a route, or else the newest export."""

    def get(members: dict[str, Any]) -> Any:
        return client("personalize-runtime").get_recommendations(**subject, **members)

    def look_up(group: str, solution: str) -> Any:
        return table.read(group, solution, *subject.values())

    return api.ask_or_look_up(serving, api.path(app, "group"), route, api.query(app), get, look_up)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return api.answer_request(app, event, context)
