"""The mix of a list: the best items, explored ones, and promoted ones. Deterministic for the same `chance`."""

from collections.abc import Sequence
from itertools import chain, islice
from random import Random

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.intp]


def top(scores: NDArray[np.float32], allowed: NDArray[np.bool_], count: int) -> Positions:
    """The positions of the `count` best of the `allowed`, best first; ties in their order."""
    candidates = np.flatnonzero(allowed)
    values = scores[candidates]
    if 0 < count < len(values):
        least = np.partition(values, len(values) - count)[len(values) - count]
        kept = values >= least
        candidates, values = candidates[kept], values[kept]
    best: Positions = candidates[np.argsort(-values, kind="stable")[:count]]
    return best


def explore(best: Positions, young: Positions, rate: float, results: int, chance: Random) -> Positions:
    """The list `best` with some places, each with probability `rate`, given to `young` in their order.

    For the same chance, a higher rate replaces the same places and others, so the list has at least as many of `young`.
    They also fill a list that would be too short, unless the rate is 0.
    """
    waiting, usual = iter(young.tolist() if rate > 0 else ()), iter(best.tolist())
    mixed: list[int] = []
    for draw in [chance.random() for _ in range(results)]:
        mixed += islice(chain(*((waiting, usual) if draw < rate else (usual, waiting))), 1)
    return np.array(mixed, np.intp)


def promote(usual: Positions, promoted: Positions, results: int, chance: Random) -> tuple[Positions, list[bool]]:
    """Both lists in one of at most `results`, at random places but each in its own order, and which are promoted."""
    usual = usual[: results - len(promoted)]
    marks = [True] * len(promoted) + [False] * len(usual)
    chance.shuffle(marks)
    lists = {True: iter(promoted.tolist()), False: iter(usual.tolist())}
    return np.array([next(lists[mark]) for mark in marks], np.intp), marks


def unit(values: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float64]:
    """Values scaled to 0 to 1; all 0 if they are equal."""
    found = np.asarray(values, np.float64)
    low, high = (found.min(), found.max()) if found.size else (0.0, 0.0)
    return (found - low) / ((high - low) or 1.0)


def shares(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores as the service shows them: positive, of sum 1, in the same order.

    Models score on scales of their own, hence standardised; z + sqrt(z^2 + 1) is nearly linear above the mean, so that
    no single item takes everything, and never reaches 0 below it (squareplus: Barron, arXiv 2112.11687).
    """
    if not scores.size:
        return np.zeros(0, np.float32)
    away = scores - np.float32(scores.mean(dtype=np.float64))
    away /= np.float32(np.sqrt(np.square(away).mean(dtype=np.float64))) or np.float32(1)
    # This form avoids cancellation below the mean.
    size = np.abs(away) + np.sqrt(np.square(away) + 1)
    positive = np.where(away >= 0, size, 1 / size)
    result: NDArray[np.float32] = positive / np.float32(positive.sum(dtype=np.float64))
    return result
