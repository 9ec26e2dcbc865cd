"""CSV files of any size, read as Personalize reads them: UTF-8, commas, one record per line.

Files are read in blocks of whole lines. Every row keeps its line number; malformed lines are reported and left out.
Every line is parsed on its own, so the result does not depend on where blocks begin and end.
"""

import codecs
import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.errors import InputError, Problem
from usher.formats.content_kind import kind_of

MAX_HEADER_BYTES = 20_000
"""The most bytes of a header: CreateSchema takes as many characters for a whole schema."""
MAX_COLUMNS = 128
"""The most columns, more than Personalize takes for any dataset: items may have 100 besides the reserved ones."""
SEPARATORS = {b";": "semicolons", b"\t": "tabs", b"|": "bars"}
CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
ROW_ERRORS = ("more values", "fewer values", "open quote", "stray return", "empty line", "not an object",
              "nested value", "unknown key", "unread time")  # fmt: skip
"""The errors of malformed lines: of CSVs, of JSON Lines, and of all files."""
VALUE = rb'(?:"(?:[^"\\]++|\\.|"")*+"|(?!"))(?:[^,\\\r]++|\\.)*+'
RECORD = re.compile(rb"%b(?:,%b)*+\r?" % (VALUE, VALUE), re.DOTALL)
"""A line that pyarrow reads as one record: its quotes are closed, and no backslash escapes its end."""


@dataclass(frozen=True, slots=True)
class ReadError:
    """The place and reason where reading a file ended."""

    key: str
    line: int
    """The line number; 0: the file can't be read at all."""
    message: str
    remedy: str

    @property
    def problem(self) -> Problem:
        """The error as a Problem."""
        return Problem(f"{self.key} line {self.line}" if self.line else self.key, self.message, self.remedy)


class UnreadableError(InputError):
    """A file can't be read further."""

    def __init__(self, key: str, line: int, message: str, remedy: str) -> None:
        self.error = ReadError(key, line, message, remedy)
        super().__init__([self.error.problem])


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a file."""

    columns: Mapping[str, pa.StringArray]
    """The text of every cell, by column."""
    lines: NDArray[np.int64]
    """The line number of every row; the header is line 1."""
    row_errors: Mapping[str, list[int]] = field(default_factory=dict)
    """The numbers of malformed lines, by one of ROW_ERRORS."""
    line_count: int = 0
    """The number of lines that the block was read from, with the header and malformed lines."""


def read_csv(
    key: str, chunks: Iterable[bytes], names: Sequence[str] = (), limits: ReadLimits = LIMITS
) -> Iterator[Block]:
    """Read a file's bytes as blocks: at least one, if only for its columns.

    `names`: the columns, where the bytes are a part of a file without its header; its first line then has number 1.
    Raises UnreadableError where the file can't be read further.
    """
    line, errors = 1, 0
    for content in _whole_lines(chunks, limits.line_bytes):
        head, rows = 0, content
        if not names:
            first, _, rows = content.partition(b"\n")
            if not first.strip() and rows.strip():
                raise UnreadableError(key, 1, "is an empty line.", "Remove it: the first line has the columns' names.")
            names, head = read_header(key, first), 1
        _check_length(key, line + head, rows, limits.line_bytes)
        for piece in _pieces(rows, limits.lines):
            block = _parse(key, names, line + head, piece)
            line += block.line_count + head
            yield replace(block, line_count=block.line_count + head)
            head, errors = 0, errors + sum(map(len, block.row_errors.values()))
            too_many_errors(key, line - 1, errors, limits)
    if not names:
        raise UnreadableError(key, 0, "is empty.", "Drop a CSV with a header and rows.")


def too_many_errors(key: str, line: int, errors: int, limits: ReadLimits) -> None:
    """Raise UnreadableError if a file has more malformed lines than are counted."""
    if errors > limits.row_errors:
        message = f"is the last line that was read: more than {limits.row_errors:,d} lines before it are malformed."
        raise UnreadableError(key, line, message, "Write one record per line, and remove empty lines.")


def line_pieces(key: str, chunks: Iterable[bytes], limits: ReadLimits, max_lines: int) -> Iterator[bytes]:
    """The bytes, cut at line ends, in pieces of at most `max_lines`. Raises UnreadableError if a line is too long."""
    line = 1
    for content in _whole_lines(chunks, limits.line_bytes):
        _check_length(key, line, content, limits.line_bytes)
        line += _line_ends(content)
        yield from _pieces(content, max_lines)


def _whole_lines(chunks: Iterable[bytes], max_line_bytes: int) -> Iterator[bytes]:
    """The bytes, cut at line ends. They end at a line that is too long: its beginning is the last piece."""
    rest = b""
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1
        if end:
            yield b"".join((rest, memoryview(chunk)[:end]))
            rest = b""
        rest += chunk[end:]
        if len(rest) > max_line_bytes:
            break
    if rest:
        yield rest


def _check_length(key: str, line: int, content: bytes, max_line_bytes: int) -> None:
    """Raise UnreadableError for a line that is too long. `line`: the number of the content's first line."""
    start = 0
    while len(content) - start > max_line_bytes:
        end = content.rfind(b"\n", start, start + max_line_bytes + 1)
        if end < 0:
            message = f"is longer than {max_line_bytes >> 20} MB."
            remedy = "Balance the quotes, and end every record with a line end."
            raise UnreadableError(key, line + content.count(b"\n", 0, start), message, remedy)
        start = end + 1


def _line_ends(content: bytes) -> int:
    """The number of line ends. For short lines, numpy counts ten times as fast as bytes do."""
    return int(np.count_nonzero(np.frombuffer(content, np.uint8) == ord("\n")))


def _pieces(content: bytes, max_lines: int) -> Iterator[bytes]:
    """Whole lines in pieces of at most `max_lines`."""
    if _line_ends(content) <= max_lines:
        yield content
        return
    cut = content.rfind(b"\n", 0, len(content) // 2) + 1 or content.find(b"\n") + 1
    yield from _pieces(content[:cut], max_lines)
    yield from _pieces(content[cut:], max_lines)


def read_header(key: str, line: bytes) -> list[str]:
    """The names of the columns in a file's first line. Raises UnreadableError."""
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    kind, remedy = kind_of(line)
    separator = next((name for mark, name in SEPARATORS.items() if mark in line and b"," not in line), "")
    columns = line.count(b",") + 1
    checks = (
        (not line.strip(), "is empty.", "Drop a CSV with a header and rows."),
        (line.startswith(codecs.BOM_UTF8), "starts with a byte order mark.", "Save it as UTF-8 without one."),
        (kind, f"is {kind}.", remedy),
        (line.startswith((b"{", b"[")), "is JSON, not CSV.", "Call it .jsonl, with one object per line."),
        (line.lower().startswith(b"sep="), "is a spreadsheet's separator line.", "Remove the line."),
        (separator, f"is separated by {separator}.", "Separate by commas."),
        (CONTROL.search(line), "has control characters in the header.",
         "End lines with \\n or \\r\\n; use plain names."),
        (len(line) > MAX_HEADER_BYTES, f"has a header of more than {MAX_HEADER_BYTES} bytes.",
         "End it with \\n, and use fewer columns and shorter names."),
        (b'"' in line, "has quotes in the header.", "Write the column names without quotes."),
        (columns > MAX_COLUMNS, f"has {columns} columns; no dataset has more than {MAX_COLUMNS}.", "Remove some."),
    )  # fmt: skip
    for is_wrong, message, remedy in checks:
        if is_wrong:
            raise UnreadableError(key, 1 if line.strip() else 0, message, remedy)
    _check_encoding(key, 1, line)
    names = line.decode().split(",")
    if "" in names:
        raise UnreadableError(key, 1, "has a column without a name.", "Name it, or remove the extra comma.")
    if len(set(names)) < len(names):
        raise UnreadableError(key, 1, "has two columns of the same name.", "Rename one of them.")
    return names


def _parse(key: str, names: Sequence[str], line: int, content: bytes) -> Block:
    """Parse whole lines. `line`: the number of the first."""
    _check_encoding(key, line, content)
    line_count = _line_ends(content) + (not content.endswith(b"\n") if content else 0)
    columns, invalid = _records(names, content)
    lines = np.arange(line, line + line_count)
    row_errors: dict[str, list[int]] = {}
    if not _one_record_per_line(content, len(columns[0]) + len(invalid), line_count):
        source = content.removesuffix(b"\n").split(b"\n")
        broken = {number: error for number, text in enumerate(source) if (error := _quoting_error(text))}
        for number, error in broken.items():
            row_errors.setdefault(error, []).append(line + number)
        lines = np.delete(lines, list(broken))
        kept = (text + b"\n" for number, text in enumerate(source) if number not in broken)
        columns, invalid = _records(names, b"".join(kept))
    places = [cast(int, row.number) - 1 for row in invalid]
    for row, place in zip(invalid, places, strict=True):
        error = "more values" if row.actual_columns > row.expected_columns else "fewer values"
        row_errors.setdefault(error, []).append(int(lines[place]))
    lines = np.delete(lines, places) if invalid else lines
    block = Block(dict(zip(names, columns, strict=True)), lines, row_errors, line_count)
    return _without_empty_lines(block, line, content)


def _records(names: Sequence[str], content: bytes) -> tuple[list[pa.StringArray], list[csv.InvalidRow]]:
    """Every column's cells, and the records with too many or too few values; the first record's `number` is 1."""
    invalid: list[csv.InvalidRow] = []

    def leave_out(row: Any) -> Literal["skip"]:
        invalid.append(row._replace(number=row.number - len(before)))
        return "skip"

    # pyarrow's parser for plain cells takes half the time of the one for quotes and escapes.
    marked = b'"' in content or b"\\" in content
    quoting: dict[str, Any] = (
        {"escape_char": "\\", "newlines_in_values": True} if marked else {"quote_char": False, "escape_char": False}
    )
    # pyarrow drops a byte order mark at the beginning, and rejects empty content: an empty line before it avoids both.
    before = b"" if content and not content.startswith(codecs.BOM_UTF8) else b"\n"
    table = csv.read_csv(
        cast(Any, pa.py_buffer(before + content)),
        csv.ReadOptions(column_names=list(names), use_threads=False, block_size=len(content) + 2),
        csv.ParseOptions(**quoting, ignore_empty_lines=False, invalid_row_handler=leave_out),
        csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False),
    )[len(before) :]
    return [cast(pa.StringArray, table.column(place).chunk(0)) for place in range(len(names))], invalid


def _one_record_per_line(content: bytes, records: int, line_count: int) -> bool:
    """Whether no record spans lines and no line holds several: for pyarrow, a carriage return ends a record, too."""
    last = content[content.rfind(b"\n", 0, -1) + 1 :].removesuffix(b"\n")
    stray = b"\r" in content and content.count(b"\r") > content.count(b"\r\n")
    return records == line_count and not stray and not _quoting_error(last)


def _quoting_error(line: bytes) -> str:
    """The error of a line that is not exactly one record; empty for one that is."""
    if RECORD.fullmatch(line):
        return ""
    return "stray return" if RECORD.fullmatch(line.replace(b"\r", b" ")) else "open quote"


def _without_empty_lines(block: Block, line: int, content: bytes) -> Block:
    """A block whose empty lines are row errors instead of rows."""
    first, *others = block.columns.values()
    blank = pc.equal(first, "")
    if not others or not blank.true_count:
        return block
    blank = functools.reduce(pc.and_, (pc.equal(column, "") for column in others), blank)
    source = content.split(b"\n")
    rows = pc.indices_nonzero(blank).to_pylist()
    empty = [row for row in rows if source[block.lines[row] - line] in (b"", b"\r")]
    kept = np.delete(np.arange(len(block.lines)), empty)
    return replace(
        block,
        columns={name: column.take(pa.array(kept)) for name, column in block.columns.items()},
        lines=block.lines[kept],
        row_errors={**block.row_errors, "empty line": block.lines[empty].tolist()} if empty else block.row_errors,
    )


def _check_encoding(key: str, line: int, content: bytes) -> None:
    """Raise UnreadableError for content that is not UTF-8. `line`: the number of its first line."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line += content.count(b"\n", 0, error.start)
        raise UnreadableError(key, line, f"is not UTF-8: {error.reason}.", "Save it as UTF-8.") from None
