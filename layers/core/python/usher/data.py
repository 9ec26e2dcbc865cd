"""The rules for the three CSVs, checked before anything is imported.

`scan` streams a dataset once, in constant memory, and notes facts about its columns; `check` holds those facts against
a schema. Rules: service guide, "Preparing and importing data", and the errors its users report.
"""

import difflib
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

import pandas as pd

from usher.errors import Problem
from usher.schemas import FIRST_MILLISECOND, INTEGERS, NUMBERS, REQUIRED, Schema, types

CHUNK_ROWS = 100_000
MIN_INTERACTIONS = 1000
MIN_USERS = 25
"""Users with two interactions or more: below this, Personalize refuses to train."""
LONGEST_ID = 256
MANY_VALUES = 1000
"""A column with more different values than this is taken for free text, not for categories."""

# What may be the matter with single values. Each takes a chunk's column as text and as numbers (NaN where it is none).
FACTS: dict[str, Callable[[pd.Series, pd.Series], pd.Series]] = {
    "blank": lambda text, _: text == "",
    "not a number": lambda text, number: number.isna() & (text != ""),
    "fractional": lambda _, number: number % 1 > 0,
    "milliseconds": lambda _, number: number >= FIRST_MILLISECOND,
    "too long": lambda text, _: text.str.len() > LONGEST_ID,
    "several lines": lambda text, _: text.str.contains("\n", regex=False, na=False),
    "several values": lambda text, _: text.str.contains("|", regex=False, na=False),
}


@dataclass(slots=True)
class Fact:
    """How many rows a fact holds for, and where the first of them is."""

    rows: int = 0
    first: str = ""


@dataclass(slots=True)
class Column:
    """What is known of a column after the scan."""

    facts: dict[str, Fact] = field(default_factory=lambda: {name: Fact() for name in FACTS})
    values: set[str] = field(default_factory=set)
    """The different values; no longer filled beyond MANY_VALUES."""

    def kind(self, rows: int) -> str:
        """`long`, `float`, `categorical` or `string`, whichever the values suggest."""
        if not self.facts["not a number"].rows and self.facts["blank"].rows < rows:
            return "float" if self.facts["fractional"].rows else "long"
        few = len(self.values) <= min(MANY_VALUES, max(rows // 2, 1))
        return "categorical" if few or self.facts["several values"].rows else "string"


@dataclass(slots=True)
class Table:
    """A dataset's files, scanned."""

    dataset: str
    columns: dict[str, Column] = field(default_factory=dict)
    rows: int = 0
    digest: str = ""
    """SHA-256 of the bytes."""
    active_users: set[str] = field(default_factory=set)
    """Users with two interactions or more, up to MIN_USERS of them."""
    problems: list[Problem] = field(default_factory=list)
    """What keeps the files from being read at all."""


def scan(dataset: str, files: Iterable[tuple[str, IO[bytes]]]) -> Table:
    """Read a dataset's files, given as (key, stream), and note what matters."""
    table = Table(dataset)
    hasher = hashlib.sha256()
    seen_once: set[str] = set()
    for key, stream in files:
        raw = io.BufferedReader(_Hashed(stream, hasher), 1 << 20)
        problem = _read_file(table, key, raw, seen_once)
        if problem:
            table.problems.append(problem)
    table.digest = hasher.hexdigest()
    return table


def check(table: Table, schema: Schema, location: str) -> list[Problem]:
    """Everything that Personalize would refuse, or silently misread, in a scanned dataset."""
    if table.problems:
        return table.problems
    wanted = types(schema)
    problems = [
        Problem(location, f"lacks the column {name}.", _rename(name, table.columns))
        for name in wanted
        if name not in table.columns
    ]
    problems += [
        Problem(
            location, f"has the column {name}, which its schema does not know.", "Remove it, or add it to the schema."
        )
        for name in table.columns
        if name not in wanted
    ]
    if set(wanted) <= set(REQUIRED[table.dataset]) and table.dataset != "interactions":
        problems.append(Problem(location, "has no column but the ID.", "Add at least one column that describes them."))
    for name, column in table.columns.items():
        problems += _check_column(name, column, wanted.get(name, {"string"}), name in REQUIRED[table.dataset])
    if table.dataset == "interactions" and not problems:
        problems = _check_amount(table, location)
    return problems


def missing_columns(table: Table) -> list[str]:
    """Required columns that the files lack."""
    return [name for name in REQUIRED[table.dataset] if name not in table.columns]


def user_ids(files: Iterable[tuple[str, IO[bytes]]]) -> Iterator[str]:
    """Every different USER_ID of interaction files, in order of appearance."""
    seen: set[str] = set()
    for _, stream in files:
        for chunk in _chunks(stream, usecols=["USER_ID"]):
            for user in chunk["USER_ID"].unique():
                if user not in seen:
                    seen.add(user)
                    yield str(user)


def _check_column(name: str, column: Column, allowed: set[str], required: bool) -> Iterator[Problem]:
    numeric, whole = bool(allowed & NUMBERS), bool(allowed & INTEGERS)
    fill_in = "Fill it in." if required else "Fill it in, or allow null in the schema."
    rules = (
        ("several lines", True, f"has a {name} that spans several lines", "Balance the quotes: one record per line."),
        ("blank", required or "null" not in allowed, f"has no {name}", fill_in),
        ("too long", name.endswith("_ID"), f"has a {name} of more than {LONGEST_ID} characters", "Shorten it."),
        ("not a number", numeric, f"has a {name} that is not a number", "Write plain numbers."),
        ("fractional", whole, f"has a {name} that is not a whole number", "Round it, or make the schema's type float."),
        ("milliseconds", name.endswith("TIMESTAMP"), f"has a {name} in milliseconds", "Divide by 1000: Unix seconds."),
    )
    for fact, applies, message, remedy in rules:
        found = column.facts[fact]
        if applies and found.rows:
            more = f" (and {found.rows - 1} more)" if found.rows > 1 else ""
            yield Problem(found.first, f"{message}{more}.", remedy)


def _check_amount(table: Table, location: str) -> list[Problem]:
    problems = []
    if table.rows < MIN_INTERACTIONS:
        problems.append(
            Problem(
                location,
                f"has {table.rows} interactions; Personalize trains on {MIN_INTERACTIONS} or more.",
                "Add more history.",
            )
        )
    if len(table.active_users) < MIN_USERS:
        said = f"has {len(table.active_users)} users with two interactions or more; Personalize needs {MIN_USERS}."
        problems.append(Problem(location, said, "Add more users, or more of their history."))
    return problems


def _read_file(table: Table, key: str, raw: "io.BufferedReader[Any]", seen_once: set[str]) -> Problem | None:
    problem = _read_header(table, key, raw)
    if problem:
        return problem
    before = table.rows
    try:
        for chunk in _chunks(raw):
            if not isinstance(chunk.index, pd.RangeIndex):
                return Problem(f"{key} line 2", "has more values than the header.", "Quote values that hold a comma.")
            _note(table, chunk, key, seen_once)
    except pd.errors.ParserError as error:
        return _unreadable(key, str(error))
    except UnicodeDecodeError as error:
        return Problem(key, f"is not UTF-8: {error.reason}.", "Save it as UTF-8.")
    if table.rows == before:
        return Problem(key, "has a header, but no rows.", "Add rows, or remove the file.")
    return None


def _read_header(table: Table, key: str, raw: "io.BufferedReader[Any]") -> Problem | None:
    header = raw.peek(1 << 16).partition(b"\n")[0].rstrip(b"\r")
    if not header.strip():
        return Problem(key, "is empty.", "Drop a CSV with a header and rows.")
    if header.startswith(b"\xef\xbb\xbf"):
        return Problem(f"{key} line 1", "starts with a byte order mark.", "Save it as UTF-8 without one.")
    if b"\r" in header or b"\x00" in header:
        return Problem(
            f"{key} line 1", "has control characters in the header.", "End lines with \\n or \\r\\n; use plain names."
        )
    if b'"' in header:
        return Problem(f"{key} line 1", "has quotes in the header.", "Write the column names without quotes.")
    if b";" in header and b"," not in header:
        return Problem(f"{key} line 1", "is separated by semicolons.", "Separate by commas.")
    names = header.decode("utf-8", "replace").split(",")
    if table.columns and names != list(table.columns):
        return Problem(
            f"{key} line 1",
            f"has other columns than the files before it: {', '.join(table.columns)}.",
            "Give all files one header.",
        )
    if "" in names:
        return Problem(f"{key} line 1", "has a column without a name.", "Name it, or remove the comma too many.")
    if len(set(names)) < len(names):
        return Problem(f"{key} line 1", "names a column twice.", "Rename one of them.")
    table.columns = table.columns or {name: Column() for name in names}
    return None


def _note(table: Table, chunk: pd.DataFrame, key: str, seen_once: set[str]) -> None:
    for name, column in table.columns.items():
        text = chunk[name]
        number = pd.to_numeric(text, errors="coerce")
        for fact, holds in FACTS.items():
            rows = holds(text, number).to_numpy(dtype=bool)
            if rows.any():
                seen = column.facts[fact]
                seen.first = seen.first or f"{key} line {chunk.index[int(rows.argmax())] + 2}"
                seen.rows += int(rows.sum())
        if len(column.values) <= MANY_VALUES:
            column.values.update(text.unique())
    table.rows += len(chunk)
    if table.dataset == "interactions" and "USER_ID" in table.columns and len(table.active_users) < MIN_USERS:
        counts = chunk["USER_ID"].value_counts()
        again = set(counts.index[counts > 1]) | (seen_once & set(counts.index))
        seen_once.update(counts.index)
        table.active_users.update(sorted(again)[:MIN_USERS])


def _chunks(stream: IO[bytes], usecols: list[str] | None = None) -> Iterator[pd.DataFrame]:
    with pd.read_csv(
        stream,
        dtype=str,
        chunksize=CHUNK_ROWS,
        keep_default_na=False,
        escapechar="\\",
        skip_blank_lines=False,
        encoding="utf-8",
        usecols=usecols,
    ) as reader:
        yield from reader


def _unreadable(key: str, said: str) -> Problem:
    """From the parser's words: `Expected 3 fields in line 5, saw 4`, or `EOF inside string starting at row 3`."""
    if fields := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", said):
        expected, line, saw = fields.groups()
        return Problem(
            f"{key} line {line}",
            f"has {saw} values where the header has {expected}.",
            "Quote values that hold a comma.",
        )
    if row := re.search(r"EOF inside string starting at row (\d+)", said):
        return Problem(f"{key} line {int(row[1]) + 1}", "opens a quote that is never closed.", "Balance the quotes.")
    return Problem(key, f"is not readable as CSV: {said}.", "Write it as comma-separated UTF-8 with a header.")


def _rename(name: str, columns: Mapping[str, Column]) -> str:
    plain = {re.sub(r"[^a-z]", "", column.lower()): column for column in columns}
    near = difflib.get_close_matches(name.replace("_", "").lower(), plain, 1)
    return f"Rename the column {plain[near[0]]} to {name}." if near else f"Add it; the header has {', '.join(columns)}."


class _Hashed(io.RawIOBase):
    """A stream that adds every byte read from it to a hash."""

    def __init__(self, stream: IO[bytes], hasher: "hashlib._Hash") -> None:
        self._stream = stream
        self._hasher = hasher

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int] | bytearray") -> int:  # type: ignore[override]
        content = self._stream.read(len(buffer))
        self._hasher.update(content)
        buffer[: len(content)] = content
        return len(content)
