"""Lists and tables as HTML. Pure: texts are escaped when they are joined with it (MarkupSafe)."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Line:
    """One place of a list of items."""

    id: str
    title: str
    about: str = ""
    address: str = ""
    """The address of the item's own page."""
    picture: str = ""
    badges: Sequence[str] = ()
    """Short words, such as `met`; `up 3`, `down 2` and `new` are shown as moves."""
    why: Sequence[str] = ()
    side: str = ""
    """The text at the end of the line: a score, or a time."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with a link."""

    text: str
    address: str
    picture: Markup = field(default_factory=Markup)


def item_list(lines: Sequence[Line], *, numbered: bool = True) -> Markup:
    """Items below each other, in their order."""
    tag = "ol" if numbered else "ul"
    return Markup("<{0} class='items'>{1}</{0}>").format(tag, Markup("").join(map(_line, lines)))


def _line(line: Line) -> Markup:
    title = Markup("<a href='{}'>{}</a>").format(line.address, line.title) if line.address else line.title
    return Markup(
        "<li data-id='{id}'>{tile}<div class='words'><div class='name'>{title}{badges}</div>"
        "{about}{why}</div>{side}</li>"
    ).format(
        id=line.id,
        tile=tile(line.id, line.title, line.picture),
        title=title,
        badges=Markup("").join(map(_badge, line.badges)),
        about=_small(line.about),
        why=Markup("").join(Markup("<div class='why'>{}</div>").format(one) for one in line.why),
        side=Markup("<span class='side-value'>{}</span>").format(line.side) if line.side else "",
    )


def _badge(text: str) -> Markup:
    look = text.split()[0] if text.split()[0] in ("up", "down", "new") else "plain"
    sign = {"up": "▲ ", "down": "▼ "}.get(look, "")
    shown = text.removeprefix(look).strip() if sign else text
    label = Markup(" aria-label='{}'").format(text) if sign else ""
    return Markup("<span class='badge {}'{}>{}{}</span>").format(look, label, sign, shown)


def _small(text: str) -> Markup:
    return Markup("<div class='dim small'>{}</div>").format(text) if text else Markup("")


def tile(id_: str, title: str, picture: str = "") -> Markup:
    """A picture, or else a tile with initials, in a colour that depends on the ID."""
    if picture:
        return Markup("<img class='tile' src='{}' alt='' loading='lazy' referrerpolicy='no-referrer'>").format(picture)
    initials = "".join(word[0] for word in title.split()[:2] if word[0].isalnum()).upper() or "?"
    hue = zlib.crc32(id_.encode("utf-8", "surrogatepass")) % 360
    return Markup("<span class='tile' style='--hue:{}' aria-hidden='true'>{}</span>").format(hue, initials)


def table(columns: Sequence[Column], rows: Iterable[Sequence[str | Cell]]) -> Markup:
    """A table; on a phone each row is a block in which cells have their columns' names."""
    head = Markup("").join(Markup("<th{}>{}</th>").format(_kind(one), one.name) for one in columns)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup("<td{} data-label='{}'>{}</td>").format(_kind(column), column.name, _shown(cell))
                for column, cell in zip(columns, row, strict=True)
            )
        )
        for row in rows
    )
    return Markup("<table class='rows'><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, body)


def _kind(column: Column) -> Markup:
    return Markup(" class='number'") if column.is_number else Markup("")


def _shown(cell: str | Cell) -> Markup | str:
    if isinstance(cell, str):
        return cell
    return Markup("<a href='{}' class='cell'>{}{}</a>").format(cell.address, cell.picture, cell.text)


def facts(values: Mapping[str, str]) -> Markup:
    """Values by name."""
    pair = Markup("<div><dt>{}</dt><dd>{}</dd></div>")
    pairs = (pair.format(name, text.replace("|", ", ")) for name, text in values.items())
    return Markup("<dl class='facts'>{}</dl>").format(Markup("").join(pairs))


def day(seconds: float) -> str:
    """Unix seconds as a day; empty for none."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d") if seconds else ""
    except (OverflowError, ValueError, OSError):
        return ""


def moves(before: Sequence[str], after: Sequence[str]) -> dict[str, str]:
    """The move of each place of a list: `up 3`, `down 1` or `new`; none for an unchanged place."""
    places = {item: place for place, item in enumerate(before)}
    changes = {}
    for place, item in enumerate(after):
        if item not in places:
            changes[item] = "new"
        elif moved := places[item] - place:
            changes[item] = f"{'up' if moved > 0 else 'down'} {abs(moved)}"
    return changes
