"""The hold-out is that of the published baselines: the split, the forms of a list, the metrics."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.evaluation.metrics import LEGACY_DISCOUNT

from benchmarks.recommenders.holdout import FORMS, NAMES, Holdout, interval, judge, shapes, table
from usher_cli.ratings import Ratings
from usher_local.recommenders.metrics import measure

events = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.integers(0, 9)), min_size=1, max_size=40)


@settings(deadline=None)
@given(events)
def test_the_split_is_that_of_pandas_ranks(rows: list[tuple[str, int, int]]) -> None:
    users, items, timestamps = zip(*[(user, str(item), timestamp) for user, item, timestamp in rows], strict=True)
    frame = pd.DataFrame({"user": users, "item": items, "timestamp": timestamps})
    held = frame.groupby("user").timestamp.rank(pct=True, method="first") > 0.9
    found = Holdout.of(Ratings("x", users, items, timestamps))
    learnt = found.learnt
    for number, user in enumerate(learnt.user_ids):
        mine = frame[frame.user == user]
        for part, kept in ((found.histories, ~held), (found.truths, held)):
            expected = mine[kept[mine.index]].sort_values("timestamp", kind="stable").item.tolist()
            assert [learnt.item_ids[item] for item in part[number]] == expected
    assert len(learnt.user) == (~held).sum()


def test_the_three_forms_of_a_list() -> None:
    history, answer, deep = np.array([1, 2, 9]), np.arange(25), np.arange(40)
    formed = shapes(history, answer, deep)
    assert formed["raw"].tolist() == list(range(25))
    assert formed["d25"].tolist() == [0, *range(3, 9), *range(10, 25), 1, 2, 9]
    assert formed["dedup"].tolist() == [0, *range(3, 9), *range(10, 28)]


def test_a_list_may_be_short() -> None:
    formed = shapes(np.array([1, 2]), np.array([1, 3]), np.array([1, 2, 3]))
    assert [formed[form].tolist() for form in FORMS] == [[1, 3], [3, 1], [3]]


def notebook_ndcg(relevance: list[int], cut: int) -> float:
    """The published definition: gain over the gain of the same relevances, sorted."""

    def gain(values: list[int]) -> float:
        return sum(value / math.log2(max(place, 2)) for place, value in enumerate(values[:cut], 1))

    best = gain(sorted(relevance, reverse=True))
    return gain(relevance) / best if best else 0.0


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=25, max_size=25))
def test_metrics_are_the_notebook_s(hits: list[bool]) -> None:
    ranked, truth = np.arange(25), np.flatnonzero(hits).astype(np.int32)
    found = dict(zip(NAMES, judge([ranked], [truth])[0], strict=True))
    relevance = [int(hit) for hit in hits]
    for cut in (5, 10, 25):
        assert found[f"NDCG@{cut}"] == pytest.approx(notebook_ndcg(relevance, cut))
    ours = measure([ranked], [truth], 25, LEGACY_DISCOUNT)
    assert found["MRR"] == pytest.approx(ours["mean_reciprocal_rank_at_25"])
    assert found["P@10"] == pytest.approx(ours["precision_at_10"])
    assert found["NDCG@25"] == pytest.approx(ours["normalized_discounted_cumulative_gain_at_25"])


def test_the_interval_is_about_two_standard_errors() -> None:
    values = np.random.default_rng(1).random((400, 1))
    assert interval(values)[0] == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    assert interval(np.ones((9, 2))).tolist() == [0, 0]


def test_a_table_has_a_row_per_form() -> None:
    ratings = Ratings("x", ["u"] * 20, [f"i{n:02}" for n in range(20)], list(range(20)))
    holdout = Holdout.of(ratings)
    lists = {0: np.arange(20)}
    raw, d25, dedup = table("all", holdout, lists, lists)
    assert (raw["model"], raw["form"], raw["users"]) == ("all", "raw", 1)
    assert (raw["MRR"], d25["MRR"], dedup["MRR"]) == (round(1 / 19, 4), 1, 1)
    assert [row["short"] for row in (raw, d25, dedup)] == [1, 1, 1]


def test_popular_items_have_most_events() -> None:
    users = [user for user in "abcdefghij" for _ in range(2)]
    ratings = Ratings("x", users, ["often", "often", "once", "rare"] * 5, list(range(20)))
    holdout = Holdout.of(ratings)
    assert holdout.learnt.item_ids[holdout.popular()[0]] == "often"
