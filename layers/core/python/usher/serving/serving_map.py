"""The serving map of a group: from the names that callers use to Personalize's ARNs.

The passes of a run and `publish`, at its end, write it (usher.planning.next_serving_map); the API functions read it. It
is an item of the table, `{"group": <group>, "item": "serving"}`; one more item lists all groups.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypedDict, TypeVar

from usher.aws import now
from usher.errors import RequestError
from usher.filters.compiled import Rules
from usher.serving.last_copies import LastCopies
from usher.storage.table import Table

NOT_FOUND = 404
MAP = "serving"
ALL_GROUPS = "*", "groups"
"""The item that lists the groups with a map."""
CACHE_SECONDS = 5.0
"""The seconds for which a function answers from its copy of a map."""
T = TypeVar("T")


class ServedSolution(TypedDict, total=False):
    """A solution with a live version."""

    type: str
    """The type of its recipe, such as USER_PERSONALIZATION."""
    recipe: str
    """The name of its recipe. Maps of former releases have none."""
    metadata: bool
    """Whether the campaign returns items' metadata (metadataColumns). Missing in maps of former releases."""
    campaignArn: str | None
    """The ARN of the campaign; None: only exports answer."""
    solutionVersionArn: str
    """The ARN of the live version."""
    recommenderArn: str | None
    """The ARN of a recommender that answers instead."""
    answeredBy: str
    """The name that answers instead, as the solution's own campaign was deleted for room."""
    idle: bool
    """Whether its campaign was removed as idle, and is created again once it is needed."""


class ServedRecommender(TypedDict, total=False):
    """A live recommender."""

    type: str
    """The type of its use case's recipe."""
    recipe: str
    """The name of its recipe, as for a solution."""
    metadata: bool
    """Whether it returns items' metadata, as for a solution."""
    recommenderArn: str | None
    campaignArn: str | None
    """The ARN of the campaign of a solution that answers instead."""
    answeredBy: str
    """The name that answers instead, as for a solution."""


Entry = ServedSolution | ServedRecommender


class ServedDataset(TypedDict):
    """A dataset into which records can be put."""

    arn: str
    fields: list[dict[str, Any]]
    """The fields of its Avro schema."""


class EventRules(TypedDict, total=False):
    """The rules for checking events."""

    columns: Mapping[str, Mapping[str, str | list[str]]]
    """The Avro types of each dataset's columns."""
    eventTypes: Mapping[str, Sequence[str]]
    """The event types that a solution or recommender is trained on, by name; without those that are trained on all
    events.
    """


class ServingMap(TypedDict, total=False):
    """The resources that the API uses. It is empty for a group that has published nothing yet."""

    solutions: Mapping[str, ServedSolution]
    recommenders: Mapping[str, ServedRecommender]
    filters: Mapping[str, str]
    """ARNs by name."""
    filterRules: Mapping[str, Rules]
    """The compiled filters by ARN. Maps of former releases have none."""
    context: Mapping[str, str]
    """The source of each automatic context field (automatic_context)."""
    trackingId: str | None
    """The ID of the event tracker, for PutEvents."""
    exports: Mapping[str, Mapping[str, Any]]
    """The settings of each solution's export."""
    datasets: Mapping[str, ServedDataset]
    """The datasets of items, users and actions, if they exist."""
    actionTrackingId: str | None
    """The ID of the dataset of action interactions, for PutActionInteractions."""
    events: EventRules


def answering(entry: Entry) -> str:
    """The ARN of the campaign or recommender that answers for a name; empty if only exports do."""
    return entry.get("campaignArn") or entry.get("recommenderArn") or ""


def served_arns(value: object) -> set[str]:
    """Every text in a serving map, including the ARNs of all serving resources."""
    if isinstance(value, Mapping):
        return {text for part in value.values() for text in served_arns(part)}
    return {value} if isinstance(value, str) else set()


@dataclass(slots=True)
class ServingMaps:
    """The serving maps in the table, with a short-lived cache."""

    table: Table
    clock: Callable[[], float] = time.monotonic
    copies: LastCopies[ServingMap] = field(init=False)

    def __post_init__(self) -> None:
        self.copies = LastCopies(partial(self.read, consistent=False), CACHE_SECONDS, self.clock)

    def read(self, group: str, *, consistent: bool = True) -> ServingMap:
        """A group's map; empty if it has none. `consistent`: as it was written last, at twice the price."""
        item = self.table.get(group, MAP, consistent=consistent)
        content: ServingMap = json.loads(item["map"]) if item else {}
        return content

    def write(self, group: str, content: ServingMap) -> None:
        """Replace a group's map unconditionally."""
        self._set(group, content)

    def replace(self, group: str, content: ServingMap, former: ServingMap) -> bool:
        """Replace a group's map, unless another function has replaced it since `former` was read; return whether it was
        replaced.
        """
        if former:
            return self._set(group, content, "#map = :former", {":former": json.dumps(former)})
        return self._set(group, content, "attribute_not_exists(#map)")

    def _set(
        self, group: str, content: ServingMap, condition: str = "", values: Mapping[str, str] | None = None
    ) -> bool:
        known = {":map": json.dumps(content), **(values or {})}
        if not self.table.update(group, MAP, "SET #map = :map", known, {"#map": "map"}, condition):
            return False
        self.table.update(*ALL_GROUPS, "ADD live :group", {":group": {group}})
        return True

    def live_since(self, group: str) -> dict[str, str]:
        """The ISO time at which `date` first saw a live version, by its ARN."""
        times: dict[str, str] = json.loads(self.table.get(group, MAP).get("since", "{}"))
        return times

    def date_live_versions(self, group: str) -> dict[str, str]:
        """Store the time for each live version that has none; return live_since."""
        live = [one.get("solutionVersionArn", "") for one in self.read(group).get("solutions", {}).values()]
        known, time_now = self.live_since(group), now().isoformat()
        dated = {arn: known.get(arn, time_now) for arn in live}
        if dated != known:
            self.table.update(group, MAP, "SET since = :since", {":since": json.dumps(dated)})
        return dated

    def note_trainings(self, group: str, began: Mapping[str, str]) -> None:
        """Store the times at which the trainings of live versions began, as ISO times by ARN."""
        live = [one.get("solutionVersionArn", "") for one in self.read(group).get("solutions", {}).values()]
        times = {arn: began[arn] for arn in live if began.get(arn)}
        if times:
            self.table.update(group, MAP, "SET trained = :trained", {":trained": json.dumps(times)})

    def trained_at(self, group: str) -> dict[str, float]:
        """The Unix time at which a live version's training began, by its ARN."""
        times = json.loads(self.table.get(group, MAP, consistent=False).get("trained", "{}"))
        return {arn: datetime.fromisoformat(time).timestamp() for arn, time in times.items()}

    def remove(self, group: str) -> None:
        """Delete a group's map: neither the API nor exports have the group any more."""
        self.table.delete(group, MAP)
        self.table.update(*ALL_GROUPS, "DELETE live :group", {":group": {group}})

    def groups(self) -> list[str]:
        """Every group with a map."""
        return sorted(self.table.get(*ALL_GROUPS).get("live", ()))

    def cached(self, group: str) -> ServingMap:
        """A group's map, at most CACHE_SECONDS old, or older while the table does not answer.

        Raises RequestError if the group has none.
        """
        content = self.copies.get(group)
        if not content:
            raise RequestError(
                404, "UnknownGroup", f"There is no group {group}, or none of its runs has put anything live yet."
            )
        return content

    def resolve(self, group: str, ask: Callable[[ServingMap], T]) -> T:
        """The result of `ask` on a group's map. If it is missing from the copy (404), `ask` is called with the table's
        map.

        Raises the errors of `ask`, and RequestError if the group has no map.
        """
        copy = self.cached(group)
        try:
            return ask(copy)
        except RequestError as error:
            if error.status != NOT_FOUND:
                raise
        self.forget(group)
        return ask(self.cached(group))

    def forget(self, group: str) -> None:
        """Read a group's map anew for the next request."""
        self.copies.expire(group)
