"""The model of each recipe, and its training."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from usher_local.recommenders.actions import NextBestAction
from usher_local.recommenders.base import Interactions, Recommender, number
from usher_local.recommenders.content import Semantic
from usher_local.recommenders.cooccurrence import SimilarItems, Sims
from usher_local.recommenders.metrics import evaluate, evaluate_segments
from usher_local.recommenders.popularity import Popularity
from usher_local.recommenders.progress import part
from usher_local.recommenders.segments import ItemAffinity, ItemAttributeAffinity
from usher_local.recommenders.sequential import Sequential
from usher_local.recommenders.trending import Trending

RECIPES: dict[str, type[Recommender]] = {
    "aws-hrnn": Sequential,
    "aws-hrnn-coldstart": Sequential,
    "aws-hrnn-metadata": Sequential,
    "aws-item-affinity": ItemAffinity,
    "aws-item-attribute-affinity": ItemAttributeAffinity,
    "aws-next-best-action": NextBestAction,
    "aws-personalized-ranking": Sequential,
    "aws-personalized-ranking-v2": Sequential,
    "aws-popularity-count": Popularity,
    "aws-semantic-similarity": Semantic,
    "aws-similar-items": SimilarItems,
    "aws-sims": Sims,
    "aws-trending-now": Trending,
    "aws-user-personalization": Sequential,
    "aws-user-personalization-v2": Sequential,
    "aws-ecomm-customers-who-viewed-x-also-viewed": Sims,
    "aws-ecomm-frequently-bought-together": Sims,
    "aws-ecomm-popular-items-by-purchases": Popularity,
    "aws-ecomm-popular-items-by-views": Popularity,
    "aws-ecomm-recommended-for-you": Sequential,
    "aws-vod-because-you-watched-x": SimilarItems,
    "aws-vod-more-like-x": SimilarItems,
    "aws-vod-most-popular": Popularity,
    "aws-vod-top-picks": Sequential,
    "aws-vod-trending-now": Trending,
}

INERT = frozenset(
    {
        "hidden_dimension",
        "item_id_hidden_dim",
        "item_metadata_hidden_dim",
    }
)
"""Parameters of the service's neural networks without a counterpart here: accepted, and without effect."""


def train(
    recipe: str, interactions: Interactions, parameters: Mapping[str, str], folder: Path, seed: int = 0
) -> dict[str, float]:
    """Fit the recipe's model on all interactions, save it into `folder` (made if missing) and return its offline
    metrics.

    The folder gets the model's arrays, and in `items.json` and `users.json` the IDs of its numbers. The metrics come
    from another model, fitted without a tenth of the users (for segments: without the newest fifth of each user's
    events). `RECIPES[recipe].load` reads the model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model, learnt = RECIPES[recipe], trim(interactions, parameters)
    test = evaluate_segments if issubclass(model, ItemAffinity) else evaluate
    with part(0, 0.6):
        metrics, tested = test(model, learnt, parameters, seed)
    with part(0.6, 1):
        whole = tested.refit(learnt, parameters, seed) if tested else model.fit(learnt, parameters, seed)
    whole.save(folder)
    for name, ids in (("items", interactions.item_ids), ("users", interactions.user_ids)):
        (folder / f"{name}.json").write_text(json.dumps(ids))
    return metrics


def trim(interactions: Interactions, parameters: Mapping[str, str]) -> Interactions:
    """Leave out users and items with very few or very many events, by the percentiles in `parameters`.

    The service's defaults (SIMS without its most popular tenth of items) are not applied: they reduce quality here.
    """
    kept = np.ones(len(interactions.user), np.bool_)
    for name, column in (("user_history_length", interactions.user), ("item_interaction_count", interactions.item)):
        counts = np.bincount(column)
        low, high = (number(parameters, f"{end}_{name}_percentile", share) for end, share in (("min", 0), ("max", 1)))
        if counts.any():
            least, most = np.quantile(counts[counts > 0], [low, high])
            kept &= ((counts >= least) & (counts <= most))[column]
    return interactions.where(kept) if kept.any() else interactions
