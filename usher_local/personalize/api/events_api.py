"""The operations of the events API: streamed events, items, users and actions."""

import json
import math
from collections.abc import Mapping
from typing import Any

from usher_local.personalize.api.validation import decoded
from usher_local.personalize.core.errors import InvalidInputError, ResourceNotFoundError
from usher_local.personalize.core.request_checks import schemas_of
from usher_local.personalize.core.resources import Resource, Values
from usher_local.personalize.core.schemas import Field, plain
from usher_local.personalize.data.backend import DataBackend
from usher_local.personalize.data.interactions import Event, Interaction
from usher_local.personalize.jobs.import_jobs import LATEST

MAX_EVENT = 10 * 1024
"""Bytes."""
FORBIDDEN = frozenset({"userId", "sessionId", "eventType", "timestamp", "recommendationId", "impression"})
"""Keys that an event's properties may not have, since they are members of the event."""
OWN = frozenset({"USERID", "ITEMID", "ACTIONID", "TIMESTAMP", "EVENTTYPE", "EVENTVALUE"})
"""Plain names of the fields that an event's members set: no property of another spelling replaces them."""
Fields = Mapping[str, Field]
"""The fields of a dataset's schema, by their plain names."""
OUTCOMES = ("TAKEN", "NOT_TAKEN", "VIEWED")


def put_events(backend: DataBackend, params: Values) -> None:
    """PutEvents: store up to ten events of one session; all are checked before any is stored."""
    trackers = backend.find("EventTracker", trackingId=params["trackingId"])
    if not trackers:
        raise InvalidInputError(f"There is no event tracker with the tracking id {params['trackingId']}")
    [tracker] = trackers
    if not tracker.life.pending:  # notebooks send events without waiting for the tracker
        backend.active("EventTracker", tracker.arn)
    fields = _fields(backend, tracker, "INTERACTIONS")
    events = [_event(raw, params.get("userId"), params["sessionId"], fields) for raw in params["eventList"]]
    backend.data(tracker).stream("INTERACTIONS", events)


def put_action_interactions(backend: DataBackend, params: Values) -> None:
    """PutActionInteractions: store interactions with actions; their dataset has a tracking ID of its own."""
    datasets = backend.find("Dataset", trackingId=params["trackingId"])
    if not datasets:
        raise ResourceNotFoundError(f"There is no dataset with the tracking id {params['trackingId']}")
    dataset = _ready(backend, datasets[0].arn)
    fields = _fields(backend, dataset, "ACTION_INTERACTIONS")
    outcomes = [_outcome(raw, fields) for raw in params["actionInteractions"]]
    backend.data(dataset).stream("ACTION_INTERACTIONS", outcomes)


def put_records(backend: DataBackend, params: Values, member: str) -> None:
    """PutItems, PutUsers or PutActions, by `member` ("items", "users" or "actions"): insert or replace records."""
    dataset = _ready(backend, params["datasetArn"])
    kind = dataset.values["datasetType"]
    if kind != member.upper():
        raise InvalidInputError(f"{dataset.arn} is not a dataset of type {member.upper()}")
    fields, id_member = _fields(backend, dataset, kind), f"{member[:-1]}Id"
    records = {raw[id_member]: _record(raw, id_member, fields) for raw in params[member]}
    backend.data(dataset).stream(kind, records)


def _fields(backend: DataBackend, resource: Resource, kind: str) -> Fields:
    """The fields of the `kind` of dataset in a resource's group, by their plain names; empty without such a dataset."""
    schema = schemas_of(backend, backend.group_of(resource)).get(kind)
    return {plain(field.name): field for field in schema.fields} if schema else {}


def _record(raw: Mapping[str, Any], id_member: str, fields: Fields) -> dict[str, str | None]:
    """The properties of a record as its schema names them. InvalidInputError if they contain a different ID."""
    cells = {}
    for name, value in _properties(raw).items():
        if plain(name) != plain(id_member):
            cells[name] = _cell(name, value, fields)
        elif value != raw[id_member]:
            raise InvalidInputError(f"The property {name} must be the record's {id_member}, {raw[id_member]}")
    return cells


def _cell(name: str, value: Any, fields: Fields) -> str | None:
    """A property as text. InvalidInputError unless it has its field's type; without a field, it may be any scalar."""
    field = fields.get(plain(name))
    if value is None:
        return None
    if field and field.numeric:
        fits = _is_number(value, whole=field.type in ("int", "long"))
    else:
        fits = isinstance(value, bool) if field and field.type == "boolean" else isinstance(value, str | int | float)
        fits = fits and not (field and field.type == "string" and isinstance(value, bool))
    if not fits:
        wanted = field.type if field else "string"
        raise InvalidInputError(f"The property {name} must be of type {wanted}, not {json.dumps(value)[:99]}")
    return value if isinstance(value, str) else json.dumps(value)


def _is_number(value: Any, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return False
    return math.isfinite(number) and (number.is_integer() or not whole)


def _ready(backend: DataBackend, arn: str) -> Resource:
    """The dataset with this ARN. Raises ResourceInUseError while it is being created."""
    dataset = backend.get("Dataset", arn)
    if dataset.status != "ACTIVE":
        raise dataset.refusal("is not ACTIVE")
    return dataset


def _event(raw: Mapping[str, Any], user: str | None, session: str, fields: Fields) -> Event:
    if len(json.dumps(raw, ensure_ascii=False).encode()) > MAX_EVENT:
        raise InvalidInputError(f"An event is larger than {MAX_EVENT} bytes")
    properties = _properties(raw)
    forbidden = sorted(FORBIDDEN & properties.keys())
    if forbidden:
        raise InvalidInputError(f"Properties must not have the keys {', '.join(forbidden)}")
    # The first version of the API had these two among the properties, and published notebooks still send them there.
    item, value = (raw.get(name, properties.pop(name, None)) for name in ("itemId", "eventValue"))
    amount = float(value) if isinstance(value, int | float) else None
    row = Interaction(_seconds(raw, "sentAt"), str(item or ""), raw["eventType"], amount)
    return Event(user, session, row, raw.get("eventId"), _more(raw, properties, fields))


def _outcome(raw: Mapping[str, Any], fields: Fields) -> Event:
    kind = raw["eventType"].upper()
    if kind not in OUTCOMES:
        raise InvalidInputError(f"eventType must be one of {', '.join(OUTCOMES)}, not {raw['eventType']}")
    row = Interaction(_seconds(raw, "timestamp"), raw["actionId"], kind, None)
    return Event(raw.get("userId"), raw["sessionId"], row, raw.get("eventId"), _more(raw, _properties(raw), fields))


def _seconds(raw: Mapping[str, Any], name: str) -> int:
    if not 0 <= raw[name] < LATEST:
        raise InvalidInputError(f"{name} must be in Unix epoch time in seconds, not {raw[name]}")
    return int(raw[name])


def _more(raw: Mapping[str, Any], properties: Mapping[str, Any], fields: Fields) -> dict[str, str]:
    """The other fields of an event, by their plain names."""
    cells = {plain(name): _cell(name, value, fields) for name, value in properties.items() if plain(name) not in OWN}
    own_fields = {name: cell for name, cell in cells.items() if cell is not None}
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
