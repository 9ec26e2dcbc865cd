"""Requests of the HTTP API: routes, their options, and the calls of Personalize that answer them. Pure."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from usher.errors import RequestError
from usher.filter_values import as_filter_value
from usher.formats.strict_json import parse_strict
from usher.limits import DEFAULT_RESULTS, MAX_ID_LENGTH, MAX_RESULTS
from usher.recipes import types_on
from usher.serving.serving_map import ServedRecommender, ServedSolution, ServingMap

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
MAX_VALUE_LENGTH = 1000
"""Characters of a filter's or a context's value: GetRecommendations."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the API that a solution or a recommender answers."""

    types: frozenset[str]
    """The types of the recipes that can answer it."""
    options: tuple[str, ...]


OPTIONS = ("solution", "filter", "filterValues", "context")
ROUTES = {
    "recommendations": Route(types_on("recommendations"), (*OPTIONS, "numResults")),
    "similar-items": Route(types_on("similar-items"), (*OPTIONS, "numResults", "userId")),
    "rankings": Route(types_on("rankings"), (*OPTIONS, "userId", "items")),
}


def call_members(content: ServingMap, route: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The solution or recommender that answers a request, and the members of the call of Personalize.

    `content`: the group's map; `options`: as texts of a query string, or as JSON values of a body. Raises RequestError
    (400 or 404), which says what is wrong with an option and what is allowed.
    """
    allowed = ROUTES[route].options
    for name in options:
        if name not in allowed:
            raise RequestError(400, "UnknownOption", f"{name} is unknown here; allowed: {', '.join(allowed)}.")
    served: dict[str, ServedSolution | ServedRecommender] = {**content["solutions"], **content.get("recommenders", {})}
    able = {name: one for name, one in served.items() if one["type"] in ROUTES[route].types}
    live = {name: _target(one) for name, one in able.items() if _target(one)}
    name = str(options.get("solution") or next(iter(live), ""))
    if name not in live:
        raise _not_live(name, able, live)
    members: dict[str, Any] = live[name]
    for option, read in READERS.items():
        if options.get(option) is not None:
            members |= read(options[option], content)
    if "filterValues" in members and "filterArn" not in members:
        raise RequestError(400, "BadFilterValues", "filterValues need a filter.")
    return able[name].get("answeredBy") or name, members


def _target(served: ServedSolution | ServedRecommender) -> dict[str, str]:
    """The member of a call that names what serves; empty if only exports do."""
    arns = {member: served.get(member) for member in ("recommenderArn", "campaignArn")}
    return {member: str(arn) for member, arn in arns.items() if arn}


def exports_for(content: ServingMap, route: str, options: Mapping[str, Any]) -> tuple[list[str], int]:
    """The solutions whose exports in the table can answer a request, in order, and the number of results.

    An export can be cut to this number, but neither filtered nor seen in a context.
    """
    if options.keys() - {"solution", "numResults"}:
        return [], 0
    able = [
        name
        for name, solution in content["solutions"].items()
        if solution["type"] in ROUTES[route].types and content.get("exports", {}).get(name, {}).get("table")
    ]
    results = _num_results(options.get("numResults") or DEFAULT_RESULTS, content)["numResults"]
    return [name for name in able if options.get("solution") in {None, name}], results


def checked_id(value: object, name: str) -> str:
    """An ID of a user, an item or a session as text. Raises RequestError for any other value."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ID_LENGTH:
        raise RequestError(400, "BadId", f"{name} must be a text of 1 to {MAX_ID_LENGTH} characters.")
    if UNPRINTABLE.search(value):
        raise RequestError(400, "BadId", f"{name} must not have control characters or unpaired surrogates.")
    return value


def checked_ids(value: object, name: str) -> list[str]:
    """A list of IDs. Raises RequestError for any other value."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_RESULTS:
        raise RequestError(400, "BadList", f"{name} must be a list of 1 to {MAX_RESULTS} IDs.")
    return [checked_id(part, name) for part in value]


def _num_results(value: object, _: ServingMap) -> dict[str, Any]:
    text = str(value)
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= MAX_RESULTS:
        message = f"numResults must be a number from 1 to {MAX_RESULTS}, not {text[:99]}."
        raise RequestError(400, "BadNumResults", message)
    return {"numResults": int(text)}


def _filter(value: object, content: ServingMap) -> dict[str, Any]:
    name = str(value)
    if name not in content["filters"]:
        raise _unknown("filter", name, content["filters"])
    return {"filterArn": content["filters"][name]}


@dataclass(frozen=True, slots=True)
class NamedValues:
    """An option that is an object of names and values, with the limits of Personalize's API."""

    option: str
    max_count: int
    max_name_length: int
    takes_lists: bool
    as_text: Callable[[Any], str]

    def read(self, value: object, _: ServingMap) -> dict[str, Any]:
        """The member of the call. `value`: an object, or an object as JSON text."""
        expected = f'{self.option} must be JSON such as {{"NAME": "value"}}'
        try:
            content = parse_strict(value) if isinstance(value, str) else value
        except ValueError as error:
            raise self._error(f"{expected}: {error}") from None
        if not isinstance(content, dict):
            raise self._error(expected)
        if len(content) > self.max_count:
            raise self._error(f"{self.option} has {len(content)} names; {self.max_count} are allowed")
        return {self.option: {self._name(name): self._value(name, part) for name, part in content.items()}}

    def _name(self, name: str) -> str:
        if len(name) > self.max_name_length or not re.fullmatch("[A-Za-z0-9_]+", name):
            allowed = f"1 to {self.max_name_length} letters, digits and underscores"
            raise self._error(f"{self.option} has the name {name[:99]}; a name has {allowed}")
        return name

    def _value(self, name: str, value: Any) -> str:
        parts = value if isinstance(value, list) and self.takes_lists else [value]
        if not parts or not all(isinstance(part, str | int | float) and not isinstance(part, bool) for part in parts):
            lists = ", or a list of these" * self.takes_lists
            raise self._error(f"{self.option}: {name} must be a text or a number{lists}")
        text = self.as_text(value)
        if len(text) > MAX_VALUE_LENGTH:
            raise self._error(f"{self.option}: {name} must have at most {MAX_VALUE_LENGTH} characters, not {len(text)}")
        return text

    def _error(self, message: str) -> RequestError:
        return RequestError(400, f"Bad{self.option[0].upper()}{self.option[1:]}", f"{message}.")


READERS: dict[str, Callable[[Any, ServingMap], dict[str, Any]]] = {
    "numResults": _num_results,
    "filter": _filter,
    "filterValues": NamedValues("filterValues", 25, 50, takes_lists=True, as_text=as_filter_value).read,
    "context": NamedValues("context", 150, 150, takes_lists=False, as_text=str).read,
    "userId": lambda value, _: {"userId": checked_id(value, "userId")},
    "items": lambda value, _: {"inputList": checked_ids(value, "items")},
}
"""By option, the function that makes members of the call from its value."""


def _not_live(name: str, able: Collection[str], live: Collection[str]) -> RequestError:
    """The reason why no campaign answers: the solution does not exist, or has no campaign (`campaign: false`)."""
    idle = [solution for solution in able if solution not in live and name in {"", solution}]
    if not idle:
        return _unknown("solution", name, live)
    message = f"{', '.join(idle)} has no campaign, and exports apply neither filters nor contexts."
    return RequestError(404, "NoCampaign", message)


def _unknown(kind: str, name: str, allowed: Collection[str]) -> RequestError:
    fault = f"There is no {kind} {name[:99]}" if name else f"No {kind} answers this"
    message = f"{fault}; available: {', '.join(allowed) or 'none yet'}."
    return RequestError(404, f"Unknown{kind.capitalize()}", message)
