"""Avro schemas of the three datasets: what Personalize requires, and what a CSV's columns suggest.

Rules: service guide, "Datasets and schemas"; see also CreateSchema.
"""

from collections.abc import Mapping
from typing import Any

from usher.errors import Problem

Schema = Mapping[str, Any]

FIRST_MILLISECOND = 10**11
"""Personalize counts Unix seconds. As seconds, this is the year 5138; as milliseconds, 1973."""

REQUIRED = {
    "interactions": ("USER_ID", "ITEM_ID", "TIMESTAMP"),
    "items": ("ITEM_ID",),
    "users": ("USER_ID",),
}

# Columns whose type Personalize fixes.
RESERVED: dict[str, Any] = {
    "USER_ID": "string",
    "ITEM_ID": "string",
    "TIMESTAMP": "long",
    "CREATION_TIMESTAMP": "long",
    "EVENT_TYPE": "string",
    "EVENT_VALUE": ["null", "float"],
    "IMPRESSION": ["null", "string"],
    "RECOMMENDATION_ID": ["null", "string"],
    "EVENT_ATTRIBUTION_SOURCE": ["null", "string"],
}

NUMBERS = {"int", "long", "float", "double"}
INTEGERS = {"int", "long"}


def envelope(dataset: str) -> dict[str, Any]:
    """What surrounds the fields of a schema, and is always the same."""
    return {
        "type": "record",
        "name": dataset.capitalize(),
        "namespace": "com.amazonaws.personalize.schema",
        "version": "1.0",
    }


def make_schema(dataset: str, columns: Mapping[str, str]) -> Schema:
    """A schema for columns, each `long`, `float`, `categorical` or `string`; metadata may be missing in any row."""
    fields: list[dict[str, Any]] = []
    for name, kind in columns.items():
        if name in RESERVED:
            fields.append({"name": name, "type": RESERVED[name]})
        elif kind == "categorical":
            fields.append({"name": name, "type": ["null", "string"], "categorical": True})
        else:
            fields.append({"name": name, "type": ["null", kind]})
    return envelope(dataset) | {"fields": fields}


def is_field(field: object) -> bool:
    """Whether something is an Avro field as far as its columns can be checked: a name, and one or more types."""
    if not isinstance(field, Mapping) or not isinstance(field.get("name"), str):
        return False
    kinds = field.get("type")
    return isinstance(kinds, str) or (isinstance(kinds, list) and all(isinstance(kind, str) for kind in kinds))


def types(schema: Schema) -> dict[str, set[str]]:
    """The Avro types that each column may have."""
    return {
        field["name"]: set(field["type"]) if isinstance(field["type"], list) else {field["type"]}
        for field in schema["fields"]
    }


def check_change(dataset: str, old: Schema | None, new: Schema, location: str) -> list[Problem]:
    """Whether a dataset's schema can become another: never that of interactions; the others' may gain fields."""
    if old is None or _fields(old) == _fields(new):
        return []
    before, after = _fields(old), _fields(new)
    if before.items() <= after.items() and dataset != "interactions":
        return []
    differences = [
        *(f"no {name}" for name in before if name not in after),
        *(f"a new {name}" for name in after if name not in before),
        *(f"another type of {name}" for name in before if name in after and before[name] != after[name]),
    ]
    said = f"has other columns, or other types, than its dataset in Personalize: {', '.join(differences)}."
    allowed = "Keep all as it was" if dataset == "interactions" else "Keep what was there; you may add columns"
    return [Problem(location, said, f"{allowed}. Or put the data into a new folder, which becomes a new group.")]


def _fields(schema: Schema) -> dict[str, Any]:
    return {field["name"]: field for field in schema["fields"]}
