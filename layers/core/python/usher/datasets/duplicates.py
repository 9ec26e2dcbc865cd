"""Rows without duplicates: of equal rows, the first; of items, users and actions, the last row of each ID.

Rows are compared by 64-bit hashes (hashing.py). They are read twice, so that only the hashes are held.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from usher.datasets.byte_ranges import Part, read_blocks
from usher.datasets.csv_reader import Block
from usher.datasets.hashing import Hashes, hashes, mixed
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.datasets.schemas import UNIQUE
from usher.errors import InputError, Problem
from usher.storage.bucket import Bucket
from usher.storage.layout import dataset_of


def read_distinct(bucket: Bucket, parts: Sequence[Part], limits: ReadLimits = LIMITS) -> Iterator[Block]:
    """The rows of a dataset's parts without duplicates. Raises InputError if there are too many rows to compare."""
    kept = _rows_to_keep(bucket, parts, limits)
    start = 0
    for part in parts:
        for block in read_blocks(bucket, part, limits):
            mask = kept[start : start + len(block.lines)]
            start += len(mask)
            columns = {name: cells.filter(pa.array(mask)) for name, cells in block.columns.items()}
            yield replace(block, columns=columns, lines=block.lines[mask])


def too_many_rows(key: str, rows: int, limits: ReadLimits = LIMITS) -> list[Problem]:
    """The problem of a file or folder with more rows than can be compared."""
    if rows <= limits.equal_rows:
        return []
    message = f"has more than {limits.equal_rows:,d} rows; Usher compares no more of them."
    remedy = "Remove `deduplicate` from usher.yaml, and duplicates before you drop the file."
    return [Problem(key, message, remedy)]


def _rows_to_keep(bucket: Bucket, parts: Sequence[Part], limits: ReadLimits) -> NDArray[np.bool_]:
    """A mask of the rows to keep (rows,)."""
    unique, found, rows = UNIQUE.get(dataset_of(parts[0].key), ""), list[Hashes](), 0
    for part in parts:
        for block in read_blocks(bucket, part, limits):
            found.append(_hashes(block, unique))
            rows += len(block.lines)
            if problems := too_many_rows(part.key, rows, limits):
                raise InputError(problems)
    hashes = np.concatenate(found)
    ordered = hashes[::-1] if unique else hashes
    kept = np.zeros(len(hashes), np.bool_)
    kept[np.unique(ordered, return_index=True)[1]] = True
    return kept[::-1] if unique else kept


def _hashes(block: Block, unique: str) -> Hashes:
    """A hash of each row: of the column that identifies it, or else of all."""
    rows = np.zeros(len(block.lines), np.uint64)
    for cells in [block.columns[unique]] if unique else block.columns.values():
        rows = mixed(rows + hashes(cells))
    return rows
