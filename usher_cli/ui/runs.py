"""The runs of a group, newest first."""

from markupsafe import Markup
from nicegui import ui
from usher.dollars import once
from usher.reports.html import table, tag

from usher_cli.actions.runs import run_now
from usher_cli.stack_views.runs import RunPage, runs_from
from usher_cli.ui.actions import action_button
from usher_cli.ui.parts import empty
from usher_cli.ui.report import duration, link, minute, report
from usher_cli.ui.visit import Visit


async def show(visit: Visit) -> None:
    """Show a page of runs."""
    stack, group = visit.stack, visit.group
    page = await visit.read(runs_from, stack, group, visit.options.get("from", ""))
    with ui.row():
        action_button(visit, "Run now", "play_arrow", lambda _: run_now(stack, group))
    if not page["rows"]:
        empty(f"{group} has had no run yet.", f"Put interactions.csv into s3://{stack.bucket.name}/{group}/.")
    report(of_runs(group, page))
    if page["older"]:
        ui.link("Older runs", visit.address("runs", **{"from": page["older"]}))


def of_runs(group: str, page: RunPage) -> Markup:
    """A row for each run. Pure."""
    rows = [
        [
            link(minute(one["startedAt"]), group, "run", id=one["run"]),
            one["what"],
            tag(one["outcome"]),
            duration(one["seconds"]),
            "" if one["cost"] is None else once(one["cost"]),
            one["headline"],
        ]
        for one in page["rows"]
    ]
    return table("", ["Started", "Run", "Outcome", "#Took", "#Cost", "What happened"], rows)
