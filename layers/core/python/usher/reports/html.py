"""What pages are made of: their look, tables, notes and figures. Pure."""

import html
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256

from usher.reports import charts
from usher.texts import visible

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d9dee3, #3a424a); --soft: light-dark(#f4f6f8, #20262c);
  --dim: light-dark(#5b6570, #9aa5b0); --good: light-dark(#1a7f37, #4ac26b); --bad: light-dark(#c4212d, #ff7b72);
  --hold: light-dark(#8f5a00, #e3b341); --busy: light-dark(#0a58ca, #6cb6ff) }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1.25rem;
  background: light-dark(#fff, #14181c) }
h1 { font-size: 1.5rem; margin: 0 }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
p { margin: .3rem 0 }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .6rem 1.5rem; margin: 1.2rem 0 }
dt { color: var(--dim); font-size: .85rem }
dd { margin: 0; font-weight: 600 }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: left; vertical-align: top; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line) }
th { color: var(--dim); font-weight: 600 }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere }
.scroll { overflow-x: auto }
.tag { font-weight: 600; white-space: nowrap }
.dim { color: var(--dim) } .good { color: var(--good) } .bad { color: var(--bad) }
.hold { color: var(--hold) } .busy { color: var(--busy) }
.note { border-left: 4px solid; padding: .5rem .9rem; margin: .5rem 0; background: var(--soft) }
.note > * { color: CanvasText }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1.5rem 2rem;
  margin: 1.2rem 0 }
small { display: block }
summary { cursor: pointer; margin: .6rem 0; font-weight: 600 }
"""
LOOKS = {
    "SUCCEEDED": "good", "READY": "good", "live": "good",
    "FAILED": "bad", "error": "bad",
    "HELD": "hold", "SKIPPED": "hold", "warning": "hold",
    "RUNNING": "busy", "PENDING": "busy", "WAITING": "busy",
}  # fmt: skip


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def document(title: str, sections: Iterable[str]) -> str:
    """A whole page, self-contained: a browser takes from it its one style sheet, and nothing else from anywhere."""
    style = STYLE + charts.STYLE
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><meta name="referrer" content="no-referrer">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{style}</style></head><body>{''.join(sections)}</body></html>\n"
    )


def note(look: str, one: Mapping[str, str]) -> Html:
    """What a person should read first: a problem or a finding, with what to do. `look`: one of those of LOOKS."""
    place = f"<b>{text(one['place'])}</b> " if "place" in one else ""
    said = f"<p>{place}{text(one['message'])}</p><p>{text(one['remedy'])}</p>"
    return Html(f'<div class="note {look}">{said}</div>')


def facts(pairs: Mapping[str, object]) -> Html:
    """Figures by name, those that are empty left out."""
    shown = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in pairs.items() if value)
    return Html(f"<dl>{shown}</dl>")


def fold(title: str, inside: str, *, is_open: bool = False) -> str:
    """What is shown when somebody asks for it; nothing if it is empty."""
    opened = " open" if is_open else ""
    return f"<details{opened}><summary>{text(title)}</summary>{inside}</details>" if inside else ""


def pictures(drawn: Iterable[str]) -> Html:
    """Charts beside each other, as many as have room."""
    return Html(f'<div class="charts">{"".join(drawn)}</div>')


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table below its title, if it has one; nothing where there are no rows. Columns named #... hold numbers."""
    if not rows:
        return ""
    kinds = [' class="number"' if name.startswith("#") else "" for name in head]
    top = "".join(f"<th{kind}>{text(name.removeprefix('#'))}</th>" for kind, name in zip(kinds, head, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{text(cell)}</td>' for kind, cell in zip(kinds, row, strict=True))}</tr>"
        for row in rows
    )
    heading = f"<h2>{text(title)}</h2>" if title else ""
    return f'{heading}<div class="scroll"><table><tr>{top}</tr>{body}</table></div>'


def text(value: object) -> str:
    """What is to be read, escaped; hidden characters are shown as escapes."""
    return value if isinstance(value, Html) else html.escape(visible(str(value)))


def tag(word: str) -> Html:
    """A status, in its colour."""
    return Html(f'<span class="tag {LOOKS.get(word, "dim")}">{text(word)}</span>')


def code(words: str) -> Html:
    """An identifier."""
    return Html(f"<code>{text(words)}</code>")


def number(value: float | None, form: str) -> str:
    """A number in a form; nothing if there is none."""
    return "" if value is None else format(value, form)


def when(time: str | None) -> str:
    """A time to the second, from ISO 8601."""
    return datetime.fromisoformat(time).strftime("%Y-%m-%d %H:%M:%S %Z") if time else ""
