"""The properties of each recipe of Personalize. Light and pure.

Names and types are those of ListRecipes and DescribeRecipe. A recipe without a row is treated as its type, so that a
new recipe of a known type needs no new release. Limits: service guide, "Endpoints and quotas"
(https://docs.aws.amazon.com/personalize/latest/dg/limits.html).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

POPULARITY = "aws-popularity-count"
"""The recipe without a model, with which others are compared."""
OF_LISTS = frozenset(
    {
        "coverage",
        "mean_reciprocal_rank_at_25",
        *(f"normalized_discounted_cumulative_gain_at_{count}" for count in (5, 10, 25)),
        *(f"precision_at_{count}" for count in (5, 10, 25)),
    }
)
OF_SEGMENTS = frozenset({"coverage", "hits_at_1_percent", "recall_at_1_percent"})
BESIDES = {
    "optimizationObjective": "average_rewards_at_",
    "eventsConfig": "normalized_discounted_cumulative_gain_with_event_weights_at_",
}
"""The prefix of further metrics that a solution has because of a member of its solutionConfig."""
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
    """The kind of the job's resource."""
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
    routes: tuple[str, ...] = ()
    """The routes of the API that it answers. After its deletion, another resource with the same first route answers."""
    evaluation_input: str = ""
    """The kind of its evaluation requests: users, items or rankings; empty: it can't be evaluated."""
    batch: BatchShape | None = None
    """None: Personalize has no batch jobs for it."""
    is_v2: bool = False
    """Whether it is billed by interactions and requests; others are billed by training hours and provisioned TPS."""
    explores: bool = False
    """Whether its lists have items on trial, with few or no interactions."""
    takes_exploration_weight: bool = False
    """Whether an explorationWeight of 0 turns that off. Personalize sets the exploration of the v2 recipe itself."""
    event_type: str = ""
    """The only type of events that it is trained on; empty: solutions may name some."""
    needs: tuple[str, ...] = ()
    """The datasets that it needs besides the interactions."""
    needs_text: bool = False
    """Whether items need a textual column."""
    domain: str = ""
    """The domain whose dataset groups can have it, as a recommender; empty: it is for solutions."""
    metrics: frozenset[str] = frozenset()
    """Its metrics of GetSolutionMetrics that the service's guide names; empty: unknown."""
    takes_updates: bool = False
    """Whether a version can be trained with the mode UPDATE."""
    takes_objective: bool = False
    """Whether a solution can have an optimizationObjective."""
    takes_incremental_updates: bool = False
    """Whether a solution can have performIncrementalUpdate."""
    is_legacy: bool = False
    """Whether AWS advises against it."""
    limits: Mapping[str, int] = field(default_factory=lambda: LIMITS)
    """The amount of each dataset that a training considers; `items` counts those of the items and of the
    interactions.
    """


BY_USER = BatchShape("userId", "user_id", "item_id", ("users", "metadata", "table"))
BY_ITEM = BatchShape("itemId", "item_id", "similar_item_id", ("items", "metadata", "table"), scored=False)
RANKING = BatchShape("userId", "user_id", "item_id", ("metadata",), list_member="itemList")
SEGMENT_BY_ITEM = BatchShape(
    "itemId", "item_id", "user_id", ("items",), "batch_segment_job", scored=False, max_lines=500
)
SEGMENT_BY_ATTRIBUTES = BatchShape(
    "itemAttributes", "item_attributes", "user_id", ("attributes",), "batch_segment_job", scored=False, max_lines=10
)

TO_USERS = Recipe("USER_PERSONALIZATION", ("recommendations",), "users", BY_USER, metrics=OF_LISTS)
POPULAR = Recipe("POPULAR_ITEMS", ("recommendations", "popular"), "users", BY_USER, metrics=OF_LISTS)
TRENDING = replace(POPULAR, routes=("recommendations", "trending"))
RANKED = Recipe("PERSONALIZED_RANKING", ("rankings",), "rankings", RANKING, metrics=OF_LISTS)
RELATED = Recipe("RELATED_ITEMS", ("similar-items",), "items", BY_ITEM, metrics=OF_LISTS)
ACTIONS = Recipe("PERSONALIZED_ACTIONS", ("actions",), needs=("actions",), limits={**LIMITS, "actions": 1000})
SEGMENTS = Recipe("USER_SEGMENTATION", metrics=OF_SEGMENTS)
TYPES = {recipe.type: recipe for recipe in (TO_USERS, POPULAR, RANKED, RELATED, ACTIONS, SEGMENTS)}


def _of_domain(domain: str, recipe: Recipe, event_type: str = "") -> Recipe:
    """A use case of a domain: for recommenders, which have no batch jobs."""
    return replace(recipe, domain=domain, batch=None, event_type=event_type)


RECIPES = {
    "aws-user-personalization-v2": replace(TO_USERS, is_v2=True, explores=True, limits=V2_LIMITS),
    "aws-user-personalization": replace(
        TO_USERS, explores=True, takes_exploration_weight=True, takes_updates=True, takes_objective=True
    ),
    "aws-personalized-ranking-v2": replace(RANKED, is_v2=True, limits=V2_LIMITS),
    "aws-personalized-ranking": replace(RANKED, takes_objective=True),
    "aws-similar-items": RELATED,
    "aws-semantic-similarity": replace(
        RELATED,
        needs=("items",),
        needs_text=True,
        metrics=frozenset(),
        takes_incremental_updates=True,
        limits={**LIMITS, "items": 10_000_000},
    ),
    "aws-sims": RELATED,
    POPULARITY: POPULAR,
    "aws-trending-now": replace(TRENDING, batch=None, metrics=frozenset()),
    "aws-next-best-action": ACTIONS,
    "aws-item-affinity": replace(SEGMENTS, batch=SEGMENT_BY_ITEM),
    "aws-item-attribute-affinity": replace(SEGMENTS, batch=SEGMENT_BY_ATTRIBUTES, needs=("items",)),
    "aws-hrnn": replace(TO_USERS, is_legacy=True),
    "aws-hrnn-metadata": replace(TO_USERS, is_legacy=True),
    "aws-hrnn-coldstart": replace(
        TO_USERS,
        is_legacy=True,
        explores=True,
        takes_exploration_weight=True,
        takes_updates=True,
        needs=("items",),
    ),
    "aws-ecomm-popular-items-by-views": _of_domain("ECOMMERCE", POPULAR, "View"),
    "aws-ecomm-popular-items-by-purchases": _of_domain("ECOMMERCE", POPULAR, "Purchase"),
    "aws-ecomm-frequently-bought-together": _of_domain("ECOMMERCE", RELATED, "Purchase"),
    "aws-ecomm-customers-who-viewed-x-also-viewed": _of_domain("ECOMMERCE", RELATED, "View"),
    "aws-ecomm-recommended-for-you": _of_domain("ECOMMERCE", TO_USERS),
    "aws-vod-because-you-watched-x": _of_domain("VIDEO_ON_DEMAND", RELATED, "Watch"),
    "aws-vod-more-like-x": _of_domain("VIDEO_ON_DEMAND", RELATED),
    "aws-vod-most-popular": _of_domain("VIDEO_ON_DEMAND", POPULAR, "Watch"),
    "aws-vod-trending-now": _of_domain("VIDEO_ON_DEMAND", TRENDING),
    "aws-vod-top-picks": _of_domain("VIDEO_ON_DEMAND", TO_USERS),
}


def recipe_of(name: str, recipe_type: str = "") -> Recipe:
    """The row of a recipe; the ordinary recipe of its type, if that is given, for one without a row."""
    return RECIPES.get(name) or replace(TYPES.get(recipe_type, Recipe(recipe_type)), is_v2=name.endswith("-v2"))


def is_without_batch(name: str) -> bool:
    """Whether Personalize is known to have no batch jobs for a recipe."""
    return name in RECIPES and RECIPES[name].batch is None
