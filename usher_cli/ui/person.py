"""A user: their items, beside the recommendations of each solution, with the reasons."""

from collections.abc import Sequence
from typing import Any

from nicegui import ui
from usher.serving.serving_map import ServingMap

from usher_cli.degraded import remarks
from usher_cli.ui.controls import FilterChoice, copy_button, html, item_line, picture_choice
from usher_cli.ui.evidence import count_traits, evidence
from usher_cli.ui.group_data import GroupData, Met
from usher_cli.ui.lists import ListRequest, entries_of, ids_of, lists_for
from usher_cli.ui.markup import day, facts, item_list, tile
from usher_cli.ui.parts import card, empty, note
from usher_cli.ui.reads import answers_of, data_of, events_met, filters_of, neighbours_of, serving_of
from usher_cli.ui.visit import Visit

MAX_HISTORY = 60
"""The most items of a user's history, newest first; the page gives the total."""


async def show(visit: Visit) -> None:
    """Show the user of the address's `id`."""
    user = visit.options.get("id", "")
    if not user:
        empty("No person is named.", "Choose one under People.")
        return
    data, serving = await data_of(visit), await serving_of(visit)
    met = await events_met(visit, user) + data.interactions.of_user(user)
    _who(visit, data, user, met)
    picture_choice(visit, data)
    with ui.element("div").classes("beside"):
        with card(f"History ({len(met):,})"):
            history = ui.element("div").classes("stack")
            with history:
                ui.skeleton(height="20rem").classes("w-full")
        with ui.element("div").classes("stack"):
            if not serving:
                note("warn", f"Nothing of {visit.group} is live yet.", "Its first run publishes it.")
                return
            with ui.row().classes("controls"):
                choice = FilterChoice(await filters_of(visit, serving), lambda: fill())
                why = ui.switch("Why", on_change=lambda _: fill())
            lists = ui.element("div").classes("cards lists")
            with lists:
                ui.skeleton(height="20rem").classes("w-full")

    async def fill() -> None:
        await _fill(visit, data, serving, user, met, choice, why.value, lists, history)

    await fill()


def _who(visit: Visit, data: GroupData, user: str, met: Sequence[Met]) -> None:
    values = data.users.values(user)
    with ui.row().classes("controls"):
        html(tile(user, user)).classes(remove="w-full")
        ui.label(user).classes("heading break")
        if not met and not values:
            ui.html("<span class='badge down'>unknown user</span>", sanitize=False)
        ui.link("Try events", visit.address("events", id=user))
        ui.link("Re-rank", visit.address("rank", id=user))
    if values:
        html(facts(values))
    if not met and not values:
        note("warn", f"Nothing is known of {user}.", "Lists are those that every newcomer gets.")


async def _fill(
    visit: Visit,
    data: GroupData,
    serving: ServingMap,
    user: str,
    met: Sequence[Met],
    choice: FilterChoice,
    why: bool,
    lists: ui.element,
    history: ui.element,
) -> None:
    """Request every list, and show them beside the history, with the items marked that are in both."""
    newest = met[0].item if met else ""
    requests = lists_for(serving, visit.group, user, newest, data.all_items, **choice.options())
    answers = await answers_of(visit, [one.request for one in requests])
    neighbours = await neighbours_of(visit, serving, [one.item for one in met]) if why else {}
    named = {data.title(item): similar for item, similar in neighbours.items()}
    met_items = {one.item for one in met}
    traits = count_traits(data.items.values(item) for item in met_items)
    listed = {item for answer in answers if isinstance(answer, dict) for item in ids_of(answer)}

    def reasons(entry: dict[str, Any], *, known: bool) -> list[str]:
        values = data.items.values(entry.get("itemId", ""))
        reasons = evidence(entry, neighbours=named, traits=values, met_traits=traits, met=len(met_items), known=known)
        return reasons or ["no evidence in the data beyond the model's score"]

    lists.clear()
    with lists:
        for one, answer in zip(requests, answers, strict=True):
            _list(visit, data, one, answer, met_items, reasons if why else None)
    history.clear()
    with history:
        if not met:
            empty("Nothing yet.")
        lines = [
            item_line(visit, data, one.item, badges=["listed"] if one.item in listed else [], side=day(one.at))
            for one in met[:MAX_HISTORY]
        ]
        html(item_list(lines, numbered=False))
        if len(met) > MAX_HISTORY:
            ui.label(f"The newest {MAX_HISTORY} of {len(met):,}").classes("dim small")


def _list(visit: Visit, data: GroupData, listed: ListRequest, answer: Any, met: set[str], reasons: Any) -> None:
    with card():
        with ui.row().classes("card-head"):
            with ui.element("div"):
                ui.label(listed.solution).props("role=heading aria-level=2").classes("heading")
                ui.label(listed.about).classes("dim small")
            ui.space()
            copy_button(visit, listed.request)
        if not isinstance(answer, dict):
            note("bad", str(answer))
            return
        known = answer.get("known", True)
        if not known:
            note("warn", "Not about this person.", "Neither files nor events name them.")
        if degraded := answer.get("degraded"):
            note("warn", " ".join(remarks(degraded)), f"This is from: {answer['source']}.")
        hits = 0
        lines = []
        for entry in entries_of(answer):
            item = entry.get("itemId", entry.get("actionId"))
            hits += item in met
            badges = ["met"] if item in met else []
            why = reasons(entry, known=known) if reasons else []
            score = f"{entry['score']:.4f}" if "score" in entry else ""
            lines.append(item_line(visit, data, str(item), badges=badges, why=why, side=score))
        with ui.label(_sentence(answer, len(lines), hits)).classes("dim small"):
            ui.tooltip(f"Version {answer.get('solutionVersion', 'unknown')}")
        if lines:
            html(item_list(lines))
        else:
            empty("The list is empty.", "A filter may leave nothing.")


def _sentence(answer: dict[str, Any], number: int, hits: int) -> str:
    source = answer.get("source", "campaign")
    return f"{number} from the {'popular list' if source == 'popular' else source}; met before: {hits}"
