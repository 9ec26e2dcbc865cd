"""Parts of the stack's own pages (usher.reports), in the style of the ui."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from markupsafe import Markup
from nicegui import ui
from usher.reports.html import join, table
from usher.texts import visible


def report(*parts: Markup | str) -> None:
    """Show parts below each other. Hidden characters, which occur only in texts from outside, are shown as escapes."""
    ui.html(visible(join(parts)), sanitize=False).classes("report")


def filled(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> Markup:
    """A table of `usher.reports.html.table`, without its empty columns."""
    kept = [place for place in range(len(head)) if any(row[place] for row in rows)]
    return table(title, [head[place] for place in kept], [[row[place] for place in kept] for row in rows])


def link(text: object, *place: str, **options: str) -> Markup:
    """A link to a page: `link("runs", "films", "runs")`; `options`: its query."""
    path = "/".join(quote(one, safe="") for one in place)
    query = f"?{urlencode(options)}" if options else ""
    return Markup('<a href="/{}{}">{}</a>').format(path, query, text)


def described(pairs: Mapping[object, object]) -> Markup:
    """Lines of a cell, each with a dim text: one element, as a phone shows a cell beside its name."""
    lines = Markup("<br>").join(Markup('{} <span class="dim">{}</span>').format(*one) for one in pairs.items())
    return lines and Markup("<div>{}</div>").format(lines)


def minute(time: str) -> Markup:
    """A time to the minute, in UTC, from ISO 8601; empty if there is none. The style sheet adds "UTC"."""
    return Markup('<time class="minute" datetime="{}">{}</time>').format(time, in_utc(time)) if time else Markup("")


def in_utc(time: str) -> str:
    """A time to the minute, in UTC, from ISO 8601, as text."""
    return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def duration(seconds: float) -> str:
    """Seconds in words: `45 s`, `3 min`, `2 h 5 min`."""
    minutes = round(seconds / 60)
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
