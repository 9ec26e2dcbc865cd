"""What a list has besides the best: items on trial, and promoted ones. Deterministic for the same chance."""

from collections.abc import Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.intp]


def explore(best: Positions, young: Positions, rate: float, results: int, chance: Random) -> Positions:
    """`best` with some places, each with probability `rate`, given to `young` in their order."""
    waiting = young.tolist()[::-1] if rate > 0 else []
    mixed: list[int] = []
    for position in best[:results].tolist():
        while waiting and chance.random() < rate:
            mixed.append(waiting.pop())
        mixed.append(position)
    return np.array((mixed + waiting[::-1])[:results], np.intp)


def promote(usual: Positions, promoted: Positions, results: int, chance: Random) -> tuple[Positions, list[bool]]:
    """Both lists in one of `results` at most, at random places but each in its own order; which are the promoted."""
    usual = usual[: results - len(promoted)]
    marks = [True] * len(promoted) + [False] * len(usual)
    chance.shuffle(marks)
    lists = {True: iter(promoted.tolist()), False: iter(usual.tolist())}
    return np.array([next(lists[mark]) for mark in marks], np.intp), marks


def unit(values: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float64]:
    """Stretched to 0 to 1; all 0 where there is no difference."""
    found = np.asarray(values, np.float64)
    low, high = (found.min(), found.max()) if found.size else (0.0, 0.0)
    return (found - low) / ((high - low) or 1.0)


def shares(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Scores as the service tells them: positive, of sum 1, in the same order.

    Models score on scales of their own, hence standardised; softplus is nearly linear above the mean, so that no
    single item takes everything, and never reaches 0 below it.
    """
    if not scores.size:
        return np.zeros(0)
    wide = scores.astype(np.float64)
    positive = np.logaddexp(0, (wide - wide.mean()) / (wide.std() or 1.0))
    result: NDArray[np.float64] = positive / positive.sum()
    return result
