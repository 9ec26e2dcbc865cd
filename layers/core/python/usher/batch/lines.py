"""The input lines that people write for batch jobs. Pure."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from usher.batch.job_input import encoded_line
from usher.filters.expressions import FilterError
from usher.filters.grammar import parse_attributes
from usher.filters.values import parse_values
from usher.limits import MAX_ID_LENGTH
from usher.recipes import BatchShape
from usher.storage.bucket import MAX_REQUEST_LENGTH

MAX_LENGTHS = {"userId": MAX_ID_LENGTH, "itemId": MAX_ID_LENGTH, "itemAttributes": 1000}
VALUES = r'Write {"GENRE": "\"Comedy\""}, with quotes inside the text.'


def example(shape: BatchShape) -> str:
    """A correct line."""
    value = {"userId": "u1", "itemId": "i1", "itemAttributes": 'ITEMS.GENRES = "Comedy"'}[shape.key]
    return json.dumps({shape.key: value, **({shape.list_member: ["i1", "i2"]} if shape.list_member else {})})


def read_line(text: bytes, shape: BatchShape) -> tuple[dict[str, Any], str, str]:
    """A line of an uploaded input, and a message and a remedy if it can't be sent."""
    if len(text) > MAX_REQUEST_LENGTH:
        return {}, f"is longer than {MAX_REQUEST_LENGTH >> 20} MB.", f"Write {example(shape)}."
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        line = None
    if not isinstance(line, dict):
        return {}, "is not a JSON object.", f"Write {example(shape)}."
    checks = (
        (not _is_text(line.get(shape.key), MAX_LENGTHS[shape.key]),
         f"has no {shape.key} that is a text of 1 to {MAX_LENGTHS[shape.key]} characters.", f"Write {example(shape)}."),
        (shape.list_member and not _are_texts(line.get(shape.list_member)),
         f"has no {shape.list_member} of texts.", f"Write {example(shape)}."),
        ("context" in line, "has a context, which Personalize's batch jobs don't take.", "Remove it."),
        (not _are_values(line.get("filterValues", {})), "has filterValues that are not texts.", VALUES),
        (not _is_whole(line), r"contains an unpaired surrogate, such as \ud800.", "Write the whole character."),
        (unread := _unread_value(line),
         f"has the value {unread}, which is neither a text in quotes nor a number.", VALUES),
        (attributes := _unread_attributes(line), f"has attributes that can't be read: {attributes}.",
         f"Write {example(shape)}."),
        (unknown := sorted(line.keys() - {shape.key, shape.list_member, "context", "filterValues"}),
         f"has {', '.join(unknown)}, which lines of this recipe can't have.", f"Write {example(shape)}."),
    )  # fmt: skip
    return line, *next(((message, remedy) for wrong, message, remedy in checks if wrong), ("", ""))


def read_lines(
    texts: Iterable[bytes], shape: BatchShape, needs: Collection[str], values: Mapping[str, str]
) -> Iterator[tuple[int, dict[str, Any], str, str]]:
    """The number, line, message and remedy of each line that is not blank, as `read_line` returns them.

    `needs`: the parameters of the filter; `values`: their defaults, for lines without values of their own.
    """
    for number, text in enumerate(texts, start=1):
        if text.strip():
            line, message, remedy = read_line(text, shape)
            if not message and (message := lacking(line.get("filterValues", values), needs)):
                remedy = r'Give it one: "filterValues": {"GENRE": "\"Comedy\""}.'
            yield number, line, message, remedy


def _unread_value(line: Mapping[str, Any]) -> str:
    """The first filter value that Personalize can't read; empty if there is none."""
    values = line.get("filterValues", {})
    for value in values.values() if _are_values(values) else ():
        try:
            parse_values(value)
        except FilterError:
            return str(value)[:99] or "''"
    return ""


def _unread_attributes(line: Mapping[str, Any]) -> str:
    """The reason why a segment's attributes can't be read; empty if they can."""
    try:
        parse_attributes(str(line.get("itemAttributes", 'ITEMS.A = "a"')))
    except FilterError as error:
        return str(error)
    return ""


def lacking(values: Mapping[str, Any], needs: Collection[str]) -> str:
    """The message for values that lack a filter parameter: the job would bill the line and fail it."""
    return next((f"has no value for ${name}." for name in needs if name not in values), "")


def _is_whole(line: Mapping[str, Any]) -> bool:
    """Whether a line can be encoded: JSON can escape unpaired surrogates, which UTF-8 can't encode."""
    try:
        encoded_line(line)
    except UnicodeEncodeError:
        return False
    return True


def _is_text(value: Any, longest: int = MAX_ID_LENGTH) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= longest


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value))


def _are_values(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
