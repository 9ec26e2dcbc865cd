"""API: rank given items for a user."""

import os
from typing import Any

from usher.events.met import Met
from usher.serving.http_api import Api
from usher.serving.reading import Reader

api, reader = Api(), Reader.from_environment(os.environ, Met.from_table)


@api.route("rankings")
def rank(group: str) -> dict[str, Any]:
    """Order the posted `items` for the posted `userId`."""
    return reader.answer(group, *api.route_and_options(), api.headers)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return api.resolve(event, context)
