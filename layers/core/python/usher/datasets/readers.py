"""A dataset's files, whatever their format, as blocks of rows with Personalize's columns and times."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from usher.datasets.csv_reader import Block, UnreadableError, read_csv
from usher.datasets.jsonl_reader import read_jsonl
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.datasets.reading import PLAIN, TIME_COLUMNS, Reading
from usher.datasets.times import in_seconds

GZIP = b"\x1f\x8b"
"""The first bytes of a gzip file."""
LINE_READERS = {".csv": read_csv, ".jsonl": read_jsonl}


def read_lines(
    key: str, chunks: Iterable[bytes], suffix: str, names: Sequence[str] = (), limits: ReadLimits = LIMITS
) -> Iterator[Block]:
    """The blocks of a file of lines, CSV or JSON Lines: at least one. `names`: the columns of a part without the first
    line.

    Raises UnreadableError where the file can't be read further.
    """
    return LINE_READERS[suffix.removesuffix(".gz")](key, chunks, names, limits)


def unpacked(key: str, stream: Any, limits: ReadLimits = LIMITS) -> Iterator[bytes]:
    """The decompressed pieces of a gzip stream. Raises UnreadableError if it is damaged, or holds too much."""
    size, max_bytes = 0, limits.unpacked_json_bytes if key.endswith(".jsonl.gz") else limits.unpacked_bytes
    try:
        with gzip.GzipFile(fileobj=stream) as file:
            begun = _first_byte(key, file)
            while piece := begun + file.read(limits.block_bytes - len(begun)):
                if begun and piece.startswith(GZIP):
                    raise UnreadableError(key, 0, "is packed by gzip twice.", "Unpack it once.")
                begun = b""
                size += len(piece)
                if size > max_bytes:
                    message = f"holds more than {max_bytes >> 30} GB."
                    raise UnreadableError(key, 0, message, "Split it into several files.")
                yield piece
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise UnreadableError(key, 0, "is damaged, or cut off: gzip can't unpack it.", "Write it anew.") from None


def _first_byte(key: str, file: gzip.GzipFile) -> bytes:
    try:
        return file.read(1)
    except gzip.BadGzipFile:
        message, remedy = "is not a gzip file, although its name ends in .gz.", "Pack it, or name it without .gz."
        raise UnreadableError(key, 0, message, remedy) from None


def apply_reading(key: str, blocks: Iterable[Block], reading: Reading) -> Iterator[Block]:
    """Blocks with Personalize's names of columns, and with times in Unix seconds, by a Reading.

    Rows whose times can't be read become row errors. Raises UnreadableError if two columns get one name.
    """
    for block in blocks:
        columns = _renamed(key, block.columns, reading.columns) if reading.columns else block.columns
        block = replace(block, columns=columns)
        yield block if reading.timestamps == PLAIN.timestamps else _with_seconds(block, reading.timestamps)


def _renamed(key: str, columns: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for own, cells in columns.items():
        name = names.get(own, own)
        if name in renamed:
            message = f"has two columns that become {name}."
            raise UnreadableError(
                key, 1, message, "Correct `columns` in usher.yaml, or leave one out: <its name>: false."
            )
        if name:
            renamed[name] = cells
    return renamed


def _with_seconds(block: Block, unit: str) -> Block:
    columns, unread = dict(block.columns), np.zeros(len(block.lines), np.bool_)
    for name in TIME_COLUMNS:
        if name in columns:
            columns[name], failed = in_seconds(columns[name], unit)
            unread |= failed.to_numpy(zero_copy_only=False)
    if not unread.any():
        return replace(block, columns=columns)
    kept = pa.array(~unread)
    return replace(
        block,
        columns={name: cells.filter(kept) for name, cells in columns.items()},
        lines=block.lines[~unread],
        row_errors={**block.row_errors, "unread time": block.lines[unread].tolist()},
    )
