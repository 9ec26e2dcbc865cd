"""Who met what: imported rows as columns of numbers, streamed ones event by event."""

import io
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from local.personalize.schemas import plain

COLUMNS = ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE")
INACTIVE = 90 * 86400
"""Seconds without anything new of a user after which filters forget what the user met."""


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
    more: Mapping[str, str] = field(default_factory=dict)
    """Other fields by plain name: properties, impression, recommendation id."""


class _Bulk:
    """Imported interactions, sorted by user and time; immutable, so readers need no lock.

    Texts are categories: a million rows take tens of megabytes instead of hundreds.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        texts = [name for name in frame.columns if name not in ("TIMESTAMP", "EVENT_VALUE")]
        typed = frame.astype(dict.fromkeys(texts, "category") | {"TIMESTAMP": np.int64, "EVENT_VALUE": np.float64})
        users = typed["USER_ID"].cat.codes.to_numpy()
        order = np.lexsort((typed["TIMESTAMP"].to_numpy(), users))
        self.frame = typed.iloc[order].reset_index(drop=True)
        bounds = np.searchsorted(users[order], np.arange(len(typed["USER_ID"].cat.categories) + 1))
        self.spans = dict(zip(typed["USER_ID"].cat.categories, pairwise(bounds.tolist()), strict=True))
        self.columns = [self.frame[name].array for name in COLUMNS[1:]]
        self.newest = int(typed["TIMESTAMP"].max()) if len(typed) else 0

    def of(self, user: str) -> list[Interaction]:
        start, stop = self.spans.get(user, (0, 0))
        items, times, types, values = (np.asarray(column[start:stop], object) for column in self.columns)
        return [
            Interaction(int(at), item, None if pd.isna(kind) else kind, None if value != value else value)
            for at, item, kind, value in zip(times, items, types, values, strict=True)
        ]


def _complete(frame: pd.DataFrame) -> pd.DataFrame:
    """With all of COLUMNS and perhaps more."""
    return frame.reindex(columns=[*COLUMNS, *(name for name in frame.columns if name not in COLUMNS)])


_NOTHING = _Bulk(_complete(pd.DataFrame()))


@dataclass(slots=True)
class InteractionLog:
    """All interactions of a dataset group with items (or, under the name of items, with actions)."""

    item_field: str = "ITEM_ID"
    _bulk: _Bulk = _NOTHING
    _streamed: dict[str, list[Event]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _changed: dict[str, float] = field(default_factory=dict)
    """When something of a user was last streamed; under None's stand-in "" when something was imported."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def size(self) -> int:
        """Rows, imported and streamed."""
        return len(self._bulk.frame) + sum(map(len, list(self._streamed.values())))

    @property
    def newest(self) -> int:
        """Unix seconds of the newest row; 0 if there is none."""
        streamed = (event.row.timestamp for some in list(self._streamed.values()) for event in list(some))
        return max(self._bulk.newest, max(streamed, default=0))

    def load(self, frame: pd.DataFrame, append: bool) -> None:
        """Take an import: replace the bulk data, or append to it and collapse exact duplicates.

        `frame` has USER_ID, ITEM_ID or ACTION_ID (str), TIMESTAMP (int) and perhaps other columns of the schema.
        """
        frame = _complete(frame.rename(columns={self.item_field: "ITEM_ID"}))
        frame["EVENT_VALUE"] = pd.to_numeric(frame["EVENT_VALUE"])
        with self._lock:
            if append:
                frame = pd.concat([self._bulk.frame.astype(object), frame.astype(object)]).drop_duplicates()
            self._bulk = _Bulk(frame)
            self._changed[""] = time.time()

    def add(self, events: Collection[Event]) -> None:
        """Take streamed events; one whose id came before is ignored."""
        with self._lock:
            for event in events:
                if event.id is None or event.id not in self._seen:
                    owner = event.user or event.session
                    self._streamed.setdefault(owner, []).append(event)
                    self._changed[owner] = time.time()
                    self._seen.update({event.id} if event.id else ())

    def remove(self, users: Collection[str]) -> int:
        """Forget users; how many rows there were."""
        with self._lock:
            before = self.size
            owners = self._owners()
            kept = {
                owner: [event for event in some if (event.user or owners.get(event.session, owner)) not in users]
                for owner, some in self._streamed.items()
            }
            self._streamed = {owner: some for owner, some in kept.items() if some}
            frame = self._bulk.frame
            self._bulk = _Bulk(frame[~frame["USER_ID"].isin(list(users))].astype({"USER_ID": object}))
            return before - self.size

    def of(self, user: str) -> list[Interaction]:
        """The history of a user (or of an anonymous session), oldest first."""
        streamed = [event.row for event in list(self._streamed.get(user, ()))]
        return sorted(self._bulk.of(user) + streamed, key=lambda row: row.timestamp)

    def forgotten(self, user: str) -> bool:
        """Whether filters look at this user's history no more."""
        return time.time() - max(self._changed.get(user, 0.0), self._changed.get("", 0.0)) > INACTIVE

    def frame(self) -> pd.DataFrame:
        """Everything, for training: COLUMNS only. Anonymous sessions belong to the user who was later seen in them."""
        bulk, streamed = self._bulk.frame, self.streamed()
        whole = pd.concat([bulk[list(COLUMNS)].astype(object), streamed])
        return whole[whole["ITEM_ID"] != ""].reindex(columns=list(COLUMNS)).reset_index(drop=True)

    def streamed(self) -> pd.DataFrame:
        """What came event by event: COLUMNS, and what else the events said under plain names."""
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
        return _complete(pd.DataFrame(rows)).astype({"EVENT_VALUE": np.float64, "TIMESTAMP": np.int64})

    def rows(self, mode: str) -> pd.DataFrame:
        """Rows of an ingestion mode (BULK, PUT or ALL) under the plain names of their fields."""
        parts = {"BULK": [self._bulk.frame], "PUT": [self.streamed()], "ALL": [self._bulk.frame, self.streamed()]}[mode]
        named = [
            part.rename(columns={"ITEM_ID": self.item_field}).rename(columns=plain).astype(object) for part in parts
        ]
        return pd.concat(named, ignore_index=True)

    def _owners(self) -> dict[str, str]:
        """Users by the sessions in which they were known."""
        events = (event for some in self._streamed.values() for event in some)
        return {event.session: event.user for event in events if event.user}

    def state(self) -> dict[str, Any]:
        """Everything, as JSON can say it."""
        with self._lock:
            events = [asdict(event) for some in self._streamed.values() for event in some]
            return {"bulk": self._bulk.frame.to_json(orient="split", index=False), "streamed": events}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """What `state` told."""
        bulk = pd.read_json(io.StringIO(state["bulk"]), orient="split", dtype=False)
        self.load(bulk.rename(columns={"ITEM_ID": self.item_field}), append=False)
        self.add([Event(**event | {"row": Interaction(*event["row"])}) for event in state["streamed"]])


def about(log: InteractionLog, items: Collection[str]) -> Iterator[tuple[str, str]]:
    """User and type in lower case of every event with one of `items`."""
    frame = log.frame()
    chosen = frame[frame["ITEM_ID"].isin(list(items))]
    for user, kind in zip(chosen["USER_ID"], chosen["EVENT_TYPE"], strict=True):
        yield user, "" if pd.isna(kind) else kind.lower()
