"""Which model stands behind which recipe, and how one is trained."""

from collections.abc import Mapping
from pathlib import Path

from local.recommenders.base import Interactions, Recommender
from local.recommenders.cooccurrence import SimilarItems, Sims
from local.recommenders.metrics import evaluate
from local.recommenders.popularity import Popularity
from local.recommenders.sequential import Sequential

RECIPES: dict[str, type[Recommender]] = {
    "aws-hrnn": Sequential,
    "aws-hrnn-coldstart": Sequential,
    "aws-hrnn-metadata": Sequential,
    "aws-personalized-ranking": Sequential,
    "aws-personalized-ranking-v2": Sequential,
    "aws-popularity-count": Popularity,
    "aws-similar-items": SimilarItems,
    "aws-sims": Sims,
    "aws-user-personalization": Sequential,
    "aws-user-personalization-v2": Sequential,
}


def train(
    recipe: str, interactions: Interactions, parameters: Mapping[str, str], folder: Path, seed: int = 0
) -> dict[str, float]:
    """Fit the recipe's model on everything, save it into `folder` (made if need be) and return its offline metrics.

    The metrics come from a second model that has not seen a tenth of the users. `RECIPES[recipe].load` reads it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    RECIPES[recipe].fit(interactions, parameters, seed).save(folder)
    return evaluate(RECIPES[recipe], interactions, parameters, seed)
