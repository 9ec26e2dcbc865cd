"""Small parts that views share."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from nicegui import ui

from usher_cli.explanation import EXPLAINED, explanation

Answer = TypeVar("Answer")


@contextmanager
def card(title: str = "") -> Iterator[None]:
    """A card of a page, with its heading."""
    with ui.element("section").classes("card"):
        if title:
            ui.label(title).props("role=heading aria-level=2").classes("heading")
        yield


def note(look: str, message: str, remedy: str = "") -> None:
    """What went wrong or matters, and what to do. `look`: bad, warn, good or dim."""
    with ui.element("div").classes(f"note {look}").props("role=status"):
        ui.label(message)
        if remedy:
            ui.label(remedy).classes("dim")


async def fill(place: ui.column, answer: Awaitable[Answer], show: Callable[[Answer], object]) -> None:
    """Show an answer in a place once it is there, or why there is none."""
    place.clear()
    with place:
        ui.spinner(size="2rem")
    try:
        found = await answer
    except EXPLAINED as error:
        place.clear()
        with place:
            note("bad", explanation(error))
        return
    place.clear()
    with place:
        show(found)


def empty(message: str, remedy: str = "") -> None:
    """What a view says where there is nothing to show, and how to get something."""
    note("dim", message, remedy)
