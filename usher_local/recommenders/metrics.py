"""Offline metrics: those of Personalize's GetSolutionMetrics, and their parts for other protocols."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from usher_local.recommenders.base import Interactions, Query, Recommender, count_later, newest_tenth
from usher_local.recommenders.segments import ItemAttributeAffinity

Model = TypeVar("Model", bound=Recommender)
DEPTH = 25
CUTS = (5, 10, 25)
TESTED = 5000  # users to predict, at most: the mean reciprocal rank then has an error below 0.01
SEGMENTS = 500  # segments to test, at most: each costs a pass over all users
DISCOUNT = 1 / np.log2(np.arange(2, DEPTH + 2))  # Personalize's discount of positions 1, 2, ... DEPTH


@dataclass(frozen=True, slots=True)
class Case:
    """One user to predict: the model's input, and the true next items."""

    query: Query
    truth: NDArray[np.int32]


def hold_out(interactions: Interactions) -> tuple[Interactions, list[Case]]:
    """The oldest 90% of each user's events for training, and one case per user with the other events as truth.

    The truth has at least one event; a user with a single event gets a case with an empty history.
    """
    newest = newest_tenth(interactions)
    learnt = interactions.where(~newest)
    truths = interactions.where(newest).histories()
    return learnt, [Case(query, truth) for query, truth in zip(learnt.queries(), truths, strict=True)]


def rank(model: Recommender, query: Query, *, unseen: bool = False) -> NDArray[np.intp]:
    """The model's DEPTH best items, best first; with `unseen`, without the history's items."""
    scores = model.score(query)
    if unseen:
        scores[query.history] = -np.inf
    return best(scores, DEPTH)


def best(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """The places of the `count` highest scores, highest first, ties in their order; it does not sort the others."""
    if count >= len(scores):
        return np.argsort(-scores, kind="stable")
    worthy = np.flatnonzero(scores >= np.partition(scores, -count)[-count])
    return worthy[np.argsort(-scores[worthy], kind="stable")][:count]


def measure(
    lists: Sequence[NDArray[np.intp]],
    truths: Sequence[NDArray[np.int32]],
    items: int,
    discount: NDArray[np.float64] = DISCOUNT,
) -> dict[str, float]:
    """Metrics under Personalize's names, from one ranked list and one set of true items per query, out of `items`
    items.

    NDCG is normalised by the list's own hits moved to its top, as Personalize's guide says. Without a query all are 0.
    """
    hits = np.zeros((len(lists), DEPTH), np.bool_)
    for row, ranked, truth in zip(hits, lists, truths, strict=True):
        row[: len(ranked)] = np.isin(ranked, truth)
    first = np.where(hits.any(axis=1), 1 / (1 + hits.argmax(axis=1)), 0)
    ideal = np.concatenate(([0], np.cumsum(discount)))
    recommended = np.unique(np.concatenate(lists)) if lists else np.empty(0)
    metrics = {"coverage": recommended.size / items, "mean_reciprocal_rank_at_25": _mean(first)}
    for cut in CUTS:
        found = hits[:, :cut].sum(axis=1)
        gain = hits[:, :cut] @ discount[:cut]
        metrics[f"normalized_discounted_cumulative_gain_at_{cut}"] = _mean(
            gain / np.maximum(ideal[found], discount[-1])
        )
        metrics[f"precision_at_{cut}"] = _mean(found / cut)
    return metrics


def evaluate(
    model: type[Model], interactions: Interactions, parameters: Mapping[str, str], seed: int = 0
) -> tuple[dict[str, float], Model | None]:
    """Personalize's own test: fit on a random 90% of the users, predict the newest 10% of each other user's events.

    At most TESTED users are held out. Returns the metrics of `measure` and the model that was fitted for them; zeros
    and None for a single user, since no user remains for training.
    """
    users = len(interactions.user_ids)
    tested = np.random.default_rng(seed).permutation(users)[: min(max(1, users // 10), TESTED) if users > 1 else 0]
    if not tested.size:
        return measure([], [], len(interactions.item_ids)), None
    apart = np.isin(interactions.user, tested)
    fitted = model.fit(interactions.where(~apart), parameters, seed)
    cases = hold_out(interactions.where(apart))[1]
    lists = [rank(fitted, cases[user].query) for user in tested]
    return measure(lists, [cases[user].truth for user in tested], len(interactions.item_ids)), fitted


def evaluate_segments(
    model: type[Model], interactions: Interactions, parameters: Mapping[str, str], seed: int = 0
) -> tuple[dict[str, float], Model]:
    """Personalize's test of segments: fit on the oldest 80% of each user's events, predict the users of each item in
    the rest.

    There is one segment per item or, for attributes, per label. A segment has the top 1% of the users. Returns the
    metrics and the model that was fitted for them.
    """
    users = len(interactions.user_ids)
    newest = count_later(interactions.user) < 0.2 * np.bincount(interactions.user, minlength=users)[interactions.user]
    fitted, hidden = model.fit(interactions.where(~newest), parameters, seed), interactions.where(newest)
    chosen = np.random.default_rng(seed).permutation(len(groups := _groups(interactions, model)))[:SEGMENTS]
    seen, hits, recall = set[int](), list[int](), list[float]()
    for items in (groups[position] for position in chosen):
        truth = np.unique(hidden.user[np.isin(hidden.item, items)])
        found = best(fitted.score(Query(items)), -(-users // 100))
        seen.update(found.tolist())
        if truth.size:
            hits.append(np.isin(found, truth).sum())
            recall.append(hits[-1] / truth.size)
    metrics = {
        "coverage": len(seen) / users,
        "hits_at_1_percent": _mean(np.array(hits, np.float64)),
        "recall_at_1_percent": _mean(np.array(recall)),
    }
    return metrics, fitted


def _groups(interactions: Interactions, model: type[Recommender]) -> list[NDArray[np.int32]]:
    """The items of each segment."""
    if not issubclass(model, ItemAttributeAffinity):
        return list(np.arange(len(interactions.item_ids), dtype=np.int32)[:, None])
    found: dict[str, list[int]] = {}
    for item, labels in enumerate(interactions.labels):
        for label in labels:
            found.setdefault(label, []).append(item)
    return [np.array(items, np.int32) for items in found.values()]


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else 0.0
