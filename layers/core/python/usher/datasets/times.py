"""Times as people write them, and in Unix seconds, which Personalize takes."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9].*)?$"
"""The form of a date's beginning; it does not prove that the date exists."""
PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}
"""Ticks per second of the units of reading.UNITS."""
MICROSECONDS = PER_SECOND["us"]


def unix_seconds(date: str) -> int | None:
    """The Unix seconds of a date of ISO 8601, rounded down; None for any other text. Without a zone, it is in UTC."""
    try:
        time = datetime.fromisoformat(date)
    except ValueError:
        return None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() // 1) if "-" in date else None


def in_seconds(cells: pa.StringArray, unit: str) -> tuple[pa.StringArray, pa.BooleanArray]:
    """The cells in Unix seconds, and which cells could not be read and stay as they are. Blank cells stay blank.

    `unit`: one of reading.UNITS.
    """
    blank = pc.equal(cells, "")
    given = pc.if_else(blank, None, cells)
    seconds = given if unit == "s" else _of_dates(given) if unit == "iso" else _of_ticks(given, PER_SECOND[unit])
    unread = pc.and_(seconds.is_null(), pc.invert(blank))
    return pc.coalesce(seconds, cells), unread


def _of_ticks(cells: pa.StringArray, per_second: int) -> "pa.Array[Any]":
    whole = pc.replace_substring_regex(cells, r"\.0*$", "")
    whole = pc.if_else(pc.match_substring_regex(whole, "^-?([0-9]{1,18}|[0-8][0-9]{18})$"), whole, None)
    return floor_divided(whole.cast(pa.int64()), per_second).cast(pa.string())


def _of_dates(cells: pa.StringArray) -> "pa.Array[Any]":
    for kind in (pa.timestamp("us", "UTC"), pa.timestamp("us")):  # all of a file's dates have a zone, or none has
        try:
            return floor_divided(cells.cast(kind).cast(pa.int64()), MICROSECONDS).cast(pa.string())
        except pa.ArrowInvalid:
            continue
    coded = cells.dictionary_encode()
    read = [None if date is None else unix_seconds(date) for date in coded.dictionary.to_pylist()]
    return pa.array(read, pa.int64()).cast(pa.string()).take(coded.indices)


def floor_divided(ticks: "pa.Array[Any]", divisor: int) -> "pa.Array[Any]":
    """The quotients, rounded down, also below zero. Floating point does not hold all nanoseconds."""
    quotients = pc.divide(ticks, divisor)
    is_too_high = pc.less(ticks, pc.multiply(quotients, divisor))
    floors: pa.Array[Any] = pc.subtract(quotients, is_too_high.cast(pa.int64()))
    return floors
