"""A run's record as a page for people: one HTML file without scripts or anything to fetch. Pure."""

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d9dee3, #3a424a); --soft: light-dark(#f4f6f8, #20262c);
  --dim: light-dark(#5b6570, #9aa5b0); --good: light-dark(#1a7f37, #4ac26b); --bad: light-dark(#c4212d, #ff7b72);
  --hold: light-dark(#8f5a00, #e3b341); --busy: light-dark(#0a58ca, #6cb6ff) }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1.25rem;
  background: light-dark(#fff, #14181c) }
h1 { font-size: 1.5rem; margin: 0 }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
p { margin: .3rem 0 }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .6rem 1.5rem; margin: 1.2rem 0 0 }
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


def page(record: Mapping[str, Any]) -> str:
    """The page of a run, from its record as it stands: planned, at work, or ended."""
    title = f"{record['group']}: {record['outcome'].lower()}"
    sections = (
        _head(record),
        *_notes(record),
        _live(record.get("versions", [])),
        _metrics(record.get("versions", [])),
        _pins(record.get("pins", {})),
        _resources(record),
        _unmanaged(record),
        _export(record.get("export", {})),
        _data(record.get("data", {})),
        _findings(record.get("data", {})),
        _prices(record.get("plan", {})),
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{STYLE}</style></head><body>{''.join(sections)}</body></html>\n"
    )


def _head(record: Mapping[str, Any]) -> Html:
    plan, cost = record.get("plan", {}), record.get("cost") or record.get("plan", {})
    facts = {
        "Started": _when(record.get("startedAt")),
        "Ended": _when(record.get("endedAt")),
        "Took": _took(record),
        "Expected": f"{plan['minutes']:g} min" if plan else "",
        "Cost of this run": _dollars(cost["cost"], plan.get("unpriced")) if cost else "",
        "Campaigns, a month": _dollars(cost["monthlyCost"]) if cost else "",
    }
    pairs = "".join(f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>" for name, value in facts.items() if value)
    title = f"<h1>{_text(record['group'])} {_tag(record['outcome'])}</h1>"
    where = _code(f"run {record.get('run', '')} of {record.get('execution', '')}")
    return Html(f'{title}<p class="dim">{where}</p><dl>{pairs}</dl>')


def _notes(record: Mapping[str, Any]) -> Iterable[str]:
    """What a person should read first: what is wrong and what is held back, each with what to do."""
    held = [
        {"place": state["id"], "message": state.get("reason", ""), "remedy": state.get("remedy", "")}
        for state in record.get("resources", [])
        if state["status"] == "HELD"
    ]
    kinds = (
        ("bad", "What is wrong", record.get("problems", [])),
        ("hold", "Held back", held),
        ("busy", "What to know", record.get("notes", [])),
    )
    for look, title, notes in kinds:
        if notes:
            yield f"<h2>{title}</h2>"
        for one in notes:
            said = f"<b>{_text(one['place'])}</b> {_text(one['message'])}"
            yield f'<div class="note {look}"><p>{said}</p><p>{_text(one["remedy"])}</p></div>'
    if note := record.get("note"):
        yield f'<div class="note busy"><p>{_text(note)}</p></div>'


def _live(versions: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [one["solution"], _code(one["arn"]), _when(one["trainedAt"]), _number(one.get("trainingHours"), "g")]
        for one in versions
        if one["live"]
    ]
    return _table("What is live", ["Solution", "Version", "Trained", "#Training hours billed"], rows)


def _metrics(versions: Sequence[Mapping[str, Any]]) -> str:
    """One column for each version: its offline metrics, side by side."""
    names = sorted({name for one in versions for name in one["metrics"]})
    head = [
        "Metric",
        *(f"#{one['solution']} {one['arn'].rpartition('/')[2]}{' (live)' * one['live']}" for one in versions),
    ]
    rows = [[name, *(_number(one["metrics"].get(name), ".4f") for one in versions)] for name in names]
    return _table("How good the models are, offline", head, rows)


def _pins(pins: Mapping[str, Mapping[str, str]]) -> str:
    rows = [
        [name, _code(one["version"]), one["who"], one["why"], _when(one["at"])] for name, one in sorted(pins.items())
    ]
    return _table("Chosen by a person", ["Solution", "Version", "Who", "Why", "When"], rows)


def _resources(record: Mapping[str, Any]) -> str:
    planned = record.get("plan", {}).get("resources", {})
    rows = []
    for state in record.get("resources", []):
        plan = planned.get(state["id"], {})
        why = plan["why"] if plan and state["status"] == "READY" else state.get("reason", "")
        shown = [state["id"], plan.get("action", state["action"]), _tag(state["status"]), why]
        month = plan.get("monthlyCost") or None
        costs = [_number(plan.get("minutes") or None, "g"), _cost(plan), _number(month, ",.2f")]
        rows.append([*shown, *costs])
    head = ["Resource", "Planned", "Status", "Why", "#Minutes", "#Cost, $", "#A month, $"]
    return _table("What was planned, and how it stands", head, rows)


def _unmanaged(record: Mapping[str, Any]) -> str:
    """What is there but no longer wanted, and what has become of what was to be deleted."""
    gone = {state["arn"]: state for state in record.get("retired", [])}
    rows = []
    for one in record.get("unmanaged", []):
        state = gone.get(one["arn"], {"status": "to be deleted" if one["deleted"] else "kept"})
        rows.append([one["id"], _code(one["arn"]), state.get("reason") or one["why"], _tag(state["status"])])
    return _table("What is there but not wanted", ["Resource", "ARN", "Why", "Status"], rows)


def _export(export: Mapping[str, Any]) -> str:
    rows = [
        [_code(one["key"]), _number(one["rows"], ",d"), _number(one["bytes"], ",d")] for one in export.get("files", [])
    ]
    return _table("What was exported", ["File", "#Rows", "#Bytes"], rows)


def _data(data: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [name, ", ".join(one.get("files", [])), ", ".join(one.get("columns", [])), _number(one.get("rows"), ",d")]
        for name, one in data.items()
    ]
    return _table("The data", ["Dataset", "Files", "Columns", "#Rows"], rows)


def _findings(data: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for name, report in data.items():
        for one in report.get("findings", []):
            where = _lines(one.get("lines", {})) or one["place"]
            shown = [name, _tag(one["severity"]), one["message"], one["remedy"], where]
            rows.append([*shown, _number(one.get("rows"), ",d")])
    return _table("What the data's rows break", ["Dataset", "", "What", "What helps", "Where", "#Rows"], rows)


def _lines(lines: Mapping[str, Sequence[int]]) -> str:
    return "; ".join(f"{file}: {', '.join(map(str, numbers))}" for file, numbers in lines.items())


def _prices(plan: Mapping[str, Any]) -> str:
    prices = plan.get("prices", {})
    if not prices:
        return ""
    own = f"; from usher.yaml: {', '.join(prices['own'])}" if prices["own"] else ""
    said = f"Costs are estimates in US dollars, without free tiers, by prices of {prices['date']}: "
    return f'<p class="dim">{_text(said + prices["source"] + own)}.</p>'


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table, or nothing where there are no rows. A column whose name begins with # holds numbers."""
    if not rows:
        return ""
    kinds = [' class="number"' if name.startswith("#") else "" for name in head]
    top = "".join(f"<th{kind}>{_text(name.removeprefix('#'))}</th>" for kind, name in zip(kinds, head, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{_text(cell)}</td>' for kind, cell in zip(kinds, row, strict=True))}</tr>"
        for row in rows
    )
    return f'<h2>{title}</h2><div class="scroll"><table><tr>{top}</tr>{body}</table></div>'


def _text(value: object) -> str:
    return value if isinstance(value, Html) else html.escape(str(value))


def _tag(word: str) -> Html:
    return Html(f'<span class="tag {LOOKS.get(word, "dim")}">{_text(word)}</span>')


def _code(text: str) -> Html:
    return Html(f"<code>{_text(text)}</code>")


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _cost(plan: Mapping[str, Any]) -> str:
    return "not known" if plan and plan["cost"] is None else _number(plan.get("cost") or None, ",.4f")


def _dollars(value: float, unpriced: Sequence[str] | None = None) -> str:
    return f"${value:,.2f}" + (f" and what has no known price ({', '.join(unpriced)})" if unpriced else "")


def _when(text: str | None) -> str:
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S %Z") if text else ""


def _took(record: Mapping[str, Any]) -> str:
    if "endedAt" not in record:
        return ""
    lasted = datetime.fromisoformat(record["endedAt"]) - datetime.fromisoformat(record["startedAt"])
    return str(lasted).partition(".")[0]
