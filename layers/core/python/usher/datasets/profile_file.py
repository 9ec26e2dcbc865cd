"""A profile as a file: a line of JSON, then the arrays of its IDs as their bytes.

Other principals can write to the bucket. A file is therefore checked against the part of the data that it is about:
nothing in it is larger than the part allows.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from usher.datasets import distinct_ids
from usher.datasets.cell_facts import FACTS
from usher.datasets.csv_reader import ReadError
from usher.datasets.diagnosis import Diagnosis
from usher.datasets.distinct_ids import DistinctIds
from usher.datasets.profile import (
    FILE,
    MAX_EXAMPLE_LENGTH,
    MAX_REPORTED,
    MAX_VALUES,
    ColumnProfile,
    DatasetProfile,
    Latest,
    Occurrences,
)
from usher.datasets.read_limits import LIMITS
from usher.formats.typed_json import UnfitError, as_type, parse_json

PLAIN = ("dataset", "rows", "lines", "size", "digests")
ARRAYS = {"hashes": "<u8", "positions": "<i8", "recurs": "?", "first_duplicates": "<i8"}
ID_BYTES = 17
"""Bytes of each ID in the first three arrays."""
MAX_JSON_BYTES = 1 << 26
"""The most bytes of JSON: a longer profile is not stored."""
MIN_JSON_BYTES = 1 << 20
JSON_PER_BYTE = 256
"""The most bytes of JSON for a byte of the data: it may be a cell with several facts."""


@dataclass(frozen=True, slots=True)
class _ColumnJson:
    facts: Mapping[str, Occurrences]
    values: Mapping[str, int] | None
    latest: Latest | None = None


@dataclass(frozen=True, slots=True)
class _IdsJson:
    count: int
    """The number of different IDs."""
    reported: int
    """The length of the array `first_duplicates`."""
    duplicates: int
    overflowed: bool


@dataclass(frozen=True, slots=True)
class _ProfileJson:
    """A profile without the arrays of its IDs."""

    dataset: str
    rows: int
    lines: int
    size: int
    digests: Sequence[str]
    readErrors: Sequence[ReadError]  # noqa: N815
    rowErrors: Mapping[str, Occurrences]  # noqa: N815
    columns: Mapping[str, _ColumnJson]
    ids: _IdsJson
    diagnosis: Mapping[str, Any] = field(default_factory=dict)


def dump_profile(profile: DatasetProfile) -> bytes:
    """A profile's file."""
    ids = profile.ids
    ids.merge_batch()
    content = {
        **{name: getattr(profile, name) for name in PLAIN},
        "readErrors": [asdict(error) for error in profile.read_errors],
        "rowErrors": _as_json(profile.row_errors),
        "columns": {
            name: {
                "facts": _as_json(column.facts),
                "values": column.values,
                "latest": column.latest and asdict(column.latest),
            }
            for name, column in profile.columns.items()
        },
        "ids": asdict(_IdsJson(len(ids), len(ids.first_duplicates), ids.duplicates, ids.overflowed)),
        "diagnosis": profile.diagnosis.as_dict(),
    }
    arrays = [getattr(ids, name).astype(kind).tobytes() for name, kind in ARRAYS.items()]
    return b"".join((json.dumps(content).encode(), b"\n", *arrays))


def max_file_bytes(size: int) -> int:
    """The most bytes of a part's file. `size`: the part's bytes."""
    return _max_json_bytes(size) + ID_BYTES * min(size, LIMITS.ids) + 8 * distinct_ids.MAX_REPORTED


def _max_json_bytes(size: int) -> int:
    return min(MIN_JSON_BYTES + JSON_PER_BYTE * size, MAX_JSON_BYTES)


def load_profile(content: bytes, dataset: str, key: str, size: int) -> DatasetProfile:
    """The profile of a part of an object, from its file. Raises UnfitError for content that `dump_profile` can't have
    written.

    `size`: the part's bytes, or the most that it holds.
    """
    text, _, rest = content.partition(b"\n")
    if len(text) > _max_json_bytes(size):
        raise UnfitError("its JSON is too long")
    stored = as_type(_ProfileJson, parse_json(text))
    _check_profile(stored, dataset, key, size)
    hashes, positions, recurs, first_duplicates = _arrays(rest, stored.ids)
    _check_ids(stored.ids, hashes, positions, first_duplicates, size)
    profile = DatasetProfile(
        dataset, rows=stored.rows, lines=stored.lines, size=stored.size, digests=list(stored.digests),
        read_errors=list(stored.readErrors), diagnosis=Diagnosis.from_dict(stored.diagnosis),
    )  # fmt: skip
    profile.row_errors = _with_all(profile.row_errors, stored.rowErrors)
    profile.columns = {
        name: ColumnProfile(
            _with_all(FACTS, column.facts),
            None if column.values is None else Counter(column.values),
            column.latest,
        )
        for name, column in stored.columns.items()
    }
    profile.ids = DistinctIds(hashes, positions, recurs, stored.ids.duplicates, first_duplicates, stored.ids.overflowed)
    return profile


def _arrays(content: bytes, ids: _IdsJson) -> Iterator[NDArray[Any]]:
    """The arrays, in the order of ARRAYS, from their bytes."""
    if (
        not 0 <= ids.count <= LIMITS.ids
        or not 0 <= ids.reported <= distinct_ids.MAX_REPORTED
        or len(content) != ID_BYTES * ids.count + 8 * ids.reported
    ):
        raise UnfitError("its arrays do not have the lengths in its JSON")
    begin = 0
    for name, kind in ARRAYS.items():
        array = np.frombuffer(content, kind, ids.reported if name == "first_duplicates" else ids.count, begin)
        begin += array.nbytes
        yield array.copy()


def _check_profile(stored: _ProfileJson, dataset: str, key: str, size: int) -> None:
    """Raise UnfitError if a part can't have such a profile."""
    facts = [
        *stored.rowErrors.values(),
        *(fact for column in stored.columns.values() for fact in column.facts.values()),
    ]
    latest = [column.latest for column in stored.columns.values() if column.latest]
    names = {name for column in stored.columns.values() for name in column.facts}
    keys = {file for fact in facts for file in fact.lines} | {error.key for error in stored.readErrors}
    keys |= {one.key for one in latest}
    lines = [line for fact in facts for some in fact.lines.values() for line in some] + [one.line for one in latest]
    counts = [count for column in stored.columns.values() for count in (column.values or {}).values()]
    if not (
        stored.dataset == dataset
        and 0 <= stored.size <= size
        and 0 <= stored.rows <= stored.lines <= size + 1
        and len(stored.digests) <= 1
        and all(len(one) == 64 and one.isalnum() for one in stored.digests)
        and len(stored.readErrors) <= 1
        and stored.rowErrors.keys() <= DatasetProfile(dataset).row_errors.keys()
        and names <= FACTS.keys()
        and keys <= {key}
    ):
        raise UnfitError("it is the profile of another file")
    if not (
        all(0 < fact.rows <= size + 1 for fact in facts)
        and all(sum(map(len, fact.lines.values())) <= MAX_REPORTED for fact in facts)
        and all(len(fact.example) <= MAX_EXAMPLE_LENGTH for fact in facts)
        and all(0 <= line <= size + 1 for line in (*lines, *(error.line for error in stored.readErrors)))
        and all(len(column.values or ()) <= MAX_VALUES for column in stored.columns.values())
        and all(0 < count <= size + 1 for count in counts)
    ):
        raise UnfitError("it counts more than the part can have")


def _check_ids(ids: _IdsJson, hashes: NDArray[Any], positions: NDArray[Any], first: NDArray[Any], size: int) -> None:
    """Raise UnfitError if the rows of a part can't have such IDs. `first`: the first duplicates."""
    if not (
        not (ids.overflowed and (ids.count or ids.duplicates))
        and (hashes[1:] > hashes[:-1]).all()
        and len(first) <= min(distinct_ids.MAX_REPORTED, ids.duplicates)
        and 0 <= ids.duplicates <= size
        and all(((some >= 0) & (some < FILE)).all() for some in (positions, first))
    ):
        raise UnfitError("its IDs are not in order, or too many")


def _as_json(facts: Mapping[str, Occurrences]) -> dict[str, Any]:
    """Facts, without those that hold for no row."""
    return {name: asdict(fact) for name, fact in facts.items() if fact.rows}


def _with_all(names: Iterable[str], stored: Mapping[str, Occurrences]) -> dict[str, Occurrences]:
    return {name: stored.get(name, Occurrences()) for name in names}
