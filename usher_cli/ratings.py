"""Reads files of users, items and times: MovieLens' `ratings.dat` and `ratings.csv`, recbole's `.inter`,
and the like.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SEPARATORS = ("::", "\t", ",")
NAMES = {
    "user": ("userId", "user"),
    "item": ("movieId", "itemId", "movie", "item"),
    "timestamp": ("timestamp",),
    "title": ("title", "movieTitle"),
    "genres": ("genres", "class"),
}
"""The names of columns in headers; upper case, underscores and recbole's `:type` do not matter."""
EVENTS = ("user", "item", "timestamp"), ("user", "item", "rating", "timestamp")
FILMS = (("item", "title", "genres"),)
"""The columns of files without a header, by their number; the first of each are required."""
BESIDE = ("movies.csv", "movies.dat", "items.csv")
"""Files with titles and genres, if one is in the folder of the ratings."""
Row = tuple[int, list[str]]


class RatingsError(Exception):
    """A file cannot be read; the message names file, line and remedy."""


@dataclass(frozen=True, slots=True)
class Ratings:
    """Events in the order of the file, all columns equally long; timestamps are Unix seconds."""

    name: str
    users: Sequence[str]
    items: Sequence[str]
    timestamps: Sequence[int]
    about: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Title, and genres separated by `|`, by item; empty if nothing is known."""


def read_ratings(path: Path, name: str = "") -> Ratings:
    """Read a file separated by `::`, tabs or commas, with or without a header; the ratings themselves are ignored.

    The data set is named `name` or else after the file, or after its folder if the file is called `ratings`. Raises
    RatingsError if the file has another form.
    """
    users, items, timestamps = [], [], []
    for line, (user, item, timestamp) in _columns(path, EVENTS):
        if not user or not item:
            raise RatingsError(f"{path}, line {line}: no {'item' if user else 'user'}; repair or delete the line")
        users.append(user)
        items.append(item)
        timestamps.append(_seconds(path, line, timestamp))
    beside = next((path.with_name(other) for other in BESIDE if path.with_name(other).exists()), None)
    films = dict[str, tuple[str, str]]()
    if beside:
        films = {item: (title, genres) for _, (item, title, genres) in _columns(beside, FILMS)}
    named = name or (path.resolve().parent.name if path.stem == "ratings" else path.stem)
    return Ratings(named, users, items, timestamps, films)


def _columns(path: Path, layouts: Sequence[Sequence[str]]) -> Iterator[Row]:
    """The number and wanted cells of every line except the header; at least one."""
    rows = list(_rows(path))
    _, first = rows[0] if rows else (0, [])
    plain = [name.split(":")[0].replace("_", "").strip().lower() for name in first]
    found = [_column_of(name, plain) for name in layouts[0]]
    header = any(place is not None for place in found)
    if header and None in found:
        missing = NAMES[layouts[0][found.index(None)]][0]
        raise RatingsError(f"{path}, line 1: the header has no column {missing}; rename the column to that")
    if len(rows) <= header:
        raise RatingsError(f"{path} has no lines of data; give a file that has")
    if not header:
        layout = next((names for names in layouts if len(names) == len(first)), None)
        if layout is None:
            known = " or ".join(", ".join(names) for names in layouts)
            raise RatingsError(f"{path}, line 1: {len(first)} columns and no header; add one, or have {known}")
        found = [layout.index(name) for name in layouts[0]]
    for line, cells in rows[header:]:
        if len(cells) != len(first):
            raise RatingsError(
                f"{path}, line {line}: {len(cells)} columns, not {len(first)}; repair or delete the line"
            )
        yield line, [cells[place].strip() for place in found if place is not None]


def _column_of(name: str, header: Sequence[str]) -> int | None:
    return next((header.index(known.lower()) for known in NAMES[name] if known.lower() in header), None)


def _rows(path: Path) -> Iterator[Row]:
    """The number and cells of the lines that are not empty."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RatingsError(f"{path} cannot be read: {error.strerror}; give the path of a file") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # MovieLens 1M
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    separator = next((known for known in SEPARATORS if known in first), None)
    if first and separator is None:
        raise RatingsError(f"{path}, line 1: no separator in {first[:40]!r}; separate by commas, tabs or ::")
    if separator == "::":
        yield from ((number, line.split("::")) for number, line in enumerate(lines, 1) if line.strip())
    elif separator:
        quotes = separator == ","
        reader = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE)
        try:
            yield from ((reader.line_num, cells) for cells in reader if any(cells))
        except csv.Error as error:
            raise RatingsError(f"{path}, line {reader.line_num}: {error}; balance the quotes") from None


def _seconds(path: Path, line: int, text: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        raise RatingsError(
            f"{path}, line {line}: {text!r} is not a timestamp; write Unix seconds, "
            f"or call the columns {', '.join(NAMES[name][0] for name in EVENTS[0])} if this is a header"
        ) from None
