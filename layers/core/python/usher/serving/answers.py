"""The answer to a read, on its way from a source to the caller: one document for all routes."""

from typing import Any, Literal, TypedDict

Source = Literal["campaign", "recommender", "export", "popular"]
"""The source of an answer: Personalize, the newest export for its subject, or the group's popular list."""


class Listed(TypedDict, total=False):
    """A place in a list, in the form of GetRecommendations, GetPersonalizedRanking or GetActionRecommendations."""

    itemId: str
    actionId: str
    """The ID of an action, which has no itemId."""
    score: float
    promotionName: str
    """The promotion that has put the item there."""
    reason: list[str]
    metadata: dict[str, Any]
    """Personalize's values of the item, by column (metadataColumns)."""
    details: dict[str, Any]
    """The catalogue's values of the item, by column (details)."""


class Degraded(TypedDict, total=False):
    """The reason why another source than Personalize has answered."""

    reason: str
    """The reason of the last call: Timeout, Unreachable, Throttled, ServerError, Malformed, Refused or NotFound."""
    ignored: list[str]
    """The request's options that this source can't apply."""
    filter: str
    """The application of its filter to the stored answer (stored_filters.Mark)."""


class Answer(TypedDict, total=False):
    """The answer of a source, and the additions of the steps after it."""

    itemList: list[Listed]
    """The list. Callers get it under their route's own name (Route.list_name), such as `personalizedRanking`."""
    source: Source
    solution: str
    """The solution or recommender that has answered, or that is the source of the popular list."""
    solutionVersion: str
    """The last part of the ARN of the solution version that answers. A recommender has none."""
    recommendationId: str
    """Personalize's ID of the list; events name it."""
    degraded: Degraded
    """Absent if Personalize has answered."""
    known: bool
    """False if the user or the item is unknown, so that the list is not about them; absent otherwise."""
    next: str
    """The token that requests the next part of the list; absent at the end."""
