"""Streamed data: events, items, users and actions as they happen."""

import json
from collections.abc import Mapping
from typing import Any

from usher_local.personalize.api.validation import decoded
from usher_local.personalize.core.errors import InvalidInputError, ResourceNotFoundError
from usher_local.personalize.core.resources import Resource, Values
from usher_local.personalize.core.schemas import plain
from usher_local.personalize.data.backend import DataBackend
from usher_local.personalize.data.interactions import Event, Interaction
from usher_local.personalize.jobs.import_jobs import LATEST

MAX_EVENT = 10 * 1024
"""Bytes."""
FORBIDDEN = frozenset({"userId", "sessionId", "eventType", "timestamp", "recommendationId", "impression"})
"""Keys that may not be among an event's properties, having members of their own."""
OWN = frozenset({"USERID", "ITEMID", "ACTIONID", "TIMESTAMP", "EVENTTYPE", "EVENTVALUE"})
"""Plain names of the fields that an event has by its members: no property of another spelling replaces them."""
OUTCOMES = ("TAKEN", "NOT_TAKEN", "VIEWED")


def put_events(backend: DataBackend, params: Values) -> None:
    """Take up to ten events of one session; all are checked before any is taken."""
    trackers = backend.find("EventTracker", trackingId=params["trackingId"])
    if not trackers:
        raise InvalidInputError(f"There is no event tracker with the tracking id {params['trackingId']}")
    [tracker] = trackers
    if not tracker.life.pending:  # notebooks send events without waiting for the tracker
        backend.active("EventTracker", tracker.arn)
    events = [_event(raw, params.get("userId"), params["sessionId"]) for raw in params["eventList"]]
    backend.data(tracker).stream("INTERACTIONS", events)


def put_action_interactions(backend: DataBackend, params: Values) -> None:
    """The same for what users do with actions; the dataset of these has a tracking id of its own."""
    datasets = backend.find("Dataset", trackingId=params["trackingId"])
    if not datasets:
        raise ResourceNotFoundError(f"There is nothing with the tracking id {params['trackingId']}")
    outcomes = [_outcome(raw) for raw in params["actionInteractions"]]
    backend.data(_ready(backend, datasets[0].arn)).stream("ACTION_INTERACTIONS", outcomes)


def put_records(backend: DataBackend, params: Values, member: str) -> None:
    """Insert or replace `member` ("items", "users" or "actions") of a dataset."""
    dataset = _ready(backend, params["datasetArn"])
    kind = dataset.values["datasetType"]
    if kind != member.upper():
        raise InvalidInputError(f"{dataset.arn} is not a dataset of type {member.upper()}")
    records = {raw[f"{member[:-1]}Id"]: _properties(raw) for raw in params[member]}
    backend.data(dataset).stream(kind, records)


def _ready(backend: DataBackend, arn: str) -> Resource:
    """The dataset at an ARN; ResourceInUseError while it is being created."""
    dataset = backend.get("Dataset", arn)
    if dataset.status != "ACTIVE":
        raise dataset.refusal("is not ACTIVE")
    return dataset


def _event(raw: Mapping[str, Any], user: str | None, session: str) -> Event:
    if len(json.dumps(raw, ensure_ascii=False).encode()) > MAX_EVENT:
        raise InvalidInputError(f"An event is larger than {MAX_EVENT} bytes")
    properties = _properties(raw)
    forbidden = sorted(FORBIDDEN & properties.keys())
    if forbidden:
        raise InvalidInputError(f"Properties must not have the keys {', '.join(forbidden)}")
    # The first form of the interface had these two among the properties, and published notebooks still do.
    item, value = (raw.get(name, properties.pop(name, None)) for name in ("itemId", "eventValue"))
    amount = float(value) if isinstance(value, int | float) else None
    row = Interaction(_seconds(raw, "sentAt"), str(item or ""), raw["eventType"], amount)
    return Event(user, session, row, raw.get("eventId"), _more(raw, properties))


def _outcome(raw: Mapping[str, Any]) -> Event:
    kind = raw["eventType"].upper()
    if kind not in OUTCOMES:
        raise InvalidInputError(f"eventType must be one of {', '.join(OUTCOMES)}, not {raw['eventType']}")
    row = Interaction(_seconds(raw, "timestamp"), raw["actionId"], kind, None)
    return Event(raw.get("userId"), raw["sessionId"], row, raw.get("eventId"), _more(raw, _properties(raw)))


def _seconds(raw: Mapping[str, Any], name: str) -> int:
    if not 0 <= raw[name] < LATEST:
        raise InvalidInputError(f"{name} must be in Unix epoch time in seconds, not {raw[name]}")
    return int(raw[name])


def _more(raw: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, str]:
    """What else an event says, by plain name of the field; a list becomes a cell of several values."""
    named = {plain(name): value for name, value in properties.items()}
    own_fields = {name: str(value) for name, value in named.items() if value is not None and name not in OWN}
    extra = {
        "RECOMMENDATIONID": raw.get("recommendationId"),
        "IMPRESSION": "|".join(raw.get("impression", [])),
        "EVENTATTRIBUTIONSOURCE": raw.get("metricAttribution", {}).get("eventAttributionSource"),
    }
    return own_fields | {name: value for name, value in extra.items() if value}


def _properties(raw: Mapping[str, Any]) -> dict[str, Any]:
    properties = decoded(raw.get("properties", "{}"))
    if not isinstance(properties, dict):
        raise InvalidInputError("Error parsing properties json")
    return properties
