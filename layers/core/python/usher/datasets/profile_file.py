"""Tables as files: a line of JSON, then the arrays of the IDs, as their bytes are.

What is read is held against the part of the data that it is about: nothing is larger than that can give.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from usher.datasets.diagnosis import Diagnosis
from usher.datasets.distinct_ids import MANY_IDS, SHOWN, Ids
from usher.datasets.profile import FACTS, FILE, MANY_VALUES, SHOWN_ROWS, Column, Fact, Stop, Table
from usher.formats.typed_json import UnfitError, fit, parse

PLAIN = ("dataset", "rows", "lines", "size", "digests")
ARRAYS = {"hashes": "<u8", "places": "<i8", "twice": "?", "first_again": "<i8"}
MOST_TEXT = 1 << 26
"""Bytes of JSON; of data with more to tell, what was found is not kept."""
LEAST_TEXT = 1 << 20
TEXT_PER_BYTE = 256
"""Each byte of the data is told in so many bytes at most: it may be a cell, of which several facts hold."""


@dataclass(frozen=True, slots=True)
class _Column:
    facts: Mapping[str, Fact]
    values: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class _Ids:
    number: int
    """How many different ones there are."""
    shown: int
    """How many places there are of those that are there again."""
    again: int
    many: bool


@dataclass(frozen=True, slots=True)
class _Told:
    """A table as JSON, but for the arrays of its IDs."""

    dataset: str
    rows: int
    lines: int
    size: int
    digests: Sequence[str]
    stops: Sequence[Stop]
    faults: Mapping[str, Fact]
    columns: Mapping[str, _Column]
    ids: _Ids
    diagnosis: Mapping[str, Any] = field(default_factory=dict)


def dump(table: Table) -> bytes:
    """A table's file."""
    ids = table.ids
    ids.settle()
    told = {
        **{name: getattr(table, name) for name in PLAIN},
        "stops": [asdict(stop) for stop in table.stops],
        "faults": _told(table.faults),
        "columns": {
            name: {"facts": _told(column.facts), "values": column.values} for name, column in table.columns.items()
        },
        "ids": {"number": len(ids), "shown": len(ids.first_again), "again": ids.again, "many": ids.many},
        "diagnosis": table.diagnosis.as_dict(),
    }
    arrays = [getattr(ids, name).astype(kind).tobytes() for name, kind in ARRAYS.items()]
    return b"".join((json.dumps(told).encode(), b"\n", *arrays))


def most_bytes(size: int) -> int:
    """How long the file of a part is at most. `size`: the part's bytes."""
    return _most_text(size) + 17 * min(size, MANY_IDS) + 8 * SHOWN


def _most_text(size: int) -> int:
    return min(LEAST_TEXT + TEXT_PER_BYTE * size, MOST_TEXT)


def load(content: bytes, dataset: str, key: str, size: int) -> Table:
    """The table of a part of an object, from its file. Raises UnfitError for what `dump` can't have given.

    `size`: the part's bytes.
    """
    text, _, rest = content.partition(b"\n")
    if len(text) > _most_text(size):
        raise UnfitError("it tells too much")
    told = fit(_Told, parse(text))
    _check(told, dataset, key, size)
    hashes, places, twice, again = _arrays(rest, told.ids)
    _check_ids(told.ids, hashes, places, again, size)
    table = Table(dataset, rows=told.rows, lines=told.lines, size=told.size, digests=list(told.digests))
    table.stops = list(told.stops)
    table.faults = _facts(table.faults, told.faults)
    table.columns = {
        name: Column(_facts(FACTS, column.facts), None if column.values is None else Counter(column.values))
        for name, column in told.columns.items()
    }
    table.ids = Ids(hashes, places, twice, told.ids.again, again, told.ids.many)
    table.diagnosis = Diagnosis.from_dict(told.diagnosis)
    return table


def _arrays(content: bytes, ids: _Ids) -> Iterator[NDArray[Any]]:
    """The arrays, in the order of ARRAYS, out of their bytes."""
    if (
        not 0 <= ids.number <= MANY_IDS
        or not 0 <= ids.shown <= SHOWN
        or len(content) != 17 * ids.number + 8 * ids.shown
    ):
        raise UnfitError("it has other IDs than it tells")
    begin = 0
    for name, kind in ARRAYS.items():
        array = np.frombuffer(content, kind, ids.shown if name == "first_again" else ids.number, begin)
        begin += array.nbytes
        yield array.copy()


def _check(told: _Told, dataset: str, key: str, size: int) -> None:
    """Whether what is told can be so of a part."""
    facts = [*told.faults.values(), *(fact for column in told.columns.values() for fact in column.facts.values())]
    names = {name for column in told.columns.values() for name in column.facts}
    places = {file for fact in facts for file in fact.lines} | {stop.key for stop in told.stops}
    lines = [line for fact in facts for some in fact.lines.values() for line in some]
    counts = [count for column in told.columns.values() for count in (column.values or {}).values()]
    if not (
        told.dataset == dataset
        and told.size in (0, size)
        and 0 <= told.rows <= told.lines <= size + 1
        and len(told.digests) <= 1
        and all(len(one) == 64 and one.isalnum() for one in told.digests)
        and len(told.stops) <= 1
        and told.faults.keys() <= Table(dataset).faults.keys()
        and names <= FACTS.keys()
        and places <= {key}
    ):
        raise UnfitError("it is about something else")
    if not (
        all(0 < fact.rows <= size + 1 for fact in facts)
        and all(sum(map(len, fact.lines.values())) <= SHOWN_ROWS for fact in facts)
        and all(0 <= line <= size + 1 for line in (*lines, *(stop.line for stop in told.stops)))
        and all(len(column.values or ()) <= MANY_VALUES for column in told.columns.values())
        and all(0 < count <= size + 1 for count in counts)
    ):
        raise UnfitError("it tells more than there can be")


def _check_ids(ids: _Ids, hashes: NDArray[Any], places: NDArray[Any], again: NDArray[Any], size: int) -> None:
    if not (
        not (ids.many and (ids.number or ids.again))
        and (hashes[1:] > hashes[:-1]).all()
        and len(again) <= min(SHOWN, ids.again)
        and 0 <= ids.again <= size
        and all(((some >= 0) & (some < FILE)).all() for some in (places, again))
    ):
        raise UnfitError("its IDs are in no order, or too many")


def _told(facts: Mapping[str, Fact]) -> dict[str, Any]:
    """Facts as JSON, without those that hold for no row."""
    return {name: asdict(fact) for name, fact in facts.items() if fact.rows}


def _facts(names: Iterable[str], told: Mapping[str, Fact]) -> dict[str, Fact]:
    return {name: told.get(name, Fact()) for name in names}
