"""Small parts that views share."""

from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import ui


@contextmanager
def card(title: str = "") -> Iterator[None]:
    """A card of a page, with its heading."""
    with ui.element("section").classes("card"):
        if title:
            ui.label(title).props("role=heading aria-level=2").classes("heading")
        yield


def note(look: str, message: str, remedy: str = "") -> None:
    """What went wrong or matters, and what to do. `look`: bad, hold, good or dim."""
    with ui.element("div").classes(f"note {look}").props("role=status"):
        ui.label(message)
        if remedy:
            ui.label(remedy).classes("dim")


def empty(message: str, remedy: str = "") -> None:
    """What a view says where there is nothing to show, and how to get something."""
    note("dim", message, remedy)
