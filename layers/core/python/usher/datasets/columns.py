"""Columns of texts without nulls, the form that all readers return."""

from typing import Any, cast

import pyarrow as pa


def texts_of(column: "pa.Array[Any]") -> list[str]:
    """The texts of a column."""
    return cast(list[str], column.to_pylist())
