"""API: recommendations and actions for a user, items similar to an item, popular and trending items; and health."""

import os
from functools import partial
from typing import Any

from aws_lambda_powertools.event_handler import Response
from usher.events.met import Met
from usher.routes import ROUTES
from usher.serving import api_pages, health
from usher.serving.http_api import Api, error_document
from usher.serving.many_users import answer_each
from usher.serving.reading import Reader

api, reader = Api(), Reader.from_environment(os.environ, Met.from_table)


@api.route(*(name for name, route in ROUTES.items() if route.method == "GET" and route.operation))
def read(group: str, **_subject: str) -> dict[str, Any]:
    """Answer a request by the live resource of its route, or by a stored answer."""
    return reader.answer(group, *api.route_and_options(), api.headers)


@api.route("group-health")
def group_health(group: str) -> dict[str, Any]:
    """Report the health of a group's sources of answers."""
    return health.group_health(reader, group)


@api.route("health")
def all_health() -> dict[str, Any]:
    """Report the health of all groups together."""
    return health.all_health(reader)


@api.route("many-users")
def read_for_each(group: str) -> dict[str, Any]:
    """Recommend items to each of the posted `userIds`."""
    answer = partial(reader.answer, group, ROUTES["recommendations"], headers=api.headers)
    return answer_each(api.body(), answer, error_document)


@api.route("openapi")
def document() -> Response[str]:
    """Return the OpenAPI document."""
    return api_pages.document()


@api.route("docs")
def page() -> Response[bytes]:
    """Show the OpenAPI document as a page."""
    return api_pages.page()


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return api.resolve(event, context)
