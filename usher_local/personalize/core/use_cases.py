"""THE table of what recipes do beyond their models: the events they learn from and the items they leave out or try."""

from collections.abc import Mapping
from dataclasses import dataclass

from usher_local.personalize.core.recipes import POPULAR, RELATED, USER, Recipe


@dataclass(frozen=True, slots=True)
class UseCase:
    """A row."""

    learns: str | None = None
    """The only type of events that counts."""
    drops: str | None = None
    """Items that the user has met by events of this type are left out, before any filter of the request."""
    needs: tuple[str, ...] = ()
    """Members that a request must have; those of the recipe's type where it is empty."""
    explores: bool = False
    """Lists try items that nobody has met."""
    newcomers: bool = False
    """Items that nobody has met compete with the others, by what is said about them."""
    follows: bool = False
    """Lists follow the events by themselves, at each interval of the recipe's, without a new version."""
    explains: bool = False
    """Answers have reasons, and metadata without being configured for it."""


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
"""By type of recipe; other types have operations of their own."""


def use_case(recipe: Recipe) -> UseCase:
    """The row of a recipe; those without one do nothing special."""
    return USE_CASES.get(recipe.name, UseCase())
