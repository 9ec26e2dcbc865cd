"""What is in a dataset's CSVs: facts about their columns, found in one pass and in constant memory.

Files are scanned in parts, anywhere and in any order; put together, they tell what a scan of the whole would. Which
facts are wrong depends on the schema, and stands in rules.py.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter

import pyarrow as pa
import pyarrow.compute as pc

from usher.datasets.csv_reader import FAULTS, Block, UnreadableError, read_csv
from usher.datasets.diagnosis import IDS, Diagnosis
from usher.datasets.distinct_ids import Ids
from usher.datasets.hashing import hashed
from usher.datasets.schemas import ACTION_EVENTS, FIRST_MILLISECOND, REQUIRED, RESERVED, UNIQUE
from usher.errors import Problem

SHOWN_ROWS = 100
"""Of the rows for which a fact holds, so many are named; the others are counted."""
MANY_VALUES = 1000
"""A column with more different values than this is taken for free text, not for categories."""
MUCH_TEXT = 100_000
"""So is one whose different values have more characters than this."""
FILE = 1 << 40
"""Lines of the first file are counted from 0, of the second one from here, and so on, to have one order for all."""
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
    values: Counter[str] | None = field(default_factory=Counter)
    """How often each value is there; None if the different ones are more than MANY_VALUES, or MUCH_TEXT."""

    def count(self, values: Mapping[str, int] | None) -> None:
        """Note how often values are there."""
        if self.values is not None and values is not None:
            self.values.update(values)
        if values is None or len(self.values or ()) > MANY_VALUES or sum(map(len, self.values or ())) > MUCH_TEXT:
            self.values = None

    def kind(self, rows: int) -> str:
        """`long`, `float`, `categorical` or `string`, whichever the values suggest."""
        if not (self.facts["not a number"].rows or self.facts["beyond long"].rows) and self.facts["blank"].rows < rows:
            return "float" if self.facts["fractional"].rows else "long"
        few = self.values is not None and len(self.values) <= max(rows // 2, 1)
        return "categorical" if few or self.facts["several values"].rows else "string"


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a file could not be read on, and why."""

    key: str
    line: int
    """0: it could not be read at all."""
    message: str
    remedy: str

    @property
    def problem(self) -> Problem:
        """What a person is told."""
        return Problem(f"{self.key} line {self.line}" if self.line else self.key, self.message, self.remedy)


@dataclass(slots=True)
class Table:
    """What is known of a dataset's files, or of a part of one, whose lines then count from 1.

    Whatever is noted while rows are read (`columns`, `faults`, `ids`, `diagnosis`) can be added up, and be stored.
    """

    dataset: str
    columns: dict[str, Column] = field(default_factory=dict)
    faults: dict[str, Fact] = field(default_factory=_no_faults)
    """What is the matter with whole rows: csvs.FAULTS, and `known ID` for one that a row before has."""
    rows: int = 0
    """Records; lines that are none are among the faults."""
    lines: int = 0
    """Lines of a part, with the header."""
    size: int = 0
    """Bytes."""
    digests: list[str] = field(default_factory=list)
    """SHA-256 of the bytes of each part."""
    ids: Ids = field(default_factory=Ids)
    """The users of interactions, the IDs of items, users and actions."""
    stops: list[Stop] = field(default_factory=list)
    """What keeps files from being read, one for each."""
    diagnosis: Diagnosis = field(default_factory=Diagnosis)

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, or of the digests of several parts."""
        whole = hashlib.sha256("".join(self.digests).encode()).hexdigest()
        return self.digests[0] if len(self.digests) == 1 else whole

    @property
    def most_ids(self) -> int:
        """How many different IDs there are, or, where they are too many to be held, at most."""
        return self.rows if self.ids.many else len(self.ids)


def scan(dataset: str, key: str, chunks: Iterable[bytes], names: Sequence[str] = ()) -> Table:
    """Read a file, or a part of it of which `names` are the columns, and note what matters."""
    table = Table(dataset)
    try:
        for block in read_csv(key, chunks, names):
            _note(table, block, key)
            table.lines += block.height
    except UnreadableError as error:
        table.stops.append(Stop(key, error.line, error.message, error.remedy))
    return table


def gather(dataset: str, parts: Iterable[tuple[str, Table]]) -> Table:
    """What parts tell together: all of each file's, with its key, file by file and in their order."""
    whole, keys = Table(dataset), list[str]()
    for key, its in groupby(parts, key=itemgetter(0)):
        _add_file(whole, key, len(keys) * FILE, (part for _, part in its))
        keys.append(key)
    whole.ids.settle()
    if dataset in UNIQUE:
        for place in whole.ids.first_again.tolist():
            whole.faults["known ID"].add(keys[place // FILE], [place % FILE], 1)
        whole.faults["known ID"].rows = whole.ids.again
    return whole


def missing_columns(table: Table) -> list[str]:
    """Required columns that the files lack."""
    return [name for name in REQUIRED[table.dataset] if name not in table.columns]


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
                first = pc.indices_nonzero(rows)[:SHOWN_ROWS].to_numpy() if rows.true_count else []
                column.facts[fact].add(key, block.lines[first].tolist() if rows.true_count else [], rows.true_count)
        if column.values is not None:
            values, counts = (part[: MANY_VALUES + 1].to_pylist() for part in pc.value_counts(text).flatten())
            column.count(dict(zip(values, counts, strict=True)))
    name = "USER_ID" if table.dataset == "interactions" else UNIQUE.get(table.dataset, "")
    ids = hashed(block.columns, {name, *IDS})
    if name in ids:
        table.ids.note(ids[name], block.lines)
    table.diagnosis.add(block.columns, ids)


def _add_file(whole: Table, key: str, place: int, parts: Iterable[Table]) -> None:
    """Add a file's parts, up to where it can't be read on; `place` is that of its first line."""
    lines, stop = 0, None
    for part in parts:
        whole.size += part.size
        whole.digests += part.digests
        stop = stop or _other_columns(whole, key, part)
        if not stop:
            _add_part(whole, key, part, lines, place)
            stop = next((replace(one, line=one.line and one.line + lines) for one in part.stops), None)
            lines += part.lines
    if not stop and lines < 2:
        stop = Stop(key, 0, "has a header, but no rows.", "Add rows, or remove the file.")
    whole.stops += [stop] if stop else []


def _other_columns(whole: Table, key: str, part: Table) -> Stop | None:
    if not whole.columns or not part.columns or list(whole.columns) == list(part.columns):
        return None
    said = f"has other columns than the files before it: {', '.join(whole.columns)}."
    return Stop(key, 1, said, "Give all files one header.")


def _add_part(whole: Table, key: str, part: Table, before: int, place: int) -> None:
    """Add a part of a file, of which so many lines are before it."""
    whole.columns = whole.columns or {name: Column() for name in part.columns}
    whole.rows += part.rows
    pairs = [(whole.faults[name], fault) for name, fault in part.faults.items()]
    for name, column in part.columns.items():
        whole.columns[name].count(column.values)
        pairs += [(whole.columns[name].facts[fact], theirs) for fact, theirs in column.facts.items()]
    for ours, theirs in pairs:
        ours.add(key, [line + before for lines in theirs.lines.values() for line in lines], theirs.rows)
    whole.ids.add(part.ids, place + before)
    whole.diagnosis.merge(part.diagnosis)
