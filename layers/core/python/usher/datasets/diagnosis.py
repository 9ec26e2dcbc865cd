"""A diagnosis of interactions before any training: the distribution of popularity, its drift, the share of new IDs.

It takes one pass and constant memory. Parts of the data can be diagnosed separately and merged; the report is the same.
After the diagnosis in AWS's samples (amazon-personalize-samples, next_steps/data_science/diagnose), which needs all
data in memory.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from usher.datasets.hash_sample import Integers, Sample
from usher.datasets.hashing import Hashed, Hashes, mixed
from usher.formats.typed_json import UnfitError, as_type

CAPS = {
    "periods": 1,  # a single key, counted by period
    "users": 1 << 18,
    "items": 1 << 18,
    "usersByPeriod": 1 << 14,
    "itemsByPeriod": 1 << 14,
    "pairs": 1 << 16,  # of user and item
    "events": 1 << 16,  # of user, item and time
}
"""The samples, and the most keys in each. Of more keys, a sample is counted."""
BY_PERIOD = ("periods", "usersByPeriod", "itemsByPeriod")
MAX_PERIODS = 60
PERIOD_LENGTHS: Sequence[int] = (1, *accumulate((10, 6, 10, 6, 6, 4, 7, 4, 3, 2, 2, *(2,) * 32), mul))
"""The lengths of periods in seconds: 1 s, 10 s, 1 and 10 minutes, 1 and 6 hours, a day, 1, 4, 12, 24 weeks ..."""
MONDAY = 3 * 86_400
"""1970 began on a Thursday."""
MAX_TIME = 10**18
"""Larger times, positive or negative, are ignored."""
MAX_TYPES = 100
MAX_TYPES_LENGTH = 20_000
"""The most characters of all event types together."""
MAX_POINTS = 60
ID_COLUMNS = {"USER_ID": "users", "ITEM_ID": "items"}
"""The sample that counts a column's IDs."""
REQUIRED_COLUMNS = (*ID_COLUMNS, "TIMESTAMP")


def empty_samples(**caps: int) -> dict[str, Sample]:
    """The samples of a diagnosis, with CAPS or other caps."""
    return {name: Sample(caps.get(name, cap)) for name, cap in CAPS.items()}


@dataclass(frozen=True, slots=True)
class _DiagnosisJson:
    """A diagnosis as JSON."""

    samples: Mapping[str, Mapping[str, Any]]
    first: int | None
    last: int | None
    step: int
    types: Mapping[str, int] | None


@dataclass(slots=True)
class Diagnosis:
    """Counts of interactions, and of the IDs of items and users."""

    samples: dict[str, Sample] = field(default_factory=empty_samples)
    first: int | None = None
    """The earliest time, in Unix seconds."""
    last: int | None = None
    step: int = 0
    """The index in PERIOD_LENGTHS: the shortest length with which MAX_PERIODS hold all times."""
    types: Counter[str] | None = field(default_factory=Counter)
    """Events by EVENT_TYPE; None beyond MAX_TYPES different ones, or MAX_TYPES_LENGTH."""

    def add_rows(self, columns: Mapping[str, pa.StringArray], ids: Mapping[str, Hashed]) -> None:
        """Count rows. A row whose TIMESTAMP is not a whole number is left out: the rules report it.

        `ids`: the columns of ID_COLUMNS that exist.
        """
        if not all(name in columns for name in REQUIRED_COLUMNS):
            for name, whole in ID_COLUMNS.items():
                if name in ids:
                    _add_ids(self.samples[whole], ids[name])
            return
        times, readable = _times(columns["TIMESTAMP"])
        if readable is not None:
            columns = {name: column.filter(readable) for name, column in columns.items()}
            ids = {name: one.where(readable.to_numpy(zero_copy_only=False)) for name, one in ids.items()}
        if len(times):
            self._add(columns, ids, times)

    def _add(self, columns: Mapping[str, pa.StringArray], ids: Mapping[str, Hashed], times: Integers) -> None:
        self._widen(int(times.min()), int(times.max()))
        periods = (times + MONDAY) // PERIOD_LENGTHS[self.step]
        self.samples["periods"].add(*_cells(np.zeros(1, np.uint64), np.zeros(len(times), np.int32), periods))
        keys_by_row = []
        for name, whole in ID_COLUMNS.items():
            one, sample = ids[name], self.samples[f"{whole}ByPeriod"]
            _add_ids(self.samples[whole], one)
            kept = sample.has(one.keys)[one.places]
            sample.add(*_cells(one.keys, one.places[kept], periods[kept]))
            keys_by_row.append(one.keys[one.places])
        pairs = mixed(keys_by_row[0] + mixed(keys_by_row[1]))
        for name, keys in (("pairs", pairs), ("events", mixed(pairs ^ times.view(np.uint64)))):
            keys = keys[self.samples[name].has(keys)]
            self.samples[name].add(keys, np.zeros(len(keys), np.int64), np.ones(len(keys), np.int64))
        if "EVENT_TYPE" in columns and self.types is not None:
            values, counts = (part[: MAX_TYPES + 1] for part in pc.value_counts(columns["EVENT_TYPE"]).flatten())
            self._add_types(dict(zip(values.to_pylist(), counts.to_pylist(), strict=True)))

    def merge(self, other: "Diagnosis") -> None:
        """Add the counts of another diagnosis."""
        if other.first is not None and other.last is not None:
            self._widen(other.first, other.last)
        for name, sample in self.samples.items():
            coarser = PERIOD_LENGTHS[self.step] // PERIOD_LENGTHS[other.step] if name in BY_PERIOD else 1
            sample.merge(other.samples[name], coarser)
        self._add_types(other.types)

    def as_dict(self) -> dict[str, Any]:
        """The diagnosis as JSON."""
        samples = {name: sample.as_dict() for name, sample in self.samples.items()}
        return {"samples": samples, "first": self.first, "last": self.last, "step": self.step, "types": self.types}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], caps: Mapping[str, int] = CAPS) -> "Diagnosis":
        """The inverse of `as_dict`. Raises UnfitError for any other content. `caps`: of its samples."""
        stored = as_type(_DiagnosisJson, content)
        if stored.samples.keys() != caps.keys():
            raise UnfitError("it has other samples")
        types = None if stored.types is None else Counter(stored.types)
        if len(types or ()) > MAX_TYPES or not 0 <= stored.step < len(PERIOD_LENGTHS):
            raise UnfitError("it has too many types of events, or no length of periods")
        periods = {name: MAX_PERIODS if name in BY_PERIOD else 1 for name in caps}
        samples = {name: Sample.from_dict(stored.samples[name], cap, cap * periods[name]) for name, cap in caps.items()}
        diagnosis = cls(samples, stored.first, stored.last, stored.step, types)
        first, last = (0, 0) if stored.first is None or stored.last is None else (stored.first, stored.last)
        begin, end = diagnosis.period(first), diagnosis.period(last)
        if not (-MAX_TIME < first <= last < MAX_TIME and end - begin < MAX_PERIODS):
            raise UnfitError("its times are in no order, or too far apart")
        for name, sample in samples.items():
            least, most = (begin, end) if name in BY_PERIOD else (0, 0)
            if not ((sample.kept.numbers >= least) & (sample.kept.numbers <= most)).all():
                raise UnfitError(f"its {name} are beyond its times")
        return diagnosis

    def _widen(self, first: int, last: int) -> None:
        """Extend the periods to these times, with longer periods if necessary."""
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
        before = PERIOD_LENGTHS[self.step]
        while self.period(self.last) - self.period(self.first) >= MAX_PERIODS:
            self.step += 1
        if PERIOD_LENGTHS[self.step] > before:
            for name in BY_PERIOD:
                self.samples[name].divide(PERIOD_LENGTHS[self.step] // before)

    def period(self, time: int | None) -> int:
        """The number of the period of a time."""
        return ((time or 0) + MONDAY) // PERIOD_LENGTHS[self.step]

    def _add_types(self, more: Mapping[str, int] | None) -> None:
        if self.types is None or more is None:
            self.types = None
        else:
            self.types.update(more)
            few = len(self.types) <= MAX_TYPES and sum(map(len, self.types)) <= MAX_TYPES_LENGTH
            self.types = self.types if few else None


def _times(text: pa.StringArray) -> tuple[Integers, pa.BooleanArray | None]:
    """Times as numbers, and which rows have one; None if all do."""
    try:
        times = text.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        text = pc.replace_substring_regex(text, r"\.0*$", "")
        readable = pc.match_substring_regex(text, "^-?[0-9]{1,18}$")
        return text.filter(readable).cast(pa.int64()).to_numpy(), readable
    good = (times > -MAX_TIME) & (times < MAX_TIME)
    return (times, None) if good.all() else (times[good], pa.array(good))


def _add_ids(sample: Sample, ids: Hashed) -> None:
    number = len(ids.keys)
    sample.add(ids.keys, np.zeros(number, np.int64), np.bincount(ids.places, minlength=number))


def _cells(keys: Hashes, places: npt.NDArray[np.int32], periods: Integers) -> tuple[Hashes, Integers, Integers]:
    """Keys, periods and counts of rows, from the index of every row's key and its period."""
    if not len(periods):
        return keys[:0], periods, periods
    begin = int(periods.min())
    width = int(periods.max()) - begin + 1
    cells = places * np.int64(width) + (periods - begin)
    if len(keys) * width <= 4 * len(cells):
        counts = np.bincount(cells)
        cells = np.flatnonzero(counts)
        counts = counts[cells]
    else:
        cells, counts = np.unique(cells, return_counts=True)
    return keys[cells // width], cells % width + begin, counts


def diagnosis_report(
    interactions: Diagnosis, items: Diagnosis | None = None, users: Diagnosis | None = None
) -> dict[str, Any]:
    """The diagnosis of interactions as JSON. `items`, `users`: of the metadata, if the group has any."""
    events = int(interactions.samples["periods"].totals()[1].sum())
    if not events:
        return {"events": 0}
    report: dict[str, Any] = {
        "events": events,
        "from": _iso(interactions.first),
        "to": _iso(interactions.last),
        "sampled": {name: one.rate for name, one in interactions.samples.items() if one.rate > 1},
        "repeats": _repeat_share(interactions.samples["pairs"]),
        "duplicates": _repeat_share(interactions.samples["events"]),
    }
    for name, known in (("users", users), ("items", items)):
        sample = interactions.samples[name]
        report[name] = _shares(np.sort(sample.totals()[1])[::-1], sample.rate)
        if known:
            report[name] |= _references(sample, known.samples[name])
    return report | {"periods": _periods(interactions), "types": dict((interactions.types or Counter()).most_common())}


def _repeat_share(sample: Sample) -> float:
    """The share of events that are not the first of their kind."""
    counts = sample.totals()[1]
    return _share(counts.sum() - len(counts), counts.sum())


def _shares(counts: Integers, rate: int) -> dict[str, Any]:
    """The distribution of events over users or items. `counts`: the events of each, descending."""
    if not len(counts):  # IDs can be constructed so that none is in the sample
        counts = np.ones(1, np.int64)
    number, events = len(counts), int(counts.sum())
    ranks = np.unique(np.geomspace(1, number, MAX_POINTS).round().astype(np.int64))
    slope, fit = _fitted_line(np.log10(ranks * rate), np.log10(counts[ranks - 1]))
    return {
        "number": number * rate,
        "mean": _rounded(events / number),
        "median": float(np.median(counts)),
        "most": int(counts[0]),
        "single": _share((counts == 1).sum(), number),
        "top1": _share(counts[: max(number // 100, 1)].sum(), events),
        "top10": _share(counts[: max(number // 10, 1)].sum(), events),
        "points": [[int(rank) * rate, int(count)] for rank, count in zip(ranks, counts[ranks - 1], strict=True)],
        "slope": slope,
        "fit": fit,
    }


def _fitted_line(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float | None, float | None]:
    """The slope of the least-squares line through points and its R-squared; None if there is no line."""
    if len(x) < 3 or np.ptp(y) == 0:
        return None, None
    slope, _ = np.polyfit(x, y, 1)
    return _rounded(slope), _rounded(np.corrcoef(x, y)[0, 1] ** 2)


def _references(seen: Sample, known: Sample) -> dict[str, float]:
    """The shares of IDs with events but without metadata, and of IDs with metadata but without events."""
    rarer = max(seen, known, key=lambda sample: sample.rate)
    active, described = (keys[rarer.has(keys)] for keys in (seen.totals()[0], known.totals()[0]))
    both = len(np.intersect1d(active, described, assume_unique=True))
    return {
        "withoutMetadata": _share(len(active) - both, len(active)),
        "withoutEvents": _share(len(described) - both, len(described)),
    }


def _periods(interactions: Diagnosis) -> dict[str, Any]:
    """Changes over time: a value for each period, or None if it is undefined."""
    length, begin = PERIOD_LENGTHS[interactions.step], interactions.period(interactions.first)
    number = interactions.period(interactions.last) - begin + 1
    rows = interactions.samples["periods"].rows()
    events = np.zeros(number, np.int64)
    events[rows.numbers - begin] = rows.counts
    users, items = (_matrix(interactions.samples[name], begin, number) for name in ("usersByPeriod", "itemsByPeriod"))
    return {
        "seconds": length,
        "starts": [_iso((begin + place) * length - MONDAY) for place in range(number)],
        "events": events.tolist(),
        "newUsers": _new_shares(users),
        "newItems": _new_shares(items),
        "likeBefore": [None, *_likeness(items[:, 1:], items[:, :-1])],
        "likeLast": _likeness(items, items[:, -1:]),
    }


def _matrix(sample: Sample, begin: int, number: int) -> npt.NDArray[np.float64]:
    """Events by ID (rows) and period (columns)."""
    rows = sample.rows()
    _, places = np.unique(rows.keys, return_inverse=True)
    matrix = np.zeros((places.max(initial=-1) + 1, number))
    matrix[places, rows.numbers - begin] = rows.counts
    return matrix


def _new_shares(matrix: npt.NDArray[np.float64]) -> list[float | None]:
    """The share of each period's events whose IDs have none before it."""
    first = (matrix > 0).argmax(axis=1)
    new = np.bincount(first, matrix[np.arange(len(matrix)), first], matrix.shape[1])
    return _ratios(new.astype(np.float64), matrix.sum(axis=0))


def _likeness(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> list[float | None]:
    """The cosine between each period's counts in two matrices."""
    norms = np.linalg.norm(one, axis=0) * np.linalg.norm(other, axis=0)
    return _ratios((one * other).sum(axis=0), norms)


def _ratios(parts: npt.NDArray[np.float64], wholes: npt.NDArray[np.float64]) -> list[float | None]:
    return [_rounded(part / whole) if whole else None for part, whole in zip(parts, wholes, strict=True)]


def _share(part: float, whole: float) -> float:
    return _rounded(part / whole) if whole else 0.0


def _rounded(value: float) -> float:
    return round(float(value), 4)


def _iso(seconds: int | None) -> str:
    """A time as ISO 8601; the bare number beyond the year 9999, the last one of ISO 8601."""
    try:
        return datetime.fromtimestamp(seconds or 0, UTC).isoformat()
    except (OverflowError, OSError, ValueError):
        return str(seconds)
