"""The data of a dataset group: what imports brought (bulk) and what came event by event (streamed)."""

import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from local.personalize.schemas import plain

Mask = NDArray[np.bool_]
Cell = str | None
"""A value as text; None where there is none."""

COLUMNS = ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE")
COMPARE = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


class Interaction(NamedTuple):
    """One row of a user's history; `type` and `value` are None where the data has none."""

    timestamp: int
    item: str
    type: str | None
    value: float | None


@dataclass(frozen=True, slots=True)
class Event:
    """A streamed interaction; without a user it belongs to its session."""

    user: str | None
    session: str
    row: Interaction
    id: str | None = None


class _Bulk:
    """Imported interactions, sorted by user and time; immutable, so readers need no lock."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame.sort_values(["USER_ID", "TIMESTAMP"], kind="stable", ignore_index=True)
        users = self.frame["USER_ID"].to_numpy(dtype=object)
        starts = np.flatnonzero(np.r_[True, users[1:] != users[:-1]]) if len(users) else np.zeros(0, np.int64)
        self.spans = dict(zip(users[starts], pairwise([*starts, len(users)]), strict=True))
        self.columns = [self.frame[name].to_numpy(dtype=object) for name in COLUMNS[1:]]

    def of(self, user: str) -> list[Interaction]:
        start, stop = self.spans.get(user, (0, 0))
        items, times, types, values = (column[start:stop] for column in self.columns)
        return [Interaction(*row) for row in zip(times, items, types, values, strict=True)]


def _interactions(rows: Collection[tuple[object, ...]] = ()) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(COLUMNS), dtype=object)


@dataclass(slots=True)
class InteractionLog:
    """All interactions of a dataset group."""

    _bulk: _Bulk = field(default_factory=lambda: _Bulk(_interactions()))
    _streamed: dict[str, list[Event]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def load(self, frame: pd.DataFrame, append: bool) -> None:
        """Take an import: replace the bulk data, or append to it and collapse exact duplicates.

        `frame` has USER_ID, ITEM_ID (str), TIMESTAMP (int) and perhaps other columns of the schema.
        """
        frame = frame.reindex(columns=[*COLUMNS, *(c for c in frame.columns if c not in COLUMNS)])
        frame["EVENT_VALUE"] = pd.to_numeric(frame["EVENT_VALUE"])
        frame = frame.astype({"EVENT_TYPE": object, "EVENT_VALUE": object}).where(frame.notna(), None)
        self._bulk = _Bulk(pd.concat([self._bulk.frame, frame]).drop_duplicates() if append else frame)

    def add(self, events: Collection[Event]) -> None:
        """Take streamed events; one whose id came before is ignored."""
        with self._lock:
            for event in events:
                if event.id is None or event.id not in self._seen:
                    self._streamed.setdefault(event.user or event.session, []).append(event)
                    self._seen.update({event.id} if event.id else ())

    def of(self, user: str) -> list[Interaction]:
        """The history of a user (or of an anonymous session), oldest first."""
        streamed = [event.row for event in list(self._streamed.get(user, ()))]
        return sorted(self._bulk.of(user) + streamed, key=lambda row: row.timestamp)

    def frame(self) -> pd.DataFrame:
        """Everything, for training: COLUMNS only. Anonymous sessions belong to the user who was later seen in them."""
        with self._lock:
            events = [event for some in self._streamed.values() for event in some if event.row.item]
        owners = {event.session: event.user for event in events if event.user}
        rows = [
            (event.user or owners.get(event.session, event.session), e.item, e.timestamp, e.type, e.value)
            for event in events
            for e in (event.row,)
        ]
        return pd.concat([self._bulk.frame[list(COLUMNS)], _interactions(rows)], ignore_index=True)


@dataclass(frozen=True)
class Column:
    """One field of all records; several values in a cell are separated by `|`."""

    cells: list[Cell]

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """The cells as numbers; NaN where a cell is none."""
        return np.asarray(pd.to_numeric(pd.Series(self.cells, dtype=object), errors="coerce"), np.float64)

    @cached_property
    def rows(self) -> dict[str, list[int]]:
        """Positions by member value."""
        found: dict[str, list[int]] = {}
        for position, cell in enumerate(self.cells):
            for member in members(cell):
                found.setdefault(member, []).append(position)
        return found

    def having(self, values: Collection[str | float]) -> Mask:
        """Where any member of the cell is among `values`."""
        mask = np.zeros(len(self.cells), np.bool_)
        for value in values:
            if isinstance(value, str):
                mask[self.rows.get(value, [])] = True
            else:
                mask |= self.numbers == value
        return mask

    def compared(self, operator: str, number: float) -> Mask:
        """Where the cell is a number of which `operator` is true."""
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
    """By plain name of the field (see `schemas.plain`)."""

    def column(self, name: str) -> Column:
        """The column of a field in any case; all empty when no record has the field."""
        return self.columns.get(plain(name)) or Column([None] * len(self.index))

    def cell(self, record: str | None, name: str) -> Cell:
        """One value."""
        position = self.index.get(record or "")
        return None if position is None else self.column(name).cells[position]


@dataclass(slots=True)
class Records:
    """The items or users of a dataset group. A streamed record stands in place of the imported one with its id."""

    id_field: str
    _bulk: dict[str, dict[str, Cell]] = field(default_factory=dict)
    _streamed: dict[str, dict[str, Cell]] = field(default_factory=dict)
    _table: Table | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def load(self, frame: pd.DataFrame, append: bool) -> None:
        """Take an import; later rows replace earlier ones with the same id."""
        names = [name for name in frame.columns if name != self.id_field]
        cells = zip(*(_texts(frame[name]) for name in names), strict=True)
        fields = [plain(name) for name in names]
        rows = {key: dict(zip(fields, row, strict=True)) for key, row in zip(frame[self.id_field], cells, strict=True)}
        with self._lock:
            self._bulk = self._bulk | rows if append else rows
            self._table = None

    def put(self, records: Mapping[str, Mapping[str, object]]) -> None:
        """Insert or replace whole records; values are kept as text."""
        rows = {
            key: {plain(name): None if value is None else str(value) for name, value in record.items()}
            for key, record in records.items()
        }
        with self._lock:
            self._streamed.update(rows)
            self._table = None

    @property
    def table(self) -> Table:
        """What is there now; the same object until something changes."""
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
    """All data of one dataset group."""

    interactions: InteractionLog = field(default_factory=InteractionLog)
    items: Records = field(default_factory=lambda: Records("ITEM_ID"))
    users: Records = field(default_factory=lambda: Records("USER_ID"))

    def records(self, dataset_type: str) -> Records:
        """The part that a dataset of type ITEMS or USERS fills."""
        return {"ITEMS": self.items, "USERS": self.users}[dataset_type]

    def load(self, dataset_type: str, frame: pd.DataFrame, append: bool) -> None:
        """Take an import into a dataset of any type."""
        (self.interactions if dataset_type == "INTERACTIONS" else self.records(dataset_type)).load(frame, append)

    def clear(self, dataset_type: str) -> None:
        """Forget what a deleted dataset held."""
        setattr(self, dataset_type.lower(), getattr(GroupData(), dataset_type.lower()))
