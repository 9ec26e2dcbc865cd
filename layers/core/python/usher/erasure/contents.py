"""The content of a file without some users, by its format.

A file has rows of one user each (CSV, Parquet, JSON Lines), or is a document that may list users and name them in
messages (JSON). Rows of other users stay byte for byte if rows are lines.
"""

import csv
import gzip
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import IO, Any, Protocol, cast

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from usher.erasure.erased_users import ErasedUsers
from usher.storage.bucket import as_json

SAMPLE = "user"
"""The member of an evaluation's samples that names a user (usher.reports.evaluation_report)."""
LISTS_OF_USERS = ("usersList", "recommendedUsers", "userIds")
"""Members that list users: of a segment (usher.exports.assembly), and of a request for many."""
TEXTS = ("message", "remedy", "reason", "note", "summary", "error", "first_error")
"""Members with messages, which may quote a value of a file."""
BATCH_ROWS = 1 << 16


class Target(Protocol):
    """The destination of the rest of a file."""

    def write(self, content: bytes, /) -> Any:
        """Write a piece of content."""


Clean = Callable[[IO[bytes], Target, ErasedUsers, Collection[str]], int]


def clean(key: str, source: IO[bytes], target: Target, erased: ErasedUsers, columns: Collection[str] = ()) -> int:
    """Write a file's content without some users to `target`; return the number of their rows, entries and messages.

    `source`: a Parquet file must be seekable. `columns`: further names of the column of users.
    """
    plain = key.removesuffix(".gz")
    cleaner = next((one for suffix, one in CLEANERS.items() if plain.endswith(suffix)), _erase_nothing)
    if plain == key:
        return cleaner(source, target, erased, columns)
    with gzip.GzipFile(fileobj=source) as lines, gzip.GzipFile("", "wb", fileobj=cast(Any, target), mtime=0) as packed:
        return cleaner(cast(IO[bytes], lines), packed, erased, columns)


def is_user_column(name: str, columns: Collection[str]) -> bool:
    """Whether a column holds users' IDs: USER_ID in any spelling, or one of `columns`."""
    return name.replace("_", "").upper() == "USERID" or name in columns


def _erase_nothing(_source: IO[bytes], _target: Target, _erased: ErasedUsers, _columns: Collection[str]) -> int:
    return 0


def _clean_csv(source: IO[bytes], target: Target, erased: ErasedUsers, columns: Collection[str]) -> int:
    """Clean a file with one record per line, the form that Usher writes and Personalize reads."""
    lines = iter(source)
    head = next(lines, b"")
    target.write(head)
    names = [name.strip() for name in _cells(head.removeprefix(b"\xef\xbb\xbf"))]
    places = [place for place, name in enumerate(names) if is_user_column(name, columns)]
    removed = 0
    for line in lines if places else ():
        cells = _cells(line)
        if any(place < len(cells) and cells[place] in erased.users for place in places):
            removed += 1
        else:
            target.write(line)
    return removed


def _cells(line: bytes) -> list[str]:
    text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
    if '"' not in text and "\\" not in text:
        return text.split(",")
    return next(csv.reader([text], escapechar="\\"), [])


def _clean_lines(source: IO[bytes], target: Target, erased: ErasedUsers, columns: Collection[str]) -> int:
    removed = 0
    for line in source:
        value = _parsed(line)
        if value is not None and _names_user(value, erased, columns):
            removed += 1
            continue
        rest, entries = _without(value, erased, columns)
        removed += entries
        target.write(f"{json.dumps(rest, ensure_ascii=False, separators=(',', ':'))}\n".encode() if entries else line)
    return removed


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):  # a malformed line names no user
        return None


def _clean_json(source: IO[bytes], target: Target, erased: ErasedUsers, columns: Collection[str]) -> int:
    """Clean a document, or JSON Lines: batch jobs read their input from files with this ending, too."""
    first = source.readline()
    if isinstance(_parsed(first), dict) and (second := source.readline()):
        return _clean_lines(cast(IO[bytes], _Chained([first, second], source)), target, erased, columns)
    content = first + source.read()
    value = _parsed(content)
    if _names_user(value, erased, columns):  # JSON Lines of one line
        return 1
    rest, removed = _without(value, erased, columns)
    target.write(as_json(rest).encode() if removed else content)
    return removed


class _Chained:
    """The lines already read, followed by the rest of a stream."""

    def __init__(self, read: list[bytes], rest: IO[bytes]) -> None:
        self.read, self.rest = read, rest

    def __iter__(self) -> Iterator[bytes]:
        yield from self.read
        yield from self.rest


def _clean_parquet(source: IO[bytes], target: Target, erased: ErasedUsers, columns: Collection[str]) -> int:
    file = parquet.ParquetFile(source)
    schema = file.schema_arrow
    named = [name for name in schema.names if is_user_column(name, columns)]
    if not named:
        return 0
    users, removed = pa.array(sorted(erased.users)), 0
    with parquet.ParquetWriter(cast(Any, target), schema) as writer:
        for batch in file.iter_batches(BATCH_ROWS):
            theirs = pa.array([False] * len(batch))
            for name in named:
                theirs = pc.or_(theirs, pc.is_in(pc.cast(batch[name], pa.string()), users))
            removed += theirs.true_count
            writer.write_batch(batch.filter(pc.invert(theirs)))
    return removed


CLEANERS: Mapping[str, Clean] = {
    ".csv": _clean_csv,
    ".jsonl": _clean_lines,
    ".out": _clean_lines,
    ".json": _clean_json,
    ".parquet": _clean_parquet,
}
"""The function for each ending of a file's name, without `.gz`."""


def _names_user(value: Any, erased: ErasedUsers, columns: Collection[str]) -> bool:
    """Whether an object is about one of the users: it names one itself, or its input does."""
    if not isinstance(value, dict):
        return False
    named = (part for name, part in value.items() if name == SAMPLE or is_user_column(name, columns))
    is_theirs = any(isinstance(one, str | int) and str(one) in erased.users for one in named)
    return is_theirs or erased.has(value) or _names_user(value.get("input"), erased, columns)


def _without(value: Any, erased: ErasedUsers, columns: Collection[str]) -> tuple[Any, int]:
    """A value without list entries about the users, and with their IDs blanked in messages; and the number
    of changes.
    """
    removed = 0
    if isinstance(value, dict):
        kept: dict[str, Any] = {}
        for name, part in value.items():
            if name in TEXTS and isinstance(part, str):
                kept[name] = erased.blank(part)
                removed += kept[name] != part
            elif name in LISTS_OF_USERS and isinstance(part, list):
                kept[name] = [one for one in part if one not in erased.users]
                removed += len(part) - len(kept[name])
            else:
                kept[name], some = _without(part, erased, columns)
                removed += some
        return kept, removed
    if isinstance(value, list):
        rest = []
        for part in value:
            if _names_user(part, erased, columns):
                removed += 1
                continue
            one, some = _without(part, erased, columns)
            rest.append(one)
            removed += some
        return rest, removed
    return value, 0
