"""A run: its stages and resources, the work that they wait for, and the expected end."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from markupsafe import Markup
from nicegui import ui
from usher.reports.html import facts, heading, lines, tag
from usher.reports.html import note as noted
from usher.run_summary import cost_sentences

from usher_cli.logs import Line, lines_of, run_named
from usher_cli.stack_views.runs import RunView, Step, run_view
from usher_cli.ui.parts import empty, fill
from usher_cli.ui.report import duration, filled, minute, report
from usher_cli.ui.visit import Visit

REFRESH_SECONDS = 5
"""The seconds between two reads of a running run. Each costs two reads of S3."""
STAGES = {"import": "Import", "train": "Train and deploy", "export": "Export", "delete": "Delete"}


async def show(visit: Visit) -> None:
    """Show a run, which is read again until it has ended."""
    name = visit.options.get("id", "")
    place = ui.column().classes("w-full")

    async def refresh() -> None:
        view = await visit.read(run_view, visit.stack, visit.group, name)
        place.clear()
        with place:
            report(*parts_of(view))
        if timer and view["summary"]["outcome"] != "RUNNING":
            timer.deactivate()

    button = ui.button("Show the log", icon="notes").props("outline dense no-caps").classes("self-start")
    log = ui.column().classes("w-full")
    button.on_click(lambda: _log(visit, name, log))
    timer: ui.timer | None = None
    await refresh()
    timer = ui.timer(REFRESH_SECONDS, refresh, immediate=False)


async def _log(visit: Visit, name: str, place: ui.column) -> None:
    """Show the log of the run until now, as `usher logs` does."""
    lines = visit.read(lambda: list(lines_of(visit.stack, run_named(visit.stack, visit.group, name))))
    nothing = "The log has nothing of it.", "Logs expire: LogRetentionDays."
    await fill(place, lines, lambda found: report(of_log(found)) if found else empty(*nothing))


def of_log(found: Sequence[Line]) -> Markup:
    """A row for each decision. Pure."""
    rows = [
        [
            one["at"][11:19],
            one["action"],
            one.get("resource", ""),
            _status(one),
            one.get("reason", ""),
        ]
        for one in found
    ]
    return filled("Log", ["Time (UTC)", "Action", "Resource", "Status", "Reason"], rows)


def _status(line: Line) -> Markup:
    return tag(line["status"]) if "status" in line else Markup("")


def parts_of(view: RunView) -> Iterator[Markup]:
    """All parts of the view of a run. Pure."""
    run = view["summary"]
    yield facts(
        {
            "Run": run["run"],
            "Outcome": tag(run["outcome"]),
            "Started": minute(run["startedAt"]),
            "Ended": minute(run["endedAt"]),
            "Took": _took(view),
            "Expected end": _expected(view),
        }
    )
    if run["progress"]:
        yield Markup("<p>{}</p>").format(run["progress"])
    for look, notes in (("bad", run["problems"]), ("warn", run["held"])):
        yield from (noted(look, {"remedy": "", **one}) for one in notes)
    yield lines("Changes", [f"{one[0].upper()}{one[1:]}." for one in run["done"]])
    yield lines("Result", view["result"])
    yield lines("Notes", run["notes"])
    for stage in view["stages"]:
        columns = ["Resource", "Action", "Status", "#For", "#Usually takes", "Why"]
        yield filled(STAGES[stage["stage"]], columns, [_row(one) for one in stage["steps"]])
    yield lines("Costs", [*cost_sentences(run["cost"])])
    yield heading("Files")
    yield from (Markup("<p><code>{}</code></p>").format(one) for one in view["page"].splitlines()[:1])
    yield Markup("<p>Execution <code>{}</code></p>").format(view["execution"])


def _row(step: Step) -> list[object]:
    reason = f"{step['reason']} {step['remedy']}".strip()
    waited = duration(step["waited"]) if step["waited"] and step["status"] in {"PENDING", "WAITING"} else ""
    usual = f"{step['minutes']:g} min" if step["minutes"] else ""
    return [step["id"], step["action"], tag(step["status"]), waited, usual, reason]


def _took(view: RunView) -> str:
    run = view["summary"]
    if not run["endedAt"]:
        return ""
    return duration((datetime.fromisoformat(run["endedAt"]) - datetime.fromisoformat(run["startedAt"])).total_seconds())


def _expected(view: RunView) -> Markup:
    late = "; something takes longer than as a rule" if view["late"] else ""
    return Markup("{}{}").format(minute(view["expectedEnd"]), late) if view["expectedEnd"] else Markup("")
