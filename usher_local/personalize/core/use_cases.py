"""The table of use cases: the events that count, and the items that a recipe's lists exclude or try."""

from collections.abc import Mapping
from dataclasses import dataclass

from usher_local.personalize.core.recipes import POPULAR, RELATED, USER, Recipe


@dataclass(frozen=True, slots=True)
class UseCase:
    """The behaviour of a recipe."""

    learns: str | None = None
    """The only type of events that counts."""
    drops: str | None = None
    """Exclude the items that the user met by events of this type, before any filter of the request."""
    needs: tuple[str, ...] = ()
    """The members that a request must have; if empty, those of the recipe's type."""
    explores: bool = False
    """Whether lists try items without events."""
    newcomers: bool = False
    """Whether items without events compete with the others, by their attributes."""
    follows: bool = False
    """Whether lists follow new events at each interval of the recipe, without a new version."""
    explains: bool = False
    """Whether answers have reasons, and metadata without configuration."""


USE_CASES: Mapping[str, UseCase] = {
    "aws-user-personalization": UseCase(explores=True),
    "aws-user-personalization-v2": UseCase(explores=True, explains=True),
    "aws-hrnn-coldstart": UseCase(explores=True),
    "aws-personalized-ranking": UseCase(newcomers=True),
    "aws-personalized-ranking-v2": UseCase(newcomers=True, explains=True),
    "aws-similar-items": UseCase(newcomers=True),
    "aws-semantic-similarity": UseCase(explains=True),
    "aws-ecomm-popular-items-by-views": UseCase(learns="View", needs=("userId",)),
    "aws-ecomm-popular-items-by-purchases": UseCase(learns="Purchase", needs=("userId",)),
    "aws-ecomm-frequently-bought-together": UseCase(learns="Purchase", needs=("itemId",)),
    "aws-ecomm-customers-who-viewed-x-also-viewed": UseCase(
        learns="View", drops="Purchase", needs=("userId", "itemId")
    ),
    "aws-ecomm-recommended-for-you": UseCase(drops="Purchase", explores=True),
    "aws-vod-because-you-watched-x": UseCase(learns="Watch", drops="Watch", needs=("userId", "itemId"), newcomers=True),
    "aws-vod-more-like-x": UseCase(drops="Watch", needs=("userId", "itemId"), newcomers=True),
    "aws-vod-most-popular": UseCase(learns="Watch", needs=("userId",)),
    "aws-vod-top-picks": UseCase(drops="Watch", explores=True),
    "aws-trending-now": UseCase(follows=True),
    "aws-vod-trending-now": UseCase(follows=True),
}
NEEDS: Mapping[str, tuple[str, ...]] = {USER: ("userId",), RELATED: ("itemId",), POPULAR: ()}
"""The required members by the recipe's type; other types have operations of their own."""


def use_case(recipe: Recipe) -> UseCase:
    """The row of a recipe; a recipe without one has the defaults."""
    return USE_CASES.get(recipe.name, UseCase())
