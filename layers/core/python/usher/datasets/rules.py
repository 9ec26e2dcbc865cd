"""The rules for CSVs: everything that Personalize would refuse, drop or misread, held against what a scan found.

Rules: service guide, "Preparing training data", "Quotas", and the errors that its users report. An error keeps a run
from creating anything, as the import would fail, or the training after it; a warning tells what Personalize does by
itself.
"""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from usher.datasets.profile import LONGEST_ID, LONGEST_TEXT, LONGEST_VALUE, MANY_VALUES, Column, Fact, Table
from usher.datasets.schemas import ACTION_EVENTS, REQUIRED, Field, Schema, fields
from usher.errors import PLACE, SENTENCE, Problem
from usher.texts import clean_members

Severity = Literal["error", "warning"]

MIN_INTERACTIONS = 1000
MIN_USERS = 25
"""Users with two interactions or more: below this, and below a hundredth of all, Personalize refuses to train."""
ADVISED = (50_000, 1000)
"""Interactions and users from which on AWS expects good recommendations."""
MOST_EVENT_TYPES = 10
"""Event types and optional columns of interactions together."""
MIN_ROWS = {"interactions": 1000, "action_interactions": 1000}
"""What Personalize takes in one import job, whatever its mode: service guide, "Quotas"."""
MOST_BYTES = 100 * 10**9
MOST_INCREMENT_BYTES = 10**9
"""Of one import job with the mode INCREMENTAL."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found in a dataset."""

    severity: Severity
    place: str
    """The first of the rows, as file and line; else the file or the folder."""
    message: str
    remedy: str
    rows: int = 0
    """How many rows it concerns; 0: the whole."""
    lines: Mapping[str, list[int]] = field(default_factory=dict)
    """The first of the rows, as lines by file."""

    def __post_init__(self) -> None:
        clean_members(self, place=PLACE, message=SENTENCE, remedy=SENTENCE)

    @property
    def problem(self) -> Problem:
        """The same in one sentence."""
        more = f" (and {self.rows - 1} more)" if self.rows > 1 else ""
        return Problem(self.place, f"{self.message.removesuffix('.')}{more}.", self.remedy)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a fact about a column's cells means, for the columns to which it applies. X stands for their name."""

    fact: str
    applies: Callable[[Field], bool]
    message: str
    remedy: str
    severity: Severity = "error"


def _is_id(column: Field) -> bool:
    return column.name in ("USER_ID", "ITEM_ID", "ACTION_ID")


def _is_time(column: Field) -> bool:
    return column.numeric and column.name.endswith("TIMESTAMP")


def _must_be_there(column: Field) -> bool:
    return _is_id(column) or column.name == "TIMESTAMP"


def _is_value(column: Field) -> bool:
    return "string" in column.types and not column.textual and not _is_id(column)


RULES = (
    Rule("blank", _must_be_there, "has no X.", "Fill it in."),
    Rule(
        "blank", lambda column: not column.nullable and not _must_be_there(column),
        "has no X.", "Fill it in, or allow null in the schema.",
    ),
    Rule("long ID", _is_id, f"has a X of more than {LONGEST_ID} characters.", "Shorten it."),
    Rule("long value", _is_value, f"has a X of more than {LONGEST_VALUE} characters.", "Shorten it."),
    Rule("not a number", lambda column: column.numeric, "has a X that is not a number.", "Write plain numbers."),
    Rule(
        "fractional", lambda column: column.whole,
        "has a X that is not a whole number.", "Round it, or make the schema's type float.",
    ),
    Rule("beyond int", lambda column: "int" in column.types, "has a X too large for an int.", "Make its type long."),
    Rule("beyond long", lambda column: "long" in column.types, "has a X too large for a long.", "Make it smaller."),
    Rule(
        "not a boolean", lambda column: "boolean" in column.types,
        "has a X that is neither true nor false.", "Write true or false.",
    ),
    Rule("milliseconds", _is_time, "has a X in milliseconds.", "Divide by 1000: Unix seconds."),
    Rule("before 1970", _is_time, "has a X below zero.", "Write Unix seconds."),
    Rule(
        "long text", lambda column: column.textual,
        f"has a X of more than {LONGEST_TEXT} characters.", "Personalize cuts it there.", "warning",
    ),
    Rule(
        "blank", lambda column: column.nullable and column.name == "CREATION_TIMESTAMP",
        "has no X.", "Personalize takes the item for as old as its first interaction.", "warning",
    ),
)  # fmt: skip
MORE_RULES = {
    "actions": (
        Rule("not 1 to 10", lambda column: column.name == "VALUE", "has a X that is not from 1 to 10.", "Scale it."),
        Rule(
            "over 30 days", lambda column: column.name == "REPEAT_FREQUENCY",
            "has a X of more than 30 days.", "Write 30 at most.",
        ),
    ),
    "action_interactions": (
        Rule(
            "no action's event", lambda column: column.name == "EVENT_TYPE",
            "has a X that is none of an action's.", f"Use {', '.join(ACTION_EVENTS)}.",
        ),
    ),
}  # fmt: skip

FAULTS: Mapping[str, tuple[Severity, str, str]] = {
    "more values": ("error", "has more values than the header.", "Quote values that hold a comma."),
    "fewer values": ("error", "has fewer values than the header.", "Write a comma for each that is missing."),
    "open quote": ("error", "opens a quote that its line does not close.", "Balance the quotes: one record per line."),
    "stray return": ("error", "has a carriage return inside.", "End lines with \\n or \\r\\n."),
    "empty line": ("warning", "is an empty line.", "Personalize skips it."),
    "known ID": ("warning", "has the ID of a row before it.", "Personalize keeps the last one."),
}


def check(table: Table, schema: Schema, location: str, *, whole: bool = True) -> list[Finding]:
    """What is wrong with a scanned dataset, and what Personalize will do to it without asking.

    `whole`: whether it is all there is of the dataset, and must be enough to train on; else it is an increment.
    """
    if table.stops:
        problems = (stop.problem for stop in table.stops)
        return [Finding("error", one.place, one.message, one.remedy) for one in problems]
    wanted = fields(schema)
    found = [*_columns(table, wanted, location), *_rows(table, wanted)]
    if whole and table.dataset == "interactions" and not any(one.severity == "error" for one in found):
        found += _amounts(table, wanted, location)
    return [*found, *_limits(table, location, whole=whole)]


def check_event_type(table: Table, event_type: str, place: str) -> list[Problem]:
    """Whether checked interactions have enough of the event type that a solution is to be trained with."""
    counts = table.columns.get("EVENT_TYPE", Column()).values or Counter[str]()
    rows = counts[event_type]
    if rows >= MIN_INTERACTIONS:
        return []
    said = f"names {event_type!r}, of which there are {rows} interactions; Personalize trains on {MIN_INTERACTIONS}."
    known = ", ".join(sorted(counts)) or "none, as there is no column EVENT_TYPE"
    return [Problem(place, said, f"The event types are: {known}.")]


def _columns(table: Table, wanted: Mapping[str, Field], location: str) -> Iterator[Finding]:
    for name in wanted:
        if name not in table.columns:
            yield Finding("error", location, f"lacks the column {name}.", _rename(name, table.columns))
    for name in table.columns:
        if name not in wanted:
            said = f"has the column {name}, which its schema does not know."
            yield Finding("error", location, said, "Remove it, or add it to the schema.")
    if set(wanted) == set(table.columns) and list(wanted) != list(table.columns):
        said = "has its columns in another order than its schema."
        yield Finding("warning", location, said, f"Personalize's guide asks for: {', '.join(wanted)}.")
    for name, column in wanted.items():
        if "boolean" in column.types:
            remedy = "Personalize neither trains nor filters by it: make it a string to do so."
            yield Finding("warning", location, f"has {name} as a boolean.", remedy)


def _rows(table: Table, wanted: Mapping[str, Field]) -> Iterator[Finding]:
    for fault, (severity, message, remedy) in FAULTS.items():
        yield from _finding(table.faults[fault], severity, message, remedy)
    for name, column in table.columns.items():
        # What the schema does not know can still be laid out wrongly, and is then told as well.
        known = wanted.get(name, Field(name, frozenset(), nullable=True, textual=False, categorical=False))
        for rule in (*RULES, *MORE_RULES.get(table.dataset, ())):
            if rule.applies(known):
                message = rule.message.replace(" X", f" {name}")
                yield from _finding(column.facts[rule.fact], rule.severity, message, rule.remedy)


def _finding(fact: Fact, severity: Severity, message: str, remedy: str) -> Iterator[Finding]:
    if fact.rows:
        key, lines = next(iter(fact.lines.items()))
        yield Finding(severity, f"{key} line {lines[0]}", message, remedy, fact.rows, fact.lines)


def _amounts(table: Table, wanted: Mapping[str, Field], location: str) -> Iterator[Finding]:
    if table.rows < MIN_INTERACTIONS:
        said = f"has {table.rows} interactions; Personalize trains on {MIN_INTERACTIONS} or more."
        yield Finding("error", location, said, "Add more history.")
    if not table.ids.many:
        yield from _users(table, location)
    yield from _event_types(table, wanted, location)


def _users(table: Table, location: str) -> Iterator[Finding]:
    active, users = table.ids.recurring, len(table.ids)
    if active < MIN_USERS:
        said = f"has {active} users with two interactions or more; Personalize needs {MIN_USERS}."
        yield Finding("error", location, said, "Add more users, or more of their history.")
    elif active * 100 < users:
        said = f"has {active} users with two interactions or more, of {users}; Personalize needs a hundredth of them."
        yield Finding("error", location, said, "Add more of their history.")
    elif table.rows < ADVISED[0] or active < ADVISED[1]:
        said = f"has {table.rows} interactions, and {active} users with two or more."
        remedy = f"It is enough to train; AWS advises {ADVISED[0]} interactions of {ADVISED[1]} users."
        yield Finding("warning", location, said, remedy)


def _event_types(table: Table, wanted: Mapping[str, Field], location: str) -> Iterator[Finding]:
    events = table.columns.get("EVENT_TYPE", Column()).values
    if events and not any(map(str.strip, events)):
        yield Finding("error", location, "has no EVENT_TYPE in any row.", "Fill it in, or remove the column.")
    optional = len(set(wanted) - {*REQUIRED["interactions"], "EVENT_TYPE"})
    if events is None or len(events) + optional > MOST_EVENT_TYPES:
        types = f"more than {MANY_VALUES}" if events is None else len(events)
        said = (
            f"has {types} event types and {optional} optional columns; Personalize takes {MOST_EVENT_TYPES} together."
        )
        yield Finding("error", location, said, "Leave some out.")


def _limits(table: Table, location: str, *, whole: bool) -> Iterator[Finding]:
    most_bytes = MOST_BYTES if whole else MOST_INCREMENT_BYTES
    if table.size > most_bytes:
        said = f"has {table.size / 1e9:.1f} GB; Personalize imports {most_bytes // 10**9}."
        yield Finding("error", location, said, "Leave old data out." if whole else "Split it into several files.")
    least = MIN_ROWS.get(table.dataset, 0)
    if table.rows < least and not (whole and table.dataset == "interactions"):  # of those, _amounts has told
        said = f"has {table.rows} rows; Personalize imports {least} or more of {table.dataset} at a time."
        yield Finding("error", location, said, "Add more." if whole else "Collect more in one file.")


def _rename(name: str, columns: Iterable[str]) -> str:
    plain = {re.sub(r"[^a-z]", "", column.lower()): column for column in columns}
    near = difflib.get_close_matches(name.replace("_", "").lower(), plain, 1)
    return f"Rename the column {plain[near[0]]} to {name}." if near else f"Add it; the header has {', '.join(columns)}."
