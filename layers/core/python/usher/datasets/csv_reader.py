"""CSV files of any size, in blocks of whole lines, read as Personalize reads them: UTF-8, commas, one record per line.

Rows keep their lines. Lines that are no records are told, and left out. Each line is read by itself: what is found in
a file does not depend on where it is cut.
"""

import codecs
import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from usher.errors import InputError, Problem
from usher.formats.content_kind import kind_of

BLOCK_BYTES = 1 << 23
"""How much is held at a time."""
LONGEST_LINE = 1 << 20
"""Bytes of a record: more than Personalize takes of all columns together."""
MOST_LINES = 1 << 18
"""Of what is parsed at once: each may be wrong, and then takes much more memory than its bytes."""
MOST_FAULTS = 1_000_000
"""Lines of a file, or of a part of one, that are no records: each takes a hundred times as long as a record."""
LONGEST_HEADER = 20_000
"""Bytes: as many characters as CreateSchema takes of the whole schema."""
MOST_COLUMNS = 128
"""More than Personalize takes of any dataset: of items, 100 besides its own."""
SEPARATORS = {b";": "semicolons", b"\t": "tabs", b"|": "bars"}
CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
FAULTS = ("more values", "fewer values", "open quote", "stray return", "empty line")
"""What may be the matter with a line that is no record."""
VALUE = rb'(?:"(?:[^"\\]++|\\.|"")*+"|(?!"))(?:[^,\\\r]++|\\.)*+'
CLOSED = re.compile(rb"%b(?:,%b)*+\r?" % (VALUE, VALUE), re.DOTALL)
"""A line that is one record to pyarrow: quotes that open a value are closed, no backslash escapes the line's end."""


class UnreadableError(InputError):
    """A file can't be read on from a line; 0: not at all."""

    def __init__(self, key: str, line: int, message: str, remedy: str) -> None:
        super().__init__([Problem(f"{key} line {line}" if line else key, message, remedy)])
        self.line, self.message, self.remedy = line, message, remedy


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a file."""

    columns: Mapping[str, pa.StringArray]
    """The text of each column's cells."""
    lines: NDArray[np.int64]
    """Each row's line in the file; the header is line 1."""
    faults: Mapping[str, list[int]] = field(default_factory=dict)
    """The lines that are no records, by one of FAULTS."""
    height: int = 0
    """How many lines it was read from, with the header."""


def read_csv(key: str, chunks: Iterable[bytes], names: Sequence[str] = ()) -> Iterator[Block]:
    """A file's blocks from its bytes; at least one, if only for the columns.

    `names`: the columns, if the bytes are a part of a file without its header, of which the first line counts as 1.
    Raises UnreadableError where there is no reading on.
    """
    line, faults = 1, 0
    for content in _whole_lines(chunks):
        head, rows = 0, content
        if not names:
            first, _, rows = content.partition(b"\n")
            names, head = read_header(key, first), 1
        _check_length(key, line + head, rows)
        for piece in _pieces(rows):
            block = _parse(key, names, line + head, piece)
            line += block.height + head
            yield replace(block, height=block.height + head)
            head, faults = 0, faults + sum(map(len, block.faults.values()))
            if faults > MOST_FAULTS:
                said = f"is where reading ends: more than {MOST_FAULTS:,d} lines before it are no records."
                raise UnreadableError(key, line, said, "Write a record per line, and leave out empty lines.")
    if not names:
        raise UnreadableError(key, 0, "is empty.", "Drop a CSV with a header and rows.")


def _whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes cut at line ends; the last piece is what a line begins with that grows too long."""
    rest = b""
    for chunk in chunks:
        whole, end, tail = chunk.rpartition(b"\n")
        if end:
            yield rest + whole + end
            rest = b""
        rest += tail
        if len(rest) > LONGEST_LINE:
            break
    if rest:
        yield rest


def _check_length(key: str, line: int, content: bytes) -> None:
    """Whether a line is too long; the first is the file's `line`-th."""
    at = 0
    while len(content) - at > LONGEST_LINE:
        end = content.rfind(b"\n", at, at + LONGEST_LINE + 1)
        if end < 0:
            said = f"is longer than {LONGEST_LINE >> 20} MB."
            remedy = "Balance the quotes, and end every record's line."
            raise UnreadableError(key, line + content.count(b"\n", 0, at), said, remedy)
        at = end + 1


def _pieces(content: bytes) -> Iterator[bytes]:
    """Whole lines in pieces, none of which has more than MOST_LINES."""
    if content.count(b"\n") <= MOST_LINES:
        yield content
        return
    cut = content.rfind(b"\n", 0, len(content) // 2) + 1 or content.find(b"\n") + 1
    yield from _pieces(content[:cut])
    yield from _pieces(content[cut:])


def read_header(key: str, line: bytes) -> list[str]:
    """The columns that a file's first line names. Raises UnreadableError."""
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    kind, remedy = kind_of(line)
    other = next((name for mark, name in SEPARATORS.items() if mark in line and b"," not in line), "")
    columns = line.count(b",") + 1
    checks = (
        (not line.strip(), "is empty.", "Drop a CSV with a header and rows."),
        (line.startswith(codecs.BOM_UTF8), "starts with a byte order mark.", "Save it as UTF-8 without one."),
        (kind, f"is {kind}.", remedy),
        (other, f"is separated by {other}.", "Separate by commas."),
        (CONTROL.search(line), "has control characters in the header.",
         "End lines with \\n or \\r\\n; use plain names."),
        (len(line) > LONGEST_HEADER, f"has a header of more than {LONGEST_HEADER} bytes.",
         "End it with \\n, and use short names."),
        (b'"' in line, "has quotes in the header.", "Write the column names without quotes."),
        (columns > MOST_COLUMNS, f"has {columns} columns; no dataset has more than {MOST_COLUMNS}.", "Leave some out."),
    )  # fmt: skip
    for wrong, said, remedy in checks:
        if wrong:
            raise UnreadableError(key, 1 if line.strip() else 0, said, remedy)
    _check_encoding(key, 1, line)
    names = line.decode().split(",")
    if "" in names:
        raise UnreadableError(key, 1, "has a column without a name.", "Name it, or remove the comma too many.")
    if len(set(names)) < len(names):
        raise UnreadableError(key, 1, "names a column twice.", "Rename one of them.")
    return names


def _parse(key: str, names: Sequence[str], line: int, content: bytes) -> Block:
    """Parse whole lines, the first of which is the file's `line`-th."""
    _check_encoding(key, line, content)
    height = content.count(b"\n") + (not content.endswith(b"\n") if content else 0)
    columns, odd = _records(names, content)
    lines = np.arange(line, line + height)
    faults: dict[str, list[int]] = {}
    if not _one_record_per_line(content, len(columns[0]) + len(odd), height):
        source = content.removesuffix(b"\n").split(b"\n")
        broken = {number: fault for number, text in enumerate(source) if (fault := _broken(text))}
        for number, fault in broken.items():
            faults.setdefault(fault, []).append(line + number)
        lines = np.delete(lines, list(broken))
        kept = (text + b"\n" for number, text in enumerate(source) if number not in broken)
        columns, odd = _records(names, b"".join(kept))
    for row in odd:
        fault = "more values" if row.actual_columns > row.expected_columns else "fewer values"
        faults.setdefault(fault, []).append(int(lines[row.number - 2]))
    lines = np.delete(lines, [row.number - 2 for row in odd])
    block = Block(dict(zip(names, columns, strict=True)), lines, faults, height)
    return _without_empty_lines(block, line, content)


def _records(names: Sequence[str], content: bytes) -> tuple[list[pa.StringArray], list[csv.InvalidRow]]:
    """Each column's cells, and the records that have too many or too few; their number is one more than it should."""
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
    return [table[name].combine_chunks() for name in names], odd


def _one_record_per_line(content: bytes, records: int, height: int) -> bool:
    """Whether no record spans lines, and no line holds several, as pyarrow also ends one at a carriage return."""
    last = content[content.rfind(b"\n", 0, -1) + 1 :].removesuffix(b"\n")
    stray = b"\r" in content and content.count(b"\r") > content.count(b"\r\n")
    return records == height and not stray and not _broken(last)


def _broken(line: bytes) -> str:
    """The fault of a line that is not just one record; empty for one that is."""
    if CLOSED.fullmatch(line):
        return ""
    return "stray return" if CLOSED.fullmatch(line.replace(b"\r", b" ")) else "open quote"


def _without_empty_lines(block: Block, line: int, content: bytes) -> Block:
    """A block without the rows that are just a line end, which are told as `empty line`."""
    blank = functools.reduce(pc.and_, (pc.equal(column, "") for column in block.columns.values()))
    if len(block.columns) == 1 or not blank.true_count:
        return block
    source = content.split(b"\n")
    rows = pc.indices_nonzero(blank).to_pylist()
    empty = [row for row in rows if source[block.lines[row] - line] in (b"", b"\r")]
    kept = np.delete(np.arange(len(block.lines)), empty)
    return replace(
        block,
        columns={name: column.take(pa.array(kept)) for name, column in block.columns.items()},
        lines=block.lines[kept],
        faults={**block.faults, "empty line": block.lines[empty].tolist()} if empty else block.faults,
    )


def _check_encoding(key: str, line: int, content: bytes) -> None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line += content.count(b"\n", 0, error.start)
        raise UnreadableError(key, line, f"is not UTF-8: {error.reason}.", "Save it as UTF-8.") from None
