"""An item: its data, its users, and similar items."""

from collections import Counter
from typing import Any

from nicegui import ui

from usher_cli.ui import api_requests
from usher_cli.ui.controls import copy_button, html, item_line, picture_choice, shown_picture
from usher_cli.ui.group_data import GroupData, Met
from usher_cli.ui.lists import RESULTS, answering, entries_of
from usher_cli.ui.markup import Cell, Column, day, facts, item_list, table, tile
from usher_cli.ui.parts import card, empty, note
from usher_cli.ui.reads import answers_of, data_of, serving_of
from usher_cli.ui.visit import Visit

MAX_PEOPLE = 20
BLUE, GREY, FAINT = "#5c7cfa", "#868e96", "#868e9660"
"""Colours for light and dark."""


async def show(visit: Visit) -> None:
    """Show the item of the address's `id`."""
    item = visit.options.get("id", "")
    data, serving = await data_of(visit), await serving_of(visit)
    if not item or (item not in data.items.places and item not in data.interactions.by_item):
        empty(f"The data has no item {item}." if item else "No item is named.", "Choose one under Items.")
        return
    title, met = data.title(item), data.interactions.of_item(item)
    with ui.row().classes("controls"):
        html(tile(item, title, shown_picture(visit, data, item))).classes(remove="w-full", add="big")
        ui.label(title).classes("heading break")
        ui.label(item).classes("dim")
    picture_choice(visit, data)
    with ui.element("div").classes("cards"):
        with card("Metadata"):
            values = data.items.values(item)
            html(facts(values)) if values else empty("The items' files do not have it.")
        with card(f"Interactions ({len(met):,})"):
            _over_time(met)
        solutions = answering(serving, "similar-items")
        requests = [
            api_requests.similar_items(visit.group, item, solution=name, numResults=str(RESULTS)) for name in solutions
        ]
        for name, request, answer in zip(solutions, requests, await answers_of(visit, requests), strict=True):
            with card():
                with ui.row().classes("card-head"):
                    ui.label(f"Similar, by {name}").props("role=heading aria-level=2").classes("heading")
                    ui.space()
                    copy_button(visit, request)
                _neighbours(visit, data, answer)
        with card("Last users"):
            rows: list[list[str | Cell]] = [
                [Cell(one.user, visit.address("person", id=one.user)), one.event_type, day(one.at)]
                for one in met[:MAX_PEOPLE]
            ]
            if rows:
                html(table([Column("User"), Column("Event"), Column("When")], rows))
            else:
                empty("Nobody yet.", "A new item is recommended once a campaign explores it, or a filter includes it.")


def _neighbours(visit: Visit, data: GroupData, answer: Any) -> None:
    if isinstance(answer, dict):
        if not answer.get("known", True):
            note("warn", "Not about this item: the catalogue does not have it.")
        html(item_list([item_line(visit, data, str(entry["itemId"])) for entry in entries_of(answer)]))
    else:
        note("bad", str(answer))


def _over_time(met: list[Met]) -> None:
    """Interactions by month."""
    months = Counter(day(one.at)[:7] for one in met if one.at)
    if not months:
        empty("None yet.")
        return
    names = sorted(months)
    axis, bars = {"axisLabel": {"color": GREY}}, [months[name] for name in names]
    ui.echart(
        {
            "grid": {"left": 40, "right": 8, "top": 8, "bottom": 24},
            "xAxis": {"type": "category", "data": names, **axis},
            "yAxis": {"type": "value", "minInterval": 1, "splitLine": {"lineStyle": {"color": FAINT}}, **axis},
            "series": [{"type": "bar", "data": bars, "itemStyle": {"color": BLUE}}],
            "tooltip": {"trigger": "axis"},
        }
    ).classes("chart").props("aria-label='Interactions by month'")
    types = Counter(one.event_type for one in met if one.event_type)
    ui.label(", ".join(f"{number:,} {name}" for name, number in types.most_common(5))).classes("dim small")
