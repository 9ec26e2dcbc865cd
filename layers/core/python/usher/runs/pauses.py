"""Paused groups: no run creates, trains or exports anything for them until they are resumed; serving continues.

A pause is an item of the table, `pause`, which a person writes (`usher pause`).
"""

import json
from typing import TypedDict

from usher.errors import MAX_MESSAGE_LENGTH
from usher.storage.table import Table
from usher.texts import clean

ITEM = "pause"


class Pause(TypedDict):
    """A pause of a group."""

    since: str
    """The time of its beginning (ISO 8601)."""
    who: str
    why: str


def pause_of(table: Table, group: str) -> Pause | None:
    """The pause of a group; None if it is not paused."""
    item = table.get(group, ITEM)
    found: Pause | None = json.loads(item["text"]) if item else None
    return found


def pause(table: Table, group: str, since: str, who: str, why: str) -> None:
    """Pause a group, from its next run on. An existing pause is not changed."""
    text = json.dumps(Pause(since=since, who=who, why=clean(why, MAX_MESSAGE_LENGTH)))
    table.update(group, ITEM, "SET #text = :text", {":text": text}, {"#text": "text"}, "attribute_not_exists(#text)")


def resume(table: Table, group: str) -> None:
    """End the pause of a group."""
    table.delete(group, ITEM)


def pause_note(group: str, found: Pause) -> str:
    """The note in the record of a run of a paused group."""
    why = found["why"] if found["why"].endswith((".", "!", "?")) else f"{found['why']}."
    return (
        f"The group has been paused since {found['since'][:16]} by {found['who']}: {why} "
        f"New data waits. To continue: usher resume {group}."
    )
