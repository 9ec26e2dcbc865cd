"""Every metric equals a slow definition, written from its source."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.evaluation.metrics import (
    DEPTH,
    METRICS,
    InteractionSet,
    compute_metrics,
    coverage,
    summarize,
)  # fmt: skip
from usher.evaluation.resampling import Values

from usher_local.recommenders import metrics as service

ITEMS = 40
Case = tuple[list[int], set[int]]
"""A list, and the items that its user met later."""
lists = st.lists(st.integers(0, ITEMS - 1), unique=True, max_size=DEPTH)
cases = st.lists(st.tuples(lists, st.sets(st.integers(0, ITEMS - 1), min_size=1, max_size=9)), min_size=1, max_size=6)
SHARES = [(item + 1) / ITEMS for item in range(ITEMS)]


def matrix(rows: Sequence[Sequence[int]]) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    return np.array([[*row, *[-1] * (DEPTH - len(row))] for row in rows], np.int32)


def measured(found: Sequence[Case], **options: int) -> Values:
    pairs = [(row, item) for row, (_, truth) in enumerate(found) for item in truth]
    rows, items = np.array(pairs).T
    lists, truth = matrix([ranked for ranked, _ in found]), InteractionSet.of(rows, items, ITEMS)
    return compute_metrics(lists, truth, -np.log2(SHARES), **options)


def hits(case: Case) -> list[int]:
    """1 for a hit, 0 for a miss, at all places, as the notebook's `relevance`."""
    ranked, truth = case
    return [int(item in truth) for item in ranked] + [0] * (DEPTH - len(ranked))


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def first(case: Case) -> float:
    return next((1 / place for place, hit in enumerate(hits(case), 1) if hit), 0.0)


def over_hits(case: Case) -> float:
    return mean([1 / place for place, hit in enumerate(hits(case), 1) if hit])


def precision(case: Case, cut: int) -> float:
    return sum(hits(case)[:cut]) / cut


def average_precision(case: Case) -> float:
    return mean([precision(case, place) for place, hit in enumerate(hits(case), 1) if hit])


def recall(case: Case, cut: int) -> float:
    return len(set(case[0][:cut]) & case[1]) / len(case[1])


def ndcg(case: Case, cut: int) -> float:
    """The service guide's NDCG: weight 1/log(1 + position), divided by that of the same top K in the best order."""

    def gain(relevance: list[int]) -> float:
        return sum(hit / math.log(1 + place) for place, hit in enumerate(relevance, 1))

    top = hits(case)[:cut]
    return gain(top) / gain(sorted(top, reverse=True)) if any(top) else 0.0


def legacy_ndcg(case: Case, cut: int) -> float:
    """The notebook module's NDCG: the first two places weigh the same, and the whole list is put into the best
    order."""

    def gain(relevance: list[int]) -> float:
        return relevance[0] + sum(hit / math.log2(place) for place, hit in enumerate(relevance[:cut], 1) if place > 1)

    best = gain(sorted(hits(case), reverse=True))
    return gain(hits(case)) / best if best else 0.0


def novelty(case: Case) -> float:
    return mean([-math.log2(SHARES[item]) for item in case[0]])


SLOW: dict[str, Callable[[Case], float]] = {
    "mean_reciprocal_rank": first,
    "mean_reciprocal_rank_over_hits": over_hits,
    **{f"precision_at_{cut}": partial(precision, cut=cut) for cut in (5, 10, 25)},
    **{f"normalized_discounted_cumulative_gain_at_{cut}": partial(ndcg, cut=cut) for cut in (5, 10, 25)},
    **{f"legacy_ndcg_at_{cut}": partial(legacy_ndcg, cut=cut) for cut in (5, 10, 25)},
    "average_precision": average_precision,
    **{f"recall_at_{cut}": partial(recall, cut=cut) for cut in (5, 10, 25)},
    "novelty": novelty,
}


def test_every_metric_has_a_slow_definition() -> None:
    assert list(SLOW) == list(METRICS)


@pytest.mark.parametrize("name", METRICS)
@settings(deadline=None)
@given(cases)
def test_a_metric_is_that_of_its_slow_definition(name: str, found: list[Case]) -> None:
    column = list(METRICS).index(name)
    assert measured(found)[:, column] == pytest.approx([SLOW[name](case) for case in found])


@settings(deadline=None)
@given(cases)
def test_metrics_lie_between_0_and_1_except_novelty(found: list[Case]) -> None:
    values = measured(found)
    assert (values >= 0).all()
    assert (values[:, :-1] <= 1 + 1e-12).all()


def named(case: Case) -> dict[str, float]:
    return dict(zip(METRICS, measured([case])[0].tolist(), strict=True))


def test_the_notebook_s_own_examples_hold() -> None:
    found = named(([0, 1, 2, 3], {1, 3}))  # r = [0, 1, 0, 1]
    assert found["mean_reciprocal_rank_over_hits"] == 0.375
    assert found["mean_reciprocal_rank"] == 0.5
    assert found["average_precision"] == 0.5
    assert found["normalized_discounted_cumulative_gain_at_5"] == pytest.approx(0.65, abs=0.001)


def test_the_service_guide_s_own_examples_hold() -> None:
    found = named(([0, 1, 2, 3, 4], {1, 4}))  # hits on the places 2 and 5
    assert found["normalized_discounted_cumulative_gain_at_5"] == pytest.approx(0.6241, abs=0.0001)
    assert found["precision_at_5"] == 0.4


@settings(deadline=None)
@given(cases)
def test_metrics_under_the_service_s_names_are_those_of_the_local_service(found: list[Case]) -> None:
    ours = dict(zip(METRICS, measured(found).mean(axis=0).tolist(), strict=True))
    ours["mean_reciprocal_rank_at_25"] = ours["mean_reciprocal_rank"]
    ranked = [np.array(row, np.intp) for row, _ in found]
    truths = [np.array(sorted(truth), np.int32) for _, truth in found]
    theirs = service.measure(ranked, truths, ITEMS)
    ours["coverage"] = coverage(matrix([row for row, _ in found]), np.ones(ITEMS, np.bool_))
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs)


def test_a_list_without_hits_and_no_list_score_nothing() -> None:
    for ranked in ([1, 2, 3], []):
        found = named((ranked, {7}))
        assert not any(value for name, value in found.items() if name != "novelty")
    assert named(([], {7}))["novelty"] == 0


@settings(deadline=None)
@given(cases, st.integers(1, 4))
def test_lists_are_judged_the_same_in_pieces_of_any_size(found: list[Case], rows: int) -> None:
    assert measured(found, batch_size=rows) == pytest.approx(measured(found))


pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, ITEMS - 1)), max_size=30)


@given(pairs, st.sets(st.integers(0, ITEMS - 1)))
def test_pairs_are_a_set(found: list[tuple[int, int]], items: set[int]) -> None:
    rows, codes = (np.array([pair[part] for pair in found], np.int32) for part in (0, 1))
    made = InteractionSet.of(rows, codes, ITEMS)
    everything = np.tile(np.arange(-1, ITEMS, dtype=np.int32), (6, 1))
    for kept, chosen in ((made, set(range(ITEMS))), (made.of_items(np.isin(np.arange(ITEMS), list(items))), items)):
        expected = {(row, item) for row, item in found if item in chosen}
        assert {(int(row), int(place) - 1) for row, place in np.argwhere(kept.contains(everything))} == expected
        assert kept.counts(6).tolist() == [sum(row == wanted for row, _ in expected) for wanted in range(6)]


def test_coverage_is_the_share_of_the_items_in_question() -> None:
    items = np.array([True, True, True, True, False])
    assert coverage(np.array([[0, 4, -1], [0, 1, -1]], np.int32), items) == 0.5
    assert coverage(np.array([[-1]], np.int32), items) == 0
    assert coverage(np.array([[0]], np.int32), np.zeros(5, np.bool_)) == 0


def test_a_summary_names_value_and_interval() -> None:
    found = summarize(measured([([0, 1], {1}), ([0, 1], {0})]))
    assert list(found) == list(METRICS)
    assert found["mean_reciprocal_rank"] == {"value": 0.75, "low": 0.5, "high": 1}
