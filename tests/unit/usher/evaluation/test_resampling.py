"""Intervals equal the plain bootstrap's, tests scipy's, and adjustments those of Holm's procedure."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from usher.evaluation.resampling import (
    Blocks,
    Difference,
    Values,
    blocks_of,
    bootstrap_interval,
    compare,
    holm,
    randomization_test,
)

RARE = 0.05
FLIPS = 10_000


@pytest.mark.parametrize("users", [60, 400])
def test_the_interval_is_that_of_the_plain_bootstrap(users: int) -> None:
    chance = np.random.default_rng(1)
    values = chance.exponential(size=(users, 2))
    found = np.mean([bootstrap_interval(values, seed) for seed in range(10)], axis=0)
    plain = [values[chance.integers(0, users, users)].mean(axis=0) for _ in range(5_000)]
    expected = np.quantile(plain, [0.025, 0.975], axis=0)
    assert found == pytest.approx(expected, abs=0.1 * values.std() / math.sqrt(users))


def test_the_interval_of_many_users_is_about_two_standard_errors() -> None:
    values = np.random.default_rng(2).exponential(size=(5 * 500 + 7, 1))
    low, high = bootstrap_interval(values, max_blocks=500)
    assert (high - low)[0] == pytest.approx(2 * 1.96 * values.std() / math.sqrt(len(values)), rel=0.08)
    assert low < values.mean() < high


def test_an_interval_of_equal_values_or_one_user_has_no_width() -> None:
    for values in (np.full((9, 2), 0.5), np.full((1, 2), 0.25)):
        assert [side.tolist() for side in bootstrap_interval(values)] == [values[0].tolist()] * 2


def blocks(columns: Values) -> Blocks:
    return blocks_of(columns, np.random.default_rng(0))


def randomized(differences: Values) -> float:
    (p,) = randomization_test(differences[:, None], np.random.default_rng(0), FLIPS)
    return float(p)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("hits", [0.1, 1])
def test_the_test_is_scipys_permutation_test_of_pairs(seed: int, hits: float) -> None:
    """scipy tries all signs of 12 users, including the observed ones."""
    chance = np.random.default_rng(seed)
    differences = chance.normal(0.3, 1, 12) * (chance.random(12) < hits)
    exact = stats.permutation_test(
        (differences,), lambda sample, axis: sample.sum(axis=axis), permutation_type="samples", n_resamples=2**12
    ).pvalue
    assert randomized(differences) == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / FLIPS) + 1 / FLIPS)


@pytest.mark.parametrize("shift", [0, 0.05, 0.1, 0.2])
def test_the_test_of_many_users_is_about_students(shift: float) -> None:
    differences = np.random.default_rng(5).normal(shift, 1, 900)
    assert randomized(differences) == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.02)


@pytest.mark.slow
def test_equally_good_columns_differ_by_chance_as_often_as_the_level_says() -> None:
    chance = np.random.default_rng(6)
    differences = chance.exponential(size=(200, 400)) - chance.exponential(size=(200, 400))
    found = randomization_test(differences, chance, flips=1000)
    assert (found < RARE).mean() == pytest.approx(RARE, abs=0.035)


def test_no_difference_is_no_finding_and_a_clear_one_is_found() -> None:
    assert randomized(np.zeros(50)) == 1
    assert randomized(np.ones(50)) == 1 / (FLIPS + 1)
    assert randomized(np.ones(1)) == 1, "one user proves nothing"
    assert randomized(np.array([1.0, -1, 0.5, -0.5])) == 1


@given(st.lists(st.floats(0, 1), max_size=12))
def test_adjusted_probabilities_reject_the_same_as_holms_steps(probabilities: list[float]) -> None:
    adjusted = holm(probabilities)
    for level in (0.001, 0.01, 0.05, 0.3):
        assert {place for place, p in enumerate(adjusted) if p < level} == rejected(probabilities, level)
    assert (adjusted >= probabilities).all()
    assert (adjusted <= 1).all()


def rejected(probabilities: Sequence[float], level: float) -> set[int]:
    """Holm's procedure: from the smallest on, each is compared with the level divided by the number of remaining
    tests."""
    order = sorted(range(len(probabilities)), key=lambda place: probabilities[place])
    found = set()
    for step, place in enumerate(order):
        if probabilities[place] * (len(order) - step) >= level:
            break
        found.add(place)
    return found


def test_a_worked_example_of_holms_method() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_all_pairs_of_columns_are_compared_on_the_same_users() -> None:
    chance = np.random.default_rng(7)
    easy = chance.random(300)  # users differ far more than columns
    columns = np.stack([easy + 0.02 + chance.normal(0, 0.02, 300), easy, easy + chance.normal(0, 0.02, 300)], axis=1)
    first, second, third = compare(blocks(columns), flips=FLIPS)
    assert [one.pair for one in (first, second, third)] == [*combinations(range(3), 2)]
    assert first.mean == pytest.approx((columns[:, 0] - columns[:, 1]).mean())
    apart = bootstrap_interval(columns)
    assert apart[0][0] < apart[1][1], "the intervals of the two overlap,"
    assert first.low > 0, "but not that of their difference"
    assert first.p == pytest.approx(3 / (FLIPS + 1))
    assert third.p > RARE
    assert third.low < 0 < third.high


def test_blocks_stand_for_many_users() -> None:
    columns = np.random.default_rng(8).normal([0.07, 0], 1, (users := 2005, 2))
    (found,) = compare(blocks_of(columns, np.random.default_rng(0), max_blocks=1000), flips=FLIPS)
    differences = columns[:, 0] - columns[:, 1]
    assert found.mean == pytest.approx(differences.mean())
    assert found.p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.03)
    assert found.high - found.low == pytest.approx(2 * 1.96 * differences.std() / math.sqrt(users), rel=0.1)


@pytest.mark.parametrize("count", [0, 1])
def test_one_column_is_compared_with_none(count: int) -> None:
    assert compare(Blocks(np.zeros((5, count)), np.ones(5, np.int64))) == list[Difference]()
