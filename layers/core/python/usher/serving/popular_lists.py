"""The popular list of a group, from which the API answers where nothing better does.

It is an item of the table, `{"group": <group>, "item": "popular"}`. `publish` writes it at the end of a run, and an
export of a popularity solution that is loaded into the table.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from usher.aws import now
from usher.serving.last_copies import LastCopies
from usher.storage.table import Table

ITEM = "popular"
CACHE_SECONDS = 60.0


class PopularList(TypedDict, total=False):
    """A popular list; empty for a group that has none."""

    items: list[str]
    """Up to 500 IDs, the most popular first."""
    solution: str
    """The solution or recommender that it is from."""
    version: str
    """The solution version; empty for a recommender."""
    written: str
    """ISO time."""


@dataclass(slots=True)
class PopularLists:
    """The popular lists in the table, with a cache."""

    table: Table
    clock: Callable[[], float] = time.monotonic
    copies: LastCopies[PopularList] = field(init=False)

    def __post_init__(self) -> None:
        self.copies = LastCopies(self.read, CACHE_SECONDS, self.clock)

    def cached(self, group: str) -> PopularList:
        """A group's popular list, at most CACHE_SECONDS old, or older while the table does not answer."""
        return self.copies.get(group)

    def read(self, group: str) -> PopularList:
        """A group's popular list."""
        item = self.table.get(group, ITEM, consistent=False)
        content: PopularList = json.loads(item["list"]) if item else {}
        return content

    def write(self, group: str, items: Sequence[str], solution: str, version: str) -> None:
        """Replace a group's popular list."""
        content = PopularList(items=list(items), solution=solution, version=version, written=now().isoformat())
        self.table.update(group, ITEM, "SET #list = :list", {":list": json.dumps(content)}, {"#list": "list"})

    def remove(self, group: str) -> None:
        """Delete a group's popular list."""
        self.table.delete(group, ITEM)
