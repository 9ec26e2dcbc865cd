"""A table with search and pages."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from nicegui import ui

from usher_cli.ui.controls import html, search
from usher_cli.ui.markup import Cell, Column, table

PAGE = 50
MAX_COLUMNS = 4
"""The most columns of the data's own, so that a row fits."""


class Browsed(NamedTuple):
    """The subject of a table."""

    columns: Sequence[Column]
    find: Callable[[str], Sequence[str]]
    """Returns the IDs for a text of search."""
    row: Callable[[str], Sequence[str | Cell]]
    """Returns the cells of an ID."""
    nothing: Callable[[str], object]
    """Shows that nothing matches a text."""


def browse(browsed: Browsed, label: str, text: str = "") -> None:
    """Show the search, and a page of its results."""

    def show(text: str, shown: int = PAGE) -> None:
        found.clear()
        ids = browsed.find(text)
        with found:
            if not ids:
                browsed.nothing(text)
                return
            html(table(browsed.columns, map(browsed.row, ids[:shown])))
            with ui.row().classes("controls"):
                ui.label(f"{min(shown, len(ids)):,} of {len(ids):,}").classes("dim small")
                if len(ids) > shown:
                    ui.button("Show more", on_click=lambda: show(text, shown + PAGE)).props("flat dense")

    search(label, show, text)
    found = ui.element("div").classes("stack")
    show(text)
