"""API: given items, in the order that suits a user."""

import os
from typing import Any

from usher.aws import client
from usher.errors import RequestError
from usher.serving import http_api
from usher.serving.serving_map import Serving
from usher.storage.table import Table

app = http_api.resolver()
table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
serving = Serving(table)


@app.post("/<group>/rankings")
def rank(group: str) -> dict[str, Any]:
    """Order the posted `items` for the posted `userId`."""

    def get(members: dict[str, Any]) -> Any:
        if "userId" not in members or "inputList" not in members:
            raise RequestError(400, "BadBody", "The body must have userId and items.")
        return client("personalize-runtime").get_personalized_ranking(**members)

    return http_api.ask(serving, http_api.group(app), "rankings", http_api.body(app), get)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return http_api.answer_request(app, event, context)
