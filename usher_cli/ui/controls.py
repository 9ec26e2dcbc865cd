"""Shared controls of the views: search, the filter of a list, the choice of an item, a request to copy."""

import json
from collections.abc import Callable, Mapping, Sequence

from nicegui import ui
from usher.errors import UsherError

from usher_cli.ui.api_requests import ApiRequest, region_of
from usher_cli.ui.group_data import MAX_ROWS, GroupData
from usher_cli.ui.markup import Line, tile
from usher_cli.ui.parts import note
from usher_cli.ui.reads import data_of, values_needed
from usher_cli.ui.visit import Visit

FOUND = 8
"""The most items that a choice offers."""


def search(label: str, on_change: Callable[[str], object], text: str = "") -> ui.input:
    """A search field, which the key `/` focuses."""
    field = ui.input(label, value=text).props("outlined dense clearable type=search debounce=250").classes("search")
    field.on_value_change(lambda event: on_change(event.value or ""))
    with field.add_slot("prepend"):
        ui.icon("search")
    return field


def html(content: str) -> ui.html:
    """Markup, whose texts are escaped already."""
    return ui.html(content, sanitize=False).classes("w-full")


def item_line(visit: Visit, data: GroupData, item: str, **more: object) -> Line:
    """An item's line in a list."""
    address = visit.address("item", id=item) if item in data.items.places or item in data.interactions.by_item else ""
    return Line(item, data.title(item), data.about(item), address, shown_picture(visit, data, item), **more)  # type: ignore[arg-type]


def shown_picture(visit: Visit, data: GroupData, item: str) -> str:
    """An item's picture, if it is in the data itself or the visitor allows pictures to be loaded."""
    address = data.picture(item)
    return address if address.startswith("data:") or visit.loads_pictures else ""


def picture_choice(visit: Visit, data: GroupData) -> None:
    """The choice to load pictures, if the data has their addresses: without it, pages load nothing from elsewhere."""
    if not data.picture_column:
        return

    kept = "" if visit.loads_pictures else "yes"
    script = f"document.cookie = 'pictures={kept}; path=/; samesite=strict'; location.reload()"
    ui.switch(
        f"Load the pictures of {data.picture_column}",
        value=visit.loads_pictures,
        on_change=lambda _: ui.run_javascript(script),
    )


def choice_of(label: str, names: Sequence[str], on_change: Callable[[], object]) -> ui.select:
    """A choice among names, the first of which is chosen."""
    choice = ui.select([*names], value=names[0], label=label, on_change=lambda _: on_change())
    return choice.props("outlined dense options-dense").classes("narrow")


class FilterChoice:
    """A choice among the live filters, with a field for each value that one needs."""

    def __init__(self, expressions: Mapping[str, str], on_change: Callable[[], object]) -> None:
        self._expressions, self._on_change = expressions, on_change
        self._values: dict[str, ui.input] = {}
        if not expressions:
            self._choice = None
            return
        with ui.row().classes("controls"):
            options = {"": "No filter", **{name: name for name in expressions}}
            self._choice = ui.select(options, value="", label="Filter").props("outlined dense options-dense")
            self._choice.classes("narrow")
            self._fields = ui.row().classes("controls")
        self._choice.on_value_change(lambda _: self._chosen())

    def _chosen(self) -> None:
        self._fields.clear()
        name = self.name
        with self._fields:
            self._values = {
                value: ui.input(value).props("outlined dense debounce=400").classes("narrow")
                for value in values_needed(self._expressions.get(name, ""))
            }
        for field in self._values.values():
            field.on_value_change(lambda _: self._on_change())
        if not self._values:
            self._on_change()

    @property
    def name(self) -> str:
        """The chosen filter; empty: none."""
        return str(self._choice.value or "") if self._choice else ""

    def options(self) -> dict[str, str]:
        """The options of a request with the filter."""
        if not self.name:
            return {}
        given = {name: field.value.split(",") for name, field in self._values.items() if field.value}
        values = {name: [one.strip() for one in some] for name, some in given.items()}
        return {"filter": self.name, **({"filterValues": json.dumps(values)} if values else {})}


def item_choice(data: GroupData, label: str, on_choice: Callable[[str], object]) -> None:
    """A field that finds items by any of their words, and a button for each. `on_choice` gets its ID."""

    shown: dict[str, ui.button] = {}

    def show_buttons(text: str) -> None:
        wanted = data.find_items(text)[:FOUND] if text else []
        for item in [*shown]:
            if item not in wanted:
                shown.pop(item).delete()
        with buttons:
            for item in wanted:
                if item not in shown:  # a button that stays takes a click that is on its way
                    shown[item] = ui.button(data.title(item), icon="add", on_click=lambda item=item: on_choice(item))
                    shown[item].props("flat dense no-caps align=left")

    search(label, show_buttons)
    buttons = ui.row().classes("found")


def copy_button(visit: Visit, request: ApiRequest) -> None:
    """A button that shows a request as curl and Python, and copies it."""
    url, region = visit.stack.outputs["ApiUrl"], region_of(visit.stack)
    texts = {"curl": request.as_curl(url, region), "Python": request.as_python(url, region)}

    def opened() -> None:
        with ui.dialog() as dialog, ui.element("div").classes("card wide"):
            ui.label(str(request)).classes("heading break")
            with ui.tabs().props("dense align=left") as tabs:
                for name in texts:
                    ui.tab(name)
            with ui.tab_panels(tabs, value="curl").classes("panels"):
                for name, text in texts.items():
                    with ui.tab_panel(name):
                        ui.code(text, language="bash" if name == "curl" else "python").classes("w-full")
            ui.label("It is signed with the credentials of the shell that runs it.").classes("dim small")
            with ui.row():
                for name, text in texts.items():
                    ui.button(f"Copy {name}", on_click=lambda text=text: _copied(text)).props("flat dense")
                ui.button("Close", on_click=dialog.close).props("flat dense")
        dialog.on("hide", dialog.delete)
        dialog.open()

    ui.button(icon="content_copy", on_click=opened).props("flat round dense aria-label='Copy as curl or Python'")


def _copied(text: str) -> None:
    ui.clipboard.write(text)
    ui.notify("Copied")


async def data_with_notes(visit: Visit) -> GroupData:
    """The group's data; the page notes missing parts. Raises UsherError if there is none."""
    data = await data_of(visit)
    if not data.all_items:
        place = visit.stack.bucket.url(f"{visit.group}/")
        raise UsherError(f"{visit.group} has no data yet. Put interactions.csv into {place} to start a run.")
    if not data.is_whole:
        note("warn", f"The page reads {MAX_ROWS:,} rows of a dataset. The files have more, which it leaves out.")
    return data


def user_choice(visit: Visit, view: str, user: str) -> None:
    """The user of the view, and a field for another one: Enter opens that one's view."""
    with ui.row().classes("controls"):
        html(tile(user, user)).classes(remove="w-full")
        ui.link(user, visit.address("person", id=user)).classes("heading break")
        field = ui.input("Another user").props("outlined dense").classes("narrow")
        field.on("keydown.enter", lambda: ui.navigate.to(visit.address(view, id=field.value or user)))
