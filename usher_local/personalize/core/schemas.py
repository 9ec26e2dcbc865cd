"""Rules for schemas: flat Avro records, and the required fields of each type of dataset."""

import json
from dataclasses import dataclass
from typing import Any

from usher_local.personalize.core.errors import InvalidInputError

TYPES = frozenset({"float", "double", "int", "long", "string", "boolean", "null"})

REQUIRED: dict[tuple[str | None, str], dict[str, str]] = {
    (None, "INTERACTIONS"): {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long"},
    (None, "ITEMS"): {"ITEM_ID": "string"},
    (None, "USERS"): {"USER_ID": "string"},
    (None, "ACTIONS"): {"ACTION_ID": "string"},
    (None, "ACTION_INTERACTIONS"): {
        "USER_ID": "string",
        "ACTION_ID": "string",
        "EVENT_TYPE": "string",
        "TIMESTAMP": "long",
    },
    ("ECOMMERCE", "INTERACTIONS"): {"EVENT_TYPE": "string"},
    ("ECOMMERCE", "ITEMS"): {"PRICE": "float", "CATEGORY_L1": "string"},
    ("VIDEO_ON_DEMAND", "INTERACTIONS"): {"EVENT_TYPE": "string"},
    ("VIDEO_ON_DEMAND", "ITEMS"): {"CREATION_TIMESTAMP": "long", "GENRES": "string"},
}
"""Required fields and their types by (domain, type of dataset); a domain adds to the common ones."""


MAX_METADATA = {"INTERACTIONS": 5, "ITEMS": 100, "USERS": 25, "ACTIONS": 10}
"""The maximum number of fields that are neither required nor reserved."""
RESERVED: dict[str, frozenset[str]] = {
    "INTERACTIONS": frozenset(
        {"EVENT_TYPE", "EVENT_VALUE", "IMPRESSION", "RECOMMENDATION_ID", "EVENT_ATTRIBUTION_SOURCE"}
    ),
    "ITEMS": frozenset({"CREATION_TIMESTAMP"}),
    "ACTIONS": frozenset({"CREATION_TIMESTAMP", "VALUE", "REPEAT_FREQUENCY"}),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a schema."""

    name: str
    type: str
    nullable: bool = False
    categorical: bool = False
    textual: bool = False

    @property
    def numeric(self) -> bool:
        """Whether values are numbers."""
        return self.type in ("float", "double", "int", "long")

    @property
    def filterable(self) -> bool:
        """Whether filters may name the field."""
        return not self.textual and self.type != "boolean"


@dataclass(frozen=True, slots=True)
class Schema:
    """A parsed schema."""

    fields: tuple[Field, ...]

    def field(self, name: str) -> Field | None:
        """The field of this name, in any case, with or without underscores (`releaseYear`, RELEASE_YEAR), or None."""
        return next((field for field in self.fields if plain(field.name) == plain(name)), None)


def plain(name: str) -> str:
    """A field's name without the differences that the service ignores: case and underscores."""
    return name.replace("_", "").upper()


def parse_schema(text: str) -> Schema:
    """Parse the text of CreateSchema. InvalidInputError says what is wrong."""
    try:
        record = json.loads(text)
    except ValueError as error:
        raise InvalidInputError(f"Input is not a valid Avro schema: {error}") from error
    if not isinstance(record, dict) or record.get("type") != "record" or not isinstance(record.get("fields"), list):
        raise InvalidInputError("Input is not a valid Avro schema: expected a record with fields")
    fields = tuple(map(_field, record["fields"]))
    names = [plain(field.name) for field in fields]
    twice = sorted({field.name for field in fields if names.count(plain(field.name)) > 1})
    if twice:
        raise InvalidInputError(f"Input is not a valid Avro schema: duplicate fields {', '.join(twice)}")
    return Schema(fields)


def _field(raw: Any) -> Field:
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str) or "type" not in raw:
        raise InvalidInputError(f"Input is not a valid Avro schema: {raw} is not a field with a name and a type")
    union = raw["type"] if isinstance(raw["type"], list) else [raw["type"]]
    types = [name for name in union if name != "null"]
    if len(types) != 1 or not isinstance(types[0], str) or types[0] not in TYPES:
        raise InvalidInputError(f"Input is not a valid Avro schema: unsupported type of field {raw['name']}")
    categorical, textual = raw.get("categorical") is True, raw.get("textual") is True
    return Field(raw["name"], types[0], "null" in union, categorical, textual)


def check_dataset(schema: Schema, dataset_type: str, domain: str | None) -> None:
    """Raise InvalidInputError unless a dataset of this type can have this schema."""
    required = REQUIRED.get((None, dataset_type))
    if required is None:
        raise InvalidInputError(f"Unsupported dataset type: {dataset_type}")
    if domain and dataset_type.startswith("ACTION"):
        raise InvalidInputError(f"A dataset group with a domain cannot have a dataset of type {dataset_type}")
    held = {field.name: field for field in schema.fields}
    for name, kind in (required | REQUIRED.get((domain, dataset_type), {})).items():
        if name not in held:
            raise InvalidInputError(f"Schema for dataset type {dataset_type} is missing the required field {name}")
        if held[name].type != kind:
            raise InvalidInputError(f"Field {name} of dataset type {dataset_type} must be of type {kind}")
    if len(held) == len(required) and dataset_type in ("ITEMS", "USERS", "ACTIONS"):
        raise InvalidInputError(f"Schema for dataset type {dataset_type} needs at least one metadata field")
    own = held.keys() - required.keys() - RESERVED.get(dataset_type, frozenset())
    most = MAX_METADATA.get(dataset_type, len(own))
    if len(own) > most:
        raise InvalidInputError(f"A dataset of type {dataset_type} can have no more than {most} metadata fields")
    textual = [field.name for field in schema.fields if field.textual]
    if len(textual) > (dataset_type == "ITEMS"):
        raise InvalidInputError(f"Too many textual fields for dataset type {dataset_type}: {', '.join(textual)}")
