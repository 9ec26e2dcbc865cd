"""Streamed data: events, items and users as they happen."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from local.personalize.datasets import Event, Interaction
from local.personalize.exceptions import InvalidInputError
from local.personalize.imports import LATEST

if TYPE_CHECKING:
    from local.personalize.models import PersonalizeBackend
    from local.personalize.resources import Values

MAX_EVENT = 10 * 1024
"""Bytes."""
FORBIDDEN = frozenset({"userId", "sessionId", "eventType", "timestamp", "recommendationId", "impression"})
"""Keys that may not be among an event's properties, having members of their own."""


def put_events(backend: "PersonalizeBackend", params: "Values") -> None:
    """Take up to ten events of one session; all are checked before any is taken."""
    trackers = backend.found("EventTracker", trackingId=params["trackingId"])
    if not trackers:
        raise InvalidInputError(f"There is no event tracker with the tracking id {params['trackingId']}")
    tracker = backend.active("EventTracker", trackers[0].arn)
    events = [_event(raw, params.get("userId"), params["sessionId"]) for raw in params["eventList"]]
    backend.data(tracker).interactions.add(events)


def _event(raw: Mapping[str, Any], user: str | None, session: str) -> Event:
    if len(json.dumps(raw, ensure_ascii=False).encode()) > MAX_EVENT:
        raise InvalidInputError(f"An event is larger than {MAX_EVENT} bytes")
    properties = _properties(raw.get("properties", "{}"))
    forbidden = sorted(FORBIDDEN & properties.keys())
    if forbidden:
        raise InvalidInputError(f"Properties must not have the keys {', '.join(forbidden)}")
    if not 0 <= raw["sentAt"] < LATEST:
        raise InvalidInputError(f"sentAt must be in Unix epoch time in seconds, not {raw['sentAt']}")
    # The first form of the interface had these two among the properties, and published notebooks still do.
    item, value = (raw.get(name, properties.get(name)) for name in ("itemId", "eventValue"))
    amount = float(value) if isinstance(value, int | float) else None
    row = Interaction(int(raw["sentAt"]), str(item or ""), raw["eventType"], amount)
    return Event(user, session, row, raw.get("eventId"))


def put_records(backend: "PersonalizeBackend", params: "Values", member: str) -> None:
    """Insert or replace `member` ("items" or "users") of a dataset."""
    dataset = backend.active("Dataset", params["datasetArn"])
    kind = dataset.values["datasetType"]
    if kind != member.upper():
        raise InvalidInputError(f"{dataset.arn} is not a dataset of type {member.upper()}")
    records = backend.data(dataset).records(kind)
    records.put({raw[f"{member[:-1]}Id"]: _properties(raw.get("properties", "{}")) for raw in params[member]})


def _properties(text: str) -> dict[str, Any]:
    try:
        properties = json.loads(text)
    except ValueError:
        properties = None
    if not isinstance(properties, dict):
        raise InvalidInputError("Error parsing properties json")
    return properties
