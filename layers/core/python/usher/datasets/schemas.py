"""Avro schemas of the datasets: the columns that Personalize requires, and a schema for the columns of a CSV.

Rules: service guide, "Datasets and schemas"; see also CreateSchema.
"""

import difflib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from usher.errors import Problem
from usher.limits import MAX_METADATA, MAX_SCHEMA_LENGTH

Schema = Mapping[str, Any]

REQUIRED = {
    "interactions": ("USER_ID", "ITEM_ID", "TIMESTAMP"),
    "items": ("ITEM_ID",),
    "users": ("USER_ID",),
    "actions": ("ACTION_ID",),
    "action_interactions": ("USER_ID", "ACTION_ID", "EVENT_TYPE", "TIMESTAMP"),
}
UNIQUE = {"items": "ITEM_ID", "users": "USER_ID", "actions": "ACTION_ID"}
"""The column that identifies a row. Of several rows with one ID, Personalize keeps the last one."""

DOMAINS: dict[str, dict[str, dict[str, str]]] = {
    "ECOMMERCE": {
        "interactions": {"EVENT_TYPE": "string"},
        "items": {"PRICE": "float", "CATEGORY_L1": "string"},
    },
    "VIDEO_ON_DEMAND": {
        "interactions": {"EVENT_TYPE": "string"},
        "items": {"CREATION_TIMESTAMP": "long", "GENRES": "string"},
    },
}
"""The further columns that a domain requires."""

_EVENT: dict[str, Any] = {"USER_ID": "string", "EVENT_TYPE": "string", "TIMESTAMP": "long"}
# Columns whose type Personalize fixes.
RESERVED: dict[str, dict[str, Any]] = {
    "interactions": {
        **_EVENT,
        "ITEM_ID": "string",
        "EVENT_VALUE": ["null", "float"],
        "IMPRESSION": ["null", "string"],
        "RECOMMENDATION_ID": ["null", "string"],
        "EVENT_ATTRIBUTION_SOURCE": ["null", "string"],
    },
    "items": {"ITEM_ID": "string", "CREATION_TIMESTAMP": "long"},
    "users": {"USER_ID": "string"},
    "actions": {
        "ACTION_ID": "string",
        "CREATION_TIMESTAMP": "long",
        "VALUE": ["null", "long"],
        "REPEAT_FREQUENCY": ["null", "long"],
    },
    "action_interactions": {**_EVENT, "ACTION_ID": "string"},
}
ACTION_EVENTS = ("TAKEN", "NOT_TAKEN", "VIEWED")
GROWING = ("items", "users")
"""The datasets whose schema can be changed (UpdateDataset)."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,149}")
"""A column's name: Avro's rule, with the length that members of CreateSolution allow."""
TYPES = {"string", "boolean", "int", "long", "float", "double"}
NUMBERS = {"int", "long", "float", "double"}
INTEGERS = {"int", "long"}
MAX_LENGTH = 200
"""The most characters of a name that are compared with others."""


def most_similar(name: str, names: Iterable[str]) -> str:
    """The most similar of some names, whatever the case, blanks and `_`; empty if none is similar."""
    plain = {_letters(one): one for one in names}
    near = difflib.get_close_matches(_letters(name[:MAX_LENGTH]), plain, 1)
    return plain[near[0]] if near else ""


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", unicodedata.normalize("NFKC", name).lower())


def envelope(dataset: str) -> dict[str, Any]:
    """The members of a schema besides its fields; they are always the same."""
    return {
        "type": "record",
        "name": dataset.title().replace("_", ""),
        "namespace": "com.amazonaws.personalize.schema",
        "version": "1.0",
    }


def make_schema(dataset: str, columns: Mapping[str, str]) -> Schema:
    """A schema for columns, each `long`, `float`, `categorical` or `string`; metadata may be missing in any row."""
    fields: list[dict[str, Any]] = []
    for name, kind in columns.items():
        if name in RESERVED[dataset]:
            fields.append({"name": name, "type": RESERVED[dataset][name]})
        elif kind == "categorical":
            fields.append({"name": name, "type": ["null", "string"], "categorical": True})
        else:
            fields.append({"name": name, "type": ["null", kind]})
    return envelope(dataset) | {"fields": fields}


def is_field(field: object) -> bool:
    """Whether a value is an Avro field that can be compared with a column: it has a name and one or more types."""
    if not isinstance(field, Mapping):
        return False
    name, kinds = field.get("name"), field.get("type")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return False
    return isinstance(kinds, str) or (
        isinstance(kinds, list) and kinds != [] and all(isinstance(kind, str) for kind in kinds)
    )


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a schema."""

    name: str
    types: frozenset[str]
    """The types without `null`; Personalize takes only one."""
    nullable: bool
    textual: bool
    categorical: bool

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return bool(self.types & NUMBERS)

    @property
    def filterable(self) -> bool:
        """Whether filters may name it."""
        return not self.textual and "boolean" not in self.types

    @property
    def whole(self) -> bool:
        """Whether its values are whole numbers."""
        return bool(self.types & INTEGERS)


def fields(schema: Schema) -> dict[str, Field]:
    """A schema's columns by name."""
    return {field["name"]: _field(field) for field in schema["fields"]}


def _field(field: Mapping[str, Any]) -> Field:
    kinds = frozenset([field["type"]] if isinstance(field["type"], str) else field["type"])
    flags = (field.get(flag) is True for flag in ("textual", "categorical"))
    return Field(field["name"], kinds - {"null"}, "null" in kinds, *flags)


def check_schema(dataset: str, schema: Schema, location: str, domain: str | None = None) -> list[Problem]:
    """The reasons why Personalize would not take a schema for a dataset. `domain`: that of the dataset group, if it has
    one.
    """
    return [Problem(location, message, remedy) for message, remedy in _complaints(dataset, schema, domain)]


def _complaints(dataset: str, schema: Schema, domain: str | None) -> Iterator[tuple[str, str]]:
    columns = fields(schema)
    by_domain = DOMAINS.get(domain or "", {}).get(dataset, {})
    if domain and dataset.startswith("action"):
        yield "is a dataset that a group with a domain can't have.", "Use a group without a domain."
    for name in (*REQUIRED[dataset], *by_domain):
        if name not in columns:
            yield f"has no column {name} in its schema, which Personalize requires.", "Add it."
    for column in columns.values():
        yield from _column_complaints(column, RESERVED[dataset] | by_domain, column.name in REQUIRED[dataset])
    if set(columns) <= set(REQUIRED[dataset]) and dataset in UNIQUE:
        yield "has no column but the ID.", "Add at least one column that describes them."
    yield from _naming_complaints(schema)
    textual = [name for name, column in columns.items() if column.textual]
    if len(textual) > (dataset == "items"):
        yield f"has textual columns: {', '.join(textual)}.", "Items may have one, other datasets none."
    limit = MAX_METADATA.get(dataset, len(columns))
    own = [name for name in columns if name not in RESERVED[dataset]]
    if len(own) > limit:
        yield f"has {len(own)} columns of metadata; Personalize takes {limit}.", "Leave some out."


def _naming_complaints(schema: Schema) -> Iterator[tuple[str, str]]:
    names = [field["name"] for field in schema["fields"]]
    for name in names:
        if not NAME.fullmatch(name):
            new = _allowed(name)
            remedy = f"Call it {new}, or map it in usher.yaml: `columns: {{{json.dumps(name)}: {new}}}`."
            yield f"has the column {name!r}, whose name Avro does not allow.", remedy
    plain = Counter(map(_plain, names))
    twice = [name for name in names if plain[_plain(name)] > 1]
    if twice:
        yield (
            f"has columns that Personalize can't distinguish: {', '.join(twice)}.",
            "Rename them: Personalize ignores _.",
        )
    if (length := len(json.dumps(schema))) > MAX_SCHEMA_LENGTH:
        yield f"has a schema of {length} characters; Personalize takes {MAX_SCHEMA_LENGTH}.", "Shorten the names."


def _allowed(name: str) -> str:
    """The nearest name that Avro allows."""
    return re.sub("[^A-Za-z0-9]+|^(?=[0-9])", "_", name)[:150]


def _plain(name: str) -> str:
    """A name in the form that Personalize compares."""
    return name.replace("_", "").upper()


def _column_complaints(column: Field, fixed: Mapping[str, Any], required: bool) -> Iterator[tuple[str, str]]:
    if len(column.types) != 1 or not column.types <= TYPES:
        remedy = f"Give it one of: {', '.join(sorted(TYPES))}; and null if it may be missing."
        yield f"has {column.name} of a type that Personalize does not have.", remedy
    elif column.name in fixed and not column.types <= {*_listed(fixed[column.name])}:
        kind = next(one for one in _listed(fixed[column.name]) if one != "null")
        yield f"has {column.name} of the type {'/'.join(column.types)}.", f"Personalize wants {kind}."
    if required and column.nullable:
        yield f"has {column.name} that may be null.", "Personalize requires it: remove null."
    if column.name == "EVENT_TYPE" and column.categorical:
        yield "has EVENT_TYPE as categorical.", "Remove categorical: Personalize does this by itself."


def _listed(kinds: str | list[str]) -> list[str]:
    return [kinds] if isinstance(kinds, str) else kinds


def types(schema: Schema) -> dict[str, set[str]]:
    """The Avro types that each column may have."""
    return {name: {*field.types, *(["null"] if field.nullable else [])} for name, field in fields(schema).items()}


def with_added_columns(old: Schema, new: Schema) -> Schema:
    """A schema with the columns of `new` and, where it has them, the types of `old`; added columns may be null."""
    before = _fields(old)
    added = {name: {**field, "type": _or_null(field["type"])} for name, field in _fields(new).items()}
    return {**new, "fields": [before.get(name, field) for name, field in added.items()]}


def _or_null(kinds: str | list[str]) -> list[str]:
    return ["null", *(kind for kind in _listed(kinds) if kind != "null")]


def check_change(dataset: str, old: Schema | None, new: Schema, location: str) -> list[Problem]:
    """The reasons why a dataset's schema can't be changed to another: only items and users may gain columns, which may
    be null.
    """
    if old is None or _fields(old) == _fields(new):
        return []
    before, after = _fields(old), _fields(new)
    optional = all(column.nullable for name, column in fields(new).items() if name not in before)
    if before.items() <= after.items() and optional and dataset in GROWING:
        return []
    differences = [
        *(f"no {name}" for name in before if name not in after),
        *(f"a new {name}" for name in after if name not in before),
        *(f"another type of {name}" for name in before if name in after and before[name] != after[name]),
    ]
    message = f"has other columns, or other types, than its dataset in Personalize: {', '.join(differences)}."
    allowed = (
        "Keep the existing columns; you may add columns that may be null"
        if dataset in GROWING
        else "Keep all columns as they are"
    )
    return [Problem(location, message, f"{allowed}. Or use a new folder: it becomes a new dataset group.")]


def _fields(schema: Schema) -> dict[str, Any]:
    return {field["name"]: field for field in schema["fields"]}
