"""The lists of a group's solutions for a user. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from usher.routes import ROUTES
from usher.serving.serving_map import ServingMap

from usher_cli.ui import api_requests
from usher_cli.ui.api_requests import ApiRequest

RESULTS = 20
"""The length of each list."""


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list that is to be requested."""

    solution: str
    about: str
    """A short description of the list."""
    request: ApiRequest


def answering(serving: ServingMap, *routes: str) -> list[str]:
    """The solutions and recommenders that can answer one of these routes, in the order of the config."""
    entries = {**serving.get("solutions", {}), **serving.get("recommenders", {})}
    return [name for name, entry in entries.items() if any(ROUTES[one].is_answered_by(entry) for one in routes)]


def lists_for(
    serving: ServingMap, group: str, user: str, newest: str, most_met: Sequence[str], **options: str
) -> list[ListRequest]:
    """A list of every solution for a user.

    `newest`: the user's last item, to which similar ones are requested; empty: none. `most_met`: items to rank.
    `options`: filter and filterValues.
    """
    results, found = str(RESULTS), list[ListRequest]()
    entries = {**serving.get("solutions", {}), **serving.get("recommenders", {})}
    for name in entries:
        chosen = {"solution": name, **options}
        if name in answering(serving, "recommendations"):
            request = api_requests.recommendations(group, user, numResults=results, **chosen)
            found.append(ListRequest(name, "recommends", request))
        elif name in answering(serving, "similar-items") and newest:
            request = api_requests.similar_items(group, newest, numResults=results, **chosen)
            found.append(ListRequest(name, "similar to the last item", request))
        elif name in answering(serving, "rankings") and most_met:
            request = api_requests.rankings(group, user, list(most_met[:RESULTS]), **chosen)
            found.append(ListRequest(name, "ranks the items with most users", request))
        elif name in answering(serving, "actions"):
            request = api_requests.actions(group, user, numResults="10", **chosen)
            found.append(ListRequest(name, "actions", request))
    return found


def ids_of(answer: dict[str, object]) -> list[str]:
    """The IDs of an answer, in its order."""
    return [str(entry.get("itemId", entry.get("actionId"))) for entry in entries_of(answer)]


def entries_of(answer: dict[str, object]) -> list[dict[str, object]]:
    """The places of an answer's list, whatever its name in the route."""
    for route in ROUTES.values():
        found = answer.get(route.list_name)
        if isinstance(found, list):
            return found
    return []
