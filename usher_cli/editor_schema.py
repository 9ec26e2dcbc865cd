"""`usher.schema.json`, with which editors complete and check `usher.yaml`.

    python -m usher_cli.editor_schema        writes it anew

It is derived from the tables of the parser (usher.config.keys) and from botocore's model of Personalize. It describes
the structure: only the parser can check whether a name is defined elsewhere in the file, or suits the data. The version
is JSON Schema draft 7, which most editors support.
"""

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from usher.config.keys import (
    BUDGET,
    CATALOGUE,
    CONTEXT_SOURCES,
    EXPORT,
    FILLED_IN,
    FORMATS,
    GATE,
    JOB,
    OPERATIONS,
    PRICE_KEYS,
    RECOMMENDER,
    SCHEDULE,
    SCHEDULES,
    SCHEMA_KEYS,
    SECTIONS,
    SOLUTION,
    TRAINING_MODES,
    Keys,
)
from usher.config.model import JOBS
from usher.config.parser import PERIOD
from usher.config.problems import MAX_NAMES
from usher.config.service_model import ALLOWED_REFERENCES, input_shape, is_reference
from usher.datasets.reading import UNITS
from usher.datasets.schemas import NAME as COLUMN_NAME
from usher.names import MAX_NAME_LENGTH, SERVICE_NAME
from usher.recipes import RECIPES
from usher.storage.layout import DATASETS, OUT

Schema = dict[str, Any]

FILE = Path(__file__).parents[1] / "usher.schema.json"
NUMBERS = {"integer": "integer", "long": "integer", "float": "number", "double": "number"}
NAME = {"type": "string", "pattern": "^[A-Za-z0-9_-]*[A-Za-z0-9][A-Za-z0-9_-]*$", "maxLength": MAX_NAME_LENGTH}
RECIPE = {"anyOf": [{"enum": sorted(RECIPES)}, {"type": "string", "minLength": 1}]}
VALUE = {"type": ["string", "number"]}
VALUES = {"anyOf": [VALUE, {"type": "array", "items": VALUE, "minItems": 1}]}
FIELD = {
    "type": "object",
    "required": ["name", "type"],
    "properties": {
        "name": {"type": "string"},
        "type": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        "categorical": {"type": "boolean"},
        "textual": {"type": "boolean"},
    },
}
COLUMN = {"anyOf": [{"type": "string", "pattern": f"^{COLUMN_NAME.pattern}$"}, {"const": False}]}
AVRO = {"type": "object", "required": ["fields"], "properties": {"fields": {"type": "array", "items": FIELD}}}
FORMAT = {"enum": list(FORMATS)}
AVRO_SCHEMA, SCHEDULED = ({"$ref": f"#/definitions/{name}"} for name in ("avro", "schedule"))
"""JSON Schema's references to shared definitions."""
TAG = re.compile(r"<[^>]+>")


def editor_schema() -> Schema:
    """The JSON Schema of `usher.yaml`."""
    columns = {
        "type": "object",
        "additionalProperties": {"anyOf": [COLUMN, {"type": "object", "additionalProperties": COLUMN}]},
    }
    sections = {
        "columns": columns,
        "timestamps": _by_dataset({"enum": list(UNITS)}),
        "deduplicate": _by_dataset({"type": "boolean"}),
        "group": _members("group"),
        "schemas": _object(SCHEMA_KEYS, dict.fromkeys(SCHEMA_KEYS, AVRO_SCHEMA)),
        "solutions": {**_object_of(_solution()), "propertyNames": {**NAME, "not": {"const": OUT}}},
        "recommenders": _object_of(_with_members(RECOMMENDER, {"recipe": RECIPE}, ["recommenders"], ["recipe"])),
        "filters": _object_of({"anyOf": [{"type": "string", "pattern": r"\S"}, _members("filters")]}),
        "exports": _unless_false({"type": "object", "additionalProperties": _export()}),
        "catalogue": _catalogue(),
        "context": {"type": "object", "additionalProperties": {"enum": list(CONTEXT_SOURCES)}},
        **{section: _object_of(_job(section)) for section in JOBS},
        "metricAttribution": _unless_false(_members("metricAttribution")),
        "schedules": _object(SCHEDULES, dict.fromkeys(SCHEDULES, SCHEDULED)),
        "tags": _shape("TagResource", input_shape("TagResource").members["tags"]),
        "prices": _object(PRICE_KEYS, {}),
        "budget": _object(BUDGET, {}, ["monthly"]),
        "adopt": {"type": "object", "additionalProperties": {"type": "string", "pattern": f"^{SERVICE_NAME.pattern}$"}},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "usher.yaml",
        "description": "The desired state of a dataset group of Amazon Personalize.",
        **_object(SECTIONS, sections),
        "type": ["object", "null"],
        "definitions": {"schedule": _schedule(), "avro": AVRO},
    }


def _by_dataset(value: Schema) -> Schema:
    """A value for all datasets, or one for each."""
    return {
        "anyOf": [
            value,
            _object({name: {"description": f"Of {name}."} for name in DATASETS}, dict.fromkeys(DATASETS, value)),
        ]
    }


def _solution() -> Schema:
    gate = {**_object(GATE, {}, ["metric"]), "minProperties": 2}
    retrain = _object({"atMost": {"description": "Such as 1 day."}}, {"atMost": _pattern(PERIOD)}, ["atMost"])
    own: dict[str, Schema] = {
        "recipe": RECIPE,
        "campaign": _unless_false(_members("campaign")),
        "retrain": {"anyOf": [{"enum": ["always", "manual"]}, retrain]},
        "gate": gate,
        "schedules": _object({mode: {} for mode in TRAINING_MODES}, dict.fromkeys(TRAINING_MODES, SCHEDULED)),
    }
    return _with_members(SOLUTION, own, ["solutions"], ["recipe"])


def _job(section: str) -> Schema:
    return _with_members(JOB, {"schedule": SCHEDULED}, [section], ["solution"])


def _export() -> Schema:
    own: dict[str, Schema] = {
        "filterValues": {"type": "object", "additionalProperties": VALUES},
        "users": {"type": "object", "additionalProperties": VALUES},
        **dict.fromkeys(("items", "attributes", "metadata"), VALUES),
        "formats": {"anyOf": [FORMAT, {"type": "array", "items": FORMAT, "minItems": 1}]},
        "schedule": SCHEDULED,
    }
    block = _with_members(EXPORT, own, list(JOBS), [])
    block["properties"]["numResults"]["minimum"] = 1
    return block


def _catalogue() -> Schema:
    columns = {"type": "array", "items": {"type": "string"}}
    return _unless_false({"anyOf": [columns, _object(CATALOGUE, {"columns": columns, "users": columns})]})


def _schedule() -> Schema:
    expression = {"type": "string", "pattern": r"^(rate|cron|at)\(.+\)$"}
    members = input_shape("CreateSchedule").members
    own = {name: _shape("CreateSchedule", members[name]) for name in SCHEDULE} | {"ScheduleExpression": expression}
    return {"anyOf": [expression, _object(SCHEDULE, own, ["ScheduleExpression"])]}


def _with_members(keys: Keys, own: Mapping[str, Schema], sections: Collection[str], required: list[str]) -> Schema:
    """Usher's own keys beside the members of the operations of some sections."""
    block = _object(keys, own, required)
    for section in sections:
        block["properties"] = {**_members(section)["properties"], **block["properties"]}
    return block


def _members(section: str) -> Schema:
    """The members of a section's operation, without those that Usher fills in."""
    return _shape(OPERATIONS[section], input_shape(OPERATIONS[section]))


def _object(keys: Keys, schemas: Mapping[str, Schema], required: Collection[str] = ()) -> Schema:
    """An object with only these keys. `schemas`: of keys whose table has only a description."""
    properties = {name: {**key, **schemas.get(name, {})} for name, key in keys.items()}
    some = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, "additionalProperties": False, **some}


def _object_of(block: Schema) -> Schema:
    return {"type": "object", "propertyNames": NAME, "maxProperties": MAX_NAMES, "additionalProperties": block}


def _unless_false(block: Schema) -> Schema:
    return {"anyOf": [{"const": False}, block]}


def _pattern(pattern: re.Pattern[str]) -> Schema:
    return {"type": "string", "pattern": f"^{pattern.pattern}$"}


def _shape(operation: str, shape: Shape) -> Schema:
    """The JSON Schema of a shape of botocore's, without references to other resources."""
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    match shape:
        case StructureShape():
            members = {
                name: {**_description(member), **_shape(operation, member)}
                for name, member in shape.members.items()
                if name not in FILLED_IN[operation]
                and (not is_reference(name) or (operation, name) in ALLOWED_REFERENCES)
            }
            return _object(members, {}, [name for name in shape.required_members if name in members])
        case ListShape():
            limits = {"minItems": minimum, "maxItems": maximum}
            return {"type": "array", "items": _shape(operation, shape.member), **_without_none(limits)}
        case MapShape():
            return {
                "type": "object",
                "additionalProperties": _shape(operation, shape.value),
                **_without_none({"maxProperties": maximum}),
            }
        case StringShape():
            limits = {"minLength": minimum, "maxLength": maximum}
            return {"enum": shape.enum} if shape.enum else {"type": "string", **_without_none(limits)}
    numbers = {"type": NUMBERS.get(shape.type_name, shape.type_name), "minimum": minimum, "maximum": maximum}
    return _without_none(numbers)


def _without_none(limits: Mapping[str, object]) -> Schema:
    return {name: limit for name, limit in limits.items() if limit is not None}


def _description(shape: Shape) -> Schema:
    """The first sentence of AWS's documentation."""
    text = " ".join(TAG.sub("", shape.documentation).split())
    return {"description": re.split(r"(?<=\.) ", text)[0]} if text else {}


def as_text() -> str:
    """The content of `usher.schema.json`."""
    return json.dumps(editor_schema(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(as_text())
