"""A group's users, items and interactions, from its files in the bucket, held in memory for the pages."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from usher.config.readings import readings_of
from usher.datasets.columns import texts_of
from usher.datasets.csv_reader import Block
from usher.datasets.dataset_files import dataset_files, read_files
from usher.datasets.reading import PLAIN
from usher.storage.bucket import Bucket
from usher.storage.layout import config_keys

MAX_ROWS = 2_000_000
"""The most rows of a dataset; a page notes if there are more."""
MAX_KEPT = 5
"""The most groups whose data is held at a time."""
TITLES = ("TITLE", "NAME", "ITEM_NAME", "PRODUCT_NAME", "HEADLINE", "ITEM_TITLE", "PRODUCT_TITLE")
PICTURES = ("IMAGE", "PICTURE", "POSTER", "THUMBNAIL", "COVER", "PHOTO")
PICTURE_ADDRESSES = ("https://", "http://", "data:image/")


class Met(NamedTuple):
    """An interaction."""

    user: str
    item: str
    at: float
    """The time in Unix seconds."""
    event_type: str


@dataclass(frozen=True)
class Records:
    """Users or items, each once: of several rows with one ID the last one counts, as in Personalize."""

    ids: Sequence[str] = ()
    columns: Mapping[str, "pa.Array[Any]"] = field(default_factory=dict)
    """Columns of texts; a text is empty if the row has no value."""
    is_whole: bool = True
    """Whether all rows of the files are here."""

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The row of each ID."""
        return {id_: place for place, id_ in enumerate(self.ids)}

    def values(self, id_: str) -> dict[str, str]:
        """The values of an ID, by column, without blanks; empty for an ID without a row."""
        place = self.places.get(id_)
        if place is None:
            return {}
        return {name: text for name, cells in self.columns.items() if (text := cells[place].as_py())}

    def matching(self, text: str) -> NDArray[np.bool_]:
        """A mask of the rows with a text in any column or in their ID, in any case."""
        found = np.zeros(len(self.ids), np.bool_)
        for cells in (pa.array(self.ids, pa.string()), *self.columns.values()):
            found |= pc.match_substring(cells, text, ignore_case=True).to_numpy(zero_copy_only=False)
        return found


@dataclass(frozen=True)
class Interactions:
    """Users, items and times, in the order of the files."""

    users: "pa.DictionaryArray[Any, Any]"
    items: "pa.DictionaryArray[Any, Any]"
    times: NDArray[np.float64]
    types: "pa.Array[Any]"
    is_whole: bool = True

    def of_user(self, user: str) -> list[Met]:
        """A user's interactions, newest first."""
        return self._some(self.users, user)

    def of_item(self, item: str) -> list[Met]:
        """An item's interactions, newest first."""
        return self._some(self.items, item)

    @cached_property
    def by_user(self) -> Mapping[str, tuple[int, float]]:
        """The number of interactions of each user, and the time of the newest."""
        return self._counted(self.users)

    @cached_property
    def by_item(self) -> Mapping[str, tuple[int, float]]:
        """The number of interactions with each item, and the time of the newest."""
        return self._counted(self.items)

    @cached_property
    def event_types(self) -> list[str]:
        """The types of events, most frequent first."""
        counted = pc.value_counts(self.types).to_pylist()
        return [one["values"] for one in sorted(counted, key=lambda one: -one["counts"]) if one["values"]]

    def _some(self, ids: "pa.DictionaryArray[Any, Any]", id_: str) -> list[Met]:
        code = pc.index(ids.dictionary, id_).as_py()
        rows = np.flatnonzero(_codes(ids) == code) if code >= 0 else np.empty(0, np.intp)
        newest_first = rows[np.argsort(-self.times[rows], kind="stable")]
        return [
            Met(self.users[row].as_py(), self.items[row].as_py(), float(self.times[row]), self.types[row].as_py())
            for row in newest_first.tolist()
        ]

    def _counted(self, ids: "pa.DictionaryArray[Any, Any]") -> dict[str, tuple[int, float]]:
        codes, names = _codes(ids), texts_of(ids.dictionary)
        newest = np.zeros(len(names))
        np.maximum.at(newest, codes, self.times)
        numbers = np.bincount(codes, minlength=len(names))
        return {name: (int(numbers[place]), float(newest[place])) for place, name in enumerate(names)}


@dataclass(frozen=True)
class GroupData:
    """The data in a group's files."""

    users: Records
    items: Records
    interactions: Interactions

    @property
    def is_whole(self) -> bool:
        """Whether all rows of the files are here."""
        return all(part.is_whole for part in (self.users, self.items, self.interactions))

    @cached_property
    def title_column(self) -> str:
        """The column of the items with their titles; empty if there is none."""
        named = next((name for name in TITLES if name in self.items.columns), "")
        return named or next((name for name, cells in self.items.columns.items() if _are_titles(cells)), "")

    @cached_property
    def picture_column(self) -> str:
        """The column of the items with addresses of pictures; empty if there is none."""
        for name, cells in self.items.columns.items():
            first = next((text for text in cells[:1000].to_pylist() if text), "")
            if any(word in name for word in PICTURES) and first.startswith(PICTURE_ADDRESSES):
                return name
        return ""

    def title(self, item: str) -> str:
        """An item's title, else its ID."""
        return self.items.values(item).get(self.title_column, item)

    def picture(self, item: str) -> str:
        """The address of an item's picture; empty if there is none."""
        address = self.items.values(item).get(self.picture_column, "")
        return address if address.startswith(PICTURE_ADDRESSES) else ""

    def about(self, item: str) -> str:
        """The other short values of an item, in one line."""
        hidden = {self.title_column, self.picture_column, "CREATION_TIMESTAMP"}
        shown = [text for name, text in self.items.values(item).items() if name not in hidden and len(text) <= 60]
        return " · ".join(text.replace("|", ", ") for text in shown)

    @cached_property
    def all_users(self) -> list[str]:
        """Users of both files, those with the most interactions first."""
        return _most_first(self.users.ids, self.interactions.by_user)

    @cached_property
    def all_items(self) -> list[str]:
        """Items of both files, those with the most interactions first."""
        return _most_first(self.items.ids, self.interactions.by_item)

    def find_users(self, text: str) -> list[str]:
        """Users whose ID or data has a text, in the order of `all_users`."""
        return _matching_ids(self.users, self.all_users, text)

    def find_items(self, text: str) -> list[str]:
        """Items whose ID or data has a text, in the order of `all_items`."""
        return _matching_ids(self.items, self.all_items, text)


def read_group_data(bucket: Bucket, group: str, max_rows: int = MAX_ROWS) -> GroupData:
    """Read a group's files. Raises UnreadableError for one that can't be read, and S3's errors."""
    config = next((key for key in config_keys(group) if key in bucket.keys(key)), "")
    readings = readings_of(bucket.read(config) or b"", config) if config else {}

    def read(dataset: str) -> tuple[dict[str, "pa.Array[Any]"], bool]:
        files = dataset_files(bucket, group, dataset)
        return _joined(read_files(bucket, files, readings.get(dataset, PLAIN)), max_rows)

    return GroupData(
        _records("USER_ID", *read("users")), _records("ITEM_ID", *read("items")), _interactions(*read("interactions"))
    )


@dataclass(slots=True)
class _Kept:
    """The cached data of a group. `state`: of its files, at the reading."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    state: Any = None
    data: GroupData | None = None


@dataclass(slots=True)
class DataCache:
    """The data of the groups that were viewed last, read again once a file has changed.

    A group is read once for concurrent requests; different groups are read concurrently.
    """

    read: Callable[[Bucket, str], GroupData] = read_group_data
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, bucket: Bucket, group: str) -> GroupData:
        """A group's data."""
        state = [(file.key, file.etag) for file in bucket.files_of(group)]
        kept = self._latest(group)
        with kept.lock:
            if kept.data is None or kept.state != state:
                kept.state, kept.data = state, self.read(bucket, group)
            return kept.data

    def _latest(self, group: str) -> _Kept:
        """The cached data of a group, which becomes the most recent one."""
        with self._lock:
            kept = self._kept[group] = self._kept.pop(group, _Kept())
            while len(self._kept) > MAX_KEPT:
                del self._kept[next(iter(self._kept))]
            return kept


def _joined(blocks: Iterable[Block], max_rows: int) -> tuple[dict[str, "pa.Array[Any]"], bool]:
    """The columns of all blocks, and whether they have all rows."""
    parts: list[Mapping[str, pa.Array[Any]]] = []
    rows = 0
    for block in blocks:
        if rows >= max_rows:
            return _columns(parts), False
        parts.append(block.columns)
        rows += len(block.lines)
    return _columns(parts), True


def _columns(parts: Sequence[Mapping[str, "pa.Array[Any]"]]) -> dict[str, "pa.Array[Any]"]:
    names = dict.fromkeys(name for part in parts for name in part)
    tables = [pa.table({name: part[name].cast(pa.string()) for name in part}) for part in parts]
    joined = pa.concat_tables(tables, promote_options="default") if tables else pa.table({})
    return {name: pc.fill_null(joined[name].combine_chunks(), "") for name in names}


def _records(id_column: str, columns: dict[str, "pa.Array[Any]"], is_whole: bool) -> Records:
    if id_column not in columns:
        return Records()
    last = {id_: row for row, id_ in enumerate(columns[id_column].to_pylist()) if id_}
    rows = pa.array(last.values(), pa.int64())
    others = {name: cells.take(rows) for name, cells in columns.items() if name != id_column}
    return Records([*last], others, is_whole)


def _interactions(columns: dict[str, "pa.Array[Any]"], is_whole: bool) -> Interactions:
    empty = pa.array([], pa.string())
    users, items = columns.get("USER_ID", empty), columns.get("ITEM_ID", empty)
    blank = pa.array([""] * len(users), pa.string())
    times = [_seconds(text) for text in texts_of(columns.get("TIMESTAMP", blank))]
    types = columns.get("EVENT_TYPE", blank)
    return Interactions(
        users.dictionary_encode(), items.dictionary_encode(), np.array(times, np.float64), types, is_whole
    )


def _seconds(text: str) -> float:
    """A time of a file; 0 for an invalid one, which a run reports."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _codes(ids: "pa.DictionaryArray[Any, Any]") -> NDArray[np.int32]:
    codes: NDArray[np.int32] = ids.indices.to_numpy(zero_copy_only=False)
    return codes


def _are_titles(cells: "pa.Array[Any]") -> bool:
    """Whether a column's values are texts of some length, nearly all different: a title."""
    some = [text for text in cells[:1000].to_pylist() if text]
    words = sum(any(letter.isalpha() for letter in text) for text in some)
    return bool(some) and len({*some}) > 0.9 * len(some) and words > 0.9 * len(some) and max(map(len, some)) <= 200


def _most_first(ids: Sequence[str], counted: Mapping[str, tuple[int, float]]) -> list[str]:
    every = dict.fromkeys([*ids, *counted])
    return sorted(every, key=lambda id_: -counted.get(id_, (0, 0.0))[0])


def _matching_ids(records: Records, every: Sequence[str], text: str) -> list[str]:
    text = text.strip()
    if not text:
        return list(every)
    rows = records.matching(text)
    low = text.lower()
    return [
        id_
        for id_ in every
        if low in id_.lower() or ((place := records.places.get(id_)) is not None and bool(rows[place]))
    ]
