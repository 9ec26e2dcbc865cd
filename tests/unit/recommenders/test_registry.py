import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from usher_local.personalize.core.recipes import RECIPES as SERVICE
from usher_local.recommenders.base import Interactions
from usher_local.recommenders.cooccurrence import Sims
from usher_local.recommenders.registry import RECIPES, train, trim

INTERACTIONS = Interactions.of("aabbccd", "xyxyxyy", range(7))


def test_training_saves_the_model_fitted_with_the_given_hyperparameters(tmp_path: Path) -> None:
    parameters = {"popularity_discount_factor": "1", "min_cointeraction_count": "0"}
    train("aws-sims", INTERACTIONS, parameters, tmp_path)
    expected = Sims.fit(INTERACTIONS, parameters)
    np.testing.assert_array_equal(Sims.load(tmp_path).likeness, expected.likeness)
    assert not np.array_equal(expected.likeness, Sims.fit(INTERACTIONS, {}).likeness)


def test_a_worker_process_trains_as_well(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        metrics = pool.submit(train, "aws-sims", INTERACTIONS, {}, tmp_path / "there").result()
    assert metrics == train("aws-sims", INTERACTIONS, {}, tmp_path / "here")
    assert {path.name for path in (tmp_path / "there").iterdir()} == {
        path.name for path in (tmp_path / "here").iterdir()
    }


def test_users_and_items_outside_the_percentiles_are_not_learnt_from() -> None:
    interactions = Interactions.of("aaaaabbc", "xyxyxxyx", range(8))
    most = trim(interactions, {"max_user_history_length_percentile": "0.5"})
    assert set(most.user.tolist()) == {1, 2}
    least = trim(interactions, {"min_item_interaction_count_percentile": "0.5"})
    assert set(least.item.tolist()) == {0}
    assert least.item_ids == interactions.item_ids
    assert len(trim(interactions, {}).user) == 8


def test_every_recipe_of_the_service_has_a_model() -> None:
    assert {recipe.name for recipe in SERVICE} == RECIPES.keys()
