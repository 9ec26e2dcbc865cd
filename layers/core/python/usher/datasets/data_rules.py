"""The rules for data files: the facts of a profile that Personalize would refuse, drop or misread, given the schema.

Rules: service guide, "Preparing training data", "Quotas", and the errors that its users report. After an error, a run
creates nothing, as the import or the training would fail; a warning describes Personalize's handling of such data.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from usher.datasets.profile import DUPLICATE, MAX_VALUES, ColumnProfile, DatasetProfile, Occurrences
from usher.datasets.schemas import ACTION_EVENTS, REQUIRED, RESERVED, Field, Schema, fields, most_similar
from usher.datasets.times import unix_seconds
from usher.errors import Problem
from usher.limits import (
    ADVISED_INTERACTIONS,
    ADVISED_USERS,
    FIRST_MILLISECOND,
    MAX_EVENT_TYPES,
    MAX_ID_LENGTH,
    MAX_IMPORT_BYTES,
    MAX_INCREMENT_BYTES,
    MAX_TEXT_LENGTH,
    MAX_VALUE_LENGTH,
    MIN_INTERACTIONS,
    MIN_ROWS,
    MIN_USERS,
)
from usher.placeholders import PLACEHOLDERS

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding(Problem):
    """A rule that a dataset breaks. Its place is the first of the rows, as file and line; or the file or folder."""

    severity: Severity = "error"
    rows: int = 0
    """The number of rows that break the rule; 0: the finding is about the whole dataset."""
    lines: Mapping[str, list[int]] = field(default_factory=dict)
    """The line numbers of the first rows, by file."""

    @property
    def problem(self) -> Problem:
        """The finding as a Problem, without the further rows."""
        more = f" (and {self.rows - 1} more)" if self.rows > 1 else ""
        return Problem(self.place, f"{self.message.removesuffix('.')}{more}.", self.remedy)


@dataclass(frozen=True, slots=True)
class Rule:
    """The finding for a fact, in the columns to which the rule applies. X stands for the column's name."""

    fact: str
    applies: Callable[[Field], bool]
    message: str
    remedy: str
    severity: Severity = "error"
    setting: str = ""
    """A further remedy if all rows that are not blank have the fact: a setting of usher.yaml."""


def _is_id(column: Field) -> bool:
    return column.name in ("USER_ID", "ITEM_ID", "ACTION_ID")


def _is_time(column: Field) -> bool:
    return column.numeric and column.name.endswith("TIMESTAMP")


def _is_required(column: Field) -> bool:
    return _is_id(column) or column.name == "TIMESTAMP"


def _is_value(column: Field) -> bool:
    return "string" in column.types and not column.textual and not _is_id(column)


RULES = (
    Rule("blank", _is_required, "has no X.", "Fill it in, or remove the line."),
    Rule(
        "blank", lambda column: not column.nullable and not _is_required(column),
        "has no X.", "Fill it in, or allow null in the schema.",
    ),
    Rule("long ID", _is_id, f"X is longer than {MAX_ID_LENGTH} characters.", "Shorten it."),
    Rule("long value", _is_value, f"X is longer than {MAX_VALUE_LENGTH} characters.", "Shorten it."),
    Rule(
        "padded", _is_id, "X begins or ends with a blank.",
        "Remove the blank: Personalize treats it as part of the ID.", "warning",
    ),
    Rule(
        "invisible character", _is_id, "X has an invisible character.",
        "Remove it: Personalize treats it as part of the ID.", "warning",
    ),
    Rule(
        "rounded ID", _is_id, "X is written as 1.2E+12, as spreadsheets do.",
        "Several IDs may have become one: make the spreadsheet's column text, and save it anew from its source.",
        "warning",
    ),
    Rule(
        "list", lambda column: _is_value(column) and column.name != "EVENT_TYPE",
        "X is a list in brackets, which Personalize treats as one value.", "Write its values with | between them: a|b.",
        "warning",
    ),
    Rule(
        "placeholder", _is_id, "X is a placeholder for a missing value, such as null.",
        "Leave the row out, or write its ID: Personalize treats it as an ID.", "warning",
    ),
    Rule(
        "date", _is_time, "X is a date, not Unix seconds.",
        "Write {seconds}.", setting=", or set `timestamps: iso` in usher.yaml.",
    ),
    Rule(
        "rounded", _is_time, "X is written as 1.7E+09 or the like, which has lost its last digits.",
        "Give the spreadsheet's column a format of whole numbers, and save it anew from its source.",
    ),
    Rule(
        "not a number", _is_time, "X is neither a number nor a date.",
        "Write Unix seconds, or dates like 2026-11-27 with `timestamps: iso` in usher.yaml; or remove the line.",
    ),
    Rule(
        "not a number", lambda column: column.numeric and not _is_time(column),
        "X is not a number.", "Write a plain number, or remove the line.",
    ),
    Rule("fractional", _is_time, "X is not a whole number.", "Write whole seconds."),
    Rule(
        "fractional", lambda column: column.whole and not _is_time(column),
        "X is not a whole number.", "Round it, or make the schema's type float.",
    ),
    Rule("beyond int", lambda column: "int" in column.types, "X is too large for an int.", "Make its type long."),
    Rule("beyond long", lambda column: "long" in column.types, "X is too large for a long.", "Make it smaller."),
    Rule(
        "not a boolean", lambda column: "boolean" in column.types,
        "X is neither true nor false.", "Write true or false.",
    ),
    Rule(
        "milliseconds", _is_time, "X is in milliseconds.",
        "Divide by 1000: Unix seconds.", setting="; or set `timestamps: ms` in usher.yaml.",
    ),
    Rule(
        "microseconds", _is_time, "X is in microseconds.",
        "Divide by 1,000,000: Unix seconds.", setting="; or set `timestamps: us` in usher.yaml.",
    ),
    Rule(
        "nanoseconds", _is_time, "X is in nanoseconds.",
        "Divide by 1,000,000,000: Unix seconds.", setting="; or set `timestamps: ns` in usher.yaml.",
    ),
    Rule("too large for a time", _is_time, "X is too large for a time.", "Write Unix seconds, not 20261127120000."),
    Rule("before 1970", _is_time, "X is below zero.", "Write Unix seconds."),
    Rule(
        "long text", lambda column: column.textual,
        f"X is longer than {MAX_TEXT_LENGTH} characters.", "Personalize cuts it there.", "warning",
    ),
    Rule(
        "blank", lambda column: column.nullable and column.name == "CREATION_TIMESTAMP",
        "has no X.", "Personalize takes the item for as old as its first interaction.", "warning",
    ),
)  # fmt: skip
MORE_RULES = {
    "actions": (
        Rule("not 1 to 10", lambda column: column.name == "VALUE", "X is not from 1 to 10.", "Scale it."),
        Rule(
            "over 30 days", lambda column: column.name == "REPEAT_FREQUENCY",
            "X is more than 30 days.", "Write 30 at most.",
        ),
    ),
    "action_interactions": (
        Rule(
            "unknown action event", lambda column: column.name == "EVENT_TYPE",
            "X is not an action's event.", f"Use {', '.join(ACTION_EVENTS)}.",
        ),
    ),
}  # fmt: skip

REMOVE_COLUMN = "Fill it in, or remove the column."
FIRST_SERIAL, FIRST_TIME = 20_000, 10**8
"""A column of times whose latest number lies between them holds a spreadsheet's days since 1900, or dates such as
20261127: a smaller number may be a count, and larger ones are Unix seconds since 1973.
"""
CLOCK_SECONDS = 86_400
"""The most seconds by which a time may be later than now: clocks may be wrong, and dates may have another time zone."""
MAX_OTHERS = 0.1
"""A column with more other texts than this share of its numbers is taken for text, not for numbers with mistakes."""
SHOWN_DATASETS = ("items", "actions")
"""The datasets whose cells may be shown: they are not about people."""

ROW_FINDINGS: Mapping[str, tuple[Severity, str, str]] = {
    "open quote": (
        "error",
        "opens a quote that its line does not close.",
        "Balance the quotes, write a backslash twice, and end no line inside a value: one record per line.",
    ),
    "more values": (
        "error",
        "has more values than the header.",
        "Quote values that hold a comma, or remove those without a column.",
    ),
    "fewer values": (
        "error",
        "has fewer values than the header.",
        "Write a comma for each that is missing, or remove the line.",
    ),
    "stray return": ("error", "has a carriage return inside.", "End lines with \\n or \\r\\n."),
    "not an object": (
        "error",
        "is not a JSON object of texts and numbers.",
        'Write {"USER_ID": "u1", ...} on each line.',
    ),
    "nested value": (
        "error",
        "has an object, or a list that is not of texts.",
        "Write texts, numbers or lists of texts.",
    ),
    "unknown key": (
        "error",
        "has a key that the first line lacks.",
        "Write all keys in the first line, null for none.",
    ),
    "unread time": (
        "error",
        "has a time in another form than `timestamps` in usher.yaml.",
        "Correct one of the two.",
    ),
    "empty line": ("warning", "is an empty line.", "Personalize skips it."),
    DUPLICATE: ("warning", "has the ID of an earlier row.", "Personalize keeps the last one."),
}


def check_dataset(
    profile: DatasetProfile,
    schema: Schema,
    location: str,
    *,
    whole: bool = True,
    inferred: bool = True,
    now: float = math.inf,
) -> list[Finding]:
    """The rules that a dataset breaks.

    `location`: the place of findings about the whole. `whole`: whether this is the whole dataset, which must be enough
    to train on; else it is an increment. `inferred`: whether the schema is made from the data. `now`: in Unix seconds;
    later times are in the future.
    """
    if profile.read_errors:
        problems = (error.problem for error in profile.read_errors)
        return [Finding(one.place, one.message, one.remedy) for one in problems]
    columns = fields(schema)
    findings = [
        *_columns(profile, columns, location),
        *_row_findings(profile, columns),
        *_times(profile, columns, location, now),
    ]
    findings += _nearly_numbers(profile, columns) if inferred else []
    if whole and profile.dataset == "interactions" and not any(one.severity == "error" for one in findings):
        findings += _amounts(profile, columns, location)
    return [*findings, *_limits(profile, location, whole=whole)]


def check_event_type(profile: DatasetProfile, event_type: str, place: str) -> list[Problem]:
    """The problem of interactions with too few rows of the event type that a solution is trained with."""
    counts = profile.columns.get("EVENT_TYPE", ColumnProfile()).values or Counter[str]()
    rows = counts[event_type]
    if rows >= MIN_INTERACTIONS:
        return []
    message = f"names {event_type!r}, which {rows} interactions have; Personalize trains on {MIN_INTERACTIONS} or more."
    known = ", ".join(sorted(counts)) or "none, as there is no column EVENT_TYPE"
    return [Problem(place, message, f"The event types are: {known}.")]


def _columns(profile: DatasetProfile, columns: Mapping[str, Field], location: str) -> Iterator[Finding]:
    yield from _missing(profile, [name for name in columns if name not in profile.columns], location)
    for name in profile.columns:
        if name not in columns:
            message = f"has the column {name}, which its schema lacks."
            yield Finding(location, message, "Remove it, or add it to the schema.")
    if set(columns) == set(profile.columns) and list(columns) != list(profile.columns):
        message = "has its columns in another order than its schema."
        yield Finding(location, message, f"Personalize's guide asks for: {', '.join(columns)}.", "warning")
    for name, column in columns.items():
        if "boolean" in column.types:
            remedy = "Personalize neither trains nor filters by it: make it a string to do so."
            yield Finding(location, f"has {name} as a boolean.", remedy, "warning")


def _row_findings(profile: DatasetProfile, columns: Mapping[str, Field]) -> Iterator[Finding]:
    for error, (severity, message, remedy) in ROW_FINDINGS.items():
        yield from _finding(profile.row_errors[error], severity, message, remedy)
    for name, column in profile.columns.items():
        # A column that the schema lacks can still break the rules about its name.
        known = columns.get(name, Field(name, frozenset(), nullable=True, textual=False, categorical=False))
        for rule in (*RULES, *MORE_RULES.get(profile.dataset, ())):
            if rule.applies(known):
                fact = column.facts[rule.fact]
                message, remedy = re.sub(r"\bX\b", name, rule.message), rule.remedy
                if rule.setting and fact.rows + column.facts["blank"].rows >= profile.rows:
                    remedy = remedy.removesuffix(".") + rule.setting
                if (rule.fact, rule.severity) == ("blank", "error") and 1 < profile.rows == fact.rows:
                    message, remedy = f"has no {name} in any row.", _fill_in(known)
                yield from _finding(fact, rule.severity, message, _with_seconds(remedy, fact.example))


def _fill_in(column: Field) -> str:
    """The remedy for a column without any value."""
    return "Fill it in." if _is_required(column) else REMOVE_COLUMN


def _with_seconds(remedy: str, date: str) -> str:
    """A remedy with a date's Unix seconds, if it has a place for them."""
    return remedy.replace("{seconds}", str(unix_seconds(date) or "Unix seconds"))


def _times(profile: DatasetProfile, columns: Mapping[str, Field], location: str, now: float) -> Iterator[Finding]:
    """Times that can't be right: in the future, or the same in most rows."""
    for name in filter(lambda name: _is_time(columns[name]), profile.columns.keys() & columns.keys()):
        column = profile.columns[name]
        latest = column.latest
        if latest and now + CLOCK_SECONDS < latest.number < FIRST_MILLISECOND:
            message = f"{name} is {_duration(latest.number - now)} in the future."
            remedy = "Correct it: recency and the diagnosis are measured from the latest event."
            yield Finding(
                f"{latest.key} line {latest.line}", message, remedy, "warning", 1, {latest.key: [latest.line]}
            )
        if latest and FIRST_SERIAL <= latest.number < FIRST_TIME:
            remedy = "Write Unix seconds, not a spreadsheet's 46353 or 20261127."
            yield Finding(location, f"has no {name} after 1973.", remedy, "warning")
        if name == "TIMESTAMP" and column.values:
            (_, rows), *_ = column.values.most_common(1)
            if rows > 1 and 2 * rows > profile.rows >= MIN_INTERACTIONS:
                message = f"has the same {name} in {rows} of {profile.rows} rows."
                remedy = "Write the time of each event: models learn from their order."
                yield Finding(location, message, remedy, "warning")


def _duration(seconds: float) -> str:
    """A duration in its largest unit with a number above one."""
    units = ((365 * 86_400, "years"), (86_400, "days"), (3600, "hours"))
    length, unit = next((unit for unit in units if seconds >= 2 * unit[0]), units[-1])
    return f"{seconds / length:.0f} {unit}"


def _nearly_numbers(profile: DatasetProfile, columns: Mapping[str, Field]) -> Iterator[Finding]:
    """Columns of numbers in which a few other cells force the type text."""
    for name, column in profile.columns.items():
        others = column.facts["not a number"]
        numbers = profile.rows - others.rows - column.facts["blank"].rows
        if name in RESERVED[profile.dataset] or name not in columns or not 0 < others.rows <= MAX_OTHERS * numbers:
            continue
        kind = "float" if column.facts["fractional"].rows else "long"
        cell = repr(others.example) if profile.dataset in SHOWN_DATASETS or _is_plain(others.example) else "a text"
        message = f"has {cell} as {name}, which would be {kind} without it: now {name} is text."
        remedy = "Write a plain number, or leave the cell empty. Filters compare numbers only."
        yield from _finding(others, "warning", message, remedy)


def _is_plain(cell: str) -> bool:
    """Whether a cell can't identify a person: it is a number in another form, or a program's word for a
    missing value.
    """
    return cell in PLACEHOLDERS or not re.search("[^0-9.,'% $€-]", cell)


def _finding(fact: Occurrences, severity: Severity, message: str, remedy: str) -> Iterator[Finding]:
    if fact.rows:
        key, lines = next(iter(fact.lines.items()))
        yield Finding(f"{key} line {lines[0]}", message, remedy, severity, fact.rows, fact.lines)


def _amounts(profile: DatasetProfile, columns: Mapping[str, Field], location: str) -> Iterator[Finding]:
    if profile.rows < MIN_INTERACTIONS:
        message = f"has {profile.rows} interactions; Personalize trains on {MIN_INTERACTIONS} or more."
        yield Finding(location, message, "Add more history.")
    if not profile.ids.overflowed:
        yield from _users(profile, location)
    yield from _event_types(profile, columns, location)


def _users(profile: DatasetProfile, location: str) -> Iterator[Finding]:
    active, users = profile.ids.recurring, len(profile.ids)
    if active < MIN_USERS:
        message = f"has {active} users with two interactions or more; Personalize needs {MIN_USERS}."
        yield Finding(location, message, "Add more users, or more of their history.")
    elif active * 100 < users:
        message = (
            f"has {active} users with two interactions or more, of {users}; Personalize needs a hundredth of them."
        )
        yield Finding(location, message, "Add more of their history.")
    elif profile.rows < ADVISED_INTERACTIONS or active < ADVISED_USERS:
        message = f"has {profile.rows} interactions, and {active} users with two or more."
        remedy = f"It is enough to train; AWS advises {ADVISED_INTERACTIONS} interactions of {ADVISED_USERS} users."
        yield Finding(location, message, remedy, "warning")


def _event_types(profile: DatasetProfile, columns: Mapping[str, Field], location: str) -> Iterator[Finding]:
    events = profile.columns.get("EVENT_TYPE", ColumnProfile()).values
    if events and not any(map(str.strip, events)):
        yield Finding(location, f"has no {columns['EVENT_TYPE'].name} in any row.", REMOVE_COLUMN)
    optional = len(set(columns) - {*REQUIRED["interactions"], "EVENT_TYPE"})
    if events is None or len(events) + optional > MAX_EVENT_TYPES:
        types = f"more than {MAX_VALUES}" if events is None else len(events)
        message = (
            f"has {types} event types and {optional} optional columns; Personalize takes {MAX_EVENT_TYPES} together."
        )
        yield Finding(location, message, "Leave some out.")


def _limits(profile: DatasetProfile, location: str, *, whole: bool) -> Iterator[Finding]:
    max_bytes = MAX_IMPORT_BYTES if whole else MAX_INCREMENT_BYTES
    if profile.size > max_bytes:
        message = f"has {profile.size / 1e9:.1f} GB; Personalize imports {max_bytes // 10**9}."
        yield Finding(location, message, "Leave out old data." if whole else "Split it into several files.")
    least = MIN_ROWS.get(profile.dataset, 0)
    if profile.rows < least and not (whole and profile.dataset == "interactions"):  # _amounts reports those
        message = f"has {profile.rows} rows; Personalize imports {least} or more of {profile.dataset} at a time."
        yield Finding(location, message, "Add more." if whole else "Collect more in one file.")


def _missing(profile: DatasetProfile, names: Iterable[str], location: str) -> Iterator[Finding]:
    """Columns that the files lack: those with another name there in one sentence, and the others."""
    others = [one for one in profile.columns if one not in RESERVED[profile.dataset]]
    near: dict[str, str] = {}
    for name in names:
        if one := most_similar(name, [other for other in others if other not in near]):
            near[one] = name
        else:
            remedy = f"Add it; the header has {', '.join(profile.columns)}."
            yield Finding(location, f"lacks the column {name}.", remedy)
    if near:
        s, it = ("s", "them") if len(near) > 1 else ("", "it")
        renamed = ", ".join(f"{_key(one)} to {name}" for one, name in near.items())
        mapping = ", ".join(f"{_key(one)}: {name}" for one, name in near.items())
        remedy = f"Rename the column{s} {renamed}, or map {it} in usher.yaml: `columns: {{{mapping}}}`."
        yield Finding(location, f"lacks the column{s} {', '.join(near.values())}.", remedy)


def _key(name: str) -> str:
    """A column's name as a YAML key in which look-alikes and blanks are visible."""
    return name if re.fullmatch(r"\w+", name, re.ASCII) else json.dumps(name)
