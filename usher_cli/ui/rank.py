"""Ranking: an order of the visitor's own, by dragging, beside a user's order."""

from typing import Any

from nicegui import ui

from usher_cli.ui import api_requests
from usher_cli.ui.controls import choice_of, copy_button, data_with_notes, html, item_choice, item_line, user_choice
from usher_cli.ui.group_data import GroupData
from usher_cli.ui.lists import answering, entries_of, ids_of
from usher_cli.ui.markup import item_list, moves, tile
from usher_cli.ui.parts import card, empty, note
from usher_cli.ui.reads import answers_of, serving_of
from usher_cli.ui.visit import Visit

FIRST = 8
"""The number of items at first: those with the most interactions."""


async def show(visit: Visit) -> None:
    """Rank items for the address's `id`."""
    data, serving = await data_with_notes(visit), await serving_of(visit)
    solutions = answering(serving, "rankings")
    if not solutions:
        empty(f"{visit.group} has no ranking.", "Add a solution of aws-personalized-ranking-v2 to usher.yaml.")
        return
    user = visit.options.get("id") or data.all_users[0]
    user_choice(visit, "rank", user)
    order = data.all_items[:FIRST]
    with ui.element("div").classes("halves"):
        with card("Your order"):
            ui.label("Drag, or use the arrows.").classes("dim small")
            rows = ui.column().classes("drag")
            item_choice(data, "Add items by title, ID or any value", lambda item: add(item))
        with card("Their order"):
            with ui.row().classes("controls"):
                solution = choice_of("Solution", solutions, lambda: rank())
                copy = ui.row()
            ranked = ui.element("div").classes("stack")

    async def add(item: str) -> None:
        if item not in order:
            order.append(item)
            await changed()

    async def move(item: str, to: int) -> None:
        """Move an item to a place, or out of the list if `to` is negative."""
        order.remove(item)
        if to >= 0:
            order.insert(to, item)
        await changed()

    async def changed() -> None:
        rows.clear()
        with rows:
            for place, item in enumerate(order):
                _row(data, item, place, len(order), move)
        await rank()

    async def rank() -> None:
        request = api_requests.rankings(visit.group, user, order, solution=str(solution.value))
        [answer] = await answers_of(visit, [request]) if order else [{}]
        copy.clear()
        ranked.clear()
        with copy:
            copy_button(visit, request)
        with ranked:
            _ranked(visit, data, answer, order)

    rows.make_sortable(on_end=lambda event: move(order[event.old_index], event.new_index), handle=".grip")
    await changed()


def _row(data: GroupData, item: str, place: int, number: int, move: Any) -> None:
    title = data.title(item)
    with ui.row().classes("picked"):
        ui.icon("drag_indicator").classes("grip dim")
        html(tile(item, title)).classes(remove="w-full")
        ui.label(title).classes("words")
        for icon, words, to, can in (
            ("arrow_upward", "up", place - 1, place > 0),
            ("arrow_downward", "down", place + 1, place < number - 1),
            ("close", "out", -1, True),
        ):
            button = ui.button(icon=icon, on_click=lambda to=to: move(item, to))
            button.props(f"flat round dense size=sm aria-label='{words}'").set_enabled(can)


def _ranked(visit: Visit, data: GroupData, answer: Any, order: list[str]) -> None:
    if not isinstance(answer, dict):
        note("bad", str(answer))
        return
    moved = moves(order, ids_of(answer))
    lines = [
        item_line(
            visit,
            data,
            str(entry["itemId"]),
            badges=[moved[str(entry["itemId"])]] if str(entry["itemId"]) in moved else [],
            side=f"{entry['score']:.4f}" if "score" in entry else "",
        )
        for entry in entries_of(answer)
    ]
    html(item_list(lines)) if lines else empty("Nothing to rank.", "Add items on the left.")
