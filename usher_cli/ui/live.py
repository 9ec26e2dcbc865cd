"""The live models of a group, and the last exports and evaluations."""

import asyncio
from collections.abc import Mapping

from markupsafe import Markup
from nicegui import ui
from usher.erasure.erased_users import checked_users
from usher.reports.html import code, table, tag
from usher.runs.pauses import pause_note, pause_of

from usher_cli.actions import runs
from usher_cli.actions.action import Action
from usher_cli.actions.erasure import erase
from usher_cli.actions.evaluations import evaluate
from usher_cli.actions.exports import export
from usher_cli.actions.removal import remove
from usher_cli.explanation import EXPLAINED
from usher_cli.stack_views.overview import live_in
from usher_cli.stack_views.runs import OtherRun, last_others
from usher_cli.stack_views.schedules import next_trainings
from usher_cli.ui.actions import WHY, Field, Given, action_button
from usher_cli.ui.parts import card, empty, note
from usher_cli.ui.report import filled, link, minute, report
from usher_cli.ui.visit import Visit

EVALUATION = (
    Field(
        "recipes",
        "Recipes, one on a line (empty: those of usher.yaml; all: every one that suits the data)",
        is_list=True,
    ),
    Field("live", "Compare the live versions, too", value=True),
)
ERASURE = (
    Field("users", "Users' IDs, one on a line", is_list=True),
    Field("data", "Rewrite your own files in the bucket without them, too", value=False),
)
REMOVAL = (Field("data", "Also delete its own files, kept events and records of runs, for good", value=False),)


async def show(visit: Visit) -> None:
    """Show live models, exports and evaluations, with buttons that start others."""
    stack, group = visit.stack, visit.group
    found, others, paused = await asyncio.gather(
        visit.read(live_in, stack, [group]),
        visit.read(last_others, stack, group),
        visit.read(pause_of, stack.table, group),
    )
    models = found[group]
    if paused:
        note("warn", pause_note(group, paused))
    if not models:
        empty(f"{group} serves nothing yet.", "For the reason, see its last run under Runs.")
    with ui.row():
        if paused:
            action_button(visit, "Resume", "play_circle", lambda _: runs.resume(stack, group))
        else:
            action_button(visit, "Run now", "play_arrow", lambda _: runs.run_now(stack, group))
            action_button(visit, "Pause", "pause_circle", lambda given: runs.pause(stack, group, given["why"]), [WHY])
        action_button(visit, "Evaluate", "science", lambda given: evaluation(visit, given), EVALUATION)
        action_button(visit, "Erase users", "person_remove", lambda given: erasure(visit, given), ERASURE)
        action_button(visit, "Remove", "delete", lambda given: remove(stack, group, data=given["data"]), REMOVAL)
    trained = await _next_trainings(visit, [one["name"] for one in models])
    rows = [
        [
            link(one["name"], group, "versions"),
            code(one["version"].rpartition("/")[2]),
            minute(one["trainedAt"]),
            minute(one["since"]),
            f"{one['by']}: {one['why']}" if one["by"] else "the newest that passed its gate",
            trained.get(one["name"], ""),
            one["answeredBy"],
        ]
        for one in models
    ]
    report(filled("", ["Model", "Version", "Trained", "Live since", "Chosen by", "Next training", "Answered by"], rows))
    serving = await visit.read(stack.serving.read, group)
    with card("Exports and evaluations"):
        with ui.row():
            for name in serving.get("exports", {}):
                _export_button(visit, name)
        if not others:
            empty("There has been none yet.")
        report(of_others(group, others))


async def _next_trainings(visit: Visit, solutions: list[str]) -> Mapping[str, Markup]:
    """The times of the solutions' next trainings by schedules; none if the credentials may not read schedules."""
    try:
        found = await visit.read(next_trainings, visit.stack, visit.group, solutions)
    except EXPLAINED:
        return {}
    return {name: minute(at.isoformat()) for name, at in found.items()}


def _export_button(visit: Visit, name: str) -> None:
    action_button(visit, f"Export {name}", "file_download", lambda _: export(visit.stack, visit.group, name))


def evaluation(visit: Visit, given: Given) -> Action:
    """An evaluation, for the values of its fields."""
    recipes = words(given["recipes"])
    chosen = {"recipes": recipes} if recipes else {}
    return evaluate(visit.stack, visit.group, {**chosen, "live": given["live"]})


def erasure(visit: Visit, given: Given) -> Action:
    """The erasure of the named users. Raises UsherError if there are none."""
    return erase(visit.stack, visit.group, checked_users(words(given["users"])), data=given["data"])


def words(text: str) -> list[str]:
    """The lines of a text, without blanks. Pure."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def of_others(group: str, others: list[OtherRun]) -> Markup:
    """The last export of each solution, and the last evaluation. Pure."""
    rows = [
        [
            link(one["what"], group, "run", id=one["run"]),
            minute(one["startedAt"]),
            tag(one["outcome"]),
            *_last_cells(one),
        ]
        for one in others
    ]
    return table("", ["Run", "Started", "Outcome", "Result", "Where"], rows)


def _last_cells(one: OtherRun) -> list[object]:
    return [one["headline"], code(one["place"]) if one["place"] else ""]
