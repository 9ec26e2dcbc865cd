"""From the names that callers use to what Personalize wants: the serving map of each group.

The map is written by `publish` when resources are live and read by the API functions. It is one item of the table,
`{"group": <group>, "item": "serving"}`; beside it, one item lists all groups.
"""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from usher.errors import RequestError
from usher.filter_values import as_filter_value
from usher.formats.strict_json import parse
from usher.limits import DEFAULT_RESULTS, MAX_ID_LENGTH, MAX_RESULTS
from usher.recipes import types_on
from usher.storage.table import Table

MAP = "serving"
ALL_GROUPS = "*", "groups"
"""The item that lists the groups with a map."""
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
LONGEST_VALUE = 1000
"""Of a filter's or a context's value."""
FRESH_SECONDS = 5.0
"""How long a function answers from its copy of the map."""


@dataclass(frozen=True, slots=True)
class Route:
    """What one kind of request may ask for."""

    types: frozenset[str]
    """Recipe types that can answer it."""
    options: tuple[str, ...]


OPTIONS = ("solution", "filter", "filterValues", "context")
ROUTES = {
    "recommendations": Route(types_on("recommendations"), (*OPTIONS, "numResults")),
    "similar-items": Route(types_on("similar-items"), (*OPTIONS, "numResults", "userId")),
    "rankings": Route(types_on("rankings"), (*OPTIONS, "userId", "items")),
}


class Published(Protocol):
    """What of a run's plan the serving map depends on."""

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


def serving_map(plan: Published, states: Sequence[Mapping[str, Any]], before: Mapping[str, Any]) -> dict[str, Any]:
    """The map after a run. What this run could not bring up is served as before, if it was. Pure.

    `plan`: the run's; `states`: of its resources, at the end; `before`: the map until now, or empty.
    """
    ready = {state["id"]: state for state in states if state["status"] == "READY"}
    arns = {name: state["arn"] for name, state in ready.items()}
    solutions = {}
    for name, facts in plan.solutions.items():
        solution = before.get("solutions", {}).get(name)
        if f"solution_version/{name}" in arns and (not facts["campaign"] or f"campaign/{name}" in arns):
            serves = ready.get(f"campaign/{name}", ready[f"solution_version/{name}"]).get("details") or {}
            solution = {
                "type": facts["type"],
                "campaignArn": arns.get(f"campaign/{name}"),
                "solutionVersionArn": serves.get("solutionVersionArn") or arns[f"solution_version/{name}"],
            }
        if solution:
            solutions[name] = solution
    recommenders = {
        name: {"type": facts["type"], "recommenderArn": arns[f"recommender/{name}"]}
        if f"recommender/{name}" in arns
        else before.get("recommenders", {}).get(name)
        for name, facts in plan.recommenders.items()
    }
    filters = {name: arns.get(f"filter/{name}") or before.get("filters", {}).get(name) for name in plan.filters}
    tracker = ready.get(f"event_tracker/{plan.group}", {}).get("details", {})
    return {
        "solutions": solutions,
        "recommenders": {name: one for name, one in recommenders.items() if one},
        "filters": {name: arn for name, arn in filters.items() if arn},
        "trackingId": tracker.get("trackingId") or before.get("trackingId"),
        "exports": plan.exports,
    }


def arns_in(content: Any) -> set[str]:
    """Every text in a serving map, among them the ARNs of all that it serves through."""
    if isinstance(content, Mapping):
        return {text for part in content.values() for text in arns_in(part)}
    return {content} if isinstance(content, str) else set()


@dataclass(slots=True)
class Serving:
    """The serving maps in the table, read through a short-lived cache."""

    table: Table
    clock: Callable[[], float] = time.monotonic
    _cache: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict)

    def read(self, group: str, *, consistent: bool = True) -> dict[str, Any]:
        """A group's map; empty where it has none. `consistent`: as it was last written, at twice the price."""
        item = self.table.get(group, MAP, consistent=consistent)
        content: dict[str, Any] = json.loads(item["map"]) if item else {}
        return content

    def write(self, group: str, content: Mapping[str, Any]) -> None:
        """Replace a group's map."""
        self.table.update(group, MAP, "SET #map = :map", {":map": json.dumps(content)}, {"#map": "map"})
        self.table.update(*ALL_GROUPS, "ADD live :group", {":group": {group}})

    def remove(self, group: str) -> None:
        """Delete a group's map: the API and the exports know the group no more."""
        self.table.delete(group, MAP)
        self.table.update(*ALL_GROUPS, "DELETE live :group", {":group": {group}})

    def groups(self) -> list[str]:
        """Every group that has a map."""
        return sorted(self.table.get(*ALL_GROUPS).get("live", ()))

    def of(self, group: str) -> dict[str, Any]:
        """A group's map for answering a request: cached, and a RequestError where there is none."""
        read, content = self._cache.get(group, (0.0, {}))
        if not content or self.clock() - read > FRESH_SECONDS:
            self.forget(group)  # nothing is kept of a group that is not there: callers may make up any number of names
            content = self.read(group, consistent=False)
            if not content:
                raise RequestError(404, "UnknownGroup", f"There is no group {group}, or it has published nothing yet.")
            self._cache[group] = (self.clock(), content)
        return content

    def forget(self, group: str) -> None:
        """Read a group's map anew for the next request."""
        self._cache.pop(group, None)


def request(content: Mapping[str, Any], route: str, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The solution that answers, and the members of the call to Personalize that `given` options ask for.

    `content`: a group's map. Options come as text from a query string or as JSON values from a body.
    Raises RequestError (400 or 404) that says which option is wrong and what is allowed.
    """
    allowed = ROUTES[route].options
    for name in given:
        if name not in allowed:
            raise RequestError(400, "UnknownOption", f"{name} is unknown here; allowed: {', '.join(allowed)}.")
    served = {**content["solutions"], **content.get("recommenders", {})}
    able = {name: one for name, one in served.items() if one["type"] in ROUTES[route].types}
    live = {name: one for name, one in able.items() if one.get("campaignArn") or "recommenderArn" in one}
    name = str(given.get("solution") or next(iter(live), ""))
    if name not in live:
        raise _unanswered(name, able, live)
    member = "recommenderArn" if "recommenderArn" in live[name] else "campaignArn"
    members = {member: live[name][member]}
    for option, read in READERS.items():
        if given.get(option) is not None:
            members |= read(given[option], content)
    if "filterValues" in members and "filterArn" not in members:
        raise RequestError(400, "BadFilterValues", "filterValues need a filter.")
    return name, members


def exported(content: Mapping[str, Any], route: str, given: Mapping[str, Any]) -> tuple[list[str], int]:
    """The solutions whose exports in the table can answer a request, in order of preference, and with how many results.

    What was exported can be cut, but neither filtered nor seen in a context.
    """
    if given.keys() - {"solution", "numResults"}:
        return [], 0
    able = [
        name
        for name, one in content["solutions"].items()
        if one["type"] in ROUTES[route].types and content.get("exports", {}).get(name, {}).get("table")
    ]
    named = given.get("solution")
    results = _num_results(given.get("numResults") or DEFAULT_RESULTS, content)["numResults"]
    return [name for name in able if named in {None, name}], results


def identifier(value: object, name: str) -> str:
    """A user's, item's or session's ID; RequestError where it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ID_LENGTH:
        raise RequestError(400, "BadId", f"{name} must be a text of 1 to {MAX_ID_LENGTH} characters.")
    if UNPRINTABLE.search(value):
        raise RequestError(400, "BadId", f"{name} must not have control characters or half of a surrogate pair.")
    return value


def identifiers(value: object, name: str) -> list[str]:
    """A list of IDs."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_RESULTS:
        raise RequestError(400, "BadList", f"{name} must be a list of 1 to {MAX_RESULTS} IDs.")
    return [identifier(one, name) for one in value]


def _num_results(value: object, _: Mapping[str, Any]) -> dict[str, Any]:
    text = str(value)
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= MAX_RESULTS:
        raise RequestError(
            400, "BadNumResults", f"numResults must be a number from 1 to {MAX_RESULTS}, not {text[:99]}."
        )
    return {"numResults": int(text)}


def _filter(value: object, content: Mapping[str, Any]) -> dict[str, Any]:
    name = str(value)
    if name not in content["filters"]:
        raise _unknown("filter", name, content["filters"])
    return {"filterArn": content["filters"][name]}


@dataclass(frozen=True, slots=True)
class Pairs:
    """An option of names and values, with the limits of Personalize's API."""

    option: str
    most: int
    longest_name: int
    takes_lists: bool
    write: Callable[[Any], str]

    def read(self, value: object, _: Mapping[str, Any]) -> dict[str, Any]:
        """The member of the call. `value`: an object, or one as JSON text."""
        wanted = f'{self.option} must be JSON such as {{"NAME": "value"}}'
        try:
            content = parse(value) if isinstance(value, str) else value
        except ValueError as error:
            raise self._refusal(f"{wanted}: {error}") from None
        if not isinstance(content, dict):
            raise self._refusal(wanted)
        if len(content) > self.most:
            raise self._refusal(f"{self.option} has {len(content)} names; {self.most} are allowed")
        return {self.option: {self._name(name): self._value(name, one) for name, one in content.items()}}

    def _name(self, name: str) -> str:
        if len(name) > self.longest_name or not re.fullmatch("[A-Za-z0-9_]+", name):
            allowed = f"1 to {self.longest_name} letters, digits and underscores"
            raise self._refusal(f"{self.option} has the name {name[:99]}; a name has {allowed}")
        return name

    def _value(self, name: str, value: Any) -> str:
        parts = value if isinstance(value, list) and self.takes_lists else [value]
        if not parts or not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in parts):
            lists = ", or a list of these" * self.takes_lists
            raise self._refusal(f"{self.option}: {name} must be a text or a number{lists}")
        text = self.write(value)
        if len(text) > LONGEST_VALUE:
            raise self._refusal(f"{self.option}: {name} must have at most {LONGEST_VALUE} characters, not {len(text)}")
        return text

    def _refusal(self, said: str) -> RequestError:
        return RequestError(400, f"Bad{self.option[0].upper()}{self.option[1:]}", f"{said}.")


READERS: dict[str, Callable[[Any, Mapping[str, Any]], dict[str, Any]]] = {
    "numResults": _num_results,
    "filter": _filter,
    "filterValues": Pairs("filterValues", 25, 50, takes_lists=True, write=as_filter_value).read,
    "context": Pairs("context", 150, 150, takes_lists=False, write=str).read,
    "userId": lambda value, _: {"userId": identifier(value, "userId")},
    "items": lambda value, _: {"inputList": identifiers(value, "items")},
}


def _unanswered(name: str, able: Mapping[str, Any], live: Mapping[str, Any]) -> RequestError:
    """Why no campaign answers: there is no such solution, or it has no campaign, as `campaign: false` asks."""
    idle = [one for one in able if one not in live and name in {"", one}]
    if not idle:
        return _unknown("solution", name or "for this", live)
    said = f"{', '.join(idle)} has no campaign to answer; an export in its place knows neither filters nor contexts."
    return RequestError(404, "NoCampaign", said)


def _unknown(what: str, name: str, allowed: Mapping[str, Any]) -> RequestError:
    said = f"There is no {what} {name[:99]} here; there is: {', '.join(allowed) or 'none yet'}."
    return RequestError(404, f"Unknown{what.capitalize()}", said)
