"""Filters on stored answers: Personalize's rules, with the facts of the catalogue and the user's events.

An item passes only if the filter surely includes it. The mark of an answer is one of these:

    applied    all items were decided
    strict     items that could not be decided are left out
    exported   the export was made with this filter; items that are known to fail it by now are left out
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from usher.catalogue.entries import Facts
from usher.catalogue.known import BATCH_SIZE
from usher.errors import RequestError
from usher.filters.compiled import Rules, Test, bound, tests
from usher.filters.expressions import EVENT_DATASETS, FilterError, plain
from usher.filters.values import parse_values
from usher.filters.verdicts import Knowledge, Verdict, lets_through
from usher.serving.answers import Listed
from usher.serving.catalogue_check import FAILURES, CatalogueCheck
from usher.serving.requests import ReadRequest

Mark = Literal["applied", "strict", "exported"]
Met = Callable[[str, str, str], Mapping[str, Collection[str]] | None]
"""The items or actions of a user's events in the table, by event type in lower case; None: they are too many to be read
now. The last argument is the kind of events.
"""

IDS = ("ITEMID", "ACTIONID")
"""Fields that need no catalogue."""


@dataclass(frozen=True, slots=True)
class StoredFilters:
    """Applies filters to stored answers. Its methods raise botocore's errors and UnansweredError."""

    catalogue: CatalogueCheck
    met: Met

    def passing(
        self, request: ReadRequest, items: Sequence[Listed], limit: int, made_with: str = ""
    ) -> tuple[list[Listed], Mark]:
        """The first items that pass a request's filter, at most `limit`.

        `made_with`: the ARN of the stored answer's own filter. Raises RequestError for values that the filter can't
        take.
        """
        if request.rules is None:
            return [], "strict"
        rules, known = self._rules(request), self._knowledge(request)
        takes_values = any("placeholder" in test for test in tests(request.rules))
        is_own = made_with == request.members["filterArn"] and not takes_values
        passing, are_judged = list[Listed](), True
        for start, end in pairwise([0, *range(limit, len(items), BATCH_SIZE), len(items)]):
            part = items[start:end]
            self._learn(request, known, [_id(item) for item in part])
            for item in part:
                verdict = _judged(rules, _id(item), known)
                are_judged = are_judged and verdict is not None
                if verdict or (verdict is None and is_own):
                    passing.append(item)
                if len(passing) == limit:
                    return passing, _mark(are_judged, is_own)
        return passing, _mark(are_judged, is_own)

    def why_none(self, request: ReadRequest) -> str:
        """The reason why no stored answer passes a request's filter, for its caller; empty without a filter."""
        if not request.is_filtered:
            return ""
        if request.rules is None:
            return "Stored answers can't apply the filter before the group's next run."
        try:
            known = self._knowledge(request)
        except FAILURES:
            return "Stored answers can't apply the filter while the table does not answer."
        if unknown := list(dict.fromkeys(_unknown(request.rules, known))):
            return f"Stored answers can't apply the filter without knowing {', '.join(unknown)}."
        return "No item of the stored answers passes the filter."

    def unknown_fields(self, group: str, rules: Rules) -> list[str]:
        """The fields of a filter that are unknown for most requests, in the filter's spelling."""
        columns, of_users = _columns(self.catalogue.facts(group))
        anybody = Knowledge(columns, user="u", item="i", met={}, user_columns=of_users, user_values={})
        return list(dict.fromkeys(_unknown(rules, anybody)))

    def _rules(self, request: ReadRequest) -> Rules:
        target = "ACTION" if request.route.name == "actions" else "ITEM"
        try:
            given = {name: parse_values(text) for name, text in request.members.get("filterValues", {}).items()}
            return bound(request.rules or (), target, given)
        except FilterError as error:
            raise _refusal(error) from None

    def _knowledge(self, request: ReadRequest) -> Knowledge:
        """The table's facts about a request, without its candidate items."""
        facts = self.catalogue.facts(request.group)
        user, item = request.members.get("userId", ""), request.members.get("itemId", "")
        columns, of_users = _columns(facts)
        known = Knowledge(columns, user, item, user_columns=of_users)
        named = {test["field"] for test in tests(request.rules or ()) if test["dataset"] == "CURRENTUSER"}
        if known.user and named & of_users.keys():
            known.user_values = self.catalogue.known.values_of_user(request.group, known.user)
        if known.user and any(test["dataset"] in EVENT_DATASETS for test in tests(request.rules or ())):
            kind = "action-interactions" if request.route.name == "actions" else "events"
            known.met = self.met(request.group, known.user, kind)
            is_in_files = self.catalogue.known.values_of_user(request.group, known.user) is not None
            known.is_history_whole = facts["users"] and not is_in_files
        return known

    def _learn(self, request: ReadRequest, known: Knowledge, ids: Sequence[str]) -> None:
        """Read the catalogue's facts about some items, and about the request's item, if the filter needs them."""
        if any(_fields(test) & known.columns.keys() for test in tests(request.rules or ())):
            found = self.catalogue.known.items(request.group, [*ids, *([known.item] if known.item else [])])
            known.records |= {id_: item.values for id_, item in found.items()}


def _judged(rules: Rules, candidate: str, known: Knowledge) -> Verdict:
    try:
        return lets_through(rules, candidate, known)
    except FilterError as error:
        raise _refusal(error) from None


def _refusal(error: FilterError) -> RequestError:
    """A filter's error in Personalize's form: the caller's values can't be used."""
    return RequestError(400, "InvalidInput", f"The filter can't be applied: {error}. {error.remedy}")


def _unknown(rules: Rules, known: Knowledge) -> Iterator[str]:
    """The unknown fields, in the filter's spelling."""
    for test in tests(rules):
        if test["dataset"] in EVENT_DATASETS:
            decided = known.is_history_whole or test.get("notInFiles", False)
            is_known = not known.user or (known.met is not None and decided)
        elif test["dataset"] == "CURRENTUSER":
            in_catalogue = test["field"] in known.user_columns and known.user_values is not None
            is_known = test["field"] == "USERID" or not known.user or in_catalogue
        else:
            columns = {*known.columns} if test["dataset"] == "ITEMS" else set()
            is_known = _fields(test) <= {*columns, *IDS} and ("current" not in test or bool(known.item))
        if not is_known:
            yield test["name"]


def _columns(facts: Facts) -> tuple[dict[str, str], dict[str, str]]:
    """The catalogue's columns of items, and those of users, by their plain names."""
    items, users = facts["columns"] if facts["items"] else (), facts["userColumns"] if facts["users"] else ()
    return {plain(name): name for name in items}, {plain(name): name for name in users}


def _fields(test: Test) -> set[str]:
    """The fields of a comparison, by their plain names."""
    return {test["field"], test.get("current", test["field"])}


def _mark(are_judged: bool, is_own: bool) -> Mark:
    return "applied" if are_judged else "exported" if is_own else "strict"


def _id(item: Listed) -> str:
    return item.get("itemId") or item["actionId"]
