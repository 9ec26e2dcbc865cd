"""The filter bench: type an expression, and see the items that it leaves, and its mistakes."""

from collections.abc import Mapping

import numpy as np
from nicegui import ui
from usher.errors import UsherError
from usher.filters.expressions import EVENT_DATASETS, Expression, placeholders
from usher.filters.grammar import parse_filter

from usher_cli.ui.controls import choice_of, data_with_notes, html, item_line
from usher_cli.ui.filter_trial import Columns, columns_of, left_by, marked, mistakes
from usher_cli.ui.group_data import GroupData, Met
from usher_cli.ui.markup import item_list
from usher_cli.ui.parts import card, empty, note
from usher_cli.ui.reads import events_met, filters_of, serving_of
from usher_cli.ui.visit import Visit

SHOWN = 12
NEW = "A new one"


async def show(visit: Visit) -> None:
    """Show a field for an expression, beside the items that it leaves."""
    data, serving = await data_with_notes(visit), await serving_of(visit)
    columns = columns_of(serving)
    if not columns:
        empty(f"Nothing of {visit.group} is live yet.", "Its first run shows the columns that filters can name.")
        return
    bench = Bench(visit, data, columns, await filters_of(visit, serving))
    await bench.try_out()


class Bench:
    """An expression, its values, its user, and the items that it leaves."""

    def __init__(self, visit: Visit, data: GroupData, columns: Columns, live: Mapping[str, str]) -> None:
        self._visit, self._data, self._columns, self._live = visit, data, columns, live
        self._user, self._met = "", list[Met]()
        self._values: dict[str, ui.input] = {}
        with ui.element("div").classes("halves"):
            with card("Expression"):
                self._choice = choice_of("Begin with", [NEW, *live], self._use_live_filter)
                self._text = ui.textarea("Filter expression", value=self._example()).props(
                    "outlined autogrow debounce=250"
                )
                self._text.classes("code w-full").on_value_change(self.try_out)
                self._mistakes = ui.element("div").classes("stack")
                self._fields = ui.row().classes("controls")
                user = ui.input("For the user (their events count)").props("outlined dense debounce=400")
                user.on_value_change(self._for_user)
                self._names()
            with card("Remaining items"):
                self._left = ui.element("div").classes("stack")

    def _example(self) -> str:
        """An expression that fits the data."""
        for column in self._columns.get("ITEMS", ()):
            cells = self._data.items.columns.get(column.name, ())
            value = next((text for cell in cells if (text := cell.as_py())), "").split("|")[0]
            if column.filterable and column.categorical and value:
                return f'INCLUDE ItemID WHERE Items.{column.name} IN ("{value}")'
        return 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'

    def _names(self) -> None:
        """The fields that filters can name."""
        names = [
            f"{dataset.title()}.{one.name}"
            for dataset, some in self._columns.items()
            for one in some
            if one.filterable and (dataset not in EVENT_DATASETS or one.name == "EVENT_TYPE")
        ]
        ui.label(f"Fields: {', '.join(names)}").classes("dim small break")

    def _use_live_filter(self) -> None:
        """Begin with a live filter."""
        if text := self._live.get(str(self._choice.value)):
            self._text.set_value(text)

    async def _for_user(self, event: object) -> None:
        self._user = str(getattr(event, "value", "") or "")
        self._met = self._data.interactions.of_user(self._user)
        if self._user:
            self._met = await events_met(self._visit, self._user) + self._met
        await self.try_out()

    async def try_out(self) -> None:
        """Check the expression, and apply it."""
        text = str(self._text.value or "")
        found = mistakes(text, self._columns)
        self._mistakes.clear()
        with self._mistakes:
            for error in found:
                html(marked(text, error))
                message = str(error)
                note("bad", f"{message[:1].upper()}{message[1:]}.", error.remedy)
            if not found:
                note("good", "Personalize can make this filter.", "Put it under filters in usher.yaml to have it made.")
        if found:
            self._left.clear()
            with self._left:
                empty("Nothing, until the expression is right.")
            return
        expression = parse_filter(text)
        self._show_fields(placeholders(expression))
        await self._apply(expression)

    def _show_fields(self, names: list[str]) -> None:
        if names == [*self._values]:
            return
        kept = {name: field.value for name, field in self._values.items()}
        self._fields.clear()
        with self._fields:
            self._values = {
                name: ui.input(f"${name}", value=kept.get(name, ""), placeholder="one, or some by commas")
                .props("outlined dense debounce=250")
                .classes("narrow")
                for name in names
            }
        for field in self._values.values():
            field.on_value_change(self.try_out)

    async def _apply(self, expression: Expression) -> None:
        given = {name: str(field.value or "").split(",") for name, field in self._values.items()}
        values = {name: [one.strip() for one in some if one.strip()] for name, some in given.items()}
        self._left.clear()
        with self._left:
            try:
                left = await self._visit.read(left_by, expression, self._data, self._user, self._met, values)
            except UsherError as error:
                note("warn", f"{error}.", "Fill in its field, on the left.")
                return
            self._show_left(left)

    def _show_left(self, left: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        items = self._data.all_items
        number = int(left.sum())
        share = f"{number:,} of {len(items):,} items stay ({number / len(items):.0%})"
        ui.label(share).classes("heading").props("role=status")
        ui.linear_progress(number / len(items), show_value=False).props("rounded aria-hidden=true")
        for title, mask in (("Stay, most met first", left), ("Go", ~left)):
            some = [items[place] for place in np.flatnonzero(mask)[:SHOWN].tolist()]
            ui.label(title).classes("dim small")
            if some:
                html(item_list([item_line(self._visit, self._data, item) for item in some], numbered=False))
            else:
                empty("None.")
