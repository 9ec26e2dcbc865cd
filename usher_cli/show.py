"""Plans and runs as tables in the terminal."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from usher.dollars import dollars, up_to
from usher.events.kept import KeptEvent
from usher.planning.draft import Draft
from usher.reports.evaluation_page import verdict
from usher.reports.evaluation_report import ContenderSummary, EvaluationReport, Score
from usher.reports.run_page import ceilings_used, table_text
from usher.run_record import CostRecord, LiveModel, RunRecord, StateRecord
from usher.run_summary import RunSummary, cost_sentences, month_text, monthly_text, monthly_totals, summarize, why_text
from usher.runs.pauses import pause_note

from usher_cli.actions.action import PlanView
from usher_cli.costs import AccountCost, amount_text, known_sum, sums
from usher_cli.doctor.examination import OK, PROBLEM, UNKNOWN, Result
from usher_cli.logs import Line
from usher_cli.output import say
from usher_cli.stack_views.runs import headline
from usher_cli.status import GroupStatus

STYLES = {
    "READY": "green", "SUCCEEDED": "green", "reuse": "green",
    "RUNNING": "yellow", "PENDING": "yellow", "HELD": "yellow", "keep": "yellow",
    "FAILED": "bold red", "SKIPPED": "red", "fail": "bold red",
    "WAITING": "dim", "PLANNED": "dim", "wait": "dim",
}  # fmt: skip
CHECKED = {OK: "green", PROBLEM: "bold red", UNKNOWN: "yellow"}


def print_table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows below headings; statuses and actions are coloured."""
    console.print(_table(columns, rows))


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    output = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        output.add_column(column, overflow="fold")
    for row in rows:
        output.add_row(*(Text(str(cell), STYLES.get(str(cell), "")) for cell in row))
    return output


def print_problems(console: Console, problems: Iterable[Mapping[str, object]]) -> None:
    """Print problems: the place, the message and the remedy of each."""
    for one in problems:
        console.print(Text(f"{one['place']}: {one['message']}", "red"), Text(str(one["remedy"])), soft_wrap=True)


def event_line(console: Console, event: KeptEvent) -> None:
    """Print a line for a kept event."""
    at = datetime.fromtimestamp(event["arrived"], UTC).isoformat(timespec="seconds")
    what = event.get("itemId") or event.get("actionId", "")
    who = event.get("userId") or f"session {event['sessionId']}"
    refused = f"  refused: {event['refused']}" if "refused" in event else ""
    console.print(
        f"{at}  {event['eventType']:15} {what:20} {who}{refused}", soft_wrap=True, markup=False, highlight=False
    )


def doctor_line(console: Console, result: Result) -> None:
    """Print a line for a check of `usher doctor`."""
    line = Text(f"{result.outcome:14}", CHECKED[result.outcome]) + Text(f"{result.check:17}{result.details}")
    console.print(line, soft_wrap=True)
    if result.remedy:
        console.print(Text(f"{'':31}{result.remedy}"), soft_wrap=True)


def log_line(console: Console, line: Line) -> None:
    """Print a line of a run's log: time, action, resource, status, reason."""
    status = line.get("status", "")
    action, resource, reason = line["action"], line.get("resource", ""), line.get("reason", "")
    text = Text(f"{line['at'][:19].replace('T', ' ')}  {action:8} ") + Text(f"{status:9} ", STYLES.get(status, ""))
    console.print(text + Text("  ".join(filter(None, (resource, reason)))), soft_wrap=True)


def plan(console: Console, view: PlanView) -> None:
    """Print the plan of an action: its sentences, and its resources."""
    for sentence in view["sentences"]:
        say(console, sentence)
    rows = [
        (one["id"], one["action"], f"{one['minutes']:g}" if one["minutes"] else "", _once(one["cost"]), one["reason"])
        for one in view["rows"]
    ]
    columns = ("resource", "action", "minutes", "cost", "reason")
    filled = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    if rows:
        kept = ([row[place] for place in filled] for row in rows)
        print_table(console, [columns[place] for place in filled], kept)
    print_problems(console, view["problems"])


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
    prices = {one["arn"]: one for one in findings["costsNow"]}
    for one in findings["unmanaged"]:
        action = "will be deleted" if one["deleted"] else "is left alone"
        costs_of = f" It costs: {monthly_text(prices[one['arn']])}." if one["arn"] in prices else ""
        say(console, f"{one['id']} is {one['reason']}, and {action}.{costs_of}")
    say(console, f"The group now: {sums(monthly_totals(findings['costsNow']))}")
    if not drafted.is_work:
        console.print("Nothing to do.")
        return
    say(console, f"After the run: {sums(monthly_totals(estimate['monthly']))}")
    minutes, cost, _ = _price(estimate)
    console.print(f"Total: about {minutes or 0} minutes, and {cost or 'nothing'} once.")
    if "table" in estimate:
        say(console, f"{table_text(estimate['table'])}.")
    used = ceilings_used(findings["ceilings"])
    console.print(f"Use of the stack's ceilings, at most: {used}.", soft_wrap=True, markup=False)
    prices = estimate["prices"]
    console.print(f"Prices: {prices['source']}, {prices['date']}", style="dim", soft_wrap=True, markup=False)
    if estimate["unpriced"]:
        console.print(f"Not included, as its price is not known: {', '.join(estimate['unpriced'])}", soft_wrap=True)


def _price(one: Mapping[str, Any]) -> tuple[str, str, str]:
    """The minutes, cost and monthly cost, for people; empty for nothing."""
    minutes = f"{one['minutes']:g}" if one["minutes"] else ""
    return minutes, _once(one["cost"]), _once(one["monthlyCost"])


def _once(amount: float | None) -> str:
    return "unknown" if amount is None else dollars(amount) if amount else ""


def groups(console: Console, statuses: Iterable[RunSummary]) -> None:
    """Print the last run of each group."""
    rows = [
        (
            one["group"],
            one["startedAt"][:16],
            one["outcome"],
            known_sum(one["cost"]),
            headline(one),
        )
        for one in statuses
    ]
    if not rows:
        say(console, "No group has had a run yet. To start one: usher drop <folder> --group <name>")
        return
    print_table(console, ("group", "last run", "outcome", "serving, a month", ""), rows)


def keys(console: Console, group: str, found: Sequence[Mapping[str, Any]]) -> None:
    """Print the API keys of a group."""
    if not found:
        console.print(f"{group} has no API keys.", markup=False)
        return
    rows = [
        (
            one["id"],
            one["name"],
            "" if one["perMinute"] is None else f"{one['perMinute']} a minute",
            one["created"][:16],
            ", ".join(end[:16] for end in one["former"]),
            ", ".join(one["routes"]),
        )
        for one in found
    ]
    print_table(console, ("key", "name", "limit", "created", "former secrets end", "routes"), rows)


@contextmanager
def following(
    console: Console, end_of: Callable[[RunRecord], str] = lambda _: ""
) -> Iterator[Callable[[RunRecord], None]]:
    """A function that shows the progress of a run: in place in a terminal, else in a line after each change.

    `end_of`: the expected end of a run, in a sentence.
    """
    printed = [""]

    def report(record: RunRecord) -> None:
        if (text := summarize(record)["progress"]) != printed[-1]:
            say(console, text)
            printed.append(text)

    if not console.is_terminal:
        yield report
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield lambda record: live.update(progress(record, end_of(record)), refresh=True)


def _resources(states: Iterable[StateRecord]) -> Table:
    columns = ("resource", "status", "action", "reason")
    return _table(columns, ((one["id"], one["status"], one["action"], one.get("reason", "")) for one in states))


def progress(record: RunRecord, end: str) -> RenderableType:
    """The progress of a run: its resources, a bar, and a sentence. `end`: its expected end."""
    states = record.get("resources", ())
    ready = sum(one["status"] == "READY" for one in states)
    line = Table.grid(padding=(0, 1))
    line.add_row(ProgressBar(len(states) or 1, ready, width=20), f"{summarize(record)['progress']} {end}".rstrip())
    return Group(_resources(states), line)


def status(console: Console, group: GroupStatus) -> None:
    """Print a group's live models, its last run, its costs, and its exports and evaluations."""
    run = group["last"]
    say(console, f"Group {run['group']}")
    if group["paused"]:
        say(console, pause_note(run["group"], group["paused"]))
    if group["live"]:
        console.print("\nLive:")
        columns = ("model", "trained", "since", "chosen by", "answered by", "version")
        print_table(console, columns, map(_live_row, group["live"]))
    line = f"\nRun {run['run']}: {run['outcome']}"
    console.print(Text(line, STYLES[run["outcome"]]), soft_wrap=True)
    if run["progress"]:
        say(console, run["progress"])
    for phrase in run["done"]:
        say(console, f"* {phrase}")
    print_problems(console, run["problems"])
    for one in run["held"]:
        say(console, f"{one['place']}: held back: {one['message']} {one.get('remedy', '')}")
    for note in run["notes"]:
        say(console, f"Note: {note}")
    if unready := [one for one in run["resources"] if one["status"] != "READY"]:
        console.print("\nNot ready:")
        console.print(_resources(unready))
    costs(console, run["cost"])
    if run["unmanaged"]:
        console.print("\nNot in usher.yaml:")
        rows = (
            (one["id"], one["reason"], one["status"], monthly_text(one["monthly"]) if one["monthly"] else "nothing")
            for one in run["unmanaged"]
        )
        print_table(console, ("resource", "reason", "status", "cost"), rows)
    if group["others"]:
        console.print("\nExports and evaluations:")
        rows = (
            (one["name"], one["startedAt"][:16], one["outcome"], one["summary"].partition("\n")[0])
            for one in group["others"]
        )
        print_table(console, ("", "started", "outcome", ""), rows)


def costs(console: Console, cost: CostRecord) -> None:
    """Print the monthly costs, and their sums."""
    if rows := [(one["id"], why_text(one), monthly_text(one)) for one in cost.get("monthly", ())]:
        console.print("\nEvery month, without requests:")
        print_table(console, ("resource or schedule", "reason", "cost"), rows)
    for sentence in cost_sentences(cost):
        say(console, sentence)


def account(console: Console, found: AccountCost) -> None:
    """Print the monthly costs of Personalize: of each dataset group, and in total."""
    columns = ("group", "resource or schedule", "reason", "cost")
    rows = [
        (one["group"] or f"{one['datasetGroup']} (not this stack's)", part["id"], why_text(part), monthly_text(part))
        for one in found["groups"]
        for part in one["now"]["monthly"]
    ]
    print_table(console, columns, rows) if rows else console.print("Nothing costs money every month.")
    for one in found["groups"]:
        name = one["group"] or one["datasetGroup"]
        say(console, f"{name}: {sums(one['now'])}")
        if one["after"]:
            say(console, f"{name}, after the current run: {sums(one['after'])}")
        if one["month"]:
            say(console, f"{name}, {month_text(one['month'])}")
        for use in one["used"]:
            say(console, f"  {amount_text(use['amount'])} {use['unit']}: {up_to(use['dollars'], use['atMost'])}")
        for problem in one["advice"]:
            say(console, f"Note: {problem['place']}: {problem['message']} {problem.get('remedy', '')}")
    say(console, f"In all: {sums(found['now'])}")
    if found["after"] != found["now"]:
        say(console, f"In total, after the current runs: {sums(found['after'])}")
    console.print(
        f"Requests beyond the provisioned ones are not included. Prices: {found['prices']['source']}, "
        f"{found['prices']['date']}",
        style="dim", soft_wrap=True, markup=False,
    )  # fmt: skip


def _live_row(one: LiveModel) -> tuple[str, ...]:
    chosen = f"{one['by']}: {one['why']}" if one["by"] else ""
    return one["name"], one["trainedAt"][:16], one["since"][:16], chosen, one["answeredBy"], one["version"]


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
    """A row for each form of a contender's lists; one for both if the figures are equal. The last cell has marks."""
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
