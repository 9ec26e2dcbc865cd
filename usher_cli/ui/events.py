"""A trial of events: send some for a user, and watch a list change."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from usher_cli.ui import api_requests
from usher_cli.ui.api_requests import ApiRequest
from usher_cli.ui.controls import (
    FilterChoice,
    choice_of,
    copy_button,
    data_with_notes,
    html,
    item_choice,
    item_line,
    user_choice,
)
from usher_cli.ui.group_data import GroupData
from usher_cli.ui.lists import RESULTS, answering, entries_of, ids_of
from usher_cli.ui.markup import Cell, Column, item_list, moves, table
from usher_cli.ui.parts import card, empty, note
from usher_cli.ui.reads import answers_of, filters_of, serving_of
from usher_cli.ui.visit import Visit

NEWCOMER = "newcomer"
LOOKS = (0.0, 1.0, 3.0)
"""The seconds before each request for the list after sending events: Personalize takes a moment."""


async def show(visit: Visit) -> None:
    """Show a form for events of the address's `id`, beside the list of a solution."""
    data, serving = await data_with_notes(visit), await serving_of(visit)
    solutions = answering(serving, "recommendations")
    if not solutions or not serving.get("trackingId"):
        empty(f"{visit.group} takes no events yet.", "Its first run makes the event tracker and a solution for users.")
        return
    user = visit.options.get("id") or NEWCOMER
    user_choice(visit, "events", user)
    trial = Trial(visit, data, user, solutions, await filters_of(visit, serving))
    await trial.renew()


class Trial:
    """The chosen and sent events, the list beside them, and the arrived events."""

    def __init__(
        self, visit: Visit, data: GroupData, user: str, solutions: Sequence[str], filters: Mapping[str, str]
    ) -> None:
        self._visit, self._data, self._user = visit, data, user
        self._chosen: list[str] = []
        self._listed: list[str] = []
        with ui.element("div").classes("halves"):
            with card("Send events"):
                self._sending()
            with card("The list"):
                with ui.row().classes("controls"):
                    self._solution = choice_of("Solution", solutions, self.renew)
                    self._filter = FilterChoice(filters, self.renew)
                self._moved = ui.element("div").classes("stack")
        with card("Arrived events of this user"):
            self._arrived = ui.element("div").classes("stack")
        self._show_chosen()

    def _sending(self) -> None:
        types = self._data.interactions.event_types or ["click"]
        self._kind = choice_of("Event type", types, self._show_chosen)
        item_choice(self._data, "Find items by title, ID or any value", self._choose)
        self._picked = ui.element("div").classes("stack")
        with ui.row().classes("controls"):
            self._send = ui.button("Send", icon="send", on_click=self._sent).props("unelevated no-caps")
            self._copy = ui.row()
        self._answers = ui.element("div").classes("stack")
        ui.label("Events are kept, and train the next model: try with a user of your own.").classes("dim small")

    def _choose(self, item: str) -> None:
        self._chosen = [*dict.fromkeys([*self._chosen, item])]
        self._show_chosen()

    def _leave_out(self, item: str) -> None:
        self._chosen.remove(item)
        self._show_chosen()

    def _show_chosen(self) -> None:
        self._picked.clear()
        self._copy.clear()
        self._send.set_enabled(bool(self._chosen))
        with self._picked:
            for item in self._chosen:
                with ui.row().classes("picked"):
                    ui.label(self._data.title(item)).classes("words")
                    leave = ui.button(icon="close", on_click=lambda item=item: self._leave_out(item))
                    leave.props("flat round dense size=sm aria-label='Leave out'")
        with self._copy:
            if self._chosen:
                copy_button(self._visit, self._request)

    @property
    def _request(self) -> ApiRequest:
        return api_requests.send_events(self._visit.group, self._user, str(self._kind.value), self._chosen)

    async def _sent(self) -> None:
        """Send the events; then renew the list until it has changed."""
        self._send.disable()
        [answer] = await answers_of(self._visit, [self._request])
        self._answers.clear()
        with self._answers:
            _accepted(answer)
        if isinstance(answer, dict):
            self._chosen, before = [], self._listed
            for seconds in LOOKS:
                await asyncio.sleep(seconds)
                await self._show_list(before)
                if self._listed != before:
                    break
        self._show_chosen()

    async def renew(self) -> None:
        """Show the present list, without moves."""
        await self._show_list([])

    async def _show_list(self, before: list[str]) -> None:
        """Show the list with its moves since `before`, and the arrived events."""
        options = {"solution": str(self._solution.value), "numResults": str(RESULTS), **self._filter.options()}
        request = api_requests.recommendations(self._visit.group, self._user, **options)
        arrivals = api_requests.events_of(self._visit.group, self._user)
        answer, arrived = await answers_of(self._visit, [request, arrivals])
        self._listed = ids_of(answer) if isinstance(answer, dict) else []
        self._moved.clear()
        with self._moved:
            with ui.row().classes("controls"):
                ui.label(str(request)).classes("dim small break")
                copy_button(self._visit, request)
            _moved(self._visit, self._data, answer, before)
        self._arrived.clear()
        with self._arrived:
            _arrived(self._visit, self._data, arrived)


def _accepted(answer: Any) -> None:
    if not isinstance(answer, dict):
        note("bad", str(answer))
        return
    queued = f", {answer['queued']} of them wait in the queue" if answer["queued"] else ""
    note("good", f"{answer['accepted']} accepted{queued}.")
    for warning in answer["warnings"]:
        note("warn", warning["message"], warning["code"])


def _moved(visit: Visit, data: GroupData, answer: Any, before: list[str]) -> None:
    if not isinstance(answer, dict):
        note("bad", str(answer))
        return
    after = ids_of(answer)
    moved = moves(before, after) if before else {}
    if before:
        gone = [data.title(item) for item in before if item not in after]
        ui.label(
            f"{len(moved)} places have changed" + (f"; gone: {', '.join(gone[:5])}" if gone else "")
            if moved or gone
            else "The list has not moved: the events do not count at once, or change nothing."
        ).classes("small").props("role=status")
    lines = [
        item_line(visit, data, item, badges=[moved[item]] if item in moved else [], side=_score(entry))
        for item, entry in zip(after, entries_of(answer), strict=True)
    ]
    html(item_list(lines)) if lines else empty("The list is empty.")


def _score(entry: dict[str, Any]) -> str:
    return f"{entry['score']:.4f}" if "score" in entry else ""


def _arrived(visit: Visit, data: GroupData, answer: Any) -> None:
    """Show the arrived events, which of them count, and the reasons."""
    if not isinstance(answer, dict):
        note("bad", str(answer))
        return
    events = answer["events"]
    if not events:
        empty("Nothing within 30 days.")
        return
    rows: list[list[str | Cell]] = []
    for one in events:
        item = one.get("itemId", "")
        counts = ", ".join(f"{name}: {when}" for name, when in one["countsFor"].items())
        why = " ".join(reason["message"] for reason in one["why"])
        shown = Cell(data.title(item), visit.address("item", id=item)) if item else ""
        rows.append([one["eventType"], shown, one["outcome"], counts or "no", why])
    html(table([Column("Event"), Column("Item"), Column("Outcome"), Column("Counts"), Column("Why not")], rows))
