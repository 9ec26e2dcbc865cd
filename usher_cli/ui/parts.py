"""Shared parts of the views."""

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
    """Show a problem or a remark, with its remedy. `look`: bad, warn, good or dim."""
    with ui.element("div").classes(f"note {look}").props("role=status"):
        ui.label(message)
        if remedy:
            ui.label(remedy).classes("dim")


async def fill(place: ui.column, answer: Awaitable[Answer], show: Callable[[Answer], object]) -> None:
    """Show an answer in a place once it is there, or the error."""
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
    """Show that a view has no content, and how to get some."""
    note("dim", message, remedy)
