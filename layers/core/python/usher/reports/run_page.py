"""The page of a run, from its record: one HTML file without scripts, which loads nothing. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, cast

from markupsafe import Markup

from usher.reports.diagnosis_page import render_diagnosis
from usher.reports.diagnosis_report import DiagnosisReport
from usher.reports.html import code, document, facts, heading, note, number, table, tag, when
from usher.run_record import (
    CeilingsRecord,
    DatasetRecord,
    PinRecord,
    PlanEstimate,
    ProblemRecord,
    ResourceEstimate,
    RunRecord,
    VersionRecord,
)


def render_run_page(record: RunRecord) -> str:
    """The page of a run from its current record, whether it is planned, running or finished."""
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
        render_diagnosis(_diagnosis(record)),
        _prices(record.get("estimate")),
    )
    return document(title, sections)


def _head(record: RunRecord) -> Markup:
    estimate = record.get("estimate")
    cost = record.get("cost") or estimate
    figures = {
        "Started": when(record["startedAt"]),
        "Ended": when(record.get("endedAt")),
        "Duration": _duration(record),
        "Expected duration": f"{estimate['minutes']:g} min" if estimate else "",
        "Cost of this run": _dollars(cost["cost"], _unpriced(estimate, "cost")) if cost else "",
        "Monthly cost of serving": _dollars(cost["monthlyCost"], _unpriced(estimate, "monthlyCost")) if cost else "",
        "Use of the stack's ceilings, at most": ceilings_used(record["ceilings"]) if "ceilings" in record else "",
    }
    title = Markup("<h1>{} {}</h1>").format(record["group"], tag(record["outcome"]))
    run = code(f"run {record['run']} of {record['execution']}")
    return title + Markup('<p class="dim">{}</p>').format(run) + facts(figures)


def _notes(record: RunRecord) -> Iterator[Markup]:
    """Problems, blocked resources and notes, each with a remedy."""
    blocked: list[ProblemRecord] = [
        {"place": state["id"], "message": state.get("reason", ""), "remedy": state.get("remedy", "")}
        for state in record.get("resources", [])
        if state["status"] == "HELD"
    ]
    kinds = (
        ("bad", "Problems", record.get("problems", [])),
        ("hold", "Held by a gate", blocked),
        ("busy", "Notes", record.get("notes", [])),
    )
    for look, title, notes in kinds:
        if notes:
            yield heading(title)
        yield from (note(look, content) for content in notes)
    undelivered = record.get("undelivered")
    for text in (record.get("note"), undelivered and f"Not delivered yet: {', '.join(undelivered)}."):
        if text:
            yield Markup('<div class="note busy"><p>{}</p></div>').format(text)


def _live(versions: Sequence[VersionRecord]) -> Markup:
    rows = [
        [
            version["solution"],
            code(version["arn"]),
            when(version["trainedAt"]),
            number(version.get("trainingHours"), "g"),
        ]
        for version in versions
        if version["live"]
    ]
    return table("Live versions", ["Solution", "Version", "Trained", "#Training hours billed"], rows)


def _metrics(versions: Sequence[VersionRecord]) -> Markup:
    """A column for each version with its offline metrics."""
    names = sorted({name for version in versions for name in version["metrics"]})
    columns = [
        f"#{version['solution']} {version['arn'].rpartition('/')[2]}{' (live)' * version['live']}"
        for version in versions
    ]
    rows = [[name, *(number(version["metrics"].get(name), ".4f") for version in versions)] for name in names]
    return table("Offline metrics of the models", ["Metric", *columns], rows)


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


def _unmanaged(record: RunRecord) -> Markup:
    """Existing resources that are not desired, and the status of their deletion."""
    deletions = {state["arn"]: state for state in record.get("deletions", [])}
    rows = []
    for one in record.get("unmanaged", []):
        state = deletions.get(one["arn"], {"status": "to be deleted" if one["deleted"] else "kept"})
        rows.append([one["id"], code(one["arn"]), state.get("reason") or one["reason"], tag(state["status"])])
    return table("Unmanaged resources", ["Resource", "ARN", "Reason", "Status"], rows)


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


def _diagnosis(record: RunRecord) -> DiagnosisReport | None:
    interactions = record.get("data", {}).get("interactions")
    return cast(DiagnosisReport | None, interactions.get("diagnosis")) if interactions else None


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


def _cost(dollars: float | None, digits: int) -> str:
    return "not known" if dollars is None else number(dollars or None, f",.{digits}f")


def _unpriced(estimate: PlanEstimate | None, name: Literal["cost", "monthlyCost"]) -> list[str]:
    """The resources whose cost is not known."""
    return [id_ for id_, resource in estimate["resources"].items() if resource[name] is None] if estimate else []


def ceilings_used(ceilings: CeilingsRecord) -> str:
    """How much of the ceilings a plan uses, from the facts in a record."""
    return (
        f"${ceilings['run']:,.2f} of ${ceilings['runCeiling']:,.2f} for this run, "
        f"${ceilings['month']:,.2f} of ${ceilings['monthCeiling']:,.2f} in 30 days"
    )


def _dollars(value: float, unpriced: Sequence[str]) -> str:
    return f"${value:,.2f}" + (f", and resources without a known price: {', '.join(unpriced)}" if unpriced else "")


def _duration(record: RunRecord) -> str:
    if "endedAt" not in record:
        return ""
    duration = datetime.fromisoformat(record["endedAt"]) - datetime.fromisoformat(record["startedAt"])
    return str(duration).partition(".")[0]
