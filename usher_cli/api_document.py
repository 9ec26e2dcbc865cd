"""`openapi.json`, which describes the HTTP API (OpenAPI 3.1).

    python -m usher_cli.api_document        writes it anew

It is derived from the tables of routes and events (usher.routes, usher.events.checks), and from the errors in
docs/api.md. Only the API itself can check properties against a group's schemas.
"""

import json
import re
from pathlib import Path
from typing import Any, get_args

from usher.events.arrivals import Outcome
from usher.events.checks import (
    KINDS,
    MAX_EVENTS,
    MAX_IMPRESSIONS,
    MAX_RECOMMENDATION_ID_LENGTH,
    MIN_SECOND,
    Kind,
)
from usher.limits import MAX_ID_LENGTH, MAX_RESULTS
from usher.routes import ROUTES_BY_KEY, Route
from usher.serving.answers import Source
from usher.serving.api_pages import DOCUMENT
from usher.serving.many_users import MAX_USERS
from usher.serving.put_requests import MAX_RECORDS
from usher.serving.requests import MAX_COLUMNS
from usher.serving.stored_filters import Mark

Schema = dict[str, Any]

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
ERROR = re.compile(r"^\| (\d{3}) \| `(\w+)` \| (.+) \|$", re.M)
TEXT = {"type": "string"}
ID = {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH, "pattern": r"^[^\x00-\x1f\x7f-\x9f]+$"}
VALUE = {"type": ["string", "number"]}
VALUES = {
    "type": "object",
    "propertyNames": {"pattern": "^[A-Za-z0-9_]{1,50}$"},
    "maxProperties": 25,
    "additionalProperties": {"anyOf": [VALUE, {"type": "array", "items": VALUE, "minItems": 1}]},
}
CONTEXT = {
    "type": "object",
    "propertyNames": {"pattern": "^[A-Za-z0-9_]{1,150}$"},
    "maxProperties": 150,
    "additionalProperties": VALUE,
}
PROMOTIONS = {
    "type": "array",
    "minItems": 1,
    "maxItems": 1,
    "items": {
        "type": "object",
        "required": ["filter", "percent"],
        "properties": {
            "filter": TEXT,
            "percent": {"type": "integer", "minimum": 1, "maximum": 100},
            "filterValues": VALUES,
        },
        "additionalProperties": False,
    },
}
COLUMN = {"type": "string", "pattern": "^[A-Za-z0-9_]{1,150}$"}
OPTIONS: dict[str, tuple[str, Schema]] = {
    "solution": ("The solution or recommender to ask; default: the first suitable one.", TEXT),
    "filter": ("The name of a filter.", TEXT),
    "filterValues": ("Values for the filter's placeholders.", VALUES),
    "context": ("Contextual metadata.", CONTEXT),
    "promotions": ("A share of the list, in percent, for the items that a filter includes.", PROMOTIONS),
    "metadataColumns": (
        "Columns of the items that Personalize returns.",
        {"type": "array", "items": COLUMN, "minItems": 1, "maxItems": MAX_COLUMNS},
    ),
    "details": (
        "Columns of the catalogue that each item has in the answer, such as TITLE,PRICE; true: all of them.",
        {"anyOf": [TEXT, {"type": "boolean"}, {"type": "array", "items": TEXT, "minItems": 1}]},
    ),
    "numResults": ("The length of the list.", {"type": "integer", "minimum": 1, "maximum": MAX_RESULTS}),
    "next": ("The next of the last answer, which requests the next page.", TEXT),
    "userId": ("A user.", ID),
    "itemId": ("An item.", ID),
    "items": ("The items to rank.", {"type": "array", "items": ID, "minItems": 1, "maxItems": MAX_RESULTS}),
    "userIds": ("The users.", {"type": "array", "items": ID, "minItems": 1, "maxItems": MAX_USERS}),
}
"""The description of each option, and the schema of its value."""
GATEWAY = {"401": "No key or no valid token", "413": "The request is too large"}
"""The meaning of each status that only API Gateway returns."""
SAME = {"description": "The answer has not changed since the ETag that the caller has sent"}
SECURITY = {
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "AWS Signature Version 4 for the service execute-api",
        "x-amazon-apigateway-authtype": "awsSigv4",
    },
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}


def api_document() -> Schema:
    """The document."""
    paths: Schema = {}
    for key, route in ROUTES_BY_KEY.items():
        method, _, path = key.partition(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(key, route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Usher",
            "version": "1",
            "description": "Recommendations of Amazon Personalize, and events that improve them.",
        },
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in SECURITY],
        "paths": paths,
        "components": {
            "securitySchemes": SECURITY,
            "schemas": {"Item": _item(), "Problem": _problem(TEXT)},
            "responses": {
                **{status: _problem_response(rows) for status, rows in _errors().items()},
                **{status: {"description": text, "content": _json(_problem(TEXT))} for status, text in GATEWAY.items()},
            },
        },
    }


def _operation(key: str, route: Route) -> Schema:
    in_path = re.findall(r"{(\w+)}", key)
    parameters = [_group() if name == "group" else _in_path(name) for name in in_path]
    operation: Schema = {"summary": route.summary, "operationId": re.sub(r"\W+", "-", key).strip("-")}
    if route.method == "GET":
        names = [name for name in (route.subject, *route.options) if name and name not in in_path]
        parameters += [_in_query(name, route, required=name == route.subject) for name in names]
    else:
        operation["requestBody"] = {"required": True, "content": _json(_body(route))}
    is_taken = route.method == "PUT" or route.name in KINDS
    status, answer = ("202", _accepted(route)) if is_taken else ("200", _answer(route))
    kind = "text/html" if route.name == "docs" else "application/json"
    return operation | {
        "parameters": parameters,
        "responses": {
            status: {"description": "The answer", "content": {kind: {"schema": answer}}},
            **({"304": SAME} if route.method == "GET" else {}),
            **_problems(),
        },
    }


def _group() -> Schema:
    schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,35}$"}
    return {"name": "group", "in": "path", "required": True, "description": "A folder of the bucket.", "schema": schema}


def _in_path(name: str) -> Schema:
    """An ID without the characters that an HTTP API decodes twice: such IDs belong in the query."""
    schema = {**ID, "pattern": r"^(?!\.+$)[^\x00-\x1f\x7f-\x9f%/?]+$"}
    return {"name": name, "in": "path", "required": True, "description": OPTIONS[name][0], "schema": schema}


def _in_query(name: str, route: Route, *, required: bool) -> Schema:
    description, schema = OPTIONS[name]
    parameter = {"name": name, "in": "query", "required": required, "description": description}
    if name == "numResults":
        schema = {**schema, "maximum": route.max_results, "default": route.default_results}
    if name == "metadataColumns":
        return parameter | {"schema": schema, "style": "form", "explode": False}
    if name == "details":
        return parameter | {"schema": TEXT}
    if schema.get("type") in {"object", "array"}:
        return parameter | {"content": _json(schema)}
    return parameter | {"schema": schema}


def _body(route: Route) -> Schema:
    if route.name in KINDS:
        kind = KINDS[route.name]
        event: Schema = {
            "type": "object",
            "required": ["eventType", *(["actionId"] if kind.subject == "actionId" else [])],
            "properties": {name: _event_member(name, kind) for name in kind.members},
            "additionalProperties": False,
        }
        events = {"type": "array", "items": event, "minItems": 1, "maxItems": MAX_EVENTS}
        members = {"userId": ID, "sessionId": ID, kind.list: events}
        return {
            "type": "object",
            "required": [kind.list],
            "anyOf": [{"required": ["userId"]}, {"required": ["sessionId"]}],
            "properties": members,
            "additionalProperties": False,
        }
    if route.method == "PUT":
        [dataset] = route.options
        id_name = f"{dataset.removesuffix('s')}Id"
        record = {
            "type": "object",
            "required": [id_name],
            "properties": {id_name: ID, "properties": {"type": ["object", "string"]}},
            "additionalProperties": False,
        }
        records = {"type": "array", "items": record, "minItems": 1, "maxItems": MAX_RECORDS}
        return {
            "type": "object",
            "required": [dataset],
            "properties": {dataset: records},
            "additionalProperties": False,
        }
    names = [name for name in (route.subject, *route.options) if name]
    return {
        "type": "object",
        "required": [name for name in (route.subject, *route.required) if name],
        "properties": {name: OPTIONS[name][1] for name in names},
        "additionalProperties": False,
    }


def _event_member(name: str, kind: Kind) -> Schema:
    known: dict[str, Schema] = {
        kind.time: {"type": "number", "minimum": MIN_SECOND, "description": "Unix time in seconds."},
        "eventValue": {"type": "number"},
        "properties": {"type": ["object", "string"]},
        "impression": {"type": "array", "items": ID, "minItems": 1, "maxItems": MAX_IMPRESSIONS},
        "recommendationId": {**ID, "maxLength": MAX_RECOMMENDATION_ID_LENGTH},
        "metricAttribution": _object({"eventAttributionSource": TEXT}),
    }
    return known.get(name, ID)


def _object(properties: Schema, optional: Schema | None = None) -> Schema:
    """An object with these members; the first ones are required."""
    return {"type": "object", "required": [*properties], "properties": {**properties, **(optional or {})}}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _arrived_event() -> Schema:
    """An arrived event as the API shows it."""
    event: Schema = {name: {} for kind in KINDS.values() for name in kind.members if name != kind.time}
    always = {
        "eventId": TEXT,
        "eventType": TEXT,
        "sentAt": {"type": "number"},
        "sessionId": TEXT,
        "arrived": {"type": "number"},
        "outcome": {"enum": list(get_args(Outcome))},
        "counts": {"type": "boolean"},
        "countsFor": {"type": "object", "additionalProperties": TEXT},
        "why": _list(_object({"code": TEXT, "message": TEXT})),
    }
    return _object(always, event | always)


STATUS = {"enum": ["ok", "degraded"]}
ANSWERS: dict[str, Schema] = {
    "user-events": _object({"userId": TEXT, "events": _list(_arrived_event())}, {"next": TEXT}),
    "group-health": _object(
        {
            "status": STATUS,
            "mapAgeSeconds": {"type": "number"},
            "solutions": {"type": "object", "additionalProperties": {"type": "object"}},
            "exports": _list(TEXT),
            "popular": {"type": "object"},
            "filters": {"type": "object", "additionalProperties": _list(TEXT)},
        }
    ),
    "health": _object({"status": STATUS, "breakers": {"type": "object", "additionalProperties": {"type": "integer"}}}),
}
"""The schema of each answer that is not Personalize's. The document does not describe other answers."""


def _answer(route: Route) -> Schema:
    if not route.operation:
        return ANSWERS.get(route.name, {})
    members = {
        "solution": TEXT,
        "solutionVersion": TEXT,
        "recommendationId": TEXT,
        "degraded": _object({}, {"reason": TEXT, "filter": {"enum": list(get_args(Mark))}, "ignored": _list(TEXT)}),
        "known": {"type": "boolean"},
        "next": TEXT,
    }
    listed = _list({"$ref": "#/components/schemas/Item"})
    source: Schema = {"enum": list(get_args(Source))}
    if route.list_name == "users":
        answer = {"itemList": listed, "source": source, **members}
        error = {"$ref": "#/components/schemas/Problem"}
        return _object({"users": _list(_object({"userId": TEXT}, {**answer, "error": error}))})
    return _object({route.list_name: listed, "source": source}, members)


def _item() -> Schema:
    return {
        "type": "object",
        "anyOf": [{"required": ["itemId"]}, {"required": ["actionId"]}],
        "properties": {
            "itemId": TEXT,
            "actionId": TEXT,
            "score": {"type": "number"},
            "promotionName": TEXT,
            "reason": {"type": "array", "items": TEXT},
            "metadata": {"type": "object"},
            "details": {"type": "object"},
        },
    }


def _accepted(route: Route) -> Schema:
    number = {"type": "integer"}
    if route.method == "PUT":
        return _object({"accepted": number})
    warning = _object({"code": TEXT, "message": TEXT, "events": _list(number)})
    always = {"accepted": number, "queued": number, "duplicates": number, "warnings": _list(warning)}
    return _object(always, {"refused": number})


def _errors() -> dict[str, list[tuple[str, str]]]:
    """The codes of each status, and their meaning."""
    found: dict[str, list[tuple[str, str]]] = {}
    for status, code, meaning in ERROR.findall(PAGE.read_text()):
        found.setdefault(status, []).append((code, re.sub(r"\[([^]]+)\]\([^)]+\)|`", r"\1", meaning)))
    return found


def _problem(code: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["message"],
        "properties": {"code": {**code, "description": "Absent in API Gateway's own errors."}, "message": TEXT},
        "additionalProperties": False,
    }


def _problem_response(rows: list[tuple[str, str]]) -> Schema:
    description = "; ".join(f"{code}: {meaning}" for code, meaning in rows)
    return {"description": description, "content": _json(_problem({"enum": sorted({code for code, _ in rows})}))}


def _problems() -> Schema:
    return {status: {"$ref": f"#/components/responses/{status}"} for status in sorted({*_errors(), *GATEWAY})}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def as_text() -> str:
    """The file's content."""
    return json.dumps(api_document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(as_text())
