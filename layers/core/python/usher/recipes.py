"""What is particular about each recipe of Personalize. Light and pure.

Names and types are those of ListRecipes and DescribeRecipe. A recipe without a row is treated as its type, so that a
new recipe of a known type needs no new release. Limits: service guide, "Endpoints and quotas"
(https://docs.aws.amazon.com/personalize/latest/dg/limits.html).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

POPULARITY = "aws-popularity-count"
"""The recipe without a model, with which others are compared."""
LIMITS = {"interactions": 500_000_000, "items": 750_000}
V2_LIMITS = {"interactions": 3_000_000_000, "items": 5_000_000}


@dataclass(frozen=True, slots=True)
class BatchShape:
    """A line of the input of a recipe's batch jobs, and the table that an export makes of the output."""

    key: str
    """The member of an input line that names its subject."""
    subject: str
    """The column of the subject in exported files."""
    result: str
    """The column of a recommended item or user in exported files."""
    options: tuple[str, ...]
    """The options among `users`, `items`, `attributes`, `metadata` and `table` that an export may have."""
    job: str = "batch_inference_job"
    """The kind of resource that makes it."""
    scored: bool = True
    """Whether each result has a score."""
    list_member: str = ""
    """The member of a line with the items to rank. Only the group itself can provide such lines."""
    max_lines: int = 0
    """The most lines of one job; 0: as many as its files hold."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe, or the ordinary recipe of a type."""

    type: str
    route: str = ""
    """The route of the API that it answers; empty: none does."""
    evaluation_input: str = ""
    """What an evaluation asks it about: users, items or rankings; empty: it can't be evaluated."""
    batch: BatchShape | None = None
    """None: Personalize has no batch jobs for it."""
    is_v2: bool = False
    """Whether it is billed by interactions and requests; others are billed by training hours and provisioned TPS."""
    explores: bool = False
    """Whether lists hold items on trial, which few or none have met."""
    takes_exploration_weight: bool = False
    """Whether an explorationWeight of 0 ends that. Personalize sets the exploration of the v2 recipe itself."""
    needs_text: bool = False
    """Whether items need a textual column."""
    is_legacy: bool = False
    """Whether AWS advises against it."""
    limits: Mapping[str, int] = field(default_factory=lambda: LIMITS)
    """By dataset, how much of it a training considers; `items` are those of the items and of the interactions."""


BY_USER = BatchShape("userId", "user_id", "item_id", ("users", "metadata", "table"))
BY_ITEM = BatchShape("itemId", "item_id", "similar_item_id", ("items", "metadata", "table"), scored=False)
RANKING = BatchShape("userId", "user_id", "item_id", ("metadata",), list_member="itemList")
SEGMENT_BY_ITEM = BatchShape(
    "itemId", "item_id", "user_id", ("items",), "batch_segment_job", scored=False, max_lines=500
)
SEGMENT_BY_ATTRIBUTES = BatchShape(
    "itemAttributes", "item_attributes", "user_id", ("attributes",), "batch_segment_job", scored=False, max_lines=10
)

TO_USERS = Recipe("USER_PERSONALIZATION", "recommendations", "users", BY_USER)
POPULAR = Recipe("POPULAR_ITEMS", "recommendations", "users", BY_USER)
RANKED = Recipe("PERSONALIZED_RANKING", "rankings", "rankings", RANKING)
RELATED = Recipe("RELATED_ITEMS", "similar-items", "items", BY_ITEM)
ACTIONS = Recipe("PERSONALIZED_ACTIONS", limits={**LIMITS, "actions": 1000})
SEGMENTS = Recipe("USER_SEGMENTATION")
TYPES = {recipe.type: recipe for recipe in (TO_USERS, POPULAR, RANKED, RELATED, ACTIONS, SEGMENTS)}

RECIPES = {
    "aws-user-personalization-v2": replace(TO_USERS, is_v2=True, explores=True, limits=V2_LIMITS),
    "aws-user-personalization": replace(TO_USERS, explores=True, takes_exploration_weight=True),
    "aws-personalized-ranking-v2": replace(RANKED, is_v2=True, limits=V2_LIMITS),
    "aws-personalized-ranking": RANKED,
    "aws-similar-items": RELATED,
    "aws-semantic-similarity": replace(RELATED, needs_text=True, limits={**LIMITS, "items": 10_000_000}),
    "aws-sims": RELATED,
    POPULARITY: POPULAR,
    "aws-trending-now": replace(POPULAR, batch=None),
    "aws-next-best-action": ACTIONS,
    "aws-item-affinity": replace(SEGMENTS, batch=SEGMENT_BY_ITEM),
    "aws-item-attribute-affinity": replace(SEGMENTS, batch=SEGMENT_BY_ATTRIBUTES),
    "aws-hrnn": replace(TO_USERS, is_legacy=True),
    "aws-hrnn-metadata": replace(TO_USERS, is_legacy=True),
    "aws-hrnn-coldstart": replace(TO_USERS, is_legacy=True, explores=True, takes_exploration_weight=True),
    # Recipes of domain dataset groups are for recommenders, which have no batch jobs.
    "aws-ecomm-popular-items-by-views": replace(POPULAR, batch=None),
    "aws-ecomm-popular-items-by-purchases": replace(POPULAR, batch=None),
    "aws-ecomm-frequently-bought-together": replace(RELATED, batch=None),
    "aws-ecomm-customers-who-viewed-x-also-viewed": replace(RELATED, batch=None),
    "aws-ecomm-recommended-for-you": replace(TO_USERS, batch=None),
    "aws-vod-because-you-watched-x": replace(RELATED, batch=None),
    "aws-vod-more-like-x": replace(RELATED, batch=None),
    "aws-vod-most-popular": replace(POPULAR, batch=None),
    "aws-vod-trending-now": replace(POPULAR, batch=None),
    "aws-vod-top-picks": replace(TO_USERS, batch=None),
}


def recipe_of(name: str, recipe_type: str = "") -> Recipe:
    """The row of a recipe; of one without a row, the ordinary recipe of its type, if that is given."""
    return RECIPES.get(name) or replace(TYPES.get(recipe_type, Recipe(recipe_type)), is_v2=name.endswith("-v2"))


def types_on(route: str) -> frozenset[str]:
    """The recipe types that answer a route of the API."""
    return frozenset(recipe.type for recipe in TYPES.values() if recipe.route == route)


def is_without_batch(name: str) -> bool:
    """Whether Personalize is known to have no batch jobs for a recipe."""
    return name in RECIPES and RECIPES[name].batch is None
