"""The serving map of a group: from the names that callers use to Personalize's ARNs.

`publish` writes it when resources are live, and the API functions read it. It is an item of the table,
`{"group": <group>, "item": "serving"}`; one more item lists all groups.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypedDict

from usher.errors import RequestError
from usher.run_record import StateRecord
from usher.storage.table import Table

MAP = "serving"
ALL_GROUPS = "*", "groups"
"""The item that lists the groups with a map."""
CACHE_SECONDS = 5.0
"""The time for which a function answers from its copy of a map."""


class ServedSolution(TypedDict, total=False):
    """A solution with a live version."""

    type: str
    """The type of its recipe, such as USER_PERSONALIZATION."""
    campaignArn: str | None
    """None: only exports answer."""
    solutionVersionArn: str
    """The live version."""


class ServedRecommender(TypedDict):
    """A live recommender."""

    type: str
    """The type of its use case's recipe."""
    recommenderArn: str


class ServingMap(TypedDict, total=False):
    """The resources that the API uses. It is empty for a group that has published nothing yet."""

    solutions: Mapping[str, ServedSolution]
    recommenders: Mapping[str, ServedRecommender]
    filters: Mapping[str, str]
    """ARNs by name."""
    trackingId: str | None
    """The event tracker's, for PutEvents."""
    exports: Mapping[str, Mapping[str, Any]]
    """By solution, the settings of its export."""


class Published(Protocol):
    """The part of a run's plan that the serving map depends on."""

    @property
    def group(self) -> str:
        """The dataset group's name."""

    @property
    def solutions(self) -> Mapping[str, Mapping[str, Any]]:
        """By name, `type` of the recipe and whether there is a `campaign`."""

    @property
    def recommenders(self) -> Mapping[str, Mapping[str, Any]]:
        """By name, the `type` of the use case."""

    @property
    def filters(self) -> Sequence[str]:
        """Their names."""

    @property
    def exports(self) -> Mapping[str, Mapping[str, Any]]:
        """By solution, the settings of its export."""


def serving_map(plan: Published, states: Sequence[StateRecord], former: ServingMap) -> ServingMap:
    """The map after a run. Solutions and recommenders that failed are served as before. Pure.

    `plan`: the run's; `states`: of its resources, at the end; `former`: the map until now, or an empty one.
    """
    ready = {state["id"]: state for state in states if state["status"] == "READY"}
    arns = {name: state["arn"] for name, state in ready.items()}
    solutions = dict[str, ServedSolution]()
    for name, facts in plan.solutions.items():
        if f"solution_version/{name}" in arns and (not facts["campaign"] or f"campaign/{name}" in arns):
            serves = ready.get(f"campaign/{name}", ready[f"solution_version/{name}"]).get("details") or {}
            solutions[name] = {
                "type": facts["type"],
                "campaignArn": arns.get(f"campaign/{name}"),
                "solutionVersionArn": serves.get("solutionVersionArn") or arns[f"solution_version/{name}"],
            }
        elif name in former.get("solutions", {}):
            solutions[name] = former["solutions"][name]
    recommenders = dict[str, ServedRecommender]()
    for name, facts in plan.recommenders.items():
        if f"recommender/{name}" in arns:
            recommenders[name] = {"type": facts["type"], "recommenderArn": arns[f"recommender/{name}"]}
        elif name in former.get("recommenders", {}):
            recommenders[name] = former["recommenders"][name]
    filters = {name: arns.get(f"filter/{name}") or former.get("filters", {}).get(name) for name in plan.filters}
    tracker = ready.get(f"event_tracker/{plan.group}")
    details = (tracker and tracker.get("details")) or {}
    return {
        "solutions": solutions,
        "recommenders": recommenders,
        "filters": {name: arn for name, arn in filters.items() if arn},
        "trackingId": details.get("trackingId") or former.get("trackingId"),
        "exports": plan.exports,
    }


def served_arns(value: object) -> set[str]:
    """Every text in a serving map, among them the ARNs of everything that it serves through."""
    if isinstance(value, Mapping):
        return {text for part in value.values() for text in served_arns(part)}
    return {value} if isinstance(value, str) else set()


@dataclass(slots=True)
class ServingMaps:
    """The serving maps in the table, with a short-lived cache."""

    table: Table
    clock: Callable[[], float] = time.monotonic
    _cache: dict[str, tuple[float, ServingMap]] = field(default_factory=dict)

    def read(self, group: str, *, consistent: bool = True) -> ServingMap:
        """A group's map; empty if it has none. `consistent`: as it was written last, at twice the price."""
        item = self.table.get(group, MAP, consistent=consistent)
        content: ServingMap = json.loads(item["map"]) if item else {}
        return content

    def write(self, group: str, content: ServingMap) -> None:
        """Replace a group's map."""
        self.table.update(group, MAP, "SET #map = :map", {":map": json.dumps(content)}, {"#map": "map"})
        self.table.update(*ALL_GROUPS, "ADD live :group", {":group": {group}})

    def replace(self, group: str, content: ServingMap, former: ServingMap) -> None:
        """Replace a group's map, unless somebody else has replaced it meanwhile."""
        values = {":map": json.dumps(content), ":former": json.dumps(former)}
        self.table.update(group, MAP, "SET #map = :map", values, {"#map": "map"}, "#map = :former")

    def remove(self, group: str) -> None:
        """Delete a group's map: neither the API nor exports know the group any more."""
        self.table.delete(group, MAP)
        self.table.update(*ALL_GROUPS, "DELETE live :group", {":group": {group}})

    def groups(self) -> list[str]:
        """Every group that has a map."""
        return sorted(self.table.get(*ALL_GROUPS).get("live", ()))

    def cached(self, group: str) -> ServingMap:
        """A group's map, at most CACHE_SECONDS old. Raises RequestError if it has none."""
        read_at, content = self._cache.get(group, (0.0, ServingMap()))
        if not content or self.clock() - read_at > CACHE_SECONDS:
            self.forget(group)  # nothing is kept of a group without a map: callers may make up any number of names
            content = self.read(group, consistent=False)
            if not content:
                raise RequestError(404, "UnknownGroup", f"There is no group {group}, or it has published nothing yet.")
            self._cache[group] = (self.clock(), content)
        return content

    def forget(self, group: str) -> None:
        """Read a group's map anew for the next request."""
        self._cache.pop(group, None)
