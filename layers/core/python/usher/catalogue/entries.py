"""The entries of a group's catalogue in the table: its items and users with their metadata. Light.

    {"group": "<group>#<item>", "item": "catalogue", "values": {"YEAR": 1979} as JSON, "unavailable": True, "at": 17...}
    {"group": "<group>#<user>", "item": "user", "values": {"AGE": 30} as JSON, "at": 17...}
    {"group": "<group>", "item": "catalogue", "columns": ["TITLE"], "userColumns": ["AGE"], "items": True, ...}

`unavailable`: the item is not recommended. `at`: the time of the data in milliseconds: of a PUT, its arrival; of a run,
the listing of the files. Newer data replaces older data, whichever is written first. The last item describes the
catalogue itself.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from usher.storage.table import Table
from usher.storage.table_batches import TableBatches

Kind = Literal["items", "users"]
KINDS: tuple[Kind, ...] = ("items", "users")
SORT_KEYS: Mapping[Kind, str] = {"items": "catalogue", "users": "user"}
"""The names of the entries in the table."""
FACTS = "catalogue"
"""The name of the item with the facts of a group's catalogue."""
NO = frozenset({"false", "f", "no", "n", "off"})
NEWEST = "attribute_not_exists(#at) OR #at <= :at"


class Facts(TypedDict):
    """The facts of a group's catalogue."""

    columns: list[str]
    """The columns of the items."""
    available: str
    items: bool
    """Whether the catalogue has the group's items: the API then answers no others."""
    users: bool
    """Whether the catalogue has the group's users."""
    userColumns: list[str]


NOTHING = Facts(columns=[], available="", items=False, users=False, userColumns=[])


@dataclass(frozen=True, slots=True)
class Entry:
    """An item or a user."""

    kind: Kind
    id: str
    values: str = ""
    """The metadata: a JSON object."""
    unavailable: bool = False
    """Whether the item is not available."""

    def attributes(self) -> dict[str, Any]:
        """The entry's attributes in the table, without its key and its time."""
        return {
            **({"values": self.values} if self.values else {}),
            **({"unavailable": True} if self.unavailable else {}),
        }


def entry_of(kind: Kind, id_: str, values: Mapping[str, Any], columns: Sequence[str], available: str = "") -> Entry:
    """The entry of an item or a user. `values`: by column; columns outside the catalogue's are left out."""
    known = {name: values[name] for name in columns if values.get(name) is not None}
    text = json.dumps(known, ensure_ascii=False, separators=(",", ":")) if known else ""
    return Entry(kind, id_, text, means_unavailable(values.get(available)))


def means_unavailable(value: object) -> bool:
    """Whether a value means that an item is not available: false, no, off, or a number of 0 or less (stock)."""
    text = str(value).strip().lower()
    if text in NO:
        return True
    try:
        return float(text) <= 0 and not math.isnan(float(text))
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Catalogues:
    """The catalogues in the table."""

    table: Table

    def put(self, group: str, entry: Entry, at: int) -> bool:
        """Write an entry, unless the table has a newer one; return whether it was written. `at`: the data's time in
        milliseconds.
        """
        attributes = {**entry.attributes(), "at": at}
        return self.table.put(*self._key(group, entry), attributes, NEWEST, {":at": at}, {"#at": "at"})

    def put_all(self, group: str, entries: Sequence[Entry], at: int) -> None:
        """Write entries of a kind that the facts do not name yet, so that no PUT writes any: no condition is needed."""
        attributes = {self._key(group, entry): entry.attributes() for entry in entries}
        TableBatches(self.table).put(
            {"group": partition, "item": item, **values, "at": at} for (partition, item), values in attributes.items()
        )

    def remove(self, group: str, entry: Entry, at: int) -> bool:
        """Delete an entry, unless the table has a newer one; return whether it was deleted."""
        return self.table.delete(*self._key(group, entry), NEWEST, {":at": at}, {"#at": "at"})

    def facts(self, group: str, *, consistent: bool = False) -> Facts:
        """The facts of a group's catalogue. `consistent`: as last written."""
        item = self.table.get(group, FACTS, consistent=consistent)
        return {**NOTHING, **{name: item[name] for name in NOTHING if name in item}}  # type: ignore[typeddict-item]

    def set_facts(self, group: str, facts: Facts) -> None:
        """Store the facts of a group's catalogue."""
        self.table.put(group, FACTS, facts)

    def forget(self, group: str) -> None:
        """Delete the facts of a removed group's catalogue."""
        self.table.delete(group, FACTS)

    def _key(self, group: str, entry: Entry) -> tuple[str, str]:
        return f"{group}#{entry.id}", SORT_KEYS[entry.kind]
