"""What is in a dataset's CSVs: facts about their columns, found in one pass and in constant memory.

Which facts are wrong depends on the schema, and stands in rules.py.
"""

import functools
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from usher.csvs import BLOCK_BYTES, FAULTS, Block, read
from usher.errors import InputError, Problem
from usher.schemas import ACTION_EVENTS, FIRST_MILLISECOND, REQUIRED, RESERVED, UNIQUE

SHOWN_ROWS = 100
"""Of the rows for which a fact holds, so many are named; the others are counted."""
MANY_VALUES = 1000
"""A column with more different values than this is taken for free text, not for categories."""
MANY_IDS = 1_000_000
"""So many different IDs of a dataset are remembered, to find what recurs. It's what bounds the memory."""
LONGEST_ID = 256
LONGEST_VALUE = 1000
LONGEST_TEXT = 20_000
BOOLEANS = pa.array(["", "true", "false"])
EVENTS = pa.array(ACTION_EVENTS)
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


@dataclass(frozen=True, slots=True)
class Cells:
    """A column's cells in a block: their text, its length in characters, and their numbers, null for what is none."""

    text: pa.StringArray
    length: pa.Int32Array
    number: pa.DoubleArray

    @classmethod
    def of(cls, text: pa.StringArray, *, numeric: bool) -> "Cells":
        """From their text. `numeric`: whether numbers are of interest."""
        if not numeric:
            return cls(text, pc.utf8_length(text), pa.nulls(len(text), pa.float64()))
        numbers = pc.if_else(pc.match_substring_regex(text, NUMBER), text, None)
        return cls(text, pc.utf8_length(text), numbers.cast(pa.float64()))


# What may be the matter with single cells, and how the names of the columns end that are looked at for it.
FACTS: Mapping[str, tuple[str, Callable[[Cells], pa.BooleanArray]]] = {
    "blank": ("", lambda cells: pc.equal(cells.length, 0)),
    "not a number": ("", lambda cells: pc.and_(cells.number.is_null(), pc.not_equal(cells.length, 0))),
    "fractional": ("", lambda cells: pc.not_equal(cells.number, pc.floor(cells.number))),
    "beyond int": ("", lambda cells: pc.greater_equal(pc.abs(cells.number), 2**31)),
    "beyond long": ("", lambda cells: pc.greater(pc.abs(cells.number), 2.0**63)),
    "not a boolean": ("", lambda cells: pc.invert(pc.is_in(cells.text, BOOLEANS))),
    "long ID": ("", lambda cells: pc.greater(cells.length, LONGEST_ID)),
    "long value": ("", lambda cells: pc.greater(cells.length, LONGEST_VALUE)),
    "long text": ("", lambda cells: pc.greater(cells.length, LONGEST_TEXT)),
    "several lines": ("", lambda cells: pc.match_substring(cells.text, "\n")),
    "several values": ("", lambda cells: pc.match_substring(cells.text, "|")),
    "milliseconds": ("TIMESTAMP", lambda cells: pc.greater_equal(cells.number, FIRST_MILLISECOND)),
    "before 1970": ("TIMESTAMP", lambda cells: pc.less(cells.number, 0)),
    "not 1 to 10": ("VALUE", lambda cells: pc.or_(pc.less(cells.number, 1), pc.greater(cells.number, 10))),
    "over 30 days": ("REPEAT_FREQUENCY", lambda cells: pc.greater(cells.number, 30)),
    "no action's event": ("EVENT_TYPE", lambda cells: pc.invert(pc.is_in(pc.utf8_upper(cells.text), EVENTS))),
}


@dataclass(slots=True)
class Fact:
    """For how many rows a fact holds, and the first of them: their lines by file."""

    rows: int = 0
    lines: dict[str, list[int]] = field(default_factory=dict)

    def add(self, key: str, lines: list[int], rows: int) -> None:
        """Note that it holds for so many more rows of a file, whose lines (the first of them at least) are given."""
        room = SHOWN_ROWS - sum(map(len, self.lines.values()))
        if rows and room:
            self.lines.setdefault(key, []).extend(lines[:room])
        self.rows += rows


def _no_facts() -> dict[str, Fact]:
    return {name: Fact() for name in FACTS}


def _no_faults() -> dict[str, Fact]:
    return {name: Fact() for name in (*FAULTS, "known ID")}


@dataclass(slots=True)
class Column:
    """What is known of a column after the scan."""

    facts: dict[str, Fact] = field(default_factory=_no_facts)
    values: Counter[str] = field(default_factory=Counter)
    """How often each value is there; no longer counted beyond MANY_VALUES different ones."""

    def kind(self, rows: int) -> str:
        """`long`, `float`, `categorical` or `string`, whichever the values suggest."""
        if not (self.facts["not a number"].rows or self.facts["beyond long"].rows) and self.facts["blank"].rows < rows:
            return "float" if self.facts["fractional"].rows else "long"
        few = len(self.values) <= min(MANY_VALUES, max(rows // 2, 1))
        return "categorical" if few or self.facts["several values"].rows else "string"


def _none() -> pa.StringArray:
    return pa.array([], pa.string())


@dataclass(slots=True)
class Table:
    """A dataset's files, scanned."""

    dataset: str
    columns: dict[str, Column] = field(default_factory=dict)
    faults: dict[str, Fact] = field(default_factory=_no_faults)
    """What is the matter with whole rows: csvs.FAULTS, and `known ID` for one that a row before has."""
    rows: int = 0
    """Records; lines that are none are among the faults."""
    size: int = 0
    """Bytes."""
    digest: str = ""
    """SHA-256 of the bytes."""
    ids: pa.StringArray = field(default_factory=_none)
    """The different users of interactions, IDs of other datasets; no longer filled beyond MANY_IDS."""
    active_users: pa.StringArray = field(default_factory=_none)
    """Those of `ids` with two interactions or more."""
    problems: list[Problem] = field(default_factory=list)
    """What keeps the files from being read at all."""


def scan(dataset: str, files: Iterable[tuple[str, IO[bytes]]]) -> Table:
    """Read a dataset's files, given as (key, stream), and note what matters."""
    table = Table(dataset)
    hasher = hashlib.sha256()

    def take(chunk: bytes) -> bytes:
        table.size += len(chunk)
        hasher.update(chunk)
        return chunk

    for key, stream in files:
        empty = True
        try:
            for block in read(key, map(take, _chunks(stream)), list(table.columns)):
                _note(table, block, key)
                empty = empty and not block.lines and not block.faults
        except InputError as error:
            table.problems += error.problems
        else:
            if empty:
                table.problems.append(Problem(key, "has a header, but no rows.", "Add rows, or remove the file."))
    table.digest = hasher.hexdigest()
    return table


def missing_columns(table: Table) -> list[str]:
    """Required columns that the files lack."""
    return [name for name in REQUIRED[table.dataset] if name not in table.columns]


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    return iter(functools.partial(stream.read, BLOCK_BYTES), b"")


def _note(table: Table, block: Block, key: str) -> None:
    table.columns = table.columns or {name: Column() for name in block.columns}
    table.rows += len(block.lines)
    for fault, lines in block.faults.items():
        table.faults[fault].add(key, lines, len(lines))
    for name, text in block.columns.items():
        column = table.columns[name]
        cells = Cells.of(text, numeric=RESERVED[table.dataset].get(name) != "string")
        for fact, (ending, holds) in FACTS.items():
            if name.endswith(ending):
                rows = holds(cells)
                first = pc.indices_nonzero(rows)[:SHOWN_ROWS].to_pylist() if rows.true_count else []
                column.facts[fact].add(key, [block.lines[row] for row in first], rows.true_count)
        if len(column.values) <= MANY_VALUES:
            values, counts = (part[: MANY_VALUES + 1].to_pylist() for part in pc.value_counts(text).flatten())
            column.values.update(dict(zip(values, counts, strict=True)))
    if len(table.ids) <= MANY_IDS:
        _note_ids(table, block, key)


def _note_ids(table: Table, block: Block, key: str) -> None:
    """Note the IDs that recur: users are wanted to, in interactions; items should not, in items."""
    name = "USER_ID" if table.dataset == "interactions" else UNIQUE.get(table.dataset, "")
    if name not in block.columns:
        return
    column = block.columns[name]
    values, counts = pc.value_counts(column).flatten()
    known = pc.is_in(values, table.ids)
    again = values.filter(pc.or_(known, pc.greater(counts, 1)))
    if table.dataset == "interactions":
        new = again.filter(pc.invert(pc.is_in(again, table.active_users)))
        table.active_users = pa.concat_arrays([table.active_users, new])
    elif len(again):
        before, lines = set(values.filter(known).to_pylist()), []
        for row in pc.indices_nonzero(pc.is_in(column, again)).to_pylist():
            if (one := column[row].as_py()) in before:
                lines.append(block.lines[row])
            before.add(one)
        table.faults["known ID"].add(key, lines, len(lines))
    table.ids = pa.concat_arrays([table.ids, values.filter(pc.invert(known))])
