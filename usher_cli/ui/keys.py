"""The API keys of a group: their purposes, not the keys themselves."""

from datetime import UTC, datetime

from nicegui import ui
from usher.access.keys import Key
from usher.reports.html import facts
from usher.routes import SHORT_NAMES

from usher_cli.actions import api_keys
from usher_cli.actions.action import Action
from usher_cli.ui.actions import Field, Given, action_button
from usher_cli.ui.parts import card, empty
from usher_cli.ui.reads import require
from usher_cli.ui.report import minute, report
from usher_cli.ui.visit import Visit

NEW = (
    Field("name", "Purpose"),
    Field("routes", "Routes", options=list(SHORT_NAMES), is_list=True),
    Field("per_minute", "Requests a minute at most (empty: as many as the API takes)"),
)
DAYS = Field("days", "Days for which the former secret stays valid", "7")


async def show(visit: Visit) -> None:
    """Show a card for each key, and a button that creates one."""
    stack, group = visit.stack, visit.group
    keys = await visit.read(stack.keys.of, group)
    with ui.row():
        action_button(visit, "Make a key", "add", lambda given: new_key(visit, given), NEW)
    if not keys:
        empty(f"{group} has no API keys.", "Senders that can't sign requests use them: docs/api.md.")
    for key in keys:
        with card(key.name):
            report(facts(about(key)))
            with ui.row():
                _buttons(visit, key.id)


def _buttons(visit: Visit, key: str) -> None:
    """The buttons of a key."""
    stack, group = visit.stack, visit.group
    action_button(
        visit,
        "New secret",
        "autorenew",
        lambda given: api_keys.rotate(stack, group, key, whole_number(given["days"], DAYS.label, 366)),
        [DAYS],
    )
    action_button(visit, "Revoke", "block", lambda _: api_keys.revoke(stack, group, key))


def new_key(visit: Visit, given: Given) -> Action:
    """The creation of a key, for the values of its fields. Raises UsherError for invalid ones."""
    limit = whole_number(given["per_minute"], "Requests a minute", 1_000_000) if given["per_minute"].strip() else None
    require(given["routes"], "Choose the routes of the key.")
    return api_keys.create(visit.stack, visit.group, given["name"].strip(), given["routes"], limit or None)


def about(key: Key) -> dict[str, object]:
    """The shown facts of a key. Pure."""
    ends = [datetime.fromtimestamp(int(one["until"]), UTC) for one in key.hashes if one["until"] is not None]
    return {
        "Key": key.id,
        "Made": minute(key.created),
        "May ask": ", ".join(key.routes),
        "A minute at most": key.per_minute or "",
        "Former secret ends": minute(ends[0].isoformat()) if ends else "",
    }


def whole_number(text: str, what: str, most: int) -> int:
    """A whole number up to a limit, from a field. Raises UsherError for another text. Pure."""
    digits = text.strip()
    require(digits.isascii() and digits.isdigit() and int(digits[:9]) <= most, f"{what}: a number from 0 to {most:,}.")
    return int(digits)
