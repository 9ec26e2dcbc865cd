"""Interactions as coded arrays, a few bytes per event, so that tens of millions fit into a Lambda; and their CSVs.

Rows are those of csv_reader. The files have been checked before (datasets/data_rules.py), so no line is left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from usher.datasets import csv_reader
from usher.datasets.columns import texts_of
from usher.datasets.csv_writer import csv_lines, header, joined
from usher.datasets.files import chunks
from usher.errors import InputError, Problem

Files = Iterable[tuple[str, IO[bytes]]]
"""CSVs of one header, as (key, stream)."""
Mask = NDArray[np.bool_]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Interactions:
    """Events in the order of their files: positions in the two lists of IDs, and Unix seconds, each (n,)."""

    user_ids: pa.StringArray
    item_ids: pa.StringArray
    user: Codes
    item: Codes
    time: NDArray[np.int64]

    def where(self, mask: Mask) -> "Interactions":
        """The events that a mask selects, with the same codes."""
        return replace(self, user=self.user[mask], item=self.item[mask], time=self.time[mask])


def read_interactions(*parts: Files, one_in: int = 1) -> list[Interactions]:
    """The interactions of each part; an ID has the same code in all of them.

    `one_in`: n to read one user in n, the same users in all parts, if memory does not hold all of them.
    """
    users: list[Any] = []
    items: list[Any] = []
    times, sizes = [np.empty(0, np.int64)], []
    for files in parts:
        before = sum(map(len, times))
        for block in _blocks(files):
            user, item, time = (block.columns[name] for name in ("USER_ID", "ITEM_ID", "TIMESTAMP"))
            if one_in > 1:
                sampled = _is_sampled(user, one_in)
                user, item, time = user.filter(sampled), item.filter(sampled), time.filter(sampled)
            users.append(user.dictionary_encode())
            items.append(item.dictionary_encode())
            times.append(time.cast(pa.float64()).cast(pa.int64()).to_numpy())
        sizes.append(sum(map(len, times)) - before)
    (user_ids, user_codes), (item_ids, item_codes), seconds = _coded(users), _coded(items), np.concatenate(times)
    slices = [slice(end - size, end) for end, size in zip(np.cumsum(sizes), sizes, strict=True)]
    return [Interactions(user_ids, item_ids, user_codes[rows], item_codes[rows], seconds[rows]) for rows in slices]


def read_items(files: Files) -> pa.StringArray:
    """The distinct items of all users' interactions."""
    found = pa.array([], pa.string())
    for block in _blocks(files):
        found = pa.concat_arrays([found, block.columns["ITEM_ID"].unique()]).unique()
    return found


def rank_by_time(group: NDArray[Any], time: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rank of each event in its group by time, from 1, and the size of its group, both (n,).

    Events of equal time keep their order.
    """
    order = np.lexsort((time, group))
    sizes = np.bincount(group)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(1, len(order) + 1) - (np.cumsum(sizes) - sizes)[group[order]]
    return rank, sizes[group]


def write_parts(files: Files, held_out: Mask, train: IO[bytes], holdout: IO[bytes]) -> None:
    """Write each row of the files to its part. `held_out`: of all rows of the files, in order.

    Both parts have all columns and a header.
    """
    start = 0
    for number, block in enumerate(_blocks(files)):
        if not number:
            train.write(header(block))
            holdout.write(header(block))
        lines = csv_lines(block)
        mask = pa.array(held_out[start : start + len(lines)])
        train.write(joined(lines.filter(pc.invert(mask))))
        holdout.write(joined(lines.filter(mask)))
        start += len(lines)


def _blocks(files: Files) -> Iterator[csv_reader.Block]:
    """The blocks of the files. Raises InputError where a file has another header than the first."""
    header: list[str] = []
    for key, stream in files:
        for block in csv_reader.read_csv(key, chunks(stream)):
            header = header or list(block.columns)
            if list(block.columns) != header:
                message = f"has other columns than the files before it: {', '.join(header)}."
                raise InputError([Problem(key, message, "Give all files the same header.")])
            yield block


def _coded(blocks: Sequence[Any]) -> tuple[pa.StringArray, Codes]:
    """The distinct IDs in order of appearance, and the position of each row's ID among them."""
    kind: Any = pa.dictionary(pa.int32(), pa.string())
    whole: Any = pa.chunked_array(blocks, kind).combine_chunks()
    return whole.dictionary, whole.indices.to_numpy()


def _is_sampled(users: pa.StringArray, one_in: int) -> pa.BooleanArray:
    """A mask of the rows of sampled users, whose IDs have a checksum divisible by `one_in`."""
    coded = users.dictionary_encode()
    sampled = [crc32(user.encode()) % one_in == 0 for user in texts_of(coded.dictionary)]
    return pa.array(sampled, pa.bool_()).take(coded.indices)
