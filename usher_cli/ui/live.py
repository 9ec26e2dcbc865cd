"""What a group answers with, and the last exports and evaluations."""

import asyncio
from functools import partial

from markupsafe import Markup
from nicegui import ui
from usher.reports.html import code, table, tag

from usher_cli.machine import actions
from usher_cli.machine.overview import live_in
from usher_cli.machine.runs import OtherRun, last_others
from usher_cli.ui.actions import action_button
from usher_cli.ui.parts import card, empty
from usher_cli.ui.report import link, minute, report
from usher_cli.ui.visit import Visit


async def show(visit: Visit) -> None:
    """Live models, exports and evaluations, with what starts others."""
    stack, group = visit.stack, visit.group
    found, others = await asyncio.gather(visit.read(live_in, stack, [group]), visit.read(last_others, stack, group))
    models = found[group]
    if not models:
        empty(f"{group} serves nothing yet.", "Its last run tells why: see Runs.")
    with ui.row():
        action_button(visit, "Run now", lambda: actions.run_now(stack, group), "play_arrow")
        action_button(visit, "Evaluate", lambda: actions.evaluate(stack, group), "science")
        action_button(visit, "Remove", lambda: actions.remove(stack, group), "delete")
    rows = [
        [
            link(one["name"], group, "versions"),
            code(one["version"].rpartition("/")[2]),
            minute(one["trainedAt"]),
            minute(one["since"]),
            f"{one['by']}: {one['why']}" if one["by"] else "the newest that passed its gate",
            one["answeredBy"],
        ]
        for one in models
    ]
    report(table("", ["Model", "Version", "Trained", "Live since", "Chosen by", "Answered by"], rows))
    serving = await visit.read(stack.serving.read, group)
    with card("Exports and evaluations"):
        with ui.row():
            for name in serving.get("exports", {}):
                make = partial(actions.export_now, stack, group, name)
                action_button(visit, f"Export {name}", make, "file_download")
        if not others:
            empty("There has been none yet.")
        report(of_others(group, others))


def of_others(group: str, others: list[OtherRun]) -> Markup:
    """The last export of each solution, and the last evaluation. Pure."""
    rows = [
        [link(one["what"], group, "run", id=one["run"]), minute(one["startedAt"]), tag(one["outcome"]), *_told(one)]
        for one in others
    ]
    return table("", ["Run", "Started", "Outcome", "What came of it", "Where"], rows)


def _told(one: OtherRun) -> list[object]:
    return [one["told"], code(one["place"]) if one["place"] else ""]
