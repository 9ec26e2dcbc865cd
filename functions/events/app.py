"""API: accept users' events for their next recommendations, and report their outcome."""

import os
from typing import Any

from usher.aws import client, within
from usher.catalogue.entries import Catalogues
from usher.catalogue.known import Known
from usher.events.accept import Acceptance, EventKind, Queues
from usher.events.arrivals import Arrivals
from usher.events.history import History
from usher.events.sessions import Sessions
from usher.serving.http_api import Api
from usher.serving.serving_map import ServingMaps
from usher.storage.table import Table

api = Api()
table = Table(client("dynamodb", within(1, attempts=2)), os.environ["TABLE_NAME"])
serving, sessions, arrivals = ServingMaps(table), Sessions(table), Arrivals(table)
queues = Queues(client("sqs", within(1, attempts=2)), os.environ["KEPT_QUEUE_URL"], os.environ["PENDING_QUEUE_URL"])
known = Known(Catalogues(table))
deadline = within(float(os.environ["PERSONALIZE_MILLISECONDS"]) / 1000)
acceptance = Acceptance(queues, sessions, arrivals, client("personalize-events", deadline), known.unknown_items)
history = History(sessions, arrivals, known.unknown_items)


@api.route("events")
def record_events(group: str) -> tuple[dict[str, Any], int]:
    """Accept the posted `events` of `userId` in `sessionId`."""
    return accept(group, "events")


@api.route("action-interactions")
def record_actions(group: str) -> tuple[dict[str, Any], int]:
    """Accept the posted `actionInteractions` of `userId`."""
    return accept(group, "action-interactions")


def accept(group: str, kind: EventKind) -> tuple[dict[str, Any], int]:
    """Accept posted events."""
    body = api.body()
    return serving.resolve(group, lambda content: acceptance.accept(group, kind, content, body)), 202


@api.route("user-events")
def show_events(group: str, **_user: str) -> dict[str, Any]:
    """List the arrived events of a user, and whether each counts."""
    route, options = api.route_and_options()
    return history.of_user(group, route, options, serving.cached(group), serving.trained_at(group))


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return api.resolve(event, context)
