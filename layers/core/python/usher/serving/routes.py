"""The routes of the HTTP API. Which recipes answer a route stands in usher.recipes. Pure."""

from dataclasses import dataclass

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

    @property
    def keys(self) -> list[str]:
        """As API Gateway and template.yaml name them: `GET /{group}/recommendations/{userId}`."""
        return [f"{self.method} {path}" for path in self.paths]

    def is_answered_by(self, entry: ServedSolution | ServedRecommender) -> bool:
        """Whether the recipe of an entry of the serving map can answer it."""
        return self.name in recipe_of(entry.get("recipe", ""), entry["type"]).routes


def _about(name: str, method: str, subject: str = "", *options: str, operation: str, list_name: str) -> Route:
    """A route whose subject stands in the path or in the query."""
    path = f"/{{group}}/{name}"
    paths = (f"{path}/{{{subject}}}", path) if subject else (path,)
    return Route(name, method, paths, subject, options, (), operation, list_name)


FILTERED = ("solution", "filter", "filterValues")
LISTED = (*FILTERED, "context", "numResults", "details")
GET, ITEMS = "get_recommendations", "itemList"
ROUTES = {
    route.name: route
    for route in (
        _about("recommendations", "GET", "userId", *LISTED, operation=GET, list_name=ITEMS),
        _about("similar-items", "GET", "itemId", *LISTED, "userId", operation=GET, list_name=ITEMS),
        _about("popular", "GET", "", *LISTED, "userId", operation=GET, list_name=ITEMS),
        _about("trending", "GET", "", *LISTED, "userId", operation=GET, list_name=ITEMS),
        _about(
            "actions", "GET", "userId", *FILTERED, "numResults",
            operation="get_action_recommendations", list_name="actionList",
        ),
        Route(
            "rankings", "POST", ("/{group}/rankings",), "userId",
            (*FILTERED, "context", "items", "details"), ("items",), "get_personalized_ranking", "personalizedRanking",
        ),
    )
}  # fmt: skip
"""By name."""
PUT_ROUTES = {
    name: Route(name, "PUT", (f"/{{group}}/{name}",), "", (name,), operation=f"put_{name}")
    for name in ("items", "users", "actions")
}
"""Those that change records, by name: no recipe answers them."""
ROUTES_BY_KEY = {key: route for route in (*ROUTES.values(), *PUT_ROUTES.values()) for key in route.keys}
