"""CSV files of any size, in blocks of whole lines, read as Personalize reads them: UTF-8, commas, one record per line.

Rows keep their lines. Lines that are no records are told, and left out.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from usher.errors import InputError, Problem

BLOCK_BYTES = 1 << 23
"""How much is held at a time. No line can be longer."""
FAULTS = ("more values", "fewer values", "open quote", "empty line")
"""What may be the matter with a line that is no record."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a file."""

    columns: Mapping[str, pa.StringArray]
    """The text of each column's cells."""
    lines: Sequence[int]
    """Each row's line in the file; the header is line 1."""
    faults: dict[str, list[int]] = field(default_factory=dict)
    """The lines that are no records, by one of FAULTS."""


def read(key: str, chunks: Iterable[bytes], header: Sequence[str] = ()) -> Iterator[Block]:
    """A file's blocks from its bytes; at least one, if only for the columns.

    `header`: the columns that it must have. Raises InputError where there is no reading on.
    """
    names: Sequence[str] = ()
    for line, content in _whole_lines(key, chunks):
        if names:
            yield _parse(key, names, line, content)
        else:
            first, _, rows = content.partition(b"\n")
            names = _names(key, first.rstrip(b"\r"), header)
            yield _parse(key, names, line + 1, rows)
    if not names:
        raise InputError([Problem(key, "is empty.", "Drop a CSV with a header and rows.")])


def _whole_lines(key: str, chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The bytes cut at line ends, each piece with the number of its first line."""
    line, rest = 1, b""
    for chunk in chunks:
        whole, end, tail = chunk.rpartition(b"\n")
        if end:
            yield line, rest + whole + end
            line, rest = line + whole.count(b"\n") + 1, b""
        rest += tail
        if len(rest) > BLOCK_BYTES:
            said = f"is longer than {BLOCK_BYTES >> 20} MB."
            raise InputError([Problem(f"{key} line {line}", said, "Balance the quotes, and end every record's line.")])
    if rest:
        yield line, rest


def _names(key: str, line: bytes, wanted: Sequence[str]) -> list[str]:
    names = line.decode("utf-8", "replace").split(",")
    checks = (
        (not line.strip(), "is empty.", "Drop a CSV with a header and rows."),
        (line.startswith(b"\xef\xbb\xbf"), "starts with a byte order mark.", "Save it as UTF-8 without one."),
        (
            b"\r" in line or b"\x00" in line,
            "has control characters in the header.",
            "End lines with \\n or \\r\\n; use plain names.",
        ),
        (b'"' in line, "has quotes in the header.", "Write the column names without quotes."),
        (b";" in line and b"," not in line, "is separated by semicolons.", "Separate by commas."),
        (
            wanted and names != list(wanted),
            f"has other columns than the files before it: {', '.join(wanted)}.",
            "Give all files one header.",
        ),
        ("" in names, "has a column without a name.", "Name it, or remove the comma too many."),
        (len(set(names)) < len(names), "names a column twice.", "Rename one of them."),
    )
    for wrong, said, remedy in checks:
        if wrong:
            raise InputError([Problem(f"{key} line 1" if line.strip() else key, said, remedy)])
    return names


def _parse(key: str, names: Sequence[str], line: int, content: bytes) -> Block:
    """Parse whole lines, the first of which is the file's `line`-th."""
    _check_encoding(key, line, content)
    odd: list[csv.InvalidRow] = []

    def leave_out(row: csv.InvalidRow) -> str:
        odd.append(row)
        return "skip"

    # The empty line before it keeps pyarrow from dropping a byte order mark, and from refusing nothing at all.
    table = csv.read_csv(
        pa.py_buffer(b"\n" + content),
        csv.ReadOptions(column_names=names, use_threads=False, block_size=len(content) + 2),
        csv.ParseOptions(
            escape_char="\\", newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=leave_out
        ),
        csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )[1:]
    columns = {name: table[name].combine_chunks() for name in names}
    if not odd and content.count(b"\n") + (not content.endswith(b"\n")) == len(table):
        return _without_empty_lines(Block(columns, range(line, line + len(table))), line, content)
    heights = {row.number - 1: 1 + row.text.count("\n") for row in odd}
    lines = _number(columns, heights, line)
    faults: dict[str, list[int]] = {}
    for row in odd:
        faults.setdefault(_fault(row), []).append(lines[row.number - 2])
    kept = [number for record, number in enumerate(lines, start=1) if record not in heights]
    return _without_empty_lines(Block(columns, kept, faults), line, content)


def _number(columns: Mapping[str, pa.StringArray], heights: Mapping[int, int], line: int) -> list[int]:
    """The line of every record, those that were left out included: some span several lines, by a quote."""
    breaks = functools.reduce(pc.add, (pc.count_substring(column, "\n") for column in columns.values()))
    rows = iter(breaks.to_pylist())
    lines = []
    for record in range(1, len(breaks) + len(heights) + 1):
        lines.append(line)
        line += heights[record] if record in heights else 1 + next(rows)
    return lines


def _fault(row: csv.InvalidRow) -> str:
    if "\n" in row.text or row.text.count('"') % 2:  # the last line's quote may find no other to close it
        return "open quote"
    return "more values" if row.actual_columns > row.expected_columns else "fewer values"


def _without_empty_lines(block: Block, line: int, content: bytes) -> Block:
    """A block without the rows that are just a line end, which are told as `empty line`."""
    blank = functools.reduce(pc.and_, (pc.equal(column, "") for column in block.columns.values()))
    if len(block.columns) == 1 or not blank.true_count:
        return block
    source = content.splitlines()
    empty = [row for row in pc.indices_nonzero(blank).to_pylist() if not source[block.lines[row] - line]]
    kept = pa.array(sorted({*range(len(block.lines))} - {*empty}), pa.int64())
    return Block(
        {name: column.take(kept) for name, column in block.columns.items()},
        [block.lines[row] for row in kept.to_pylist()],
        block.faults | ({"empty line": [block.lines[row] for row in empty]} if empty else {}),
    )


def _check_encoding(key: str, line: int, content: bytes) -> None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line += content.count(b"\n", 0, error.start)
        raise InputError(
            [Problem(f"{key} line {line}", f"is not UTF-8: {error.reason}.", "Save it as UTF-8.")]
        ) from None
