"""Reads documents that people write, YAML and JSON, within limits. Pure.

Every document is read in little time and memory. Both forms have the values of JSON: objects with texts as keys, lists,
texts, numbers, true, false and null. YAML's anchors, aliases, merge keys and tags are refused, as a few bytes of them
can stand for gigabytes. Its plain scalars are read as in YAML 1.2's core schema, where `no` is a text; numbers that
begin with a 0 are texts, too, as an ID may look like one.
"""

import codecs
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

import yaml

from usher.errors import InputError, Problem
from usher.formats.content_kind import kind_of

MAX_BYTES = 1 << 18
MAX_VALUES = 20_000
"""The most texts, numbers, lists and objects, without keys."""
MAX_DEPTH = 20
"""The most levels of lists and objects."""
SHORTEN = "Leave out what is not needed; long lists go into <group>/export/<solution>/*.jsonl."
MAX_NUMBER_LENGTH = 40
"""The most characters of a number: more than any number of 64 bits needs."""
NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
DIGITS = set("-+0123456789")
WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
"""Plain scalars of YAML that are neither texts nor numbers."""
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
"""Characters that YAML does not print, and unpaired surrogates."""
TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[][{},]', re.DOTALL)
"""JSON's strings, and the brackets and commas of its lists and objects. A string without an end goes to the end."""

QUOTE = "Put the whole text into single quotes: 'text'; inside them, write '' for '."
REMEDIES = (
    ("character '\\t'", "Indent with blanks, not with tabs."),
    ("that cannot start any token", QUOTE),
    ("alphabetic or numeric character", QUOTE),
    ("chomping or indentation", QUOTE),
    ("found unexpected end of stream", "Close the quote."),
    ("but got '<stream end>'", "Close the bracket."),
    ("but found '}'", "Remove the bracket, or put the text into single quotes."),
    ("but found ']'", "Remove the bracket, or put the text into single quotes."),
    ("expected ',' or", "Inside brackets, put a text with , : ? [ ] { or } into single quotes."),
    ("but found '<scalar>'", QUOTE),
    ("mapping values are not allowed", "Put a text with `: ` into single quotes; else correct the indentation."),
    ("mapping keys are not allowed", QUOTE),
    ("'<block mapping start>'", "Indent all names of a block by equally many blanks."),
    ("could not find expected ':'", "Write `name: value`, with a blank after the colon."),
)
"""The remedy for each message of YAML's parser, by a part of the message."""

T = TypeVar("T")


class _RefusedError(ValueError):
    """A refused document: a message, a remedy, and the place if it is known."""

    def __init__(self, message: str, remedy: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.problem = message, remedy
        self.line, self.column = line, column


def read_document(content: bytes, file: str) -> Any:
    """The value of a YAML document, or of a JSON document by the file's name; None if it is empty.

    `content`: at most MAX_BYTES, or some more, so that a longer one is noticed. Raises InputError with one problem.
    """
    try:
        text = _decoded(content)
        return None if not text.strip() else (_json(text) if file.endswith(".json") else _Yaml(text).document())
    except _RefusedError as error:
        place = f"{file} line {error.line} column {error.column}" if error.line else file
        raise InputError([Problem(place, *error.problem)]) from None


def _decoded(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise _RefusedError(f"has more than {MAX_BYTES >> 10} KB.", SHORTEN)
    kind, remedy = kind_of(content)
    if kind:
        raise _RefusedError(f"is {kind}.", remedy)
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        raise _RefusedError("is not UTF-8.", "Save it as UTF-8.", *_place(before, len(before))) from None
    if match := CONTROL.search(text):
        raise _RefusedError(*_control(match[0]), *_place(text, match.start()))
    return text


def _place(text: str, at: int) -> tuple[int, int]:
    """Line and column, both from 1."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _control(character: str) -> tuple[str, str]:
    return f"has the character U+{ord(character):04X}, which is not allowed in texts.", "Remove it."


def _checked(text: str) -> str:
    if match := CONTROL.search(text):
        raise _RefusedError(*_control(match[0]))
    return text


def _number(text: str) -> float:
    """A number that Python, JSON and the services can represent: finite, and of 64 bits at most."""
    if len(text) <= MAX_NUMBER_LENGTH:
        value = float(text) if set(text) - DIGITS else int(text)
        if math.isfinite(value) and abs(value) < 1 << 63:
            return value
    raise _RefusedError(f"has the number {text[:MAX_NUMBER_LENGTH]}, which is out of range.", "Use 64 bits at most.")


def _json(text: str) -> Any:
    depth = values = 0
    for token in TOKEN.finditer(text):
        depth += (token[0] in "[{") - (token[0] in "]}")
        values += token[0] in "[{,"
        if depth > MAX_DEPTH or values > MAX_VALUES:
            raise _RefusedError(*_too_much(depth), *_place(text, token.start()))
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_int=_number, parse_float=_number, parse_constant=_number
        )
    except json.JSONDecodeError as error:
        remedy = "Correct the JSON there."
        raise _RefusedError(f"is not readable: {error.msg}.", remedy, error.lineno, error.colno) from None
    _check_texts(value)
    return value


def _too_much(depth: int) -> tuple[str, str]:
    if depth > MAX_DEPTH:
        return f"has more than {MAX_DEPTH} nested lists and objects.", "Remove the outer ones."
    return f"has more than {MAX_VALUES} values.", SHORTEN


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = Counter(name for name, _ in pairs)
    for name, times in names.items():
        if times > 1:
            raise _RefusedError(*_twice(name))
    return dict(pairs)


def _twice(name: str) -> tuple[str, str]:
    return f"is not readable: {name} occurs twice.", "Keep one of the two."


def _check_texts(value: Any) -> None:
    """Raise an error for control characters, which JSON can write as escapes. The document's depth is known to be
    small.
    """
    if isinstance(value, str):
        _checked(value)
    elif isinstance(value, dict):
        _check_texts([*value, *value.values()])
    elif isinstance(value, list):
        for part in value:
            _check_texts(part)


def _resolved(text: str) -> Any:
    """The value of a plain scalar of YAML."""
    if text in WORDS:
        return WORDS[text]
    return _number(text) if NUMBER.fullmatch(text) else _checked(text)


class _Yaml:
    """Makes a value from the events of YAML's parser, so that nothing is built before it is checked."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[Any] = iter(yaml.parse(text, yaml.SafeLoader))
        self.values = 0

    def document(self) -> Any:
        """The only document's value; None if there is none."""
        try:
            next(self.events)
            if isinstance(start := next(self.events), yaml.StreamEndEvent):
                return None
            if isinstance(start, yaml.DocumentStartEvent) and (start.tags or start.version):
                self._refuse(start, "has a directive (%).", "Remove the line.")
            value = self._value(next(self.events), 0)
            next(self.events)
            if not isinstance(another := next(self.events), yaml.StreamEndEvent):
                self._refuse(another, "has a second document (---).", "Keep one.")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = (mark.line + 1, mark.column + 1) if mark else ()
            remedy = next(
                (remedy for part, remedy in REMEDIES if part in str(error.problem)), "Correct the YAML there."
            )
            raise _RefusedError(f"is not readable: {error.problem}.", remedy, *place) from None
        return value

    def _value(self, event: Any, depth: int) -> Any:
        self._check(event, depth)
        if isinstance(event, yaml.ScalarEvent):
            return self._read(event, _checked if event.style else _resolved)
        if isinstance(event, yaml.SequenceStartEvent):
            return [self._value(part, depth + 1) for part in self._until(yaml.SequenceEndEvent)]
        mapping: dict[str, Any] = {}
        for key in self._until(yaml.MappingEndEvent):
            name = self._key(key)
            if name in mapping:
                self._refuse(key, *_twice(name))
            mapping[name] = self._value(next(self.events), depth + 1)
        return mapping

    def _until(self, end: type) -> Iterator[Any]:
        while not isinstance(event := next(self.events), end):
            yield event

    def _check(self, event: Any, depth: int) -> None:
        self.values += 1
        quoted = "Write out its value, or put the text in quotes."
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            self._refuse(event, "has an alias or an anchor (* or &).", quoted)
        if event.tag is not None:
            self._refuse(event, "has a tag (!).", "Remove it, or put the text in quotes.")
        depth += not isinstance(event, yaml.ScalarEvent)
        if depth > MAX_DEPTH or self.values > MAX_VALUES:
            self._refuse(event, *_too_much(depth))

    def _key(self, event: Any) -> str:
        self._check(event, 0)
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(event, "has a key that is not a text.", "Write name: value; put a text with braces in quotes.")
        if event.value == "<<" and not event.style:
            self._refuse(event, "has a merge key (<<).", "Write out its value.")
        return self._read(event, _checked)

    def _read(self, event: Any, reading: Callable[[str], T]) -> T:
        try:
            return reading(event.value)
        except _RefusedError as error:
            self._refuse(event, *error.problem)

    def _refuse(self, event: Any, message: str, remedy: str) -> NoReturn:
        raise _RefusedError(message, remedy, event.start_mark.line + 1, event.start_mark.column + 1)
