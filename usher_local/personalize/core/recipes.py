"""The table of recipes, with the facts of each."""

from dataclasses import dataclass

USER, RANKING, RELATED = "USER_PERSONALIZATION", "PERSONALIZED_RANKING", "RELATED_ITEMS"
POPULAR, ACTIONS, SEGMENTS = "POPULAR_ITEMS", "PERSONALIZED_ACTIONS", "USER_SEGMENTATION"
SHOP, VIDEO = "ECOMMERCE", "VIDEO_ON_DEMAND"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe. `scored`: answers carry scores; `batch`: the recipe supports batch inference jobs."""

    name: str
    type: str
    description: str
    algorithm: str | None = None
    transformation: str | None = None
    domain: str | None = None
    scored: bool = False
    batch: bool = True

    @property
    def algorithm_name(self) -> str:
        """The name of the recipe's algorithm, mostly that of the recipe itself."""
        return self.algorithm or self.name

    @property
    def values(self) -> dict[str, str]:
        """The members of DescribeRecipe."""
        optional = {"domain": self.domain} if self.domain else {}
        return optional | {
            "name": self.name,
            "recipeArn": service_arn("recipe", self.name),
            "algorithmArn": service_arn("algorithm", self.algorithm_name),
            "featureTransformationArn": service_arn("feature-transformation", self.transformation or self.name),
            "recipeType": self.type,
            "description": self.description,
        }


def service_arn(kind: str, name: str) -> str:
    """The ARN of a resource of the service itself, without region and account."""
    return f"arn:aws:personalize:::{kind}/{name}"


PERCENTILES = "JSON-percentile-filtering"
RECIPES = (
    Recipe("aws-user-personalization-v2", USER, "Personalised recommendations, with large models", scored=True),
    Recipe("aws-user-personalization", USER, "Personalised recommendations with exploration", scored=True),
    Recipe("aws-personalized-ranking-v2", RANKING, "Ranks a list of items for a user, with large models", scored=True),
    Recipe(
        "aws-personalized-ranking",
        RANKING,
        "Ranks a list of items for a user",
        transformation=PERCENTILES,
        scored=True,
    ),
    Recipe("aws-similar-items", RELATED, "Items similar by interactions and metadata"),
    Recipe("aws-semantic-similarity", RELATED, "Items similar by their texts"),
    Recipe("aws-sims", RELATED, "Items that the same users interacted with", transformation="aws-sims"),
    Recipe("aws-popularity-count", POPULAR, "Items by number of users", transformation="aws-sims"),
    Recipe("aws-trending-now", POPULAR, "Items gaining interest fastest", "aws-trending-now-custom", batch=False),
    Recipe("aws-next-best-action", ACTIONS, "Actions a user will most likely take", scored=True, batch=False),
    Recipe("aws-item-affinity", SEGMENTS, "Segments of users by items", batch=False),
    Recipe("aws-item-attribute-affinity", SEGMENTS, "Segments of users by attributes of items", batch=False),
    Recipe("aws-hrnn", USER, "Hierarchical recurrent network", transformation=PERCENTILES, scored=True),
    Recipe(
        "aws-hrnn-metadata",
        USER,
        "Hierarchical recurrent network with metadata",
        transformation="featurize_metadata",
        scored=True,
    ),
    Recipe(
        "aws-hrnn-coldstart",
        USER,
        "Hierarchical recurrent network with new items",
        transformation="featurize_coldstart",
        scored=True,
    ),
    Recipe("aws-ecomm-popular-items-by-views", POPULAR, "Most viewed", domain=SHOP, batch=False),
    Recipe("aws-ecomm-popular-items-by-purchases", POPULAR, "Best sellers", domain=SHOP, batch=False),
    Recipe("aws-ecomm-frequently-bought-together", RELATED, "Frequently bought together", domain=SHOP, batch=False),
    Recipe(
        "aws-ecomm-customers-who-viewed-x-also-viewed",
        RELATED,
        "Customers who viewed X also viewed",
        domain=SHOP,
        batch=False,
    ),
    Recipe("aws-ecomm-recommended-for-you", USER, "Recommended for you", domain=SHOP, batch=False),
    Recipe("aws-vod-because-you-watched-x", RELATED, "Because you watched X", domain=VIDEO, batch=False),
    Recipe("aws-vod-more-like-x", RELATED, "More like X", domain=VIDEO, batch=False),
    Recipe("aws-vod-most-popular", POPULAR, "Most popular", domain=VIDEO, batch=False),
    Recipe("aws-vod-trending-now", POPULAR, "Trending now", domain=VIDEO, batch=False),
    Recipe("aws-vod-top-picks", USER, "Top picks for you", domain=VIDEO, batch=False),
)
BY_ARN = {recipe.values["recipeArn"]: recipe for recipe in RECIPES}
