"""The page of a run, from its record: one HTML file without scripts, which loads nothing. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, cast

from markupsafe import Markup

from usher.dollars import dollars
from usher.reports.diagnosis_page import render_diagnosis
from usher.reports.diagnosis_report import DiagnosisReport
from usher.reports.html import code, document, facts, heading, lines, note, number, table, tag, when
from usher.run_record import (
    CeilingsRecord,
    CostRecord,
    DatasetRecord,
    MonthlyCost,
    PinRecord,
    PlanEstimate,
    ResourceEstimate,
    RunRecord,
    TableEstimate,
    VersionRecord,
)
from usher.run_summary import RunSummary, monthly_text, summarize, why_text


def render_run_page(record: RunRecord) -> str:
    """The page of a run from its current record, whether it is planned, running or finished."""
    title, summary = f"{record['group']}: {record['outcome'].lower()}", summarize(record)
    sections = (
        _head(record, summary),
        *_notes(record, summary),
        _done(summary),
        _live(record.get("versions", []), summary),
        _costs(record, summary),
        _unmanaged(summary),
        _metrics(record.get("versions", [])),
        _pins(record.get("pins", {})),
        _resources(record),
        _export(record.get("export", {})),
        _data(record.get("data", {})),
        _findings(record.get("data", {})),
        _diagnosis(record),
        _prices(record.get("estimate")),
    )
    return document(title, sections)


def _head(record: RunRecord, summary: RunSummary) -> Markup:
    estimate, cost = record.get("estimate"), summary["cost"]
    figures = {
        "Started": when(record["startedAt"]),
        "Ended": when(record.get("endedAt")),
        "Duration": _duration(record),
        "Expected duration": f"{estimate['minutes']:g} min" if estimate else "",
        "Cost of this run": _sum(cost["cost"], _unpriced(estimate)) if "cost" in cost else "",
        "Monthly cost of serving": _monthly(cost, "serving", "monthlyCost"),
        "Recurring monthly costs": _monthly(cost, "recurring", "recurringCost"),
    }
    used = ceilings_used(record["ceilings"]) if "ceilings" in record else ""
    ceilings = Markup('<p class="dim">Use of the stack\'s ceilings, at most: {}.</p>').format(used) if used else ""
    if estimate and "table" in estimate:
        ceilings += Markup('<p class="dim">{}.</p>').format(table_text(estimate["table"]))
    title = Markup("<h1>{} {}</h1>").format(record["group"], tag(record["outcome"]))
    run = code(f"run {record['run']} of {record['execution']}")
    return title + Markup('<p class="dim">{}</p>').format(run) + facts(figures) + ceilings


def table_text(table: TableEstimate) -> str:
    """The summary of a run's load into the table for the API."""
    parts = [f"{table[kind]:,d} {kind}" for kind in ("items", "users") if table[kind]]
    cost = dollars(table["dollars"])
    return f"Writes into the table, at most: {table['writes']:,d} for {' and '.join(parts)}, {cost} of DynamoDB"


def _monthly(cost: CostRecord, what: str, total: Literal["monthlyCost", "recurringCost"]) -> str:
    """The sum of the serving costs, or of the recurring ones; empty if nothing is known of it, or nothing recurs."""
    parts = [one for one in cost.get("monthly", ()) if one["what"] == what]
    if total not in cost or (what == "recurring" and not parts):
        return ""
    unknown = sum(one["dollars"] is None for one in parts)
    return dollars(cost[total]) + (f", and {unknown} without a known price, see below" if unknown else "")


def _notes(record: RunRecord, summary: RunSummary) -> Iterator[Markup]:
    """Problems, blocked resources and notes, each with a remedy."""
    kinds = (
        ("bad", "Problems", summary["problems"]),
        ("warn", "Held by a gate", summary["held"]),
        ("busy", "Notes", record.get("notes", [])),
    )
    for look, title, notes in kinds:
        if notes:
            yield heading(title)
        yield from (note(look, content) for content in notes)
    undelivered = record.get("undelivered")
    for text in (
        summary["progress"],
        record.get("note"),
        undelivered and f"Not delivered yet: {', '.join(undelivered)}.",
    ):
        if text:
            yield Markup('<div class="note busy"><p>{}</p></div>').format(text)


def _done(summary: RunSummary) -> Markup:
    return lines("Changes", [f"{one[0].upper()}{one[1:]}." for one in summary["done"]])


def _live(versions: Sequence[VersionRecord], summary: RunSummary) -> Markup:
    hours = {one["arn"]: one.get("trainingHours") for one in versions}
    rows = [
        [
            one["name"],
            code(one["version"]),
            when(one["trainedAt"]),
            when(one["since"]),
            f"{one['by']}: {one['why']}" if one["by"] else "",
            one["answeredBy"],
            number(hours.get(one["version"]), "g"),
        ]
        for one in summary["live"]
    ]
    head = ["Model", "Version", "Trained", "Live since", "Chosen by", "Answered by", "#Training hours billed"]
    return table("Live models", head, rows)


def _costs(record: RunRecord, summary: RunSummary) -> Markup:
    """All costs of every 30 days: now and, until the run has ended, after it."""
    estimate, is_running = record.get("estimate"), record["outcome"] == "RUNNING"
    now = {(one["id"], one["arn"]): one for one in summary["cost"].get("monthly", ())}
    after = {(one["id"], one["arn"]): one for one in (estimate["monthly"] if estimate and is_running else ())}
    rows = []
    for key, one in {**after, **now}.items():
        columns = [now, after] if is_running else [now]
        rows.append([one["id"], why_text(one), *(_cell(key, part) for part in columns)])
    heads = ["#$ a month now", "#$ a month after this run"] if is_running else ["#$ a month"]
    return table("Monthly costs, without requests", ["Resource or schedule", "Reason", *heads], rows)


def _cell(key: tuple[str, str], costs: Mapping[tuple[str, str], MonthlyCost]) -> str:
    one = costs.get(key)
    return "" if one is None else monthly_text(one)


def _metrics(versions: Sequence[VersionRecord]) -> Markup:
    """A row for each version with its offline metrics."""
    names = sorted({name for version in versions for name in version["metrics"]})
    rows = [
        [
            version["solution"],
            code(version["arn"].rpartition("/")[2]),
            "yes" if version["live"] else "no",
            *(number(version["metrics"].get(name), ".4f") for name in names),
        ]
        for version in versions
        if version["metrics"]
    ]
    head = ["Solution", "Version", "Live", *(f"#{name}" for name in names)]
    return table("Offline metrics of the models", head, rows)


def _pins(pins: Mapping[str, PinRecord]) -> Markup:
    rows = [[name, code(pin["version"]), pin["who"], pin["why"], when(pin["at"])] for name, pin in sorted(pins.items())]
    return table("Versions chosen by a person", ["Solution", "Version", "Who", "Reason", "When"], rows)


def _resources(record: RunRecord) -> Markup:
    estimate = record.get("estimate")
    rows = []
    for state in record.get("resources", []):
        planned = estimate["resources"].get(state["id"]) if estimate else None
        action, reason = planned["action"] if planned else state["action"], state.get("reason", "")
        if planned and state["status"] == "READY":
            reason = planned["reason"]
        rows.append([state["id"], action, tag(state["status"]), reason, *_figures(planned)])
    head = ["Resource", "Action", "Status", "Reason", "#Minutes", "#Cost, $", "#Per month, $"]
    return table("Resources: plan and status", head, rows)


def _unmanaged(summary: RunSummary) -> Markup:
    """Existing resources that are not desired, their costs, and the status of their deletion."""
    rows = [
        [
            one["id"],
            code(one["arn"]),
            one["reason"],
            tag(one["status"]),
            monthly_text(one["monthly"]) if one["monthly"] else "nothing",
        ]
        for one in summary["unmanaged"]
    ]
    return table("Unmanaged resources", ["Resource", "ARN", "Reason", "Status", "#Cost"], rows)


def _export(export: Mapping[str, Any]) -> Markup:
    rows = [
        [code(file["key"]), number(file["rows"], ",d"), number(file["bytes"], ",d")] for file in export.get("files", [])
    ]
    return table("Exported files", ["File", "#Rows", "#Bytes"], rows)


def _data(data: Mapping[str, DatasetRecord]) -> Markup:
    rows = [
        [
            name,
            ", ".join(dataset.get("files", [])),
            ", ".join(dataset.get("columns", [])),
            number(dataset.get("rows"), ",d"),
        ]
        for name, dataset in data.items()
    ]
    return table("Data", ["Dataset", "Files", "Columns", "#Rows"], rows)


def _findings(data: Mapping[str, DatasetRecord]) -> Markup:
    rows = []
    for name, dataset in data.items():
        for finding in dataset.get("findings", []):
            place = _lines(finding.get("lines", {})) or finding["place"]
            shown = [name, tag(finding["severity"]), finding["message"], finding["remedy"], place]
            rows.append([*shown, number(finding.get("rows"), ",d")])
    return table("Findings in the data", ["Dataset", "Severity", "Finding", "Remedy", "Place", "#Rows"], rows)


def _diagnosis(record: RunRecord) -> Markup:
    interactions = record.get("data", {}).get("interactions")
    return _diagnosis_section(json.dumps(interactions.get("diagnosis"))) if interactions else Markup("")


@lru_cache(maxsize=1)
def _diagnosis_section(report: str) -> Markup:
    """The section on a diagnosis, given as JSON: cached, as the page is written anew after each pass of a run."""
    return render_diagnosis(cast(DiagnosisReport | None, json.loads(report)))


def _lines(lines: Mapping[str, Sequence[int]]) -> str:
    return "; ".join(f"{file}: {', '.join(map(str, numbers))}" for file, numbers in lines.items())


def _prices(estimate: PlanEstimate | None) -> Markup:
    if not estimate or not (prices := estimate["prices"]):
        return Markup("")
    own = f"; prices from usher.yaml: {', '.join(prices['own'])}" if prices["own"] else ""
    return Markup(
        '<p class="dim">Costs are estimates in US dollars, without free tiers. Prices of {}: {}{}.</p>'
    ).format(prices["date"], prices["source"], own)


def _figures(estimate: ResourceEstimate | None) -> list[str]:
    """The minutes and the costs of a resource, without zeros."""
    if not estimate:
        return ["", "", ""]
    minutes = number(estimate["minutes"] or None, "g")
    return [minutes, _cost(estimate["cost"], 4), _cost(estimate["monthlyCost"], 2)]


def _cost(amount: float | None, digits: int) -> str:
    return "not known" if amount is None else number(amount or None, f",.{digits}f")


def _unpriced(estimate: PlanEstimate | None) -> list[str]:
    """The resources whose creation has no known price."""
    return [id_ for id_, resource in estimate["resources"].items() if resource["cost"] is None] if estimate else []


def ceilings_used(ceilings: CeilingsRecord) -> str:
    """The share of each ceiling that a plan uses, from the facts in a record."""
    return (
        f"{dollars(ceilings['run'])} of {dollars(ceilings['runCeiling'])} for this run, "
        f"{dollars(ceilings['month'])} of {dollars(ceilings['monthCeiling'])} in 30 days"
    )


def _sum(value: float, unpriced: Sequence[str]) -> str:
    return dollars(value) + (f", and resources without a known price: {', '.join(unpriced)}" if unpriced else "")


def _duration(record: RunRecord) -> str:
    if "endedAt" not in record:
        return ""
    duration = datetime.fromisoformat(record["endedAt"]) - datetime.fromisoformat(record["startedAt"])
    return str(duration).partition(".")[0]
