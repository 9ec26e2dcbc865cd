"""The contract of the model of every recipe."""

import json
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from usher_local.recommenders.base import Interactions, Query, Recommender
from usher_local.recommenders.registry import RECIPES, train

pytestmark = pytest.mark.exhaustive


SEGMENTS = {"aws-item-affinity", "aws-item-attribute-affinity"}
SILENT = SEGMENTS | {"aws-next-best-action"}  # users are scored, or a new user gets no popular actions
SEGMENT_METRICS = {"coverage", "hits_at_1_percent", "recall_at_1_percent"}
METRICS = {
    "coverage",
    "mean_reciprocal_rank_at_25",
    *(f"normalized_discounted_cumulative_gain_at_{cut}" for cut in (5, 10, 25)),
    *(f"precision_at_{cut}" for cut in (5, 10, 25)),
}
# With few IDs and few times, ties, repeats and single users are frequent.
EVENTS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("uvwxyz"), st.integers(0, 3)), min_size=1)

DIFFICULT = {
    "one user": Interactions.of("a" * 9, "rstuvwxyz", range(9)),
    "one item": Interactions.of("abcdefghi", "x" * 9, range(9)),
    "one event": Interactions.of("a", "x", [0]),
    "identical users": Interactions.of([user for user in "abcdefgh" for _ in "xyz"], "xyz" * 8, range(24)),
    "all at once": Interactions.of("aabbccdd", "xyyzzxxy", [7] * 8),
    "backwards": Interactions.of("aabbccdd", "xyyzzxxy", range(8, 0, -1)),
    "never met": Interactions.of("aabb", "xyyx", range(4), known=["never", "nobody"]),
    "long names": Interactions.of(["é" * 256, "日本", "日本"], ["x" * 256, "😀", "ß"], range(3)),
    "the same again": Interactions.of("ab" * 50, "xx" * 50, range(100)),
    "before 1970": Interactions.of("aabb", "xyyx", [-(2**40), 0, 5, 2**40]),
}


def build(events: list[tuple[str, str, int]]) -> Interactions:
    users, items, timestamps = zip(*events, strict=True)
    return Interactions.of(users, items, timestamps)


def queries(interactions: Interactions) -> Iterator[Query]:
    """Every kind of question: strangers, each known user, each item, no item."""
    yield Query(np.empty(0, np.int32))
    for history in interactions.histories():
        yield Query(history)
    for item in range(len(interactions.item_ids)):
        yield Query(np.empty(0, np.int32), item)


def ask(model: Recommender, interactions: Interactions) -> NDArray[np.float32]:
    return np.stack([model.score(query) for query in queries(interactions)])


@pytest.mark.parametrize("recipe", {model: recipe for recipe, model in RECIPES.items()}.values())
class TestEveryRecipe:
    @given(events=EVENTS)
    @settings(max_examples=25, deadline=None)
    def test_every_question_gets_one_finite_score_per_item(
        self, recipe: str, events: list[tuple[str, str, int]]
    ) -> None:
        interactions = build(events)
        model = RECIPES[recipe].fit(interactions, {})
        for query in queries(interactions):
            scores = model.score(query)
            assert scores.dtype == np.float32
            assert scores.shape == (len(interactions.user_ids if recipe in SEGMENTS else interactions.item_ids),)
            assert np.isfinite(scores).all()

    @given(events=EVENTS)
    @settings(max_examples=25, deadline=None)
    def test_a_saved_model_answers_as_the_fitted_one(self, recipe: str, events: list[tuple[str, str, int]]) -> None:
        interactions = build(events)
        model = RECIPES[recipe].fit(interactions, {})
        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder))
            np.testing.assert_array_equal(
                ask(RECIPES[recipe].load(Path(folder)), interactions), ask(model, interactions)
            )

    @given(events=EVENTS)
    @settings(max_examples=25, deadline=None)
    def test_fitting_twice_gives_the_same_scores(self, recipe: str, events: list[tuple[str, str, int]]) -> None:
        interactions = build(events)
        first, second = (RECIPES[recipe].fit(interactions, {}, seed=7) for _ in range(2))
        np.testing.assert_array_equal(ask(first, interactions), ask(second, interactions))

    @given(events=EVENTS)
    @settings(max_examples=25, deadline=None)
    def test_training_reports_the_metrics_of_the_service(self, recipe: str, events: list[tuple[str, str, int]]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            metrics = train(recipe, build(events), {}, Path(folder) / "new" / "folder", seed=3)
        assert metrics.keys() == (SEGMENT_METRICS if recipe in SEGMENTS else METRICS)
        assert all(0 <= value <= 1 and math.isfinite(value) for value in metrics.values())
        assert json.dumps(metrics)

    def test_answers_may_be_changed_without_changing_the_model(self, recipe: str, tmp_path: Path) -> None:
        interactions = build([("a", "u", 0), ("a", "v", 1), ("b", "u", 2)])
        RECIPES[recipe].fit(interactions, {}).save(tmp_path)
        model = RECIPES[recipe].load(tmp_path)
        before = ask(model, interactions)
        for query in queries(interactions):
            model.score(query)[:] = -np.inf
        np.testing.assert_array_equal(ask(model, interactions), before)

    def test_nothing_is_pickled(self, recipe: str, tmp_path: Path) -> None:
        RECIPES[recipe].fit(build([("a", "u", 0), ("b", "v", 1)]), {}).save(tmp_path)
        for path in tmp_path.rglob("*"):
            assert path.is_dir() or path.suffix == ".npy"
            if path.is_file():
                np.load(path, allow_pickle=False)

    def test_unknown_hyperparameters_are_ignored(self, recipe: str) -> None:
        interactions = build([("a", "u", 0), ("a", "v", 1)])
        tuned = RECIPES[recipe].fit(interactions, {"hidden_dimension": "32", "nonsense": "x"})
        np.testing.assert_array_equal(
            ask(tuned, interactions), ask(RECIPES[recipe].fit(interactions, {}), interactions)
        )

    def test_strangers_are_offered_the_items_of_most_users(self, recipe: str) -> None:
        if recipe in SILENT:
            pytest.skip("no list for strangers")
        interactions = build([("a", "v", 0), ("b", "v", 0), *[("c", "u", time) for time in range(9)], ("c", "w", 9)])
        scores = RECIPES[recipe].fit(interactions, {}).score(Query(np.empty(0, np.int32)))
        assert interactions.item_ids[scores.argmax()] == "v"

    @pytest.mark.parametrize("data", DIFFICULT)
    def test_difficult_data_are_learnt_from(self, recipe: str, data: str, tmp_path: Path) -> None:
        interactions = DIFFICULT[data]
        metrics = train(recipe, interactions, {}, tmp_path)
        assert np.isfinite(list(metrics.values())).all()
        model = RECIPES[recipe].load(tmp_path)
        assert np.isfinite(ask(model, interactions)).all()
        everything = Query(np.arange(len(interactions.item_ids), dtype=np.int32), 0)
        assert np.isfinite(model.score(everything)).all()

    def test_one_user_may_have_a_hundred_thousand_events(self, recipe: str) -> None:
        events = 100_000
        items = np.random.default_rng(0).integers(0, 2000, events).astype(np.int32)
        ids = [str(index) for index in range(2000)]
        interactions = Interactions(
            np.zeros(events, np.int32), items, np.arange(events), ["u"], ids, np.ones(events, np.float32)
        )
        model = RECIPES[recipe].fit(interactions, {})
        assert np.isfinite(model.score(Query(items, 0))).all()
