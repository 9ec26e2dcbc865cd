"""Offline metrics: those of Personalize's GetSolutionMetrics, and the pieces of them that other protocols reuse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from local.recommenders.base import Interactions, Query, Recommender, count_later

DEPTH = 25
CUTS = (5, 10, 25)
SEGMENTS = 500  # segments that are tried, at most: each costs a pass over all users
DISCOUNT = 1 / np.log2(np.arange(2, DEPTH + 2))  # Personalize's weight of positions 1, 2, ... DEPTH


@dataclass(frozen=True, slots=True)
class Case:
    """One user to predict: what the model may see, and what came next."""

    history: NDArray[np.int32]
    truth: NDArray[np.int32]


def cut_newest_tenth(history: NDArray[np.int32]) -> Case:
    """The oldest 90% as history, the newest 10%, never less than one event, as truth."""
    known = 9 * len(history) // 10
    return Case(history[:known], history[known:])


def rank(model: Recommender, history: NDArray[np.int32], *, unseen: bool = False) -> NDArray[np.intp]:
    """The model's DEPTH best items after `history`, best first; only new ones if `unseen`."""
    scores = model.score(Query(history, int(history[-1]) if len(history) else None))
    if unseen:
        scores[history] = -np.inf
    return np.argsort(-scores, kind="stable")[:DEPTH]


def measure(
    lists: Sequence[NDArray[np.intp]],
    truths: Sequence[NDArray[np.int32]],
    items: int,
    discount: NDArray[np.float64] = DISCOUNT,
) -> dict[str, float]:
    """Metrics under Personalize's names, of one ranked list and one set of true items per query, out of `items` items.

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
    model: type[Recommender], interactions: Interactions, parameters: Mapping[str, str], seed: int = 0
) -> dict[str, float]:
    """Personalize's own test: fit on a random 90% of the users, predict the newest 10% of each other user's events.

    Returns the metrics of `measure`; all 0 for a single user, who leaves nobody to learn from.
    """
    users = len(interactions.user_ids)
    tested = np.random.default_rng(seed).permutation(users)[: max(1, users // 10) if users > 1 else 0]
    learnt = interactions.where(~np.isin(interactions.user, tested))
    histories = interactions.histories()
    cases = [cut_newest_tenth(histories[user]) for user in tested]
    fitted = model.fit(learnt, parameters, seed) if cases else None
    lists = [rank(fitted, case.history) for case in cases] if fitted else []
    return measure(lists, [case.truth for case in cases], len(interactions.item_ids))


def evaluate_segments(
    model: type[Recommender], interactions: Interactions, parameters: Mapping[str, str], seed: int = 0
) -> dict[str, float]:
    """Personalize's test of segments: fit on the oldest 80% of each user's events, find who met what in the rest.

    There is one segment per label, or per item where nothing is labelled. Users found are those of the top 1%.
    """
    users = len(interactions.user_ids)
    newest = count_later(interactions.user) < 0.2 * np.bincount(interactions.user, minlength=users)[interactions.user]
    fitted, hidden = model.fit(interactions.where(~newest), parameters, seed), interactions.where(newest)
    chosen = np.random.default_rng(seed).permutation(len(groups := _groups(interactions)))[:SEGMENTS]
    seen, hits, recall = set[int](), list[int](), list[float]()
    for items in (groups[position] for position in chosen):
        truth = np.unique(hidden.user[np.isin(hidden.item, items)])
        found = np.argsort(-fitted.score(Query(items)), kind="stable")[: -(-users // 100)]
        seen.update(found.tolist())
        if truth.size:
            hits.append(np.isin(found, truth).sum())
            recall.append(hits[-1] / truth.size)
    return {
        "coverage": len(seen) / users,
        "hits_at_1_percent": _mean(np.array(hits, np.float64)),
        "recall_at_1_percent": _mean(np.array(recall)),
    }


def _groups(interactions: Interactions) -> list[NDArray[np.int32]]:
    """The items of each label, or each item."""
    found: dict[str, list[int]] = {}
    for item, labels in enumerate(interactions.labels or interactions.item_ids):
        for label in [labels] if isinstance(labels, str) else labels:
            found.setdefault(label, []).append(item)
    return [np.array(items, np.int32) for items in found.values()]


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else 0.0
