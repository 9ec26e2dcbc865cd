"""The frame of every view: header, navigation, light and dark."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from nicegui import ui
from usher.aws import client

from usher_cli.ui.visit import Page, Visit

STYLE = Path(__file__).with_name("style.css")
THEMES = {"auto": None, "light": False, "dark": True}
THEME_ICONS = {"auto": "brightness_auto", "light": "light_mode", "dark": "dark_mode"}
NEXT = dict(zip(THEMES, [*THEMES][1:] + [*THEMES][:1], strict=True))
KEEP = "document.cookie = 'theme={}; path=/; max-age=31536000; samesite=strict'"
SEARCH_KEY = """
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea, [contenteditable]")) return;
  const search = document.querySelector("main input[type=search], .q-page input");
  if (search) { event.preventDefault(); search.focus(); }
});
"""


@contextmanager
def frame(page: Page, pages: Sequence[Page], visit: Visit, groups: Sequence[str], theme: str) -> Iterator[None]:
    """The frame of a page; the block shows the view inside."""
    ui.colors(primary="#3b5bdb", secondary="#5b6570", accent="#0b7285", positive="#1a7f37", negative="#c4212d")
    ui.add_css(STYLE)
    ui.add_head_html(f"<script>{SEARCH_KEY}</script>")
    ui.page_title(f"{page.title} · {visit.group} · Usher" if visit.group else f"{page.title} · Usher")
    dark = ui.dark_mode(THEMES.get(theme))
    with ui.header().classes("top"):
        menu = ui.button(icon="menu").props("flat round dense aria-label='Navigation'").classes("lt-md")
        ui.link("Usher", "/").classes("brand")
        if groups:
            _group_choice(page, visit, groups)
        ui.space()
        ui.label(f"{visit.stack.name} · {client('s3').meta.region_name}").classes("dim gt-xs")
        _theme_button(dark, theme if theme in THEMES else "auto")
    with ui.left_drawer(bordered=True).props("width=232 breakpoint=1023").classes("side") as drawer:
        menu.on_click(drawer.toggle)
        _navigation(page, pages, visit)
    with ui.element("main").classes("middle") as middle:
        ui.skip_link("Skip to the view", target=middle)
        ui.label(page.title).props("role=heading aria-level=1").classes("title")
        ui.label(page.about).classes("dim about")
        yield


def _group_choice(page: Page, visit: Visit, groups: Sequence[str]) -> None:
    """A choice of the group, which keeps the view."""
    view = page.view if page.icon and page.view else "people"
    shown = visit.group if visit.group in groups else None
    choice = ui.select([*groups], value=shown, label=None if shown else "Group")
    choice.props("dense outlined options-dense aria-label='Group'").classes("groups")
    choice.on_value_change(lambda event: ui.navigate.to(f"/{event.value}/{view}"))


def _navigation(page: Page, pages: Sequence[Page], visit: Visit) -> None:
    shown = [one for one in pages if one.icon and (visit.group or "{group}" not in one.path)]
    with ui.element("nav").props("aria-label='Views'"):
        for section, some in groupby(shown, lambda one: one.section):
            if section:
                ui.label(section).classes("section")
            for one in some:
                is_here = one.path == page.path
                with ui.link(target=one.path.format(group=visit.group)).classes(
                    "place here" if is_here else "place"
                ) as link:
                    if is_here:
                        link.props("aria-current=page")
                    ui.icon(one.icon)
                    ui.label(one.title)


def _theme_button(dark: ui.dark_mode, theme: str) -> None:
    """A button that switches from the system's look to light to dark, and keeps the choice."""
    state = {"theme": theme}
    button = ui.button(icon=THEME_ICONS[theme]).props("flat round dense aria-label='Light or dark'")

    def turn() -> None:
        state["theme"] = chosen = NEXT[state["theme"]]
        dark.set_value(THEMES[chosen])
        button.set_icon(THEME_ICONS[chosen])
        ui.run_javascript(KEEP.format(chosen))

    button.on_click(turn)
    with button:
        ui.tooltip("As the system, light, dark")
