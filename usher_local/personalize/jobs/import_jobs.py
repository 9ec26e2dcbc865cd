"""Import jobs: read and check CSV files; messages are the service's where they are known."""

import io
import json
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from usher_local.personalize.core import environment
from usher_local.personalize.core.errors import JobFailedError
from usher_local.personalize.core.resources import Resource
from usher_local.personalize.core.schemas import Field, Schema, parse_schema
from usher_local.personalize.core.storage import Location
from usher_local.personalize.data.backend import DataBackend
from usher_local.personalize.data.interactions import joined

MIN_INTERACTIONS = 1000
MAX_ID = 256
MAX_CELL = 1000
MAX_TEXT = 20_000
"""The maximum length of a value in a textual field; longer values are cut without an error."""
LATEST = 10**11
"""Seconds; the year 5138. A later time must be in milliseconds."""
ROWS = 200_000
"""The rows that are read at once: as text they take a hundred times the memory of the result."""
DTYPES = {"int": np.int64, "long": np.int64, "float": np.float64, "double": np.float64}


def run(backend: DataBackend, job: Resource) -> None:
    """The work of a dataset import job: every file is checked before anything is stored."""
    dataset = backend.get("Dataset", job.values["datasetArn"])
    schema = parse_schema(backend.get("Schema", dataset.values["schemaArn"]).values["schema"])
    location = Location.of(backend, job.values["roleArn"], job.values["dataSource"]["dataLocation"])
    check = environment.current.check
    frame = joined([read_csv(content, schema, key, check) for key, content in location.read().items()])
    check()
    kind = dataset.values["datasetType"]
    if kind == "INTERACTIONS":
        _check_interactions(frame)
    backend.data(dataset).load(kind, frame, job.values["importMode"] == "INCREMENTAL")


def read_csv(
    content: bytes, schema: Schema, name: str = "file", check: Callable[[], None] = lambda: None
) -> pd.DataFrame:
    """Parse CSV into one column per field of the schema, with texts as categories.

    JobFailedError names file, column and line. `check` is called now and then and may raise.
    """
    try:
        with pd.read_csv(
            io.BytesIO(content),
            dtype=str,
            keep_default_na=False,
            escapechar="\\",
            encoding="utf-8-sig",
            index_col=False,
            chunksize=ROWS,
        ) as chunks:
            frames = []
            for chunk in chunks:
                check()
                frames.append(_checked(chunk, schema, name))
    except pd.errors.EmptyDataError:
        raise JobFailedError(f"Input CSV {name} is empty.") from None
    except UnicodeDecodeError as error:
        raise JobFailedError(f"Input CSV {name} is not UTF-8: {error.reason}.") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise JobFailedError(f"Input CSV {name} cannot be parsed: {str(error).strip()}.") from None
    if not sum(map(len, frames)):
        raise JobFailedError(f"Input CSV {name} has no records.")
    return joined(frames)


def _checked(chunk: pd.DataFrame, schema: Schema, name: str) -> pd.DataFrame:
    columns = {field: _column_name(chunk.columns, field) for field in schema.fields}
    missing = [field.name for field, column in columns.items() if column is None]
    if missing:
        raise JobFailedError(f"Input CSV is missing the following columns:{json.dumps(missing)}")
    return pd.DataFrame(
        {field.name: _column(chunk[column], field, name) for field, column in columns.items()}, copy=False
    )


def _column_name(header: Iterable[str], field: Field) -> str | None:
    """The column of a field: the one with the same name, else the one with the name in another case, else None."""
    same = [column for column in header if column.upper() == field.name.upper()]
    return field.name if field.name in same else next(iter(same), None)


def _column(cells: "pd.Series[str]", field: Field, name: str) -> "pd.Series[Any]":
    """Check a column of text and make it compact: numbers, or categories. Empty cells of nullable fields become
    nulls."""
    if field.numeric and not field.nullable:
        _refuse_empty(cells == "", field, name)
        return _numbers(cells, field, name)
    # Nullable fields of numbers remain texts: no compact type has both numbers and nulls.
    kinds = cells.astype("category")
    texts = pd.Series(kinds.cat.categories)
    if not field.nullable:
        _refuse_empty(kinds == "", field, name)
    if field.numeric:
        first = np.unique(kinds.cat.codes, return_index=True)[1]
        _numbers(cells.iloc[first][lambda some: some != ""], field, name)
    limit = MAX_ID if field.name in ("USER_ID", "ITEM_ID", "ACTION_ID") else MAX_CELL
    if field.textual:
        return pd.Series(pd.Categorical(cells.str.slice(0, MAX_TEXT).mask(cells == "")))
    if len(texts) and int(texts.str.len().max()) > limit:
        raise JobFailedError(f"Length cannot be more than {limit} characters for {field.name}")
    return kinds.cat.remove_categories([""]) if "" in kinds.cat.categories else kinds


def _refuse_empty(empty: "pd.Series[bool]", field: Field, name: str) -> None:
    if empty.any():
        line = int(empty.index[int(empty.to_numpy().argmax())]) + 2
        raise JobFailedError(f"Column {field.name} has an empty value in line {line} of {name}, but is not nullable.")


def _numbers(cells: "pd.Series[str]", field: Field, name: str) -> "pd.Series[Any]":
    numbers = pd.to_numeric(cells, errors="coerce")
    bad = numbers.isna().to_numpy()
    if DTYPES[field.type] is np.int64:
        bad = bad | (numbers % 1 != 0).to_numpy()
    if bad.any():
        row = int(bad.argmax())
        raise JobFailedError(
            f"Invalid value '{cells.iloc[row]}' of column {field.name} in line {cells.index[row] + 2} of {name}: "
            f"expected {field.type}."
        )
    return numbers.astype(DTYPES[field.type])


def _check_interactions(frame: pd.DataFrame) -> None:
    if len(frame) < MIN_INTERACTIONS:
        raise JobFailedError(f"Dataset has fewer than {MIN_INTERACTIONS} interactions: {len(frame)} found.")
    timestamps = frame["TIMESTAMP"]
    if int(timestamps.max()) > LATEST or int(timestamps.min()) < 0:
        raise JobFailedError("Column TIMESTAMP must be in Unix epoch time in seconds.")
    if "EVENT_TYPE" in frame and frame["EVENT_TYPE"].isna().all():
        raise JobFailedError("All values in the event_type column are either reserved keywords or null")
