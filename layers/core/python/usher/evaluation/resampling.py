"""Bootstrap intervals of means, and randomization tests of paired differences.

If there are more than MAX_BLOCKS users, blocks of equal size, put together at random, replace single users: the mean of
the means, and its spread, stay the same. All contenders have the same blocks and the same resamples.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

RESAMPLES = 1000
FLIPS = 100_000
"""Randomizations of a test: no probability is below 1 in 100,001."""
FLIPS_AT_A_TIME = 1000
MAX_BLOCKS = 10_000
MAX_BLOCKS_OF_TESTS = 1000
"""Lower than MAX_BLOCKS, because each randomization looks at every block."""
EPSILON = 1e-9
"""Sums of differences count as equal if they differ by less, as a share of all differences: rounding causes as much."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Sums over blocks of users."""

    totals: Values
    """The sum of each column over each block (blocks, m)."""
    sizes: NDArray[np.integer[Any]]
    """Users in each block (blocks,)."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of two columns' means over users: the first less the second."""

    pair: tuple[int, int]
    mean: float
    low: float
    high: float
    """The 95% bootstrap interval."""
    p: float
    """The adjusted probability of such a difference, in either direction, between two equally good columns."""


def bootstrap_interval(values: Values, seed: int = 0, max_blocks: int = MAX_BLOCKS) -> tuple[Values, Values]:
    """The 95% percentile bootstrap interval of each column's mean over users: (n, m) to two (m,).

    Efron, "Bootstrap methods: another look at the jackknife", 1979.
    """
    random = np.random.default_rng(seed)
    return _interval(blocks_of(values, random, max_blocks), random)


def blocks_of(values: Values, random: np.random.Generator, max_blocks: int = MAX_BLOCKS) -> Blocks:
    """The blocks of some users' values (n, m); the same for all values of n users and one state of `random`."""
    count = min(len(values), max_blocks)
    block = random.permutation(len(values)) % count
    return Blocks(np.stack([np.bincount(block, column) for column in values.T], axis=1), np.bincount(block))


def compare(blocks: Blocks, seed: int = 0, flips: int = FLIPS) -> list[Difference]:
    """The differences of all pairs of columns.

    The test randomizes the sign of each user's difference (Smucker, Allan, Carterette, "A comparison of statistical
    significance tests for information retrieval evaluation", 2007). It assumes no distribution, so many equal values
    and few hits do no harm. Holm's method ("A simple sequentially rejective multiple test procedure", 1979) adjusts for
    the number of pairs.
    """
    pairs = list(combinations(range(blocks.totals.shape[1]), 2))
    if not pairs:
        return []
    first, second = np.array(pairs).T
    differences = Blocks(blocks.totals[:, first] - blocks.totals[:, second], blocks.sizes)
    means = differences.totals.sum(axis=0) / blocks.sizes.sum()
    random = np.random.default_rng(seed)
    figures = (means, *_interval(differences, random), holm(randomization_test(differences.totals, random, flips)))
    rows = zip(*(column.tolist() for column in figures), strict=True)
    return [Difference(pair, *row) for pair, row in zip(pairs, rows, strict=True)]


def randomization_test(differences: Values, random: np.random.Generator, flips: int = FLIPS) -> Values:
    """The probability of each column's sum, in either direction, if every sign were random: (n, m) to (m,).

    The observed signs count as one of the randomizations, so that it is never 0 (Phipson and Smyth, "Permutation
    p-values should never be zero", 2010).
    """
    bound = np.abs(differences.sum(axis=0)) - EPSILON * np.abs(differences).sum(axis=0)
    as_large = np.zeros(differences.shape[1], np.int64)
    for start in range(0, flips, FLIPS_AT_A_TIME):
        count = min(FLIPS_AT_A_TIME, flips - start)
        signs = random.integers(0, 2, (count, len(differences)), np.int8) * 2.0 - 1
        as_large += (np.abs(signs @ differences) >= bound).sum(axis=0)
    return np.asarray((as_large + 1) / (flips + 1))


def holm(probabilities: Sequence[float] | Values) -> Values:
    """Probabilities of several tests, adjusted so that the chance of any false finding stays below the level."""
    unadjusted = np.asarray(probabilities, np.float64)
    order = np.argsort(unadjusted, kind="stable")
    remaining = np.arange(len(order), 0, -1)
    adjusted = np.empty_like(unadjusted)
    adjusted[order] = np.minimum(np.maximum.accumulate(unadjusted[order] * remaining), 1)
    return adjusted


def _interval(blocks: Blocks, random: np.random.Generator) -> tuple[Values, Values]:
    means = [draws @ blocks.totals / (draws @ blocks.sizes)[:, None] for draws in _resamples(len(blocks.sizes), random)]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975], axis=0)
    return low, high


def _resamples(blocks: int, random: np.random.Generator, batch_size: int = 50) -> Iterator[Values]:
    """The number of times that each block is drawn in each resample, some resamples at a time (batch_size, blocks)."""
    start = np.arange(batch_size, dtype=np.int32)[:, None] * blocks
    for _ in range(RESAMPLES // batch_size):
        draws = random.integers(0, blocks, (batch_size, blocks), np.int32)
        draws += start
        yield np.bincount(draws.ravel(), minlength=batch_size * blocks).reshape(batch_size, blocks).astype(np.float64)
