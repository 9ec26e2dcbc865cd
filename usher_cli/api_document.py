"""`openapi.json`, which describes the HTTP API (OpenAPI 3.1).

    python -m usher_cli.api_document        writes it anew

It is made of the tables of routes and events (usher.serving.routes, usher.events.checks), and of the errors in
docs/api.md. What a group's schemas require of properties is for the API alone to check.
"""

import json
import re
from pathlib import Path
from typing import Any, get_args

from usher.events.checks import KINDS, MAX_EVENTS, MAX_IMPRESSIONS
from usher.limits import MAX_ID_LENGTH, MAX_RESULTS
from usher.serving.api_pages import DOCUMENT
from usher.serving.many_users import MAX_USERS
from usher.serving.put_requests import MAX_RECORDS
from usher.serving.requests import MAX_COLUMNS
from usher.serving.routes import ROUTES, ROUTES_BY_KEY, Route
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
    "solution": ("The solution or recommender that answers; the first that can, if it is left out.", TEXT),
    "filter": ("The name of a filter.", TEXT),
    "filterValues": ("Values for the filter's placeholders.", VALUES),
    "context": ("Contextual metadata.", CONTEXT),
    "promotions": ("A share of the list, in percent, for the items that a filter includes.", PROMOTIONS),
    "metadataColumns": (
        "Columns of the items that Personalize returns.",
        {"type": "array", "items": COLUMN, "minItems": 1, "maxItems": MAX_COLUMNS},
    ),
    "details": ("Columns of the catalogue that each item has in the answer; true: all of them.", TEXT),
    "numResults": ("The length of the list.", {"type": "integer", "minimum": 1, "maximum": MAX_RESULTS}),
    "next": ("What an answer has given as next: the list's next part.", TEXT),
    "userId": ("A user.", ID),
    "itemId": ("An item.", ID),
    "items": ("The items to rank.", {"type": "array", "items": ID, "minItems": 1, "maxItems": MAX_RESULTS}),
    "userIds": ("The users.", {"type": "array", "items": ID, "minItems": 1, "maxItems": MAX_USERS}),
}
"""By option, what it means, and its value as JSON."""
SUMMARIES = {
    "recommendations": "Items for a user",
    "similar-items": "Items similar to an item",
    "popular": "Items that many like",
    "trending": "Items that more and more people like",
    "actions": "Actions for a user",
    "rankings": "Given items, in the order that suits a user",
    "many-users": "Items for each of many users",
    "events": "Take events of a user",
    "action-interactions": "Take what a user did with actions",
    "user-events": "Which events of a user arrived, and which count",
    "items": "Put items",
    "users": "Put users",
    "actions-put": "Put actions",
}
PAGES = {
    "GET /{group}/health": ("What answers for a group, and why something else does not", "application/json"),
    "GET /health": ("Whether the groups' models answer", "application/json"),
    "GET /openapi.json": ("This document", "application/json"),
    "GET /docs": ("This document, for people", "text/html"),
}
"""The routes that no table has."""
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
    for key in [*ROUTES_BY_KEY, *PAGES]:
        method, _, path = key.partition(" ")
        operation = _page(key) if key in PAGES else _operation(key, ROUTES_BY_KEY[key])
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Usher",
            "version": "1",
            "description": "Recommendations of Amazon Personalize, and the events that teach it.",
        },
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in SECURITY],
        "paths": paths,
        "components": {
            "securitySchemes": SECURITY,
            "schemas": {"Item": _item(), "Problem": _problem(TEXT)},
            "responses": {status: _problem_response(rows) for status, rows in _errors().items()},
        },
    }


def _operation(key: str, route: Route) -> Schema:
    in_path = [name for name in re.findall(r"{(\w+)}", key) if name != "group"]
    parameters = [_group(), *(_in_path(name) for name in in_path)]
    operation: Schema = {"summary": SUMMARIES[_name(route)], "operationId": re.sub(r"\W+", "-", key).strip("-")}
    if route.method == "GET":
        names = [name for name in (route.subject, *route.options) if name and name not in in_path]
        parameters += [_in_query(name, route, required=name == route.subject) for name in names]
    else:
        operation["requestBody"] = {"required": True, "content": _json(_body(route))}
    status, answer = ("200", _answer(route)) if route.name in ROUTES or route.method == "GET" else ("202", _accepted())
    return operation | {
        "parameters": parameters,
        "responses": {status: {"description": "The answer", "content": _json(answer)}, **_problems()},
    }


def _name(route: Route) -> str:
    return "actions-put" if (route.method, route.name) == ("PUT", "actions") else route.name


def _page(key: str) -> Schema:
    summary, kind = PAGES[key]
    return {
        "summary": summary,
        "operationId": re.sub(r"\W+", "-", key).strip("-"),
        "parameters": [_group()] if "{group}" in key else [],
        "responses": {"200": {"description": "The answer", "content": {kind: {"schema": {}}}}, **_problems()},
    }


def _group() -> Schema:
    schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,35}$"}
    return {"name": "group", "in": "path", "required": True, "description": "A folder of the bucket.", "schema": schema}


def _in_path(name: str) -> Schema:
    """An ID without what an HTTP API reads twice: those stand in the query."""
    schema = {**ID, "pattern": r"^(?!\.+$)[^\x00-\x1f\x7f-\x9f%/?]+$"}
    return {"name": name, "in": "path", "required": True, "description": OPTIONS[name][0], "schema": schema}


def _in_query(name: str, route: Route, *, required: bool) -> Schema:
    description, schema = OPTIONS[name]
    parameter = {"name": name, "in": "query", "required": required, "description": description}
    if name == "numResults":
        schema = {**schema, "maximum": route.max_results, "default": route.default_results}
    if name == "metadataColumns":
        return parameter | {"schema": schema, "style": "form", "explode": False}
    if schema.get("type") in {"object", "array"}:
        return parameter | {"content": _json(schema)}
    return parameter | {"schema": schema}


def _body(route: Route) -> Schema:
    if route.name in KINDS:
        kind = KINDS[route.name]
        event: Schema = {
            "type": "object",
            "required": ["eventType", *(["actionId"] if kind.subject == "actionId" else [])],
            "properties": {name: _event_member(name) for name in kind.members},
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
        id_name = f"{route.name.removesuffix('s')}Id"
        record = {
            "type": "object",
            "required": [id_name],
            "properties": {id_name: ID, "properties": {"type": ["object", "string"]}},
            "additionalProperties": False,
        }
        records = {"type": "array", "items": record, "minItems": 1, "maxItems": MAX_RECORDS}
        return {
            "type": "object",
            "required": [route.name],
            "properties": {route.name: records},
            "additionalProperties": False,
        }
    names = [name for name in (route.subject, *route.options) if name]
    return {
        "type": "object",
        "required": [name for name in (route.subject, *route.required) if name],
        "properties": {name: OPTIONS[name][1] for name in names},
        "additionalProperties": False,
    }


def _event_member(name: str) -> Schema:
    known: dict[str, Schema] = {
        "sentAt": {"type": "number", "description": "Unix time in seconds."},
        "timestamp": {"type": "number", "description": "Unix time in seconds."},
        "eventValue": {"type": "number"},
        "properties": {"type": ["object", "string"]},
        "impression": {"type": "array", "items": ID, "minItems": 1, "maxItems": MAX_IMPRESSIONS},
        "metricAttribution": {"type": "object"},
    }
    return known.get(name, ID)


def _answer(route: Route) -> Schema:
    if route.name not in ROUTES:
        return {"type": "object", "required": [route.list_name]}
    if route.list_name == "users":
        return {"type": "object", "required": ["users"], "properties": {"users": {"type": "array"}}}
    items = {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}
    return {
        "type": "object",
        "required": [route.list_name, "source"],
        "properties": {
            route.list_name: items,
            "source": {"enum": ["campaign", "recommender", "export", "popular"]},
            "solution": TEXT,
            "solutionVersion": TEXT,
            "recommendationId": TEXT,
            "degraded": {
                "type": "object",
                "properties": {
                    "reason": TEXT,
                    "filter": {"enum": list(get_args(Mark))},
                    "ignored": {"type": "array", "items": TEXT},
                },
            },
            "known": {"type": "boolean"},
            "next": TEXT,
        },
    }


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


def _accepted() -> Schema:
    return {"type": "object", "required": ["accepted"], "properties": {"accepted": {"type": "integer"}}}


def _errors() -> dict[str, list[tuple[str, str]]]:
    """By status, the codes and what they mean."""
    found: dict[str, list[tuple[str, str]]] = {}
    for status, code, meaning in ERROR.findall(PAGE.read_text()):
        found.setdefault(status, []).append((code, re.sub(r"\[([^]]+)\]\([^)]+\)|`", r"\1", meaning)))
    return found


def _problem(code: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": code, "message": TEXT},
        "additionalProperties": False,
    }


def _problem_response(rows: list[tuple[str, str]]) -> Schema:
    description = "; ".join(f"{code}: {meaning}" for code, meaning in rows)
    return {"description": description, "content": _json(_problem({"enum": sorted({code for code, _ in rows})}))}


def _problems() -> Schema:
    return {status: {"$ref": f"#/components/responses/{status}"} for status in _errors()}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def as_text() -> str:
    """The file's content."""
    return json.dumps(api_document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(as_text())
