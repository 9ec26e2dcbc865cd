"""The routes of the HTTP API. Which recipes answer a route stands in usher.recipes. Pure."""

from dataclasses import dataclass

from usher.limits import DEFAULT_ACTIONS, DEFAULT_RESULTS, MAX_ACTIONS, MAX_RESULTS
from usher.recipes import recipe_of
from usher.serving.serving_map import ServedRecommender, ServedSolution


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the API."""

    name: str
    method: str
    paths: tuple[str, ...]
    """The same request in several forms: an ID stands in the path or in the query."""
    subject: str = ""
    """The required option that it is about: `userId`, `itemId` or none."""
    options: tuple[str, ...] = ()
    """What a request may say besides: in the query, or for POST in the body."""
    required: tuple[str, ...] = ()
    """The options that it must have."""
    operation: str = ""
    """The call of Personalize that answers it."""
    list_name: str = "itemList"
    """The list in that call's answer, and in ours."""
    max_results: int = MAX_RESULTS
    default_results: int = DEFAULT_RESULTS

    @property
    def keys(self) -> list[str]:
        """As API Gateway and template.yaml name them: `GET /{group}/recommendations/{userId}`."""
        return [f"{self.method} {path}" for path in self.paths]

    def is_answered_by(self, entry: ServedSolution | ServedRecommender) -> bool:
        """Whether the recipe of an entry of the serving map can answer it."""
        return self.name in recipe_of(entry.get("recipe", ""), entry["type"]).routes


def _paths(name: str, subject: str) -> tuple[str, ...]:
    """The paths of a route whose subject stands in the path or in the query."""
    return f"/{{group}}/{name}/{{{subject}}}", f"/{{group}}/{name}"


FILTERED = ("solution", "filter", "filterValues")
PAGED = ("numResults", "next")
LISTED = (*FILTERED, "context", "promotions", "metadataColumns", "details", *PAGED)
ROUTES = {
    route.name: route
    for route in (
        Route(
            "recommendations", "GET", _paths("recommendations", "userId"), "userId", LISTED,
            operation="get_recommendations",
        ),
        Route(
            "similar-items", "GET", _paths("similar-items", "itemId"), "itemId", (*LISTED, "userId"),
            operation="get_recommendations",
        ),
        Route("popular", "GET", ("/{group}/popular",), "", (*LISTED, "userId"), operation="get_recommendations"),
        Route("trending", "GET", ("/{group}/trending",), "", (*LISTED, "userId"), operation="get_recommendations"),
        Route(
            "actions", "GET", _paths("actions", "userId"), "userId", (*FILTERED, *PAGED),
            operation="get_action_recommendations", list_name="actionList",
            max_results=MAX_ACTIONS, default_results=DEFAULT_ACTIONS,
        ),
        Route(
            "rankings", "POST", ("/{group}/rankings",), "userId",
            (*FILTERED, "context", "metadataColumns", "details", "items"), ("items",),
            operation="get_personalized_ranking", list_name="personalizedRanking",
        ),
        Route(
            "many-users", "POST", ("/{group}/recommendations",), "",
            (*FILTERED, "context", "promotions", "metadataColumns", "details", "numResults", "userIds"), ("userIds",),
            operation="get_recommendations", list_name="users",
        ),
    )
}  # fmt: skip
"""By name."""
EVENT_ROUTES = {
    route.name: route
    for route in (
        Route("events", "POST", ("/{group}/events",), "", ("userId", "sessionId", "events"), operation="put_events"),
        Route(
            "action-interactions", "POST", ("/{group}/action-interactions",), "",
            ("userId", "sessionId", "actionInteractions"), operation="put_action_interactions",
        ),
        Route(
            "user-events", "GET", ("/{group}/users/{userId}/events", "/{group}/users/events"), "userId",
            ("numResults", "next"), list_name="events",
        ),
    )
}  # fmt: skip
"""Those of events, by name: no recipe answers them."""
PUT_ROUTES = {
    name: Route(name, "PUT", (f"/{{group}}/{name}",), "", (name,), operation=f"put_{name}")
    for name in ("items", "users", "actions")
}
"""Those that change records, by name."""
ROUTES_BY_KEY = {
    key: route for routes in (ROUTES, EVENT_ROUTES, PUT_ROUTES) for route in routes.values() for key in route.keys
}
