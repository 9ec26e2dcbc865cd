"""Facts about the cells of a column, such as that one is blank. data_rules.py decides which of them are errors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usher.datasets.schemas import ACTION_EVENTS
from usher.datasets.times import DATE
from usher.limits import FIRST_MILLISECOND, MAX_ID_LENGTH, MAX_TEXT_LENGTH, MAX_VALUE_LENGTH, WHOLE_NUMBERS
from usher.placeholders import PLACEHOLDERS

ASCII = 128
"""The first value above ASCII."""
BOOLEANS = pa.array(["", "true", "false"])
EVENTS = pa.array(ACTION_EVENTS)
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
MISSING = pa.array(sorted(PLACEHOLDERS))
"""The words that programs write for a missing value."""
SPACE = r"[\s\p{Z}]"
INVISIBLE = r"[\x00-\x08\x0e-\x1f\x7f\x{80}-\x{9f}\p{Cf}]"
"""Invisible characters: controls, marks of direction and byte order, joiners, spaces without width."""
ROUNDED_ID = r"^[0-9](\.[0-9]+)?[eE]\+[0-9]+$"
PER_MILLISECOND = {"milliseconds": 1, "microseconds": 10**3, "nanoseconds": 10**6}


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of a column: text, length in characters, number (null for none), and whether they are dates in a column of
    times.
    """

    text: pa.StringArray
    length: pa.Int32Array
    number: pa.DoubleArray
    date: pa.BooleanArray
    bytes: tuple[int, int]
    """The lowest and the highest byte of all texts: one test in place of one for each."""

    @classmethod
    def of(cls, text: pa.StringArray, *, numeric: bool, times: bool = False) -> "Cells":
        """The Cells of some texts. `numeric`: whether numbers matter; `times`: whether the column has times."""
        content: Any = text.buffers()[2]
        data = np.frombuffer(content or b"0", np.uint8)
        lowest, highest = int(data.min()), int(data.max())
        length = pc.binary_length(text) if highest < ASCII else pc.utf8_length(text)
        no = pa.array(np.zeros(len(text), np.bool_))
        if not numeric:
            return cls(text, length, pa.nulls(len(text), pa.float64()), no, (lowest, highest))
        is_number = (
            pc.not_equal(length, 0)
            if lowest >= ord("0") and highest <= ord("9")
            else pc.match_substring_regex(text, NUMBER)
        )
        numbers = pc.if_else(is_number, text, None)
        date = pc.match_substring_regex(text, DATE) if times and numbers.null_count else no
        return cls(text, length, numbers.cast(pa.float64()), date, (lowest, highest))

    def none(self) -> Any:
        """A fact that holds for no cell."""
        return pc.less(self.length, 0)


def _are_beyond_int(cells: Cells) -> Any:
    return pc.or_(pc.greater_equal(cells.number, WHOLE_NUMBERS["int"]), pc.less(cells.number, -WHOLE_NUMBERS["int"]))


def _are_padded(cells: Cells) -> Any:
    if cells.bytes[0] > ord(" ") and cells.bytes[1] < ASCII:
        return cells.none()
    return pc.match_substring_regex(cells.text, f"^{SPACE}|{SPACE}$")


def _are_rounded(cells: Cells) -> Any:
    if cells.bytes[1] < ord("E"):
        return cells.none()
    return pc.and_(cells.number.is_valid(), pc.match_substring(cells.text, "e", ignore_case=True))


def _have_invisible(cells: Cells) -> Any:
    if cells.bytes[0] >= ord(" ") and cells.bytes[1] < 0x7F:
        return cells.none()
    return pc.match_substring_regex(cells.text, INVISIBLE)


def _are_rounded_ids(cells: Cells) -> Any:
    if cells.bytes[0] > ord("+"):
        return cells.none()
    return pc.match_substring_regex(cells.text, ROUNDED_ID)


def _are_lists(cells: Cells) -> Any:
    if cells.bytes[1] < ord("]"):
        return cells.none()
    begin = (pc.starts_with(cells.text, mark) for mark in ("['", '["'))
    return pc.and_(pc.or_(*begin), pc.ends_with(cells.text, "]"))


def _are_ticks(cells: Cells, per_millisecond: int) -> Any:
    """A mask of the numbers that are times from 1973 to 2286, in a unit with `per_millisecond` ticks."""
    first = float(FIRST_MILLISECOND * per_millisecond)
    return pc.and_(pc.greater_equal(cells.number, first), pc.less(cells.number, 100 * first))


def _are_too_large(cells: Cells) -> Any:
    is_large = pc.greater_equal(cells.number, FIRST_MILLISECOND)
    for per_millisecond in PER_MILLISECOND.values():
        is_large = pc.and_(is_large, pc.invert(_are_ticks(cells, per_millisecond)))
    return is_large


def _are_several(cells: Cells) -> Any:
    return pc.match_substring(cells.text, "|") if cells.bytes[1] >= ord("|") else cells.none()


# Facts about single cells, by name: the ending of the columns' names that are tested for it, and the test.
FACTS: Mapping[str, tuple[str, Callable[[Cells], pa.BooleanArray]]] = {
    "blank": ("", lambda cells: pc.equal(cells.length, 0)),
    "not a number": (
        "",
        lambda cells: pc.and_(pc.and_(cells.number.is_null(), pc.invert(cells.date)), pc.not_equal(cells.length, 0)),
    ),
    "date": ("TIMESTAMP", lambda cells: cells.date),
    "rounded": ("TIMESTAMP", _are_rounded),
    "padded": ("_ID", _are_padded),
    "invisible character": ("_ID", _have_invisible),
    "rounded ID": ("_ID", _are_rounded_ids),
    "list": ("", _are_lists),
    "placeholder": ("_ID", lambda cells: pc.is_in(cells.text, MISSING)),
    "fractional": ("", lambda cells: pc.not_equal(cells.number, pc.floor(cells.number))),
    "beyond int": ("", _are_beyond_int),
    "beyond long": ("", lambda cells: pc.greater(pc.abs(cells.number), float(WHOLE_NUMBERS["long"]))),
    "not a boolean": ("", lambda cells: pc.invert(pc.is_in(cells.text, BOOLEANS))),
    "long ID": ("", lambda cells: pc.greater(cells.length, MAX_ID_LENGTH)),
    "long value": ("", lambda cells: pc.greater(cells.length, MAX_VALUE_LENGTH)),
    "long text": ("", lambda cells: pc.greater(cells.length, MAX_TEXT_LENGTH)),
    "several values": ("", _are_several),
    "milliseconds": ("TIMESTAMP", lambda cells: _are_ticks(cells, PER_MILLISECOND["milliseconds"])),
    "microseconds": ("TIMESTAMP", lambda cells: _are_ticks(cells, PER_MILLISECOND["microseconds"])),
    "nanoseconds": ("TIMESTAMP", lambda cells: _are_ticks(cells, PER_MILLISECOND["nanoseconds"])),
    "too large for a time": ("TIMESTAMP", _are_too_large),
    "before 1970": ("TIMESTAMP", lambda cells: pc.less(cells.number, 0)),
    "not 1 to 10": ("VALUE", lambda cells: pc.or_(pc.less(cells.number, 1), pc.greater(cells.number, 10))),
    "over 30 days": ("REPEAT_FREQUENCY", lambda cells: pc.greater(cells.number, 30)),
    "unknown action event": ("EVENT_TYPE", lambda cells: pc.invert(pc.is_in(pc.utf8_upper(cells.text), EVENTS))),
}

NOT_NUMBERS = ("not a number", "date", "beyond long")
"""The facts of cells that are no numbers."""
