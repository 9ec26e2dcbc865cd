"""The data of a dataset group, imported (bulk) and streamed."""

import json
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from usher_local.personalize.core.schemas import plain
from usher_local.personalize.data.interactions import InteractionLog
from usher_local.personalize.data.kept import Kept
from usher_local.store import readable, written_whole

Mask = NDArray[np.bool_]
Cell = str | None
"""A value as text, or None."""

COMPARE = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


@dataclass(frozen=True)
class Column:
    """One field of all records; a cell may have several values, separated by `|`."""

    cells: list[Cell]

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """The cells as numbers; NaN for other cells."""
        return np.asarray(pd.to_numeric(pd.Series(self.cells, dtype=object), errors="coerce"), np.float64)

    @cached_property
    def rows(self) -> dict[str, list[int]]:
        """The positions of each value."""
        found: dict[str, list[int]] = {}
        for position, cell in enumerate(self.cells):
            for member in members(cell):
                found.setdefault(member, []).append(position)
        return found

    def having(self, values: Collection[str | float]) -> Mask:
        """A mask of the cells that contain any of `values`."""
        mask = np.zeros(len(self.cells), np.bool_)
        for value in values:
            if isinstance(value, str):
                mask[self.rows.get(value, [])] = True
            else:
                mask |= self.numbers == value
        return mask

    def compared(self, operator: str, number: float) -> Mask:
        """A mask of the cells whose number fulfils the comparison."""
        result: Mask = COMPARE[operator](self.numbers, number) & ~np.isnan(self.numbers)
        return result


def members(cell: Cell) -> list[str]:
    """The values in a cell."""
    return cell.split("|") if cell else []


@dataclass(frozen=True)
class Table:
    """An immutable view of items or users."""

    index: dict[str, int]
    columns: dict[str, Column]
    """Columns by the plain name of the field (see `schemas.plain`)."""

    def has(self, name: str) -> bool:
        """Whether any record has the field."""
        return plain(name) in self.columns

    def column(self, name: str) -> Column:
        """The column of a field in any case; all empty if no record has the field."""
        return self.columns.get(plain(name)) or Column([None] * len(self.index))

    def cell(self, record: str | None, name: str) -> Cell:
        """The value of a record's field."""
        position = self.index.get(record or "")
        return None if position is None else self.column(name).cells[position]


@dataclass(slots=True)
class Records:
    """The items, users or actions of a dataset group. A streamed record replaces the imported one with its ID."""

    id_field: str
    _bulk: dict[str, dict[str, Cell]] = field(default_factory=dict)
    _streamed: dict[str, dict[str, Cell]] = field(default_factory=dict)
    _table: Table | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def load(self, frame: pd.DataFrame, append: bool) -> None:
        """Take an import; later rows replace earlier ones with the same ID."""
        names = [name for name in frame.columns if name != self.id_field]
        cells = zip(*(_texts(frame[name]) for name in names), strict=True)
        fields = [plain(name) for name in names]
        rows = {key: dict(zip(fields, row, strict=True)) for key, row in zip(frame[self.id_field], cells, strict=True)}
        with self._lock:
            self._bulk = self._bulk | rows if append else rows
            self._table = None

    def add(self, records: Mapping[str, Mapping[str, object]]) -> None:
        """Insert or replace whole records; values are kept as text."""
        rows = {
            key: {plain(name): None if value is None else str(value) for name, value in record.items()}
            for key, record in records.items()
        }
        with self._lock:
            self._streamed.update(rows)
            self._table = None

    def remove(self, ids: Collection[str]) -> int:
        """Delete records. Returns the number of deleted rows."""
        with self._lock:
            parts = self._bulk, self._streamed
            before = sum(map(len, parts))
            self._bulk, self._streamed = ({k: row for k, row in part.items() if k not in ids} for part in parts)
            self._table = None
            return before - len(self._bulk) - len(self._streamed)

    def rows(self, mode: str) -> pd.DataFrame:
        """The records of an ingestion mode (BULK, PUT or ALL) under the plain names of their fields."""
        with self._lock:
            rows = {"BULK": self._bulk, "PUT": self._streamed, "ALL": self._bulk | self._streamed}[mode]
            return pd.DataFrame([{plain(self.id_field): key, **row} for key, row in rows.items()], dtype=object)

    def save(self, path: Path) -> None:
        """Write the imported records as JSON (`path`.json)."""
        with self._lock, written_whole(path.with_suffix(".json")) as new:
            new.write_text(json.dumps(self._bulk))

    def restore(self, path: Path) -> None:
        """Load the records that `save` wrote, if the file exists."""
        file = path.with_suffix(".json")
        if file.exists():
            with readable(file):
                self._bulk = json.loads(file.read_text())

    def documents(self) -> list[object]:
        """The streamed records as documents for `take`."""
        return [self.document(self._streamed)]

    @staticmethod
    def document(records: Mapping[str, Mapping[str, object]]) -> object:
        """Records as one document."""
        return records

    def take(self, document: Any) -> None:
        """Add the records of a document."""
        self.add(document)

    @property
    def table(self) -> Table:
        """An immutable view of the current records; the same object until a change."""
        with self._lock:
            if self._table is None:
                rows = self._bulk | self._streamed
                names = dict.fromkeys(name for row in rows.values() for name in row)
                columns = {name: Column([row.get(name) for row in rows.values()]) for name in names}
                self._table = Table({key: position for position, key in enumerate(rows)}, columns)
            return self._table


def _texts(column: "pd.Series[Any]") -> Iterator[Cell]:
    return (None if empty else str(value) for value, empty in zip(column, column.isna(), strict=True))


@dataclass(slots=True)
class GroupData:
    """All data of one dataset group; a field's name is the type of its dataset in lower case.

    With `kept`, each change is saved there.
    """

    interactions: InteractionLog = field(default_factory=InteractionLog)
    items: Records = field(default_factory=lambda: Records("ITEM_ID"))
    users: Records = field(default_factory=lambda: Records("USER_ID"))
    actions: Records = field(default_factory=lambda: Records("ACTION_ID"))
    action_interactions: InteractionLog = field(default_factory=lambda: InteractionLog("ACTION_ID"))
    kept: Kept | None = None
    _saving: threading.Lock = field(default_factory=threading.Lock)
    _streaming: threading.Lock = field(default_factory=threading.Lock)

    def part(self, dataset_type: str) -> Any:
        """The Records or InteractionLog of a type of dataset."""
        return getattr(self, dataset_type.lower())

    def load(self, dataset_type: str, frame: pd.DataFrame, append: bool) -> None:
        """Take an import into a dataset of any type."""
        with self._saving:
            self.part(dataset_type).load(frame, append)
            self._save(dataset_type.lower())

    def stream(self, dataset_type: str, rows: Any) -> None:
        """Add streamed data: Events of interactions, or records by ID."""
        part = self.part(dataset_type)
        with self._streaming:
            part.add(rows)
            if self.kept:
                self.kept.append(dataset_type.lower(), part.document(rows))

    def clear(self, dataset_type: str) -> None:
        """Delete the data of a deleted dataset."""
        with self._saving, self._streaming:
            setattr(self, dataset_type.lower(), GroupData().part(dataset_type))
            self._save(dataset_type.lower())
            self._save_streamed(dataset_type.lower())

    def remove_users(self, users: Collection[str]) -> int:
        """Delete users from all datasets. Returns the number of deleted rows."""
        wanted, removed = set(users), 0
        with self._saving, self._streaming:
            for name in ("interactions", "users", "action_interactions"):
                removed += self.part(name).remove(wanted)
                self._save(name)
                self._save_streamed(name)
        return removed

    def export(self, dataset_type: str, mode: str, names: Collection[str]) -> str:
        """The rows of an ingestion mode (BULK, PUT or ALL) as CSV with the fields `names`, which an import can read."""
        rows = self.part(dataset_type).rows(mode).reindex(columns=[plain(name) for name in names])
        text: str = rows.set_axis(list(names), axis=1).to_csv(index=False, doublequote=False, escapechar="\\")
        return text

    @classmethod
    def restore(cls, kept: Kept) -> Self:
        """The data that an earlier process saved."""
        data = cls()
        for name in PARTS:
            part = data.part(name)
            part.restore(kept.path(name))
            for document in kept.streamed(name):
                part.take(document)
        data.kept = kept
        return data

    def _save(self, name: str) -> None:
        if self.kept:
            self.part(name).save(self.kept.path(name))

    def _save_streamed(self, name: str) -> None:
        if self.kept:
            self.kept.replace(name, self.part(name).documents())


PARTS = ("interactions", "items", "users", "actions", "action_interactions")
"""The names of a group's parts."""
