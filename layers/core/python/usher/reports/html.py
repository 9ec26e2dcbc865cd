"""The parts of pages: their style, tables, notes and figures. Pure.

All of them are Markup: text that is joined with them or formatted into them is escaped (MarkupSafe).
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256

from markupsafe import Markup, escape

from usher.reports import charts
from usher.texts import visible

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d9dee3, #3a424a); --soft: light-dark(#f4f6f8, #20262c);
  --dim: light-dark(#5b6570, #9aa5b0); --good: light-dark(#1a7f37, #4ac26b); --bad: light-dark(#c4212d, #ff7b72);
  --warn: light-dark(#8f5a00, #e3b341); --busy: light-dark(#0a58ca, #6cb6ff) }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 84rem; margin: 2rem auto; padding: 0 1.25rem;
  background: light-dark(#fff, #14181c); overflow-wrap: break-word }
h1 { font-size: 1.5rem; margin: 0 }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
p { margin: .3rem 0 }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .6rem 1.5rem; margin: 1.2rem 0 }
dt { color: var(--dim); font-size: .85rem }
dd { margin: 0; font-weight: 600 }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: left; vertical-align: top; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line) }
th { color: var(--dim); font-weight: 600 }
.number { text-align: right; font-variant-numeric: tabular-nums }
td:last-child, th:last-child { padding-right: 0 }
@media (max-width: 48rem) {
  th { display: none }
  tr, td { display: block }
  tr { padding: .5rem 0; border-bottom: 1px solid var(--line) }
  td, td.number { display: grid; grid-template-columns: 8rem minmax(0, 1fr); gap: .75rem; padding: .1rem 0; border: 0;
    text-align: left }
  td:empty { display: none }
  td::before { content: attr(data-label); color: var(--dim); overflow-wrap: anywhere }
}
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere }
.scroll { overflow-x: auto }
.tag { font-weight: 600; white-space: nowrap }
.dim { color: var(--dim) } .good { color: var(--good) } .bad { color: var(--bad) }
.warn { color: var(--warn) } .busy { color: var(--busy) }
.note { border-left: 4px solid; padding: .5rem .9rem; margin: .5rem 0; background: var(--soft) }
.note > * { color: CanvasText }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); gap: 1.5rem 2rem;
  margin: 1.2rem 0 }
small { display: block }
summary { cursor: pointer; margin: .6rem 0; font-weight: 600 }
"""
LOOKS = {
    "SUCCEEDED": "good", "READY": "good", "live": "good",
    "FAILED": "bad", "error": "bad",
    "HELD": "warn", "SKIPPED": "warn", "warning": "warn",
    "RUNNING": "busy", "PENDING": "busy", "WAITING": "busy",
}  # fmt: skip
PAGE = Markup(
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{digest}'; """
    """base-uri 'none'; form-action 'none'"><meta name="referrer" content="no-referrer">"""
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<title>{title}</title><style>{style}</style></head><body>{body}</body></html>\n"
)


def document(title: str, sections: Iterable[Markup]) -> str:
    """A whole page, self-contained: the browser applies its one style sheet and loads nothing.

    Hidden characters, which occur only in texts from outside, are shown as escapes.
    """
    style = Markup(STYLE + charts.STYLE)  # noqa: S704 - constants
    digest = b64encode(sha256(style.encode()).digest()).decode()
    body = Markup(visible(join(sections)))  # noqa: S704 - markup stays as it is
    return PAGE.format(digest=digest, title=visible(title), style=style, body=body)


def join(parts: Iterable[Markup | str]) -> Markup:
    """Parts one after the other."""
    return Markup("").join(parts)


def note(look: str, content: Mapping[str, object]) -> Markup:
    """A problem or a finding with its remedy, to be read first. `look`: one of the values of LOOKS."""
    place = Markup("<b>{}</b> ").format(content["place"]) if "place" in content else ""
    return Markup('<div class="note {}"><p>{}{}</p><p>{}</p></div>').format(
        look, place, content["message"], content["remedy"]
    )


def facts(figures: Mapping[str, object]) -> Markup:
    """Figures by name, without empty ones."""
    return Markup("<dl>{}</dl>").format(
        join(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(*figure) for figure in figures.items() if figure[1])
    )


def lines(title: str, sentences: Sequence[str]) -> Markup:
    """Sentences below each other under a heading; nothing if there are none."""
    return heading(title) + join(Markup("<p>{}</p>").format(one) for one in sentences) if sentences else Markup("")


def heading(title: str) -> Markup:
    """The heading of a section."""
    return Markup("<h2>{}</h2>").format(title)


def fold(title: str, content: Markup, *, is_open: bool = False) -> Markup:
    """Content that is shown on a click; nothing if it is empty."""
    attribute = Markup(" open") if is_open else ""
    return content and Markup("<details{}><summary>{}</summary>{}</details>").format(attribute, title, content)


def grid(svgs: Iterable[Markup]) -> Markup:
    """Charts beside each other, as many as fit."""
    return Markup('<div class="charts">{}</div>').format(join(svgs))


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> Markup:
    """A table below its title, if it has one; nothing if there are no rows. Columns named #... hold numbers."""
    if not rows:
        return Markup("")
    kinds = [Markup(' class="number"') if name.startswith("#") else "" for name in head]
    names = [name.removeprefix("#") for name in head]
    shown = [name.replace("_", " ") for name in names]  # the style sheet shows names broken at blanks only
    labels = [Markup('{} data-label="{}"').format(kind, name) for kind, name in zip(kinds, shown, strict=True)]
    body = [_row("th", kinds, map(_breakable, names)), *(_row("td", labels, row) for row in rows)]
    top = heading(title) if title else ""
    return Markup('{}<div class="scroll"><table>{}</table></div>').format(top, join(body))


def _row(tag: str, attributes: Sequence[str], cells: Iterable[object]) -> Markup:
    pairs = zip(attributes, cells, strict=True)
    row = "".join(f"<{tag}{escape(attribute)}>{escape(cell)}</{tag}>" for attribute, cell in pairs)
    return Markup(f"<tr>{row}</tr>")  # noqa: S704 - Markup.format takes far longer, and a page has thousands of cells


def _breakable(name: str) -> Markup:
    """A name with a possible line break after each underscore."""
    return Markup("_<wbr>").join(name.split("_"))


def tag(word: str) -> Markup:
    """A status in its own colour."""
    return Markup('<span class="tag {}">{}</span>').format(LOOKS.get(word, "dim"), word)


def code(identifier: str) -> Markup:
    """An identifier in a fixed-width font."""
    return Markup("<code>{}</code>").format(identifier)


def number(value: float | None, form: str) -> str:
    """A number in a format; empty if there is none."""
    return "" if value is None else format(value, form)


def when(time: str | None) -> str:
    """A time to the second, from ISO 8601; empty if there is none."""
    return datetime.fromisoformat(time).strftime("%Y-%m-%d %H:%M:%S %Z") if time else ""
