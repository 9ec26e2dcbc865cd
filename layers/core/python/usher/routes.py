"""The routes of the HTTP API. usher.recipes names the recipes that answer each. Light and pure.

The functions' routes, the callers' rights, the OpenAPI document and the table in docs/api.md are derived from this
table; a route without a row is refused. template.yaml repeats the routes, each with its function.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from usher.limits import DEFAULT_ACTIONS, DEFAULT_RESULTS, MAX_ACTIONS, MAX_RESULTS
from usher.recipes import recipe_of


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the API."""

    name: str
    method: str
    paths: tuple[str, ...]
    """The same request in several forms: the ID is in the path or in the query."""
    summary: str
    """A short description."""
    subject: str = ""
    """The required option that says whom or what the answer is about: `userId` or `itemId`; empty if there is none."""
    options: tuple[str, ...] = ()
    """Further options: in the query, or for POST and PUT in the body."""
    required: tuple[str, ...] = ()
    """The required options."""
    operation: str = ""
    """The call of Personalize that answers it."""
    list_name: str = "itemList"
    """The name of the list in that call's answer, and in ours."""
    max_results: int = MAX_RESULTS
    default_results: int = DEFAULT_RESULTS
    needs_scope: bool = False
    """Whether a user's own token is not enough, as the request changes other users' answers."""
    is_of_caller: bool = False
    """Whether a request that names no user is about the user of the token."""
    is_for_all: bool = False
    """Whether the answer is the same for all users, unless the query names one."""

    @property
    def keys(self) -> list[str]:
        """The routes in API Gateway's form, as in template.yaml: `GET /{group}/recommendations/{userId}`."""
        return [f"{self.method} {path}" for path in self.paths]

    def is_answered_by(self, entry: Mapping[str, Any]) -> bool:
        """Whether the recipe of an entry of the serving map, a solution or a recommender, can answer it."""
        return self.name in recipe_of(entry.get("recipe", ""), entry["type"]).routes


def short_name(route_key: str) -> str:
    """A route's key without group and IDs: `GET /{group}/users/{userId}/events` is `GET users/events`."""
    method, _, path = route_key.partition(" ")
    return f"{method} {'/'.join(part for part in path.split('/') if part and not part.startswith('{'))}"


def _paths(name: str, subject: str) -> tuple[str, ...]:
    """The paths of a route whose subject is in the path or in the query."""
    return f"/{{group}}/{name}/{{{subject}}}", f"/{{group}}/{name}"


FILTERED = ("solution", "filter", "filterValues")
PAGED = ("numResults", "next")
LISTED = (*FILTERED, "context", "promotions", "metadataColumns", "details", *PAGED)
ROUTES = {
    route.name: route
    for route in (
        Route(
            "recommendations", "GET", _paths("recommendations", "userId"), "Recommend items to a user",
            "userId", LISTED, operation="get_recommendations",
        ),
        Route(
            "many-users", "POST", ("/{group}/recommendations",), "Recommend items to each of many users",
            "", (*FILTERED, "context", "promotions", "metadataColumns", "details", "numResults", "userIds"),
            ("userIds",), operation="get_recommendations", list_name="users",
        ),
        Route(
            "similar-items", "GET", _paths("similar-items", "itemId"), "List items similar to an item",
            "itemId", (*LISTED, "userId"), operation="get_recommendations", is_for_all=True,
        ),
        Route(
            "popular", "GET", ("/{group}/popular",), "List popular items",
            "", (*LISTED, "userId"), operation="get_recommendations", is_for_all=True,
        ),
        Route(
            "trending", "GET", ("/{group}/trending",), "List trending items",
            "", (*LISTED, "userId"), operation="get_recommendations", is_for_all=True,
        ),
        Route(
            "rankings", "POST", ("/{group}/rankings",), "Rank items for a user",
            "userId", (*FILTERED, "context", "metadataColumns", "details", "items"), ("items",),
            operation="get_personalized_ranking", list_name="personalizedRanking", is_of_caller=True,
        ),
        Route(
            "actions", "GET", _paths("actions", "userId"), "Recommend actions to a user",
            "userId", (*FILTERED, *PAGED), operation="get_action_recommendations", list_name="actionList",
            max_results=MAX_ACTIONS, default_results=DEFAULT_ACTIONS,
        ),
        Route(
            "events", "POST", ("/{group}/events",), "Accept events of a user",
            "", ("userId", "sessionId", "events"), operation="put_events", is_of_caller=True,
        ),
        Route(
            "action-interactions", "POST", ("/{group}/action-interactions",), "Accept action interactions of a user",
            "", ("userId", "sessionId", "actionInteractions"), operation="put_action_interactions", is_of_caller=True,
        ),
        Route(
            "user-events", "GET", ("/{group}/users/{userId}/events", "/{group}/users/events"),
            "List a user's events, and whether they count",
            "userId", PAGED, list_name="events",
        ),
        Route("put-users", "PUT", ("/{group}/users",), "Put users", "", ("users",), operation="put_users"),
        Route(
            "put-items", "PUT", ("/{group}/items",), "Put items", "", ("items",), operation="put_items",
            needs_scope=True,
        ),
        Route(
            "put-actions", "PUT", ("/{group}/actions",), "Put actions", "", ("actions",), operation="put_actions",
            needs_scope=True,
        ),
        Route(
            "group-health", "GET", ("/{group}/health",),
            "Report the health of a group's solutions",
        ),
        Route("health", "GET", ("/health",), "Report the health of all groups together"),
        Route("docs", "GET", ("/docs",), "Show the OpenAPI document as a page", is_for_all=True),
        Route("openapi", "GET", ("/openapi.json",), "Return the OpenAPI document", is_for_all=True),
    )
}  # fmt: skip
"""The routes by name."""
ROUTES_BY_KEY = {key: route for route in ROUTES.values() for key in route.keys}
SHORT_NAMES = tuple(dict.fromkeys(map(short_name, ROUTES_BY_KEY)))
"""The short names of the routes, for API keys, such as `GET recommendations`."""
