"""JSON Lines as rows of texts: one object per line, whose keys are the columns. The first line has all of them.

Numbers keep their written form; null is a blank cell, and a list of texts is Personalize's form of several values:
`["Drama", "Crime"]` is `Drama|Crime`.
"""

import codecs
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from usher.datasets.csv_reader import Block, UnreadableError, line_pieces, too_many_errors
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.formats.content_kind import kind_of

MAX_LINES = 1 << 15
"""Lines that are parsed together: their cells take some hundred bytes each."""
MAX_NAME_LENGTH = 200
TRUTH = {True: "true", False: "false", None: ""}


class _NestedError(ValueError):
    """A value is an object, or a list with other values than texts and numbers."""


def _constant(name: str) -> str:
    raise ValueError(name)


DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_constant)


def read_jsonl(
    key: str, chunks: Iterable[bytes], names: Sequence[str] = (), limits: ReadLimits = LIMITS
) -> Iterator[Block]:
    """Read a file's bytes as blocks, at least one. `names`: the columns, if the first line is in another part.

    Raises UnreadableError where the file can't be read further.
    """
    line, errors = 1, 0
    for content in line_pieces(key, chunks, limits, min(limits.lines, MAX_LINES)):
        texts = content.removesuffix(b"\n").split(b"\n")
        names = names or read_names(key, texts[0])
        block = _parse(names, texts, line)
        line += block.line_count
        errors += sum(map(len, block.row_errors.values()))
        yield block
        too_many_errors(key, line - 1, errors, limits)
    if not names:
        raise UnreadableError(key, 0, "is empty.", "Drop a file with rows.")


def read_names(key: str, line: bytes) -> list[str]:
    """The columns of a file, from its first line. Raises UnreadableError."""
    kind, remedy = kind_of(line)
    if line.startswith(codecs.BOM_UTF8):
        raise UnreadableError(key, 1, "starts with a byte order mark.", "Save it as UTF-8 without one.")
    if kind:
        raise UnreadableError(key, 1, f"is {kind}.", remedy)
    try:
        first = DECODER.decode(line.decode())
    except (ValueError, RecursionError):
        first = None
    if not isinstance(first, dict) or not first:
        remedy = 'Write one object per line, such as {"USER_ID": "u1", "ITEM_ID": "i1", "TIMESTAMP": 1700000000}.'
        raise UnreadableError(key, 1, "is not a JSON object with the columns.", remedy)
    if bad := [name for name in first if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable()]:
        raise UnreadableError(key, 1, f"has the key {bad[0][:50]!r}, which can't be a column.", "Rename it.")
    return list(first)


def _parse(names: Sequence[str], texts: Sequence[bytes], line: int) -> Block:
    """Parse lines. `line`: the number of the first."""
    columns: dict[str, list[str]] = {name: [] for name in names}
    lines, row_errors = list[int](), dict[str, list[int]]()
    for number, text in enumerate(texts, start=line):
        error, row = _read(text, columns)
        if error:
            row_errors.setdefault(error, []).append(number)
            continue
        lines.append(number)
        for name, cells in columns.items():
            cells.append(row.get(name, ""))
    arrays = {name: pa.array(cells, pa.string()) for name, cells in columns.items()}
    return Block(arrays, np.array(lines, np.int64), row_errors, len(texts))


def _read(text: bytes, columns: Any) -> tuple[str, dict[str, str]]:
    """A line's error, if it has one, and its cells."""
    if not text.strip():
        return "empty line", {}
    try:
        row = DECODER.decode(text.decode())
        row = {name: value if type(value) is str else _cell(value) for name, value in row.items()}
        "".join(row.values()).encode()
    except _NestedError:
        return "nested value", {}
    except (ValueError, RecursionError, AttributeError):  # not JSON, an unpaired surrogate, or not an object
        return "not an object", {}
    return ("unknown key" if row.keys() - columns.keys() else ""), row


def _cell(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "|".join(value)
    if value is None or isinstance(value, bool):
        return TRUTH[value]
    raise _NestedError
