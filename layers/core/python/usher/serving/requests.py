"""Requests of the HTTP API: their options, and the calls of Personalize that answer them. Pure."""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from usher.errors import RequestError
from usher.filter_values import as_filter_value
from usher.filters.compiled import Rules
from usher.formats.strict_json import parse_strict
from usher.limits import MAX_ID_LENGTH, MAX_RESULTS, MAX_WITH_METADATA
from usher.routes import Route
from usher.serving.serving_map import ServedRecommender, ServedSolution, ServingMap

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
MAX_COLUMNS = 10
"""The most metadataColumns: GetRecommendations."""
MAX_VALUE_LENGTH = 1000
"""The most characters of a filter's or a context's value: GetRecommendations."""
BEYOND_STORED = {"context", "metadataColumns", "promotions", "userId"}
"""Options that change a list of Personalize, but not its subject."""
Entry = ServedSolution | ServedRecommender


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A checked read, and the sources that may answer it by the group's serving map."""

    group: str
    route: Route
    subject: str
    """The ID of its subject; empty if the route has none."""
    options: Mapping[str, Any]
    """The given options."""
    members: Mapping[str, Any]
    """The members of Personalize's call, without the campaign or recommender."""
    solution: str = ""
    """The name that answers by a call; empty if no campaign or recommender does."""
    served_by: Mapping[str, str] = field(default_factory=dict)
    """The member of the call that names the campaign or recommender."""
    version: str = ""
    """The solution version that answers; empty for a recommender."""
    refusal: RequestError | None = None
    """The reason why no call can answer it; a stored answer still may."""
    exports: Sequence[str] = ()
    """The solutions whose exports in the table can answer it, in order."""
    idle: Sequence[str] = ()
    """The solutions that could answer it if their campaigns had not been removed as idle."""
    automatic: Mapping[str, str] = field(default_factory=dict)
    """The automatically supplied context. The request's own context takes precedence."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The headers that context was taken from."""
    rules: Rules | None = None
    """Its filter, compiled. None: it has no filter, or the map of a former release does not have it."""

    @property
    def call(self) -> dict[str, Any]:
        """All members of the call of Personalize."""
        context = {**self.automatic, **self.members.get("context", {})}
        return {**self.served_by, **self.members, **({"context": context} if context else {})}

    def resized(self, results: int) -> Self:
        """The same request for a list of another length."""
        if results == self.results:
            return self
        return replace(self, members={**self.members, "numResults": results})

    @property
    def is_filtered(self) -> bool:
        """Whether its answer must be filtered."""
        return "filterArn" in self.members

    @property
    def beyond_stored(self) -> list[str]:
        """The given options that change a list of Personalize, and not a stored one. A filter may need the user."""
        stored = {self.route.subject, "userId"} if self.is_filtered else {self.route.subject}
        return sorted(self.options.keys() & BEYOND_STORED - stored)

    @property
    def takes_popular(self) -> bool:
        """Whether the popular list answers it if no campaign is desired for its route."""
        return bool(self.exports) or self.route.name == "popular"

    def refused(self, why_filtered: str) -> RequestError:
        """The refusal if neither a call nor a stored answer exists. `why_filtered`: the reason why no stored answer
        passes its filter.
        """
        if self.exports and not self.is_filtered and not self.beyond_stored:
            return RequestError(404, "NotFound", "No campaign answers this request, and no export has an answer.")
        refusal = self.refusal or RequestError(404, "NotFound", "Nothing answers this request.")
        more = f"Stored answers can't take {', '.join(self.beyond_stored)}." if self.beyond_stored else why_filtered
        return RequestError(refusal.status, refusal.code, f"{refusal} {more}".rstrip())

    @property
    def results(self) -> int:
        """The requested length of the list."""
        items = self.members.get("inputList")
        return len(items) if items else int(self.members.get("numResults", self.route.default_results))

    @property
    def max_results(self) -> int:
        """The maximum length of the list."""
        return MAX_WITH_METADATA if "metadataColumns" in self.members else self.route.max_results


def read_request(
    group: str, content: ServingMap, route: Route, options: Mapping[str, Any], automatic: Mapping[str, str] = {}
) -> ReadRequest:
    """Check a read. Raises RequestError (400 or 404), which names the fault of an option and the allowed values.

    `content`: the group's map; `options`: as texts of a path and a query, or as JSON values of a body; `automatic`: the
    context that the request supplies automatically.
    """
    check_names(route, options)
    subject = checked_id(options.get(route.subject), route.subject) if route.subject else ""
    members: dict[str, Any] = {route.subject: subject} if subject else {}
    given = {name: value for name, value in options.items() if value is not None}
    for option, read in READERS.items():
        if option in given and option != route.subject:
            members |= read(given[option], content)
    if "filterValues" in members and "filterArn" not in members:
        raise RequestError(400, "BadFilterValues", "filterValues need a filter.")
    request = ReadRequest(
        group,
        route,
        subject,
        given,
        members,
        exports=exports_for(content, route, given),
        automatic=automatic if "context" in route.options else {},
        rules=content.get("filterRules", {}).get(members.get("filterArn", "")),
    )
    _check_length(request)
    served: dict[str, Entry] = {**content["solutions"], **content.get("recommenders", {})}
    able = {name: one for name, one in served.items() if route.is_answered_by(one)}
    live = {name: one for name, one in able.items() if _target(one) and route.is_answered_by(_answering(one, served))}
    wanted = str(given["solution"]) if "solution" in given else None
    name = next(iter(live), "") if wanted is None else wanted
    if name not in live:
        refusal = _not_live(wanted, able, live)
        if refusal.code != "NoCampaign" and wanted is not None:
            raise refusal
        idle = [one for one, entry in able.items() if entry.get("idle") and wanted in {None, one}]
        return replace(request, refusal=refusal, idle=idle)
    if "metadataColumns" in members and not _answering(live[name], served).get("metadata", True):
        message = f"{name} does not return metadata: in usher.yaml, enable enableMetadataWithRecommendations for it."
        raise RequestError(400, "BadMetadataColumns", message)
    version = str(_answering(live[name], served).get("solutionVersionArn", "")).rpartition("/")[2]
    return replace(
        request, solution=live[name].get("answeredBy") or name, served_by=_target(live[name]), version=version
    )


def check_names(route: Route, options: Collection[str]) -> None:
    """Raise RequestError for an option that a route does not have, or for a body that lacks one."""
    allowed = [name for name in (route.subject, *route.options) if name]
    for name in options:
        if name not in allowed:
            raise RequestError(400, "UnknownOption", f"{name[:99]} is unknown here; allowed: {', '.join(allowed)}.")
    required = [name for name in (route.subject, *route.required) if name]
    if route.method == "POST" and not {*required} <= {*options}:
        raise RequestError(400, "BadBody", f"The body must have {' and '.join(required)}.")


def _check_length(request: ReadRequest) -> None:
    """Raise RequestError for a longer list than Personalize returns."""
    with_metadata = " with metadataColumns" * ("metadataColumns" in request.members)
    for option, length in (
        ("numResults", request.members.get("numResults", 1)),
        ("items", len(request.members.get("inputList", ()))),
    ):
        if length > request.max_results:
            code = "BadNumResults" if option == "numResults" else "BadList"
            message = f"{option}: {request.max_results} are allowed{with_metadata}, not {length}."
            raise RequestError(400, code, message)


def _answering(entry: Entry, served: Mapping[str, Entry]) -> Entry:
    """The entry that answers for an entry."""
    return served.get(entry.get("answeredBy", ""), entry)


def _target(served: Entry) -> dict[str, str]:
    """The member of a call that names the campaign or recommender; empty if only exports answer."""
    arns = {member: served.get(member) for member in ("recommenderArn", "campaignArn")}
    return {member: str(arn) for member, arn in arns.items() if arn}


def exports_for(content: ServingMap, route: Route, options: Mapping[str, Any]) -> list[str]:
    """The solutions whose exports in the table are about a request, in order."""
    able = [
        name
        for name, solution in content["solutions"].items()
        if route.is_answered_by(solution) and content.get("exports", {}).get(name, {}).get("table")
    ]
    return [name for name in able if options.get("solution") in (None, name)]  # a value of any type


def check_list(body: Mapping[str, Any], name: str, others: Collection[str], entry: str, most: int) -> None:
    """Raise RequestError unless a body has a list of objects, and besides it at most `others`.

    `name`: of the list; `entry`: the name of an object in it, for the message.
    """
    expected = f"The body must be {{{', '.join((*others, name))}: [{entry}, ...]}}"
    if unknown := [one for one in body if one != name and one not in others]:
        raise RequestError(400, "BadBody", f"{expected}; it has the unknown member {unknown[0][:99]!r}.")
    listed = body.get(name)
    if not isinstance(listed, list) or not listed:
        raise RequestError(400, "BadBody", f"{expected}, with 1 to {most} {name}.")
    if len(listed) > most:
        raise RequestError(400, "BadList", f"There are {len(listed)} {name}; send at most {most} at a time.")


def checked_id(value: object, name: str) -> str:
    """An ID of a user, an item or a session as text. Raises RequestError for any other value."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ID_LENGTH:
        raise RequestError(400, "BadId", f"{name} must be a text of 1 to {MAX_ID_LENGTH} characters.")
    if UNPRINTABLE.search(value):
        raise RequestError(400, "BadId", f"{name} must not have control characters or unpaired surrogates.")
    return value


def checked_ids(value: object, name: str, most: int = MAX_RESULTS) -> list[str]:
    """A list of IDs. Raises RequestError for any other value."""
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        found = f", not {len(value)}" if isinstance(value, list) else ""
        raise RequestError(400, "BadList", f"{name} must be a list of 1 to {most} IDs{found}.")
    return [checked_id(part, f"ID {number} of {name}") for number, part in enumerate(value, start=1)]


def shown(value: object) -> str:
    """A value of JSON in its sender's form, for a message."""
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))[:99]


def _whole_number(value: object, name: str, most: int, code: str) -> int:
    """A number from 1 on. Raises RequestError."""
    text = str(value)
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= most:
        raise RequestError(400, code, f"{name} must be a number from 1 to {most}, not {shown(value)}.")
    return int(text)


def _num_results(value: object, _: ServingMap) -> dict[str, Any]:
    return {"numResults": _whole_number(value, "numResults", MAX_RESULTS, "BadNumResults")}


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
        content = _json(value, expected, self._code)
        if not isinstance(content, dict):
            raise self._error(expected)
        if len(content) > self.max_count:
            raise self._error(f"{self.option} has {len(content)} names; {self.max_count} are allowed")
        return {self.option: {self._name(name): self._value(name, part) for name, part in content.items()}}

    def _name(self, name: str) -> str:
        if len(name) > self.max_name_length or not re.fullmatch("[A-Za-z0-9_]+", name):
            allowed = f"1 to {self.max_name_length} letters, digits and underscores"
            raise self._error(f"{self.option} has the name {name[:99]!r}; a name has {allowed}")
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
        return RequestError(400, self._code, f"{message}.")

    @property
    def _code(self) -> str:
        return f"Bad{self.option[0].upper()}{self.option[1:]}"


def _promotions(value: object, content: ServingMap) -> dict[str, Any]:
    """`[{filter, percent, filterValues}]`: GetRecommendations takes one promotion."""
    expected = 'promotions must be JSON such as [{"filter": "new", "percent": 20}], with one promotion'
    match _json(value, expected, "BadPromotions"):
        case [{"filter": name, "percent": percent, **rest}] if not rest.keys() - {"filterValues"}:
            promotion = {
                "name": str(name),
                "percentPromotedItems": _whole_number(percent, "percent of a promotion", 100, "BadPromotions"),
                **_filter(name, content),
            }
            values = FILTER_VALUES.read(rest["filterValues"], content) if rest else {}
            return {"promotions": [promotion | values]}
    raise RequestError(400, "BadPromotions", f"{expected}; it has filter, percent and, if need be, filterValues.")


def columns_in(value: object) -> object:
    """Columns as a list: in a query, they are joined by commas, or a list as JSON text. Any other value is
    unchanged.
    """
    if not isinstance(value, str):
        return value
    try:
        return parse_strict(value) if value.startswith("[") else value.split(",")
    except ValueError:
        return value


def _metadata_columns(value: object, _: ServingMap) -> dict[str, Any]:
    names = columns_in(value)
    if not isinstance(names, list) or not 1 <= len(names) <= MAX_COLUMNS or not all(map(_is_column, names)):
        message = f"metadataColumns must name 1 to {MAX_COLUMNS} columns of the items, such as TITLE,GENRES."
        raise RequestError(400, "BadMetadataColumns", message)
    return {"metadataColumns": {"ITEMS": names}}


def _is_column(name: object) -> bool:
    return isinstance(name, str) and bool(re.fullmatch("[A-Za-z0-9_]{1,150}", name))


def _json(value: object, expected: str, code: str) -> Any:
    """The value of an option that is JSON text in a query."""
    try:
        return parse_strict(value) if isinstance(value, str) else value
    except ValueError as error:
        raise RequestError(400, code, f"{expected}: {error}.") from None


FILTER_VALUES = NamedValues("filterValues", 25, 50, takes_lists=True, as_text=as_filter_value)
READERS: dict[str, Callable[[Any, ServingMap], dict[str, Any]]] = {
    "numResults": _num_results,
    "filter": _filter,
    "filterValues": FILTER_VALUES.read,
    "context": NamedValues("context", 150, 150, takes_lists=False, as_text=str).read,
    "promotions": _promotions,
    "metadataColumns": _metadata_columns,
    "userId": lambda value, _: {"userId": checked_id(value, "userId")},
    "items": lambda value, _: {"inputList": checked_ids(value, "items")},
}
"""The function that makes members of the call from an option's value, by option."""


def _not_live(name: str | None, able: Collection[str], live: Collection[str]) -> RequestError:
    """The reason why no campaign answers: the solution does not exist, or has no campaign (`campaign: false`)."""
    idle = [solution for solution in able if solution not in live and name in {None, solution}]
    if not idle:
        return _unknown("solution", name, live)
    return RequestError(404, "NoCampaign", f"There is no campaign of {', '.join(idle)}.")


def _unknown(kind: str, name: str | None, allowed: Collection[str]) -> RequestError:
    fault = f"No {kind} answers this" if name is None else f"There is no {kind} {name[:99] or 'without a name'}"
    message = f"{fault}; available: {', '.join(allowed) or 'none yet'}."
    return RequestError(404, f"Unknown{kind.capitalize()}", message)
