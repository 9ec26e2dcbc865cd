"""Buttons for what the command can do: each shows its plan first, and does nothing before that is confirmed."""

from collections.abc import Callable

from markupsafe import Markup
from nicegui import ui
from usher.errors import InputError
from usher.reports.html import number, table

from usher_cli.explanation import EXPLAINED, explanation
from usher_cli.machine.actions import Action, PlanView
from usher_cli.ui.parts import note
from usher_cli.ui.report import report
from usher_cli.ui.visit import Visit


def action_button(visit: Visit, label: str, make: Callable[[], Action], icon: str) -> None:
    """A button that opens the plan of an action. `make`: makes the action of what has been chosen by then."""
    ui.button(f"{label}…", icon=icon, on_click=lambda: offer(visit, make)).props("outline dense no-caps")


async def offer(visit: Visit, make: Callable[[], Action]) -> None:
    """Show the plan of an action, and a button that carries it out."""
    with ui.dialog() as dialog, ui.element("div").classes("card wide plan"):
        heading = ui.label("Planning").props("role=heading aria-level=2").classes("heading")
        content = ui.column().classes("w-full")
        with content:
            ui.spinner(size="2rem")
        with ui.row():
            confirm = ui.button("Do it").props("dense")
            ui.button("Cancel", on_click=dialog.close).props("flat dense")
    confirm.set_enabled(False)
    dialog.on("hide", dialog.delete)
    dialog.open()
    try:
        action = await visit.read(make)
        plan = await visit.read(action.plan)
    except EXPLAINED as error:
        heading.set_text("This can't be done")
        _refused(content, error)
        return
    heading.set_text(action.label)
    content.clear()
    with content:
        report(*shown(plan))
        if action.typed:
            typed = ui.input(f"Type {action.typed} to confirm").props("outlined dense").classes("narrow")
            typed.on_value_change(lambda event: confirm.set_enabled(event.value == action.typed))
    confirm.set_enabled(plan["isWork"] and not plan["problems"] and not action.typed)

    async def carry_out() -> None:
        confirm.set_enabled(False)
        try:
            execution = await visit.read(action.carry_out)
        except EXPLAINED as error:
            _refused(content, error)
            return
        dialog.close()
        ui.notify(f"Started {execution.rpartition(':')[2]}")
        ui.navigate.to(visit.address("runs"))

    confirm.on_click(carry_out)


def shown(plan: PlanView) -> list[Markup]:
    """A plan for people. Pure."""
    rows = [
        [one["id"], one["action"], number(one["minutes"] or None, "g"), _cost(one["cost"]), one["reason"]]
        for one in plan["rows"]
    ]
    problems = (f"{one['place']}: {one['message']} {one.get('remedy', '')}" for one in plan["problems"])
    return [
        *(Markup("<p class='bad'>{}</p>").format(one) for one in problems),
        *(Markup("<p>{}</p>").format(one) for one in plan["told"]),
        table("", ["Resource", "Action", "#Minutes", "#$ once", "Why"], rows),
    ]


def _cost(dollars: float | None) -> str:
    return "not known" if dollars is None else f"{dollars:,.2f}" if dollars else ""


def _refused(content: ui.column, error: Exception) -> None:
    """Say in a dialog why something can't be done."""
    content.clear()
    with content:
        if isinstance(error, InputError):
            for one in error.problems:
                note("bad", f"{one.place}: {one.message}", one.remedy)
        else:
            note("bad", explanation(error))
