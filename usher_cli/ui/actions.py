"""Buttons for the actions of the command: each shows its plan first, and does nothing before it is confirmed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup
from nicegui import ui
from usher.dollars import dollars
from usher.errors import InputError
from usher.reports.html import number, table

from usher_cli.actions.action import Action, Done, PlanView
from usher_cli.explanation import EXPLAINED, explanation
from usher_cli.ui.parts import note
from usher_cli.ui.report import report
from usher_cli.ui.visit import Visit

Given = Mapping[str, Any]
"""The given values, by name of the field."""


class Field(NamedTuple):
    """An input that a plan needs."""

    name: str
    label: str
    value: Any = ""
    """The initial value; True or False: it is a checkbox."""
    options: Mapping[str, str] | Sequence[str] = ()
    """The choices; empty: it is a text field."""
    is_list: bool = False
    """Whether several may be chosen, or written on a line each."""


WHY = Field("why", "Reason, which others will see")


def action_button(
    visit: Visit, label: str, icon: str, make: Callable[[Given], Action], fields: Sequence[Field] = ()
) -> None:
    """A button that opens the plan of an action. `make`: returns the action for the values of the fields."""
    ui.button(f"{label}…", icon=icon, on_click=lambda: Offer(visit, label, make, fields).open()).props(
        "outline dense no-caps"
    )


class Offer:
    """A dialog with an action's fields and plan, and the button that carries it out."""

    def __init__(self, visit: Visit, label: str, make: Callable[[Given], Action], fields: Sequence[Field]) -> None:
        self._visit, self._make = visit, make
        self._action: Action | None = None
        self._is_done = False
        with ui.dialog() as self._dialog, ui.element("div").classes("card wide plan"):
            self._heading = ui.label(label).props("role=heading aria-level=2").classes("heading")
            self._fields = {one.name: _control(one, self._forget, self._plan) for one in fields}
            self._content = ui.column().classes("w-full")
            with ui.row():
                if fields:
                    ui.button("Show the plan", on_click=self._plan).props("outline dense no-caps")
                self._confirm = ui.button("Do it", on_click=self._carry_out).props("dense no-caps")
                self._close = ui.button("Cancel", on_click=self._dialog.close).props("flat dense no-caps")
        self._confirm.set_enabled(False)
        self._dialog.on("hide", self._hidden)

    async def open(self) -> None:
        """Show the dialog; with the plan, if it has no fields."""
        self._dialog.open()
        if not self._fields:
            await self._plan()

    def _hidden(self) -> None:
        self._dialog.delete()
        if self._is_done:
            ui.navigate.reload()

    def _forget(self) -> None:
        """Drop the plan: it was for other values."""
        self._action = None
        self._confirm.set_enabled(False)
        self._content.clear()

    async def _plan(self) -> None:
        self._forget()
        given = {name: field.value for name, field in self._fields.items()}
        with self._content:
            ui.spinner(size="2rem")
        try:
            action = await self._visit.read(self._make, given)
            plan = await self._visit.read(action.plan)
        except EXPLAINED as error:
            self._refused(error)
            return
        if given != {name: field.value for name, field in self._fields.items()}:
            return  # the values have changed meanwhile
        self._action = action
        self._heading.set_text(action.label)
        self._content.clear()
        with self._content:
            report(*shown(plan))
            if action.typed:
                typed = ui.input(f"Type {action.typed} to confirm").props("outlined dense").classes("narrow")
                typed.on_value_change(lambda event: self._confirm.set_enabled(event.value == action.typed))
        self._confirm.set_enabled(plan["isWork"] and not plan["problems"] and not action.typed)

    async def _carry_out(self) -> None:
        if not (action := self._action):
            return
        self._forget()
        with self._content:
            ui.spinner(size="2rem")
            state = ui.label("It continues if you close this.").classes("dim").props("role=status")
        loop = asyncio.get_running_loop()
        try:
            done = await self._visit.read(
                action.carry_out, lambda text: loop.call_soon_threadsafe(state.set_text, text)
            )
        except EXPLAINED as error:
            self._refused(error)
            return
        if done.execution:
            self._dialog.close()
            ui.notify(f"Started {done.execution.rpartition(':')[2]}")
            ui.navigate.to(self._visit.address("runs"))
            return
        self._is_done = True
        self._close.set_text("Close")
        self._content.clear()
        with self._content:
            _result(done)

    def _refused(self, error: Exception) -> None:
        """Show the reason why an action is impossible."""
        self._content.clear()
        with self._content:
            if isinstance(error, InputError):
                for one in error.problems:
                    note("bad", f"{one.place}: {one.message}", one.remedy)
            else:
                note("bad", explanation(error))


def _control(field: Field, on_change: Callable[[], object], on_enter: Callable[[], object]) -> Any:
    """The control of a field; its `value` is the given one."""
    if isinstance(field.value, bool):
        return ui.checkbox(field.label, value=field.value, on_change=on_change)
    look = "outlined dense"
    if field.options:
        options = dict(field.options) if isinstance(field.options, Mapping) else list(field.options)
        first = field.value or ([] if field.is_list else next(iter(options)))
        choice = ui.select(options, label=field.label, value=first, multiple=field.is_list, on_change=on_change)
        return choice.props(f"{look} options-dense").classes("w-full")
    make = ui.textarea if field.is_list else ui.input
    control = make(field.label, value=field.value, on_change=on_change).props(look).classes("w-full")
    return control if field.is_list else control.on("keydown.enter", on_enter)


def _result(done: Done) -> None:
    """Show the result of an action."""
    for line in done.message.splitlines():
        ui.label(line).classes("break")
    if done.secret:
        ui.code(done.secret, language="text").classes("w-full")


def shown(plan: PlanView) -> list[Markup]:
    """The plan as HTML. Pure."""
    rows = [
        [one["id"], one["action"], number(one["minutes"] or None, "g"), _cost(one["cost"]), one["reason"]]
        for one in plan["rows"]
    ]
    problems = (f"{one['place']}: {one['message']} {one.get('remedy', '')}" for one in plan["problems"])
    return [
        *(Markup("<p class='bad'>{}</p>").format(one) for one in problems),
        *(Markup("<p>{}</p>").format(one) for one in plan["sentences"]),
        table("", ["Resource", "Action", "#Minutes", "#Cost, once", "Why"], rows),
    ]


def _cost(amount: float | None) -> str:
    return "not known" if amount is None else dollars(amount) if amount else ""
