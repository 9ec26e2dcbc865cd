"""Plans and runs as tables in the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from usher.planning.draft import Draft
from usher.reports.evaluation_page import verdict
from usher.reports.evaluation_report import ContenderSummary, EvaluationReport, Score
from usher.reports.run_page import ceilings_used

from usher_cli.doctor.examination import OK, PROBLEM, UNKNOWN, Result

STYLES = {
    "READY": "green", "SUCCEEDED": "green", "reuse": "green",
    "RUNNING": "yellow", "PENDING": "yellow", "HELD": "yellow", "hold": "yellow",
    "FAILED": "bold red", "SKIPPED": "red", "fail": "bold red",
    "WAITING": "dim", "PLANNED": "dim", "wait": "dim",
}  # fmt: skip
CENT = 0.01
CHECKED = {OK: "green", PROBLEM: "bold red", UNKNOWN: "yellow"}


def print_table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows below headings; statuses and actions are coloured."""
    output = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        output.add_column(column, overflow="fold")
    for row in rows:
        output.add_row(*(Text(str(cell), STYLES.get(str(cell), "")) for cell in row))
    console.print(output)


def print_problems(console: Console, problems: Iterable[Mapping[str, object]]) -> None:
    """Print problems: the place, the message and the remedy of each."""
    for one in problems:
        console.print(Text(f"{one['place']}: {one['message']}", "red"), Text(str(one["remedy"])), soft_wrap=True)


def doctor_line(console: Console, result: Result) -> None:
    """Print a line for a check of `usher doctor`."""
    line = Text(f"{result.outcome:14}", CHECKED[result.outcome]) + Text(f"{result.check:17}{result.details}")
    console.print(line, soft_wrap=True)
    if result.remedy:
        console.print(Text(f"{'':31}{result.remedy}"), soft_wrap=True)


def draft(console: Console, drafted: Draft) -> None:
    """Print the actions of a run by resource, with their time and cost."""
    findings = drafted.findings
    if note := findings.get("note"):
        console.print(note, soft_wrap=True, markup=False)
    for one in findings.get("notes", []):
        console.print(f"Note: {one}", soft_wrap=True, markup=False)
    estimate = findings.get("estimate")
    if not estimate:
        return
    columns = ("resource", "action", "minutes", "cost", "per month", "reason")
    rows = estimate["resources"].items()
    print_table(console, columns, ((name, one["action"], *_price(one), one["reason"]) for name, one in rows))
    for one in findings["unmanaged"]:
        action = "will be deleted" if one["deleted"] else "is left alone"
        console.print(f"{one['id']} is {one['reason']}, and {action}.", soft_wrap=True, markup=False)
    if not drafted.is_work:
        console.print("Nothing to do.")
        return
    minutes, cost, monthly = _price(estimate)
    console.print(f"Total: about {minutes or 0} minutes, {cost or 'nothing'} once and {monthly or 'nothing'} a month.")
    used = ceilings_used(findings["ceilings"])
    console.print(f"Use of the stack's ceilings, at most: {used}.", soft_wrap=True, markup=False)
    prices = estimate["prices"]
    console.print(f"Prices: {prices['source']}, {prices['date']}", style="dim", soft_wrap=True, markup=False)
    if estimate["unpriced"]:
        console.print(f"Not included, as its price is not known: {', '.join(estimate['unpriced'])}", soft_wrap=True)


def _price(one: Mapping[str, Any]) -> tuple[str, str, str]:
    """Minutes, cost and monthly cost, for people; empty for nothing."""
    minutes = f"{one['minutes']:g}" if one["minutes"] else ""
    return minutes, _dollars(one["cost"]), _dollars(one["monthlyCost"])


def _dollars(amount: float | None) -> str:
    if amount is None:
        return "unknown"
    return f"${amount:,.2f}" if amount >= CENT else "under $0.01" if amount else ""


def groups(console: Console, records: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the last run of each group."""
    if not records:
        console.print("No group has had a run yet.")
        return
    columns = ("group", "last run", "outcome", "")
    rows = records.items()
    print_table(console, columns, ((name, one["startedAt"][:16], one["outcome"], _headline(one)) for name, one in rows))


def record(console: Console, run: Mapping[str, Any], serving: Mapping[str, Any]) -> None:
    """Print a run, and the live versions of its group."""
    resources = run.get("resources", [])
    columns = ("resource", "status", "action", "reason")
    print_table(
        console, columns, ((one["id"], one["status"], one["action"], one.get("reason", "")) for one in resources)
    )
    solutions = serving.get("solutions", {})
    if solutions:
        console.print("\nLive:")
        print_table(
            console, ("solution", "version"), ((name, one["solutionVersionArn"]) for name, one in solutions.items())
        )
    console.print(f"\nRun {run['run']}: {run['outcome']}", markup=False)
    print_problems(console, run.get("problems", []))
    if not run.get("problems") and (summary := run.get("summary")):
        console.print(summary, soft_wrap=True, markup=False)


def _headline(run: Mapping[str, Any]) -> str:
    return str(run.get("summary", "")).partition("\n")[0]


SCORES = {
    "P@5": "precision_at_5",
    "P@25": "precision_at_25",
    "NDCG@5": "normalized_discounted_cumulative_gain_at_5",
    "NDCG@25": "normalized_discounted_cumulative_gain_at_25",
}


def scores(console: Console, report: EvaluationReport) -> None:
    """Print an evaluation's scores: a row per contender and form; ± is half of the first metric's interval."""
    rows = [row for contender in report["contenders"] for row in _score_rows(contender, report["scores"])]
    columns = ("contender", "lists", "MRR", "±", *SCORES)
    if any(contender["marks"] for contender in report["contenders"]):
        columns = (*columns, "")
    print_table(console, columns, (row[: len(columns)] for row in rows))
    for sentence in verdict(report):
        console.print(sentence, soft_wrap=True, markup=False)
    for contender in report["contenders"]:
        for note in contender["notes"]:
            console.print(f"Note: {contender['name']}: {note}", soft_wrap=True, markup=False)
    print_problems(console, report["problems"])


def _score_rows(contender: ContenderSummary, scores: Iterable[Score]) -> list[list[str]]:
    """A row for each form of a contender's lists; one for both where the figures are equal. The last cell has marks."""
    forms: dict[tuple[str, ...], list[str]] = {}
    for one in scores:
        if one["contender"] == contender["name"]:
            metrics = one["metrics"]
            first = metrics["mean_reciprocal_rank"]
            values = (
                first["value"],
                (first["high"] - first["low"]) / 2,
                *(metrics[name]["value"] for name in SCORES.values()),
            )
            forms.setdefault(tuple(f"{value:.4f}" for value in values), []).append(one["form"])
    no_figures = {tuple([""] * (len(SCORES) + 2)): list[str]()}
    marks = ", ".join(contender["marks"])
    return [[contender["name"], ", ".join(which), *row, marks] for row, which in (forms or no_figures).items()]
