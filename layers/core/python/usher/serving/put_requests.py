"""PUT requests: items, users or actions, checked as a whole before any part of them is sent. Pure.

    {"items": [{"itemId": "i1", "properties": {"TITLE": "Alien", "GENRES": ["Horror", "Drama"]}}, ...]}

A record replaces the one of its ID (PutItems, PutUsers, PutActions), so it has all columns that the schema requires.
The limits are those of the service: service guide, "Endpoints and quotas", and API reference of the operations.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from usher.datasets.schemas import Field, fields, most_similar
from usher.errors import RequestError
from usher.formats.strict_json import parse_strict
from usher.limits import FIRST_MILLISECOND, MAX_TEXT_LENGTH, MAX_VALUE_LENGTH, WHOLE_NUMBERS
from usher.placeholders import PROGRAM_WORDS
from usher.serving.requests import check_list, checked_id
from usher.serving.serving_map import ServedDataset, ServingMap

BATCH_SIZE = 10
"""The most records of a call."""
MAX_RECORDS = 100
"""The most records of a request: Personalize takes ten calls a second for a dataset."""
MAX_FLOAT = 3.4e38


@dataclass(frozen=True, slots=True)
class Kind:
    """The records that a route takes."""

    dataset: str
    id_member: str
    column: str
    """The dataset's column of the ID."""
    max_properties: int
    """The most characters of the properties as JSON."""

    @property
    def operation(self) -> str:
        """The method of boto3's client `personalize-events`."""
        return f"put_{self.dataset}"


KINDS = {
    kind.dataset: kind
    for kind in (
        Kind("items", "itemId", "ITEM_ID", 32_000),
        Kind("users", "userId", "USER_ID", 24_000),
        Kind("actions", "actionId", "ACTION_ID", 32_000),
    )
}


@dataclass(frozen=True, slots=True)
class Record:
    """A checked record."""

    id: str
    values: Mapping[str, Any]
    """The values, by column of the schema."""


def dataset_of(content: ServingMap, kind: Kind) -> ServedDataset:
    """The group's dataset. `content`: its serving map. Raises RequestError if it has none."""
    dataset = content.get("datasets", {}).get(kind.dataset)
    if not dataset:
        message = f"The group has no {kind.dataset} yet: put {kind.dataset}.csv into its folder first."
        raise RequestError(404, "NoDataset", message)
    return dataset


def read_records(body: Mapping[str, Any], kind: Kind, dataset: ServedDataset) -> list[Record]:
    """The records of a request. Raises RequestError for the first fault of any."""
    check_list(body, kind.dataset, (), f"{{{kind.id_member}, properties}}", MAX_RECORDS)
    posted = body[kind.dataset]
    columns = {name: field for name, field in fields({"fields": dataset["fields"]}).items() if name != kind.column}
    records = [_record(one, f"{kind.dataset[:-1]} {place}", kind, columns) for place, one in enumerate(posted, 1)]
    twice = [id_ for id_, times in Counter(record.id for record in records).items() if times > 1]
    if twice:
        raise RequestError(400, "BadRecord", f"The {kind.id_member} {twice[0]} occurs twice. Keep one of the two.")
    return records


def put_calls(records: Sequence[Record], kind: Kind, dataset: ServedDataset) -> Iterator[tuple[Sequence[Record], Any]]:
    """The records of each call, and the call's members."""
    for start in range(0, len(records), BATCH_SIZE):
        some = records[start : start + BATCH_SIZE]
        sent = [{kind.id_member: record.id, "properties": _properties(record)} for record in some]
        yield some, {"datasetArn": dataset["arn"], kind.dataset: sent}


def _record(one: Any, place: str, kind: Kind, columns: Mapping[str, Field]) -> Record:
    if not isinstance(one, dict) or {*one} - {kind.id_member, "properties"} or kind.id_member not in one:
        raise _error(f"{place} must be an object with {kind.id_member} and properties, and nothing else")
    id_ = checked_id(one[kind.id_member], f"{kind.id_member} of {place}")
    if id_ in PROGRAM_WORDS or id_ != id_.strip():
        fault = (
            "a placeholder for a missing ID" if id_ in PROGRAM_WORDS else "an ID with a blank at its beginning or end"
        )
        raise RequestError(400, "BadId", f"{kind.id_member} of {place} is {id_!r}, {fault}.")
    plain = {_plain(name): name for name in columns}
    values = dict[str, Any]()
    for name, value in _properties_in(one.get("properties", {}), place).items():
        column = plain.get(_plain(name))
        if not column:
            raise _error(_unknown(name, place, kind, columns))
        if column in values:
            raise _error(f"{place} has {column} twice")
        if not _is_blank(value):
            values[column] = _value(value, columns[column], f"{column} of {place}")
    missing = [name for name, column in columns.items() if not column.nullable and name not in values]
    if missing:
        raise _error(f"{place} has no {missing[0]}, which the schema requires")
    record = Record(id_, values)
    if (length := len(_properties(record))) > kind.max_properties:
        raise _error(f"properties of {place} have {length} characters as JSON; {kind.max_properties} are allowed")
    return record


def _properties_in(properties: object, place: str) -> dict[str, Any]:
    """Properties as an object; callers may give them as JSON text, as Personalize's operations take them."""
    try:
        content = parse_strict(properties) if isinstance(properties, str) else properties
    except ValueError as error:
        raise _error(f"properties of {place} must be an object, or one as JSON text: {error}") from None
    if not isinstance(content, dict):
        raise _error(f"properties of {place} must be an object, or one as JSON text")
    return content


def _unknown(name: str, place: str, kind: Kind, columns: Mapping[str, Field]) -> str:
    if _plain(name) == _plain(kind.column):
        return f"{place} has {name} among its properties; the ID is {kind.id_member}"
    near = most_similar(name, columns)
    return f"{place} has {name[:99]}, which is not a column of {kind.dataset}; " + (
        f"the nearest is {near}" if near else f"these are: {', '.join(columns) or 'none'}"
    )


def _value(value: Any, column: Field, place: str) -> Any:
    """A value in the schema's form. Several values of a text may be a list."""
    for kind, read in READERS.items():
        if kind in column.types:
            return read(value, column, place)
    return _text(value, column, place)


def _is_blank(value: Any) -> bool:
    parts = value if isinstance(value, list) else [value]
    return all(part is None or (isinstance(part, str) and not part.strip()) for part in parts)


def _text(value: Any, column: Field, place: str) -> str:
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str) for part in parts):
        raise _error(f"{place} must be a text, or a list of texts, not {json.dumps(value)[:99]}")
    text = "|".join(part for part in parts if not _is_blank(part))
    limit = MAX_TEXT_LENGTH if column.textual else MAX_VALUE_LENGTH
    if len(text) > limit:
        raise _error(f"{place} has {len(text)} characters; {limit} are allowed")
    return text


def _boolean(value: Any, _: Field, place: str) -> bool:
    if isinstance(value, bool):
        return value
    raise _error(f"{place} must be true or false, not {json.dumps(value)[:99]}")


def _whole_number(value: Any, column: Field, place: str) -> int:
    bound = min(WHOLE_NUMBERS[kind] for kind in column.types if kind in WHOLE_NUMBERS)
    if isinstance(value, bool) or not isinstance(value, int) or not -bound <= value < bound:
        raise _error(f"{place} must be a whole number of {bound.bit_length()} bits, not {json.dumps(value)[:99]}")
    if column.name.endswith("TIMESTAMP") and not 0 <= value < FIRST_MILLISECOND:
        raise _error(f"{place} must be Unix time in seconds, not {value}")
    return value


def _number(value: Any, _: Field, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_FLOAT:
        raise _error(f"{place} must be a number from -{MAX_FLOAT} to {MAX_FLOAT}, not {json.dumps(value)[:99]}")
    return value


READERS: Mapping[str, Callable[[Any, Field, str], Any]] = {
    "boolean": _boolean,
    "int": _whole_number,
    "long": _whole_number,
    "float": _number,
    "double": _number,
}


def _properties(record: Record) -> str:
    """Properties in Personalize's form: JSON text with names such as discountPct."""
    members = {_camel(name): value for name, value in record.values.items()}
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))


def _camel(column: str) -> str:
    """A column's name as a member of a request: service guide, "Importing individual records"."""
    if "_" not in column:
        return column.lower() if column.isupper() else column[:1].lower() + column[1:]
    first, *rest = column.split("_")
    return first.lower() + "".join(part.capitalize() for part in rest)


def _plain(name: str) -> str:
    """A name in the form that Personalize compares."""
    return name.replace("_", "").lower()


def _error(message: str) -> RequestError:
    return RequestError(400, "BadRecord", f"{message[0].upper()}{message[1:]}.")
