"""The metrics of the temporal hold-out notebook: `relevance` is 1 or 0 for each rank, best rank first."""

from collections.abc import Iterable, Sequence

import numpy as np


def mean_reciprocal_rank(relevance: Sequence[int]) -> float:
    """Mean of 1/rank over the relevant ranks; 0 without any."""
    ranks = np.flatnonzero(relevance) + 1
    return float(np.mean(1 / ranks)) if ranks.size else 0.0


def precision_at_k(relevance: Sequence[int], k: int) -> float:
    """The share of relevant ranks among the first k."""
    return sum(relevance[:k]) / k


def ndcg_at_k(relevance: Sequence[int], k: int) -> float:
    """The sum of relevant ranks' gains, discounted by 1/log(1 + rank), within the first k, as a share of the best
    order's."""
    best = _gain(sorted(relevance, reverse=True)[:k])
    return _gain(relevance[:k]) / best if best else 0.0


def _gain(relevance: Iterable[int]) -> float:
    return float(sum(relevant / np.log(1 + rank) for rank, relevant in enumerate(relevance, 1)))
