"""Parquet files as rows of texts, read by row groups from any seekable file.

A typed time is written in the unit of the setting `timestamps` of usher.yaml, as in a text file. Whole numbers are
written without a fraction, even if they are stored as floating point (common where cells are missing) or as decimals.
"""

from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from usher.datasets.csv_reader import MAX_COLUMNS, Block, UnreadableError
from usher.datasets.reading import TIME_COLUMNS, Reading
from usher.datasets.times import MICROSECONDS, PER_SECOND, floor_divided

BATCH_ROWS = 1 << 16
MAX_GROUP_BYTES = 1 << 30
"""The most bytes of a decompressed row group."""
WHOLE = 2.0**53
"""The largest number below which floating point holds every whole number."""


def read_parquet(
    key: str, file: IO[bytes], reading: Reading, belongs: Callable[[int], bool] = lambda _: True
) -> Iterator[Block]:
    """Read the row groups whose first byte `belongs`, as blocks: at least one, if only for its columns.

    Rows count from 1. Raises UnreadableError if the file can't be read.
    """
    try:
        source = parquet.ParquetFile(file, buffer_size=1 << 20)
        names = source.schema_arrow.names
        _check_columns(key, source, names)
        groups = [number for number in range(source.num_row_groups) if belongs(_first_byte(source, number))]
        row = 1
        for batch in source.iter_batches(BATCH_ROWS, row_groups=groups) if groups else ():
            columns = {name: _texts(key, name, batch[name], reading) for name in names}
            yield Block(columns, np.arange(row, row + len(batch)), line_count=len(batch))
            row += len(batch)
        if row == 1:
            yield Block({name: pa.array([], pa.string()) for name in names}, np.empty(0, np.int64))
    except (pa.ArrowException, OSError) as error:
        message = f"is a damaged Parquet file: {str(error).splitlines()[0][:200].rstrip('.')}."
        raise UnreadableError(key, 0, message, "Write it anew.") from None


def _check_columns(key: str, source: parquet.ParquetFile, names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise UnreadableError(key, 0, "has two columns of the same name.", "Rename one of them.")
    if len(names) > MAX_COLUMNS:
        message = f"has {len(names)} columns; no dataset has more than {MAX_COLUMNS}."
        raise UnreadableError(key, 0, message, "Remove some.")
    metadata = source.metadata
    largest = max((metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)), default=0)
    if largest > MAX_GROUP_BYTES:
        message = f"has a row group of {largest / 1e9:.1f} GB; Usher reads up to {MAX_GROUP_BYTES / 1e9:.1f} GB."
        raise UnreadableError(key, 0, message, "Write smaller row groups, such as a million rows each.")


def _first_byte(source: parquet.ParquetFile, group: int) -> int:
    column = source.metadata.row_group(group).column(0)
    return int(column.dictionary_page_offset or column.data_page_offset)


def _texts(key: str, name: str, cells: Any, reading: Reading) -> pa.StringArray:
    """A column as texts; blank for nulls."""
    kind = cells.type
    if pa.types.is_dictionary(kind):
        cells, kind = cells.dictionary_decode(), kind.value_type
    try:
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            is_time = reading.columns.get(name, name) in TIME_COLUMNS
            cells = _times(cells, reading.timestamps if is_time else "iso")
        elif pa.types.is_decimal(kind):
            cells = pc.replace_substring_regex(cells.cast(pa.string()), r"\.0+$", "")
        elif pa.types.is_floating(kind):
            cells = _numbers(cells)
        elif _is_list(kind) and (pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)):
            cells = pc.binary_join(cells.cast(pa.list_(pa.string())), "|")
        texts: pa.StringArray = pc.fill_null(cells.cast(pa.string()), "")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        message = f"has the column {name} of the type {str(kind)[:60]}."
        raise UnreadableError(key, 0, message, "Write texts, numbers, times, or lists of texts.") from None
    return texts


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _times(cells: Any, unit: str) -> Any:
    zone = getattr(cells.type, "tz", None) and "UTC"
    micros = cells.cast(pa.timestamp("us", zone), safe=False)
    if unit == "iso":
        return pc.replace_substring_regex(micros.cast(pa.timestamp("us")).cast(pa.string()), r"\.?0*$", "")
    ticks = micros.cast(pa.int64())
    if unit == "ns":
        return pc.multiply_checked(ticks, PER_SECOND["ns"] // MICROSECONDS)
    return floor_divided(ticks, MICROSECONDS // PER_SECOND.get(unit, 1))


def _numbers(cells: Any) -> Any:
    cells = pc.if_else(pc.is_finite(cells), cells, None).cast(pa.float64())
    is_whole = pc.and_(pc.equal(cells, pc.floor(cells)), pc.less(pc.abs(cells), WHOLE))
    whole = pc.if_else(is_whole, cells, None).cast(pa.int64()).cast(pa.string())
    return pc.coalesce(whole, cells.cast(pa.string()))
