"""Interactions: imported rows as columns of numbers, streamed ones as events."""

import json
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from usher_local.personalize.core.schemas import plain
from usher_local.python_parser import PARSER
from usher_local.store import readable, written_whole

COLUMNS = ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE")
TEXTS = "."
"""The name of the texts among the saved columns; no field has this name."""
INACTIVE = 90 * 86400
"""The seconds without new data of a user after which filters ignore the user's history."""


class Interaction(NamedTuple):
    """One row of a user's history; `type` and `value` are None if the data has none."""

    timestamp: int
    item: str
    type: str | None
    value: float | None


class History(NamedTuple):
    """A user's interactions, oldest first, as columns, which are much faster to make than rows."""

    items: Sequence[str] = ()
    types: Sequence[str | None] = ()
    values: Sequence[float | None] = ()
    """None or NaN if the data has no value."""
    newest: int | None = None
    """Unix seconds of the newest interaction."""


@dataclass(frozen=True, slots=True)
class Event:
    """A streamed interaction; without a user it belongs to its session."""

    user: str | None
    session: str
    row: Interaction
    id: str | None = None
    more: Mapping[str, str] = field(default_factory=dict)
    """Other fields by their plain names: properties, impression, recommendation ID."""


def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Concatenated frames, with texts as categories in alphabetical order; missing columns are empty."""
    names = dict.fromkeys(name for part in parts for name in part.columns)
    columns = {name: [part.get(name, pd.Series(np.nan, part.index)) for part in parts] for name in names}
    return pd.DataFrame({name: _joined(some) for name, some in columns.items()}, copy=False)


def _joined(columns: "list[pd.Series[Any]]") -> "pd.Series[Any]":
    if not any(isinstance(column.dtype, pd.CategoricalDtype) for column in columns):
        return pd.concat(columns, ignore_index=True)
    return pd.Series(union_categoricals([categorical(column) for column in columns], sort_categories=True))


def categorical(column: "pd.Series[Any]") -> "pd.Categorical[Any]":
    """The texts of a column as categories in alphabetical order; nulls get no category."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return cast("pd.Categorical[Any]", column.array)
    return pd.Categorical(column.astype("str"))


class _Bulk:
    """Imported interactions, sorted by user and time; immutable, so readers need no lock.

    Texts are categories: a million rows take tens of megabytes instead of hundreds.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        users, times = frame["USER_ID"].cat.codes.to_numpy(), frame["TIMESTAMP"].to_numpy()
        if not in_order(users, times):
            frame = frame.take(np.lexsort((times, users)))
            users, times = frame["USER_ID"].cat.codes.to_numpy(), frame["TIMESTAMP"].to_numpy()
        self.frame = frame.reset_index(drop=True)
        names = frame["USER_ID"].cat.categories
        bounds = np.searchsorted(users, np.arange(len(names) + 1))
        self.spans = dict(zip(names, pairwise(bounds.tolist()), strict=True))
        self.codes = [self.frame[name].cat.codes.to_numpy() for name in ("ITEM_ID", "EVENT_TYPE")]
        self.names = [[*self.frame[name].cat.categories, None] for name in ("ITEM_ID", "EVENT_TYPE")]
        self.times, self.values = (self.frame[name].to_numpy() for name in ("TIMESTAMP", "EVENT_VALUE"))
        self.newest = int(times.max()) if len(frame) else 0

    def of(self, user: str) -> list[Interaction]:
        times = self.times[slice(*self.spans.get(user, (0, 0)))].tolist()
        return [
            Interaction(at, item, kind, None if value != value else value)
            for at, item, kind, value in zip(times, *self.history(user)[:3], strict=True)
        ]

    def history(self, user: str) -> History:
        span = slice(*self.spans.get(user, (0, 0)))
        items, types = (
            [names[code] for code in codes[span].tolist()]  # the code of a null is -1, the last one
            for codes, names in zip(self.codes, self.names, strict=True)
        )
        newest = int(self.times[span.stop - 1]) if items else None
        return History(items, types, self.values[span].tolist(), newest)


def in_order(users: NDArray[np.integer], times: NDArray[np.integer]) -> bool:
    """Whether rows are sorted by user and time already, since sorting twenty million takes long."""
    later = users[1:] > users[:-1]
    return bool(np.all(later | ((users[1:] == users[:-1]) & (times[1:] >= times[:-1]))))


def _complete(frame: pd.DataFrame) -> pd.DataFrame:
    """A compact frame with all of COLUMNS and perhaps more: texts as categories, times and values as numbers."""
    numbers = {"TIMESTAMP": np.int64, "EVENT_VALUE": np.float64}
    names = [*COLUMNS, *(name for name in frame.columns if name not in COLUMNS)]
    empty = pd.Series(np.nan, frame.index)
    return pd.DataFrame(
        {
            name: _numbers(column).astype(numbers[name]) if name in numbers else categorical(column)
            for name, column in ((name, frame.get(name, empty)) for name in names)
        },
        copy=False,
    )


def _numbers(column: "pd.Series[Any]") -> "pd.Series[Any]":
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return pd.to_numeric(column)
    codes, known = column.cat.codes, pd.to_numeric(pd.Series(column.cat.categories)).to_numpy(np.float64)
    return pd.Series(np.append(known, np.nan)[codes.to_numpy()])  # the code of a null is -1


_NOTHING = _Bulk(_complete(pd.DataFrame()))


@dataclass(slots=True)
class InteractionLog:
    """All interactions of a dataset group with items (or, under the name of items, with actions)."""

    item_field: str = "ITEM_ID"
    _bulk: _Bulk = _NOTHING
    _streamed: dict[str, list[Event]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _changed: dict[str, float] = field(default_factory=dict)
    """The time of the last streamed event of each user; under "" the time of the last import."""
    _newest: int = 0
    """Unix seconds of the newest streamed event."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def size(self) -> int:
        """The number of rows, imported and streamed."""
        return len(self._bulk.frame) + sum(map(len, list(self._streamed.values())))

    @property
    def newest(self) -> int:
        """Unix seconds of the newest row; 0 without rows."""
        return max(self._bulk.newest, self._newest)

    def load(self, frame: pd.DataFrame, append: bool) -> None:
        """Take an import: replace the bulk data, or append to it and collapse exact duplicates.

        `frame` has USER_ID, ITEM_ID or ACTION_ID (str), TIMESTAMP (int) and perhaps other columns of the schema.
        """
        frame = _complete(frame.rename(columns={self.item_field: "ITEM_ID"}))
        with self._lock:
            if append:
                frame = joined([self._bulk.frame, frame]).drop_duplicates()
            self._bulk = _Bulk(frame)
            self._changed[""] = time.time()

    def add(self, events: Collection[Event]) -> None:
        """Add streamed events; an event with a known ID is ignored."""
        with self._lock:
            for event in events:
                if event.id is None or event.id not in self._seen:
                    owner = event.user or event.session
                    self._streamed.setdefault(owner, []).append(event)
                    self._changed[owner] = time.time()
                    self._newest = max(self._newest, event.row.timestamp)
                    self._seen.update({event.id} if event.id else ())

    def remove(self, users: Collection[str]) -> int:
        """Delete users. Returns the number of deleted rows."""
        with self._lock:
            before = self.size
            owners = self._owners()
            kept = {
                owner: [event for event in some if (event.user or owners.get(event.session, owner)) not in users]
                for owner, some in self._streamed.items()
            }
            self._streamed = {owner: some for owner, some in kept.items() if some}
            self._newest = max((e.row.timestamp for some in self._streamed.values() for e in some), default=0)
            frame = self._bulk.frame
            kept_rows = frame[~frame["USER_ID"].isin(list(users))]
            self._bulk = _Bulk(kept_rows.assign(USER_ID=kept_rows["USER_ID"].cat.remove_unused_categories()))
            for user in users:
                self._changed.pop(user, None)
            return before - self.size

    def of(self, user: str) -> list[Interaction]:
        """The history of a user (or of an anonymous session), oldest first."""
        streamed = [event.row for event in list(self._streamed.get(user, ()))]
        bulk = self._bulk.of(user)
        return sorted(bulk + streamed, key=lambda row: row.timestamp) if streamed else bulk

    def history(self, user: str) -> History:
        """The history of a user (or of an anonymous session) as columns."""
        if user not in self._streamed:
            return self._bulk.history(user)
        rows = self.of(user)
        items, types, values = ([getattr(row, name) for row in rows] for name in ("item", "type", "value"))
        return History(items, types, values, rows[-1].timestamp)

    def forgotten(self, user: str) -> bool:
        """Whether filters ignore this user's history."""
        return time.time() - max(self._changed.get(user, 0.0), self._changed.get("", 0.0)) > INACTIVE

    def frame(self) -> pd.DataFrame:
        """All interactions for training, with COLUMNS only. Anonymous sessions belong to the user who is known in them
        later."""
        bulk, streamed = self._bulk.frame[list(COLUMNS)], self.streamed()
        whole = joined([bulk, streamed[list(COLUMNS)]]) if len(streamed) else bulk
        nameless = whole["ITEM_ID"] == ""
        return whole[~nameless] if nameless.any() else whole

    def streamed(self) -> pd.DataFrame:
        """The streamed events: COLUMNS, and the events' other fields under their plain names."""
        with self._lock:
            owners = self._owners()
            rows = [
                {
                    "USER_ID": event.user or owners.get(event.session, event.session),
                    "ITEM_ID": event.row.item,
                    "TIMESTAMP": event.row.timestamp,
                    "EVENT_TYPE": event.row.type,
                    "EVENT_VALUE": event.row.value,
                    **event.more,
                }
                for some in self._streamed.values()
                for event in some
            ]
        return _complete(pd.DataFrame(rows))

    def rows(self, mode: str) -> pd.DataFrame:
        """The rows of an ingestion mode (BULK, PUT or ALL) under the plain names of their fields."""
        parts = {"BULK": [self._bulk.frame], "PUT": [self.streamed()], "ALL": [self._bulk.frame, self.streamed()]}[mode]
        named = [part.rename(columns={"ITEM_ID": self.item_field}).rename(columns=plain) for part in parts]
        return joined(named)

    def _owners(self) -> dict[str, str]:
        """The known user of each session."""
        events = (event for some in self._streamed.values() for event in some)
        return {event.session: event.user for event in events if event.user}

    def save(self, path: Path) -> None:
        """Write the imported interactions as arrays (`path`.npz): codes and numbers by column, and texts as JSON."""
        frame = self._bulk.frame
        texts = [name for name in frame.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)]
        labels = {name: frame[name].cat.categories.tolist() for name in texts}
        arrays: dict[str, Any] = {
            name: (frame[name].cat.codes if name in labels else frame[name]).to_numpy() for name in frame.columns
        }
        arrays[TEXTS] = np.frombuffer(json.dumps(labels).encode(), np.uint8)
        with written_whole(path.with_suffix(".npz")) as new, new.open("wb") as file:
            np.savez(file, **arrays)

    def restore(self, path: Path) -> None:
        """Load the interactions that `save` wrote, if the file exists."""
        file = path.with_suffix(".npz")
        if not file.exists():
            return
        with readable(file), PARSER, np.load(file, allow_pickle=False) as arrays:  # noqa: TID251
            labels = json.loads(arrays[TEXTS].tobytes())
            texts = {name: pd.Index(names, dtype="str") for name, names in labels.items()}
            columns = {
                name: pd.Categorical.from_codes(arrays[name], texts[name]) if name in texts else arrays[name]
                for name in arrays
                if name != TEXTS
            }
            self._bulk = _Bulk(pd.DataFrame(columns, copy=False))
        self._changed[""] = time.time()

    def documents(self) -> list[object]:
        """The streamed events as documents for `take`."""
        return [self.document([event for some in self._streamed.values() for event in some])]

    @staticmethod
    def document(events: Collection[Event]) -> object:
        """Events as one document."""
        return [asdict(event) for event in events]

    def take(self, document: Any) -> None:
        """Add the events of a document."""
        self.add([Event(**event | {"row": Interaction(*event["row"])}) for event in document])


def about(log: InteractionLog, items: Collection[str]) -> Iterator[tuple[str, str]]:
    """The user and the type (in lower case) of every event with one of `items`."""
    frame = log.frame()
    chosen = frame[frame["ITEM_ID"].isin(list(items))]
    for user, kind in zip(chosen["USER_ID"], chosen["EVENT_TYPE"], strict=True):
        yield user, "" if pd.isna(kind) else kind.lower()
