"""Requests of the HTTP API: their options, and the calls of Personalize that answer them. Pure."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from usher.errors import RequestError
from usher.filter_values import as_filter_value
from usher.formats.strict_json import parse_strict
from usher.limits import DEFAULT_RESULTS, MAX_ID_LENGTH, MAX_RESULTS
from usher.serving.routes import Route
from usher.serving.serving_map import ServedRecommender, ServedSolution, ServingMap

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
MAX_VALUE_LENGTH = 1000
"""Characters of a filter's or a context's value: GetRecommendations."""
BEYOND_STORED = {"context", "userId"}
"""Options that change a list of Personalize, but not who or what it is about."""
Entry = ServedSolution | ServedRecommender


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A read, checked, and what may answer it by the group's serving map."""

    group: str
    route: Route
    subject: str
    """The ID that it is about; empty if the route has no subject."""
    options: Mapping[str, Any]
    """As they were given, without the subject."""
    members: Mapping[str, Any]
    """Of the call of Personalize, but for what serves."""
    solution: str = ""
    """The name that answers by a call; empty if no campaign or recommender does."""
    served_by: Mapping[str, str] = field(default_factory=dict)
    """The member of the call that names the campaign or recommender."""
    version: str = ""
    """The solution version that answers; empty for a recommender."""
    refusal: RequestError | None = None
    """Why no call can answer it; a stored answer still may."""
    exports: Sequence[str] = ()
    """The solutions whose exports in the table can answer it, in order."""

    @property
    def call(self) -> dict[str, Any]:
        """All members of the call of Personalize."""
        return {**self.served_by, **self.members}

    @property
    def is_filtered(self) -> bool:
        """Whether only what is filtered may answer it."""
        return "filterArn" in self.members

    @property
    def beyond_stored(self) -> list[str]:
        """The options given that change a list of Personalize, and not a stored one."""
        return sorted(self.options.keys() & BEYOND_STORED)

    @property
    def takes_popular(self) -> bool:
        """Whether the popular list answers it where no campaign is meant to."""
        return bool(self.exports) or self.route.name == "popular"

    @property
    def refusal_of_all(self) -> RequestError:
        """Why nothing can answer it, where no campaign can."""
        if self.exports and not self.is_filtered and not self.beyond_stored:
            return RequestError(404, "NotFound", "No campaign answers this request, and no export has an answer.")
        return self.refusal or RequestError(404, "NotFound", "Nothing answers this request.")

    @property
    def results(self) -> int:
        """The length of the list that is asked for."""
        return int(self.members.get("numResults", DEFAULT_RESULTS))


def read_request(group: str, content: ServingMap, route: Route, options: Mapping[str, Any]) -> ReadRequest:
    """Check a read. Raises RequestError (400 or 404), which says what is wrong with an option and what is allowed.

    `content`: the group's map; `options`: as texts of a path and a query, or as JSON values of a body.
    """
    allowed = (*([route.subject] if route.subject else []), *route.options)
    for name in options:
        if name not in allowed:
            raise RequestError(400, "UnknownOption", f"{name[:99]} is unknown here; allowed: {', '.join(allowed)}.")
    required = [name for name in (route.subject, *route.required) if name]
    if route.method == "POST" and any(options.get(name) is None for name in required):
        raise RequestError(400, "BadBody", f"The body must have {' and '.join(required)}.")
    subject = checked_id(options.get(route.subject), route.subject) if route.subject else ""
    members: dict[str, Any] = {route.subject: subject} if subject else {}
    given = {name: value for name, value in options.items() if value is not None and name != route.subject}
    for option, read in READERS.items():
        if option in given:
            members |= read(given[option], content)
    if "filterValues" in members and "filterArn" not in members:
        raise RequestError(400, "BadFilterValues", "filterValues need a filter.")
    asked = ReadRequest(group, route, subject, given, members, exports=exports_for(content, route, given))
    served: dict[str, Entry] = {**content["solutions"], **content.get("recommenders", {})}
    able = {name: one for name, one in served.items() if route.is_answered_by(one)}
    live = {name: one for name, one in able.items() if _target(one) and route.is_answered_by(_answering(one, served))}
    name = str(given.get("solution") or next(iter(live), ""))
    if name not in live:
        refusal = _not_live(name, able, live)
        if refusal.code != "NoCampaign" and given.get("solution"):
            raise refusal
        return replace(asked, refusal=refusal)
    version = str(_answering(live[name], served).get("solutionVersionArn", "")).rpartition("/")[2]
    return replace(asked, solution=live[name].get("answeredBy") or name, served_by=_target(live[name]), version=version)


def _answering(entry: Entry, served: Mapping[str, Entry]) -> Entry:
    """The entry of what answers for an entry."""
    return served.get(entry.get("answeredBy", ""), entry)


def _target(served: Entry) -> dict[str, str]:
    """The member of a call that names what serves; empty if only exports do."""
    arns = {member: served.get(member) for member in ("recommenderArn", "campaignArn")}
    return {member: str(arn) for member, arn in arns.items() if arn}


def exports_for(content: ServingMap, route: Route, options: Mapping[str, Any]) -> list[str]:
    """The solutions whose exports in the table are about a request, in order."""
    able = [
        name
        for name, solution in content["solutions"].items()
        if route.is_answered_by(solution) and content.get("exports", {}).get(name, {}).get("table")
    ]
    return [name for name in able if options.get("solution") in {None, name}]


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
