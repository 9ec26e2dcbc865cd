"""What is held back of a group's interactions, so that recommendations from the rest can be judged by it.

Interactions are read into coded arrays, a few bytes per event, so that tens of millions fit into a Lambda. A split is
a function of these arrays; the files are then read once more, and each row goes to its part. The rows are those of
csvs.read: the files have been checked before (rules.py), so that no line is left out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from usher.datasets import csv_reader
from usher.datasets.files import chunks
from usher.errors import InputError, Problem

Files = Iterable[tuple[str, IO[bytes]]]
"""CSVs of one header, as (key, stream)."""
Mask = NDArray[np.bool_]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Events:
    """Interactions in the order of their files: positions in the two lists of IDs, and Unix seconds, each (n,)."""

    user_ids: pa.StringArray
    item_ids: pa.StringArray
    user: Codes
    item: Codes
    time: NDArray[np.int64]

    def where(self, mask: Mask) -> "Events":
        """Some of the events, coded as before."""
        return replace(self, user=self.user[mask], item=self.item[mask], time=self.time[mask])


@dataclass(frozen=True, slots=True)
class Split:
    """What is to be held back: one of SPLITS, with what it needs to know."""

    kind: str = "last-tenth"
    share: float = 0.1
    """Of each user's events, or of all."""
    cut: float | None = None
    """For `global`: the Unix second from which on all is held back; without one, the share tells it."""


def read(*parts: Files, one_in: int = 1) -> list[Events]:
    """Each part's interactions; an ID's code is the same in all.

    `one_in`: of so many users only one is read, the same in all parts, where memory holds no more.
    """
    users: list[pa.DictionaryArray] = []
    items: list[pa.DictionaryArray] = []
    times, sizes = [np.empty(0, np.int64)], []
    for files in parts:
        before = sum(map(len, times))
        for block in _blocks(files):
            user, item, time = (block.columns[name] for name in ("USER_ID", "ITEM_ID", "TIMESTAMP"))
            if one_in > 1:
                kept = _one_in(one_in, user)
                user, item, time = user.filter(kept), item.filter(kept), time.filter(kept)
            users.append(user.dictionary_encode())
            items.append(item.dictionary_encode())
            times.append(time.cast(pa.float64()).cast(pa.int64()).to_numpy())
        sizes.append(sum(map(len, times)) - before)
    (user_ids, by), (item_ids, of), at = _coded(users), _coded(items), np.concatenate(times)
    slices = [slice(end - size, end) for end, size in zip(np.cumsum(sizes), sizes, strict=True)]
    return [Events(user_ids, item_ids, by[rows], of[rows], at[rows]) for rows in slices]


def _coded(blocks: Sequence[pa.DictionaryArray]) -> tuple[pa.StringArray, Codes]:
    """The distinct IDs in the order in which they appear, and each row's place among them."""
    whole = pa.chunked_array(blocks, pa.dictionary(pa.int32(), pa.string())).combine_chunks()
    return whole.dictionary, whole.indices.to_numpy()


def _one_in(many: int, users: pa.StringArray) -> pa.BooleanArray:
    """Which rows are of the users that are kept: those whose ID's checksum is divisible."""
    coded = users.dictionary_encode()
    kept = [crc32(user.encode()) % many == 0 for user in coded.dictionary.to_pylist()]
    return pa.array(kept, pa.bool_()).take(coded.indices)


def _blocks(files: Files) -> Iterator[csv_reader.Block]:
    """The blocks of files, which have one header."""
    header: list[str] = []
    for key, stream in files:
        for block in csv_reader.read_csv(key, chunks(stream)):
            header = header or list(block.columns)
            if list(block.columns) != header:
                said = f"has other columns than the files before it: {', '.join(header)}."
                raise InputError([Problem(key, said, "Give all files the same header.")])
            yield block


def hold_out(events: Events, split: Split) -> Mask:
    """Which events are held back (n,). Raises InputError where they are none or all."""
    held = SPLITS[split.kind](events, split) if len(events.time) else np.zeros(0, np.bool_)
    if held.all():
        said, remedy = "leaves nothing to train on.", "Give a later cut, or a longer history."
        raise InputError([Problem(f"the split {split.kind}", said, remedy)])
    if not held.any():
        said, remedy = (
            "holds nothing back.",
            "Give an earlier cut or a larger share, or users with several interactions.",
        )
        raise InputError([Problem(f"the split {split.kind}", said, remedy)])
    return held


def places(group: NDArray[Any], time: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each event's place in its group by time, from 1, equal times in their order; and the group's size. Both (n,)."""
    order = np.lexsort((time, group))
    sizes = np.bincount(group)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(1, len(order) + 1) - (np.cumsum(sizes) - sizes)[group[order]]
    return place, sizes[group]


def _last_tenth(events: Events, split: Split) -> Mask:
    """Pandas' `rank(pct=True, method="first") > 1 - share`, by user: at least everyone's newest event."""
    place, size = places(events.user, events.time)
    return np.asarray(place / size > 1 - split.share)


def _last_one(events: Events, _: Split) -> Mask:
    """The newest event of everyone who has two or more."""
    place, size = places(events.user, events.time)
    return np.asarray((place == size) & (size > 1))


def _global(events: Events, split: Split) -> Mask:
    """What happened at the cut or later; without a cut, from the first second of the newest share of all events on."""
    cut = split.cut
    if cut is None:
        place, size = places(np.zeros(len(events.time), np.int8), events.time)
        cut = events.time[place / size > 1 - split.share].min()
    return np.asarray(events.time >= cut)


SPLITS: Mapping[str, Callable[[Events, Split], Mask]] = {
    "last-tenth": _last_tenth,
    "global": _global,
    "last-one": _last_one,
}


def write(files: Files, held: Mask, train: IO[bytes], holdout: IO[bytes]) -> None:
    """Write the rows of files, which are those that the mask was made from, to the part that each belongs to.

    Both parts have all columns, and a header, as Personalize wants CSVs: the header unquoted; a cell in quotes if it
    needs them, with `\\` before quotes and backslashes.
    """
    start = 0
    for number, block in enumerate(_blocks(files)):
        if not number:
            train.write(_joined(header := pa.array([",".join(block.columns)])))
            holdout.write(_joined(header))
        lines = pc.binary_join_element_wise(*map(_written, block.columns.values()), ",")
        mask = pa.array(held[start : start + len(lines)])
        train.write(_joined(lines.filter(pc.invert(mask))))
        holdout.write(_joined(lines.filter(mask)))
        start += len(lines)


def _written(cells: pa.StringArray) -> pa.StringArray:
    odd = pc.match_substring_regex(cells, r'[",\\\r\n]')
    if not odd.true_count:
        return cells
    escaped = pc.replace_substring_regex(cells, r'(["\\])', r"\\\1")
    return pc.if_else(odd, pc.binary_join_element_wise('"', escaped, '"', ""), cells)


def _joined(lines: pa.StringArray) -> bytes:
    """The lines with an end each."""
    whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
    return bytes(pc.binary_join(whole, "\n")[0].as_buffer()) + b"\n" if len(lines) else b""
