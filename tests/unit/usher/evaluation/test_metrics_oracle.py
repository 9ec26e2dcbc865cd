"""Metrics agree with the library ir-measures if both have the same definition."""

from collections.abc import Mapping, Sequence
from typing import Any

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, RR, P, Qrel, R, ScoredDoc, nDCG
from usher.evaluation.metrics import CUTOFFS, DEPTH, METRICS, InteractionSet, compute_metrics

ITEMS = 40
Case = tuple[list[int], set[int]]
"""A list, and the items that its user met later."""
item = st.integers(0, ITEMS - 1)
lists = st.lists(item, unique=True, min_size=1, max_size=DEPTH)
cases = st.lists(st.tuples(lists, st.sets(item, min_size=1, max_size=30)), min_size=1, max_size=8)
SAME: Mapping[str, Any] = {
    "mean_reciprocal_rank": RR @ DEPTH,
    **{f"precision_at_{cutoff}": P @ cutoff for cutoff in CUTOFFS},
    **{f"recall_at_{cutoff}": R @ cutoff for cutoff in CUTOFFS},
}
"""Metrics with a single common definition."""


def ours(found: Sequence[Case], truth: Sequence[set[int]]) -> dict[str, list[float]]:
    """Each metric of each list, with a truth of its own."""
    matrix = np.array([[*ranked, *[-1] * (DEPTH - len(ranked))] for ranked, _ in found], np.int32)
    pairs = [(row, item) for row, items in enumerate(truth) for item in items]
    rows, items = np.array(pairs, np.int64).reshape(-1, 2).T
    values = compute_metrics(matrix, InteractionSet.of(rows, items, ITEMS), np.zeros(ITEMS))
    return dict(zip(METRICS, values.T.tolist(), strict=True))


def theirs(measure: Any, found: Sequence[Case], truth: Sequence[set[int]]) -> list[float]:
    """ir-measures' value of each list."""
    qrels = [Qrel(str(row), str(item), 1) for row, items in enumerate(truth) for item in items]
    run = [
        ScoredDoc(str(row), str(item), -float(place))
        for row, (ranked, _) in enumerate(found)
        for place, item in enumerate(ranked)
    ]
    values = {value.query_id: value.value for value in ir_measures.iter_calc([measure], qrels, run)}
    return [values[str(row)] for row in range(len(found))]


def items_met(found: Sequence[Case]) -> list[set[int]]:
    return [truth for _, truth in found]


def items_hit(found: Sequence[Case], depth: int) -> list[set[int]]:
    """The hits down to a place; a missing item becomes one that is in no list."""
    return [set(ranked[:depth]) & truth or {-1} for ranked, truth in found]


@pytest.mark.parametrize("name", SAME)
@settings(deadline=None, max_examples=50)
@given(cases)
def test_precision_recall_and_reciprocal_rank_agree(name: str, found: list[Case]) -> None:
    truth = items_met(found)
    assert ours(found, truth)[name] == pytest.approx(theirs(SAME[name], found, truth))


@pytest.mark.parametrize("cutoff", CUTOFFS)
@settings(deadline=None, max_examples=50)
@given(cases)
def test_ndcg_agrees_where_the_ideal_list_has_the_hits_of_the_list(cutoff: int, found: list[Case]) -> None:
    """Personalize divides by the gain of the same hits in the best order, ir-measures by that of all relevant items."""
    name = f"normalized_discounted_cumulative_gain_at_{cutoff}"
    expected = theirs(nDCG @ cutoff, found, items_hit(found, cutoff))
    assert ours(found, items_met(found))[name] == pytest.approx(expected)


@settings(deadline=None, max_examples=50)
@given(cases)
def test_average_precision_agrees_where_it_is_divided_by_the_hits_of_the_list(found: list[Case]) -> None:
    """The samples divide by the hits of the list, ir-measures by all relevant items."""
    expected = theirs(AP @ DEPTH, found, items_hit(found, DEPTH))
    assert ours(found, items_met(found))["average_precision"] == pytest.approx(expected)
