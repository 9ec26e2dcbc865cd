"""The popular list of a group, the API's last source of answers.

It is an item of the table, `{"group": <group>, "item": "popular"}`. `publish` writes it at the end of a run, and
`export` if a solution for popular items is exported into the table and has no campaign.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from usher.aws import error_kind, now
from usher.clients import PersonalizeRuntimeClient
from usher.limits import MAX_RESULTS
from usher.routes import ROUTES
from usher.serving.last_copies import LastCopies
from usher.serving.requests import read_request
from usher.serving.serving_map import ServingMap
from usher.storage.table import Table

ITEM = "popular"
CACHE_SECONDS = 60.0


class PopularList(TypedDict, total=False):
    """A popular list; empty if the group has none."""

    items: list[str]
    """Up to 500 IDs, the most popular first."""
    solution: str
    """The solution or recommender that is its source."""
    version: str
    """The solution version; empty for a recommender."""
    written: str
    """The time of writing (ISO 8601)."""


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

    def refresh(self, runtime: PersonalizeRuntimeClient, group: str, content: ServingMap, unknown_user: str) -> str:
        """Replace a group's popular list by its campaigns' recommendations for `unknown_user`.

        The source is the first campaign with a recipe for popular items. Without one, a list that an export of such a
        solution has written stays; else the source is the first campaign that recommends to users. Returns the reason
        why the former list stays if Personalize does not answer; raises only botocore's errors of the table.
        """
        former = content.get("solutions", {}).get(self.read(group).get("solution", ""))
        is_exported = former is not None and ROUTES["popular"].is_answered_by(former)
        for name in ["popular"] if is_exported else ["popular", "recommendations"]:
            options = {"userId": unknown_user, "numResults": MAX_RESULTS}
            request = read_request(group, content, ROUTES[name], options)
            if not request.refusal:
                try:
                    output = getattr(runtime, request.route.operation)(**request.call)
                except (BotoCoreError, ClientError) as error:
                    return error_kind(error)
                items = [one["itemId"] for one in output["itemList"]]
                self.write(group, items, request.solution, request.version)
                break
        return ""

    def remove(self, group: str) -> None:
        """Delete a group's popular list."""
        self.table.delete(group, ITEM)
