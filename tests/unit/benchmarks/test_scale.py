import numpy as np
import pytest

from benchmarks.recommenders.scale import MODELS, Size, generate, measure
from usher_local.recommenders.registry import RECIPES

SIZE = Size(events=2000, users=50, items=100, seconds=60, megabytes=1024)


def test_the_data_are_of_the_requested_size_and_always_the_same() -> None:
    one, other = (generate(SIZE.share(0.5), "aws-sims") for _ in range(2))
    assert (len(one.user), len(one.user_ids), len(one.item_ids)) == (1000, 25, 50)
    np.testing.assert_array_equal(one.item, other.item)
    np.testing.assert_array_equal(one.timestamp, other.timestamp)


def test_a_few_items_and_users_have_much_of_the_data() -> None:
    data = generate(SIZE, "aws-sims")
    for column in (data.user, data.item):
        counts = np.sort(np.bincount(column))[::-1]
        assert counts[: len(counts) // 10].sum() > 0.2 * counts.sum()
    assert (np.diff(data.timestamp)[np.diff(data.user) == 0] > 0).all()


def test_every_model_is_measured_by_a_recipe_of_its_own() -> None:
    assert {RECIPES[recipe].__name__ for recipe in MODELS.values()} == {model.__name__ for model in RECIPES.values()}


@pytest.mark.parametrize("model", ["Sims", "NextBestAction", "ItemAttributeAffinity", "Semantic"])
def test_a_model_is_measured(model: str) -> None:
    row = measure(MODELS[model], SIZE)
    assert row["training s"] > 0
    assert row["p50 ms"] <= row["p99 ms"]
