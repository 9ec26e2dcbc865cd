"""The profile of a dataset's files: facts about their columns, found in one pass and in constant memory.

Parts of files are profiled anywhere and in any order; merged, they give the profile of the whole. Whether a fact is an
error depends on the schema: see data_rules.py.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from usher.datasets.cell_facts import FACTS, NOT_NUMBERS, NUMBER, Cells
from usher.datasets.csv_reader import ROW_ERRORS, Block, ReadError, UnreadableError
from usher.datasets.diagnosis import ID_COLUMNS, Diagnosis
from usher.datasets.distinct_ids import DistinctIds
from usher.datasets.hashing import Coded
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.datasets.schemas import REQUIRED, RESERVED, UNIQUE, most_similar
from usher.datasets.times import DATE
from usher.storage.layout import suffix_of

MAX_REPORTED = 100
"""The most rows with a fact whose line numbers are kept; the others are counted."""
MAX_VALUES = 1000
"""The most different values of a category; a column with more is free text."""
MAX_VALUES_LENGTH = 100_000
"""The most characters of a category's different values together."""
FILE = 1 << 40
"""The distance between the positions of two files' first rows."""
DUPLICATE = "duplicate ID"
"""The error of a row whose ID an earlier row has."""
MAX_EXAMPLE_LENGTH = 40
EXAMPLES = ("not a number", "date")
"""The facts of which the first cell is kept. It is not an ID; data_rules.py decides whether it may be shown."""


@dataclass(slots=True)
class Occurrences:
    """The rows with a fact or a row error: their number, and the line numbers of the first ones by file."""

    rows: int = 0
    lines: dict[str, list[int]] = field(default_factory=dict)
    example: str = ""
    """The beginning of the first cell with one of EXAMPLES."""

    def add(self, key: str, lines: list[int], rows: int, example: str = "") -> None:
        """Add rows of a file. `lines`: the line numbers of the first of them, at least."""
        self.example = self.example or example
        room = MAX_REPORTED - sum(map(len, self.lines.values()))
        if rows and room:
            self.lines.setdefault(key, []).extend(lines[:room])
        self.rows += rows


def _no_facts() -> dict[str, Occurrences]:
    return {name: Occurrences() for name in FACTS}


def _no_row_errors() -> dict[str, Occurrences]:
    return {name: Occurrences() for name in (*ROW_ERRORS, DUPLICATE)}


@dataclass(frozen=True, slots=True)
class Latest:
    """The largest number of a column, and its first place."""

    number: float
    key: str
    line: int


@dataclass(slots=True)
class ColumnProfile:
    """The profile of one column."""

    facts: dict[str, Occurrences] = field(default_factory=_no_facts)
    values: Counter[str] | None = field(default_factory=Counter)
    """The rows by value; None beyond MAX_VALUES different ones, or MAX_VALUES_LENGTH."""
    latest: Latest | None = None
    """The latest time of a column of times."""

    def note_latest(self, latest: Latest | None) -> None:
        """Keep a time if it is later than all before it."""
        if latest and (self.latest is None or latest.number > self.latest.number):
            self.latest = latest

    def count_values(self, values: Mapping[str, int] | None) -> None:
        """Add the number of rows of each value."""
        if self.values is not None and values is not None:
            self.values.update(values)
        if (
            values is None
            or len(self.values or ()) > MAX_VALUES
            or sum(map(len, self.values or ())) > MAX_VALUES_LENGTH
        ):
            self.values = None

    def suggested_type(self, rows: int) -> str:
        """`long`, `float`, `categorical` or `string`, from the values. `rows`: the number of the dataset's rows."""
        if not any(self.facts[fact].rows for fact in NOT_NUMBERS) and self.facts["blank"].rows < rows:
            return "float" if self.facts["fractional"].rows else "long"
        few = self.values is not None and len(self.values) <= max(rows // 2, 1)
        return "categorical" if few or self.facts["several values"].rows else "string"


@dataclass(slots=True)
class DatasetProfile:
    """The profile of a dataset's files, or of a part of one; a part's lines count from 1."""

    dataset: str
    columns: dict[str, ColumnProfile] = field(default_factory=dict)
    row_errors: dict[str, Occurrences] = field(default_factory=_no_row_errors)
    """Malformed lines (csv_reader.ROW_ERRORS), and rows with a duplicate ID."""
    rows: int = 0
    """The number of records, without malformed lines."""
    lines: int = 0
    """The number of lines of a part, with the header."""
    size: int = 0
    """The number of bytes."""
    digests: list[str] = field(default_factory=list)
    """SHA-256 of every part's bytes."""
    ids: DistinctIds = field(default_factory=DistinctIds)
    """The users of interactions; the IDs of items, users and actions."""
    read_errors: list[ReadError] = field(default_factory=list)
    """The reasons why files can't be read: at most one for each."""
    diagnosis: Diagnosis = field(default_factory=Diagnosis)

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes; of several parts, SHA-256 of their digests."""
        whole = hashlib.sha256("".join(self.digests).encode()).hexdigest()
        return self.digests[0] if len(self.digests) == 1 else whole

    @property
    def max_distinct_ids(self) -> int:
        """The number of different IDs; the number of rows, its upper bound, if they are too many to count."""
        return self.rows if self.ids.overflowed else len(self.ids)

    @property
    def missing_columns(self) -> list[str]:
        """Required columns that the files lack."""
        return [name for name in REQUIRED[self.dataset] if name not in self.columns]


def profile_blocks(
    dataset: str, key: str, blocks: Iterable[Block], limits: ReadLimits = LIMITS, *, begins: bool = True
) -> DatasetProfile:
    """Profile a file's rows, or a part of them. `begins`: whether it is the first part. Its size is that of a CSV."""
    profile = DatasetProfile(dataset, ids=DistinctIds(max_ids=limits.ids))
    try:
        for block in blocks:
            if begins and not profile.columns:
                _check_header(dataset, key, list(block.columns))
            _add_block(profile, block, key)
            profile.lines += block.line_count
            profile.size += sum(cells.nbytes - 4 * len(cells) for cells in block.columns.values())
            profile.size += len(block.lines) * len(block.columns)
    except UnreadableError as error:
        profile.read_errors.append(error.error)
    return profile


def merge_parts(
    dataset: str, parts: Iterable[tuple[str, DatasetProfile]], limits: ReadLimits = LIMITS
) -> DatasetProfile:
    """Merge the profiles of parts. `parts`: every file's key and parts, file by file and in order."""
    whole, keys = DatasetProfile(dataset, ids=DistinctIds(max_ids=limits.ids)), list[str]()
    for key, parts_of_file in groupby(parts, key=itemgetter(0)):
        _add_file(whole, key, len(keys) * FILE, (part for _, part in parts_of_file))
        keys.append(key)
    if keys and not (whole.rows or whole.read_errors or any(one.rows for one in whole.row_errors.values())):
        whole.read_errors.append(_no_rows(keys[0]))  # of Parquet files, some may be empty: Spark's partitions
    whole.ids.merge_batch()
    if dataset in UNIQUE:
        for position in whole.ids.first_duplicates.tolist():
            whole.row_errors[DUPLICATE].add(keys[position // FILE], [position % FILE], 1)
        whole.row_errors[DUPLICATE].rows = whole.ids.duplicates
    return whole


def _check_header(dataset: str, key: str, names: Sequence[str]) -> None:
    """Raise UnreadableError if no name is like one of the dataset's: a data row may be in the header's place.

    The names may then be people's IDs, so the message does not show them.
    """
    required = REQUIRED[dataset]
    if any(most_similar(name, [*required, *RESERVED[dataset]]) for name in names):
        return
    if any(re.fullmatch(NUMBER, name) or re.fullmatch(DATE, name) for name in names):
        remedy = f"Write the names of the columns above it: {','.join(required)} and so on."
        raise UnreadableError(key, 1, "is a row: the file has no header.", remedy)
    remedy = f"Write the columns' names there, or map yours in usher.yaml: `columns: {{<your name>: {required[0]}}}`."
    raise UnreadableError(key, 1, f"has no name like {', '.join(required)}.", remedy)


def _add_block(profile: DatasetProfile, block: Block, key: str) -> None:
    profile.columns = profile.columns or {name: ColumnProfile() for name in block.columns}
    profile.rows += len(block.lines)
    for error, lines in block.row_errors.items():
        profile.row_errors[error].add(key, lines, len(lines))
    counted = "USER_ID" if profile.dataset == "interactions" else UNIQUE.get(profile.dataset, "")
    ids = {}
    for name, text in block.columns.items():
        column, is_id = profile.columns[name], name in {counted, *ID_COLUMNS}
        coded = Coded.of(text) if column.values is not None or is_id else None
        _add_facts(column, profile.dataset, name, coded or text, block.lines, key)
        column.count_values(coded.counts() if coded and len(coded.texts) <= MAX_VALUES else None)
        if coded and is_id:
            ids[name] = coded.hashed()
    if counted in ids:
        profile.ids.add_rows(ids[counted], block.lines)
    profile.diagnosis.add_rows(block.columns, ids)


def _add_facts(
    column: ColumnProfile, dataset: str, name: str, text: pa.StringArray | Coded, lines: NDArray[np.int64], key: str
) -> None:
    """Add the facts of a column's cells. If few cells differ, each different text is examined once."""
    coded, texts = (text, text.texts) if isinstance(text, Coded) else (None, text)
    cells = Cells.of(texts, numeric=RESERVED[dataset].get(name) != "string", times=name.endswith("TIMESTAMP"))

    def by_row(of_texts: pa.BooleanArray) -> pa.BooleanArray:
        if coded is None or not of_texts.true_count:
            return of_texts
        return of_texts.take(pa.array(coded.places))

    for fact, (ending, holds) in FACTS.items():
        if name.endswith(ending) and (rows := by_row(holds(cells))).true_count:
            first = pc.indices_nonzero(rows)[:MAX_REPORTED].to_numpy()
            shown = fact in EXAMPLES and not name.endswith("_ID")
            place = coded.places[first[0]] if coded else first[0]
            example = texts[place].as_py()[:MAX_EXAMPLE_LENGTH] if shown else ""
            column.facts[fact].add(key, lines[first].tolist(), rows.true_count, example)
    if name.endswith("TIMESTAMP") and (number := pc.max(cells.number).as_py()) is not None:
        first = pc.index(by_row(pc.equal(cells.number, number)), True)
        column.note_latest(Latest(number, key, int(lines[first.as_py()])))


def _add_file(whole: DatasetProfile, key: str, position: int, parts: Iterable[DatasetProfile]) -> None:
    """Add a file's parts, up to the first that can't be read. `position`: that of its first line."""
    lines, error = 0, None
    for part in parts:
        whole.size += part.size
        whole.digests += part.digests
        error = error or _other_columns(whole, key, part)
        if not error:
            _add_part(whole, key, part, lines, position)
            error = next((replace(one, line=one.line and one.line + lines) for one in part.read_errors), None)
            lines += part.lines
    if not error and suffix_of(key) != ".parquet" and lines < 1 + (is_csv := ".csv" in suffix_of(key)):
        error = _no_rows(key, "a header, but " if is_csv else "")
    whole.read_errors += [error] if error else []


def _no_rows(key: str, what: str = "") -> ReadError:
    return ReadError(key, 0, f"has {what}no rows.", "Add rows, or remove the file.")


def _other_columns(whole: DatasetProfile, key: str, part: DatasetProfile) -> ReadError | None:
    if not whole.columns or not part.columns or list(whole.columns) == list(part.columns):
        return None
    message = f"has other columns than the files before it: {', '.join(whole.columns)}."
    return ReadError(key, 1, message, "Give all files the same header.")


def _add_part(whole: DatasetProfile, key: str, part: DatasetProfile, lines_before: int, position: int) -> None:
    """Add a part of a file. `lines_before`: the number of the file's lines before it; `position`: the file's first."""
    whole.columns = whole.columns or {name: ColumnProfile() for name in part.columns}
    whole.rows += part.rows
    pairs = [(whole.row_errors[name], theirs) for name, theirs in part.row_errors.items()]
    for name, column in part.columns.items():
        whole.columns[name].count_values(column.values)
        if one := column.latest:
            whole.columns[name].note_latest(replace(one, key=key, line=one.line + lines_before))
        pairs += [(whole.columns[name].facts[fact], theirs) for fact, theirs in column.facts.items()]
    for ours, theirs in pairs:
        ours.add(
            key, [line + lines_before for lines in theirs.lines.values() for line in lines], theirs.rows, theirs.example
        )
    whole.ids.add(part.ids, position + lines_before)
    whole.diagnosis.merge(part.diagnosis)
