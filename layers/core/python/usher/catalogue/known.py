"""The catalogue for the API functions, with a short-lived cache. Light.

Reads are eventually consistent: a change is visible to all functions shortly after CACHE_SECONDS, but for a user who is
no longer known: after USER_SECONDS.
"""

import json
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from usher.catalogue.entries import SORT_KEYS, Catalogues, Facts
from usher.errors import RequestError
from usher.storage.table import item_key, serialized

CACHE_SECONDS = 5.0
USER_SECONDS = 300.0
"""The time for which a user stays known. Only files without the user, or an erasure, change that."""
MAX_CACHED = 10_000
"""The most entries of a cache. A thousand entries with some columns take about a megabyte."""
BATCH_SIZE = 100
"""The most keys of a BatchGetItem request."""
MAX_ATTEMPTS = 3
"""The most attempts at keys that BatchGetItem leaves unprocessed."""
OF_AN_ITEM = {
    "ProjectionExpression": "#group, #values, unavailable",
    "ExpressionAttributeNames": {"#group": "group", "#values": "values"},
}
"""The attributes that are read of an item: the work of a read grows with their number."""
FIRST_OF_A_USER, LAST_OF_A_USER = "event#", SORT_KEYS["users"]
"""A user is known if the table has an item between these sort keys: arrived events, sessions, or data of a run."""


@dataclass(frozen=True, slots=True)
class KnownItem:
    """An item of the catalogue."""

    values: Mapping[str, Any]
    unavailable: bool = False
    """Whether it is not available."""


class UnansweredError(RequestError):
    """The table left keys unprocessed."""

    def __init__(self) -> None:
        super().__init__(503, "Unavailable", "The table is temporarily overloaded. Try again later.")


@dataclass(slots=True)
class Cache:
    """Values by key, each for a time."""

    clock: Callable[[], float]
    _kept: OrderedDict[Any, tuple[float, Any]] = field(default_factory=OrderedDict)

    def get(self, key: object) -> tuple[bool, Any]:
        """Whether the cache has a key, and its value."""
        until, value = self._kept.get(key, (-math.inf, None))
        return self.clock() <= until, value

    def keep(self, values: Mapping[Any, Any], seconds: float = CACHE_SECONDS) -> None:
        """Store values for a time, and drop the oldest if there are too many."""
        until = self.clock() + seconds
        self._kept.update({key: (until, value) for key, value in values.items()})
        while len(self._kept) > MAX_CACHED:
            self._kept.popitem(last=False)


class Known:
    """The catalogues of all groups. Methods raise botocore's errors."""

    def __init__(self, catalogues: Catalogues, clock: Callable[[], float] = time.monotonic) -> None:
        self.catalogues = catalogues
        self.table = catalogues.table
        self._cache = Cache(clock)

    def facts(self, group: str) -> Facts:
        """The facts of a group's catalogue."""
        is_kept, facts = self._cache.get(group)
        if not is_kept:
            facts = self.catalogues.facts(group)
            self._cache.keep({group: facts})
        found: Facts = facts
        return found

    def items(self, group: str, ids: Iterable[str]) -> dict[str, KnownItem]:
        """The items among `ids` that the catalogue has, by ID. Raises UnansweredError, too."""
        found, missing = dict[str, KnownItem | None](), list[str]()
        for id_ in dict.fromkeys(ids):
            is_kept, item = self._cache.get((group, id_))
            found[id_] = item
            if not is_kept:
                missing.append(id_)
        if missing:
            read = dict.fromkeys(missing) | dict(self._read(group, missing))
            self._cache.keep({(group, id_): item for id_, item in read.items()})
            found |= read
        return {id_: item for id_, item in found.items() if item}

    def unknown_items(self, group: str, ids: Collection[str]) -> set[str]:
        """The items among `ids` that the catalogue does not have; empty if the group has no catalogue of items."""
        return {*ids} - {*self.items(group, ids)} if ids and self.facts(group)["items"] else set()

    def has_user(self, group: str, user: str) -> bool:
        """Whether a user is known: from the files, or from events."""
        is_kept, known = self._cache.get((group, user, "user"))
        if not is_kept:
            known = bool(self._of_user(group, user))
            self._cache.keep({(group, user, "user"): known}, USER_SECONDS if known else CACHE_SECONDS)
        return bool(known)

    def values_of_user(self, group: str, user: str) -> Mapping[str, Any] | None:
        """The catalogue's values of a user, by column; None if neither the group's files nor a PUT name the user."""
        is_kept, values = self._cache.get((group, user, "values"))
        if not is_kept:
            item = self.table.get(f"{group}#{user}", SORT_KEYS["users"], consistent=False)
            values = json.loads(item.get("values", "{}")) if item else None
            self._cache.keep({(group, user, "values"): values})
        found: Mapping[str, Any] | None = values
        return found

    def _of_user(self, group: str, user: str) -> list[Any]:
        limits = {":group": f"{group}#{user}", ":first": FIRST_OF_A_USER, ":last": LAST_OF_A_USER}
        response = self.table.dynamodb.query(
            TableName=self.table.name,
            KeyConditionExpression="#group = :group AND #item BETWEEN :first AND :last",
            ProjectionExpression="#item",
            ExpressionAttributeNames={"#group": "group", "#item": "item"},
            ExpressionAttributeValues=serialized(limits),
            Limit=1,
        )
        found: list[Any] = response["Items"]
        return found

    def _read(self, group: str, ids: Sequence[str]) -> Iterator[tuple[str, KnownItem]]:
        for start in range(0, len(ids), BATCH_SIZE):
            keys = [item_key(f"{group}#{id_}", SORT_KEYS["items"]) for id_ in ids[start : start + BATCH_SIZE]]
            requests: dict[str, Any] = {self.table.name: {"Keys": keys, **OF_AN_ITEM}}
            for _ in range(MAX_ATTEMPTS):
                response = self.table.dynamodb.batch_get_item(RequestItems=requests)
                for one in response["Responses"].get(self.table.name, []):
                    id_ = one["group"]["S"].removeprefix(f"{group}#")
                    values = json.loads(one["values"]["S"]) if "values" in one else {}
                    yield id_, KnownItem(values, "unavailable" in one)
                requests = response["UnprocessedKeys"]
                if not requests:
                    break
            else:
                raise UnansweredError
