"""The answer to a read, on its way from a source to the caller: one document, whatever the route."""

from typing import Any, Literal, TypedDict

Source = Literal["campaign", "recommender", "export", "popular"]
"""What an answer is from: Personalize, the newest export for its subject, or the group's popular list."""


class Listed(TypedDict, total=False):
    """A place in a list, as GetRecommendations, GetPersonalizedRanking or GetActionRecommendations has it."""

    itemId: str
    actionId: str
    """Of an action; it has no itemId."""
    score: float
    promotionName: str
    """Of an item that a promotion has put there."""
    reason: list[str]
    metadata: dict[str, Any]
    """By column, what Personalize returns of the item (metadataColumns)."""
    details: dict[str, Any]
    """By column, what the catalogue has of the item (details)."""


class Degraded(TypedDict, total=False):
    """Why another source than Personalize has answered."""

    reason: str
    """Timeout, Unreachable, Throttled, ServerError, Malformed, Refused or NotFound: of the last call."""
    ignored: list[str]
    """The request's options that this source can't take into account."""
    filter: str
    """How its filter was applied to the stored answer (stored_filters.Mark)."""


class Answer(TypedDict, total=False):
    """What a source says, and what the steps after it add."""

    itemList: list[Listed]
    """The list. Callers get it by their route's own name (Route.list_name), such as `personalizedRanking`."""
    source: Source
    solution: str
    """The solution or recommender that has answered; absent for a popular list of no solution."""
    solutionVersion: str
    """The version that answers for the solution: the last part of its ARN. A recommender has none."""
    recommendationId: str
    """Personalize's; events name it."""
    degraded: Degraded
    """Absent where nothing is wrong."""
    known: bool
    """False: nothing is known of the user or the item, so that the list is not about them; absent otherwise."""
    next: str
    """Given back as an option, it gets the part of the list that follows; absent at the end."""
