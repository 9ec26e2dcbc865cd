"""A run's record as a page for people: one HTML file without scripts or anything to fetch. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from usher.reports.diagnosis_page import section
from usher.reports.html import Html, code, document, facts, note, number, table, tag, text, when


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
        section(record.get("data", {}).get("interactions", {}).get("diagnosis")),
        _prices(record.get("estimate", {})),
    )
    return document(title, sections)


def _head(record: Mapping[str, Any]) -> Html:
    plan, cost = record.get("estimate", {}), record.get("cost") or record.get("estimate", {})
    figures = {
        "Started": when(record.get("startedAt")),
        "Ended": when(record.get("endedAt")),
        "Took": _took(record),
        "Expected": f"{plan['minutes']:g} min" if plan else "",
        "Cost of this run": _dollars(cost["cost"], _unknown(plan, "cost")) if cost else "",
        "What serves, a month": _dollars(cost["monthlyCost"], _unknown(plan, "monthlyCost")) if cost else "",
        "At most, of the stack's ceilings": used(record["ceilings"]) if "ceilings" in record else "",
    }
    title = f"<h1>{text(record['group'])} {tag(record['outcome'])}</h1>"
    where = code(f"run {record.get('run', '')} of {record.get('execution', '')}")
    return Html(f'{title}<p class="dim">{where}</p>{facts(figures)}')


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
        yield from (note(look, one) for one in notes)
    undelivered = record.get("undelivered")
    for said in (record.get("note"), undelivered and f"Not delivered yet: {', '.join(undelivered)}."):
        if said:
            yield f'<div class="note busy"><p>{text(said)}</p></div>'


def _live(versions: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [one["solution"], code(one["arn"]), when(one["trainedAt"]), number(one.get("trainingHours"), "g")]
        for one in versions
        if one["live"]
    ]
    return table("What is live", ["Solution", "Version", "Trained", "#Training hours billed"], rows)


def _metrics(versions: Sequence[Mapping[str, Any]]) -> str:
    """One column for each version: its offline metrics, side by side."""
    names = sorted({name for one in versions for name in one["metrics"]})
    head = [
        "Metric",
        *(f"#{one['solution']} {one['arn'].rpartition('/')[2]}{' (live)' * one['live']}" for one in versions),
    ]
    rows = [[name, *(number(one["metrics"].get(name), ".4f") for one in versions)] for name in names]
    return table("How good the models are, offline", head, rows)


def _pins(pins: Mapping[str, Mapping[str, str]]) -> str:
    rows = [[name, code(one["version"]), one["who"], one["why"], when(one["at"])] for name, one in sorted(pins.items())]
    return table("Chosen by a person", ["Solution", "Version", "Who", "Why", "When"], rows)


def _resources(record: Mapping[str, Any]) -> str:
    planned = record.get("estimate", {}).get("resources", {})
    rows = []
    for state in record.get("resources", []):
        plan = planned.get(state["id"], {})
        why = plan["reason"] if plan and state["status"] == "READY" else state.get("reason", "")
        shown = [state["id"], plan.get("action", state["action"]), tag(state["status"]), why]
        costs = [number(plan.get("minutes") or None, "g"), _cost(plan, "cost", 4), _cost(plan, "monthlyCost", 2)]
        rows.append([*shown, *costs])
    head = ["Resource", "Planned", "Status", "Why", "#Minutes", "#Cost, $", "#A month, $"]
    return table("What was planned, and how it stands", head, rows)


def _unmanaged(record: Mapping[str, Any]) -> str:
    """What is there but no longer wanted, and what has become of what was to be deleted."""
    gone = {state["arn"]: state for state in record.get("deletions", [])}
    rows = []
    for one in record.get("unmanaged", []):
        state = gone.get(one["arn"], {"status": "to be deleted" if one["deleted"] else "kept"})
        rows.append([one["id"], code(one["arn"]), state.get("reason") or one["reason"], tag(state["status"])])
    return table("What is there but not wanted", ["Resource", "ARN", "Why", "Status"], rows)


def _export(export: Mapping[str, Any]) -> str:
    rows = [
        [code(one["key"]), number(one["rows"], ",d"), number(one["bytes"], ",d")] for one in export.get("files", [])
    ]
    return table("What was exported", ["File", "#Rows", "#Bytes"], rows)


def _data(data: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [name, ", ".join(one.get("files", [])), ", ".join(one.get("columns", [])), number(one.get("rows"), ",d")]
        for name, one in data.items()
    ]
    return table("The data", ["Dataset", "Files", "Columns", "#Rows"], rows)


def _findings(data: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for name, report in data.items():
        for one in report.get("findings", []):
            where = _lines(one.get("lines", {})) or one["place"]
            shown = [name, tag(one["severity"]), one["message"], one["remedy"], where]
            rows.append([*shown, number(one.get("rows"), ",d")])
    return table("What the data's rows break", ["Dataset", "", "What", "What helps", "Where", "#Rows"], rows)


def _lines(lines: Mapping[str, Sequence[int]]) -> str:
    return "; ".join(f"{file}: {', '.join(map(str, numbers))}" for file, numbers in lines.items())


def _prices(plan: Mapping[str, Any]) -> str:
    prices = plan.get("prices", {})
    if not prices:
        return ""
    own = f"; from usher.yaml: {', '.join(prices['own'])}" if prices["own"] else ""
    said = f"Costs are estimates in US dollars, without free tiers, by prices of {prices['date']}: "
    return f'<p class="dim">{text(said + prices["source"] + own)}.</p>'


def _cost(plan: Mapping[str, Any], of: str, digits: int) -> str:
    return "not known" if plan and plan[of] is None else number(plan.get(of) or None, f",.{digits}f")


def _unknown(plan: Mapping[str, Any], of: str) -> list[str]:
    """What costs nobody knows how much."""
    return [name for name, row in plan.get("resources", {}).items() if row[of] is None]


def used(ceilings: Mapping[str, float]) -> str:
    """How much of the ceilings a plan uses, as a record tells it."""
    return (
        f"${ceilings['run']:,.2f} of ${ceilings['mostOfRun']:,.2f} for this run, "
        f"${ceilings['month']:,.2f} of ${ceilings['mostOfMonth']:,.2f} in 30 days"
    )


def _dollars(value: float, unpriced: Sequence[str]) -> str:
    return f"${value:,.2f}" + (f" and what has no known price ({', '.join(unpriced)})" if unpriced else "")


def _took(record: Mapping[str, Any]) -> str:
    if "endedAt" not in record:
        return ""
    lasted = datetime.fromisoformat(record["endedAt"]) - datetime.fromisoformat(record["startedAt"])
    return str(lasted).partition(".")[0]
