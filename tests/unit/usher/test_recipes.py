"""The table of recipes equals the service's recipes and its API's values."""

import pytest
from usher.recipes import ACTIONS, BY_ITEM, BY_USER, RECIPES, TYPES, Recipe, is_without_batch, recipe_of
from usher.routes import ROUTES

from usher_local.personalize.core.recipes import RECIPES as SERVICE
from usher_local.personalize.core.recipes import Recipe as ServiceRecipe


def test_every_recipe_of_the_service_has_a_row_of_its_type() -> None:
    assert {name: recipe.type for name, recipe in RECIPES.items()} == {one.name: one.type for one in SERVICE}
    assert set(TYPES) == {one.type for one in SERVICE}


@pytest.mark.parametrize("service", SERVICE, ids=lambda recipe: recipe.name)
def test_a_row_names_a_recipes_batch_jobs_and_their_answers(service: ServiceRecipe) -> None:
    batch = RECIPES[service.name].batch
    assert is_without_batch(service.name) == (batch is None)
    if service.type == "USER_SEGMENTATION":
        assert batch
        assert batch.job == "batch_segment_job"
        assert batch.max_lines
    else:
        assert (batch is not None) == service.batch
        assert batch is None or batch.job == "batch_inference_job"
        assert batch is None or batch.scored >= service.scored


def test_a_recipe_without_a_row_is_treated_as_its_type() -> None:
    assert recipe_of("aws-new", "POPULAR_ITEMS").batch is BY_USER
    assert recipe_of("aws-new", "RELATED_ITEMS").batch is BY_ITEM
    assert recipe_of("aws-new", "PERSONALIZED_ACTIONS").batch is None
    assert recipe_of("aws-new", "NEW_TYPE") == Recipe("NEW_TYPE")
    assert not is_without_batch("aws-new")
    assert [recipe_of(name).is_v2 for name in ("aws-new", "aws-new-v2")] == [False, True]


def test_recipes_whose_names_end_in_v2_are_billed_as_v2_and_take_more_data() -> None:
    for name, recipe in RECIPES.items():
        assert recipe.is_v2 == name.endswith("-v2")
        assert (recipe.limits["interactions"] == 3_000_000_000) == recipe.is_v2
    assert recipe_of("aws-semantic-similarity").limits["items"] == 10_000_000


def test_solutions_of_every_route_but_actions_can_be_evaluated() -> None:
    reads = {name for name, route in ROUTES.items() if route.operation.startswith("get_")}
    assert {route for recipe in RECIPES.values() for route in recipe.routes} == reads - {"many-users"}
    assert all(bool(recipe.evaluation_input) == bool(recipe.routes) for recipe in RECIPES.values() if recipe != ACTIONS)


def test_trending_items_are_not_the_popular_ones() -> None:
    by_route = {
        route: {name for name, recipe in RECIPES.items() if route in recipe.routes} for route in ("popular", "trending")
    }
    assert by_route["trending"] == {"aws-trending-now", "aws-vod-trending-now"}
    assert all(RECIPES[name].type == "POPULAR_ITEMS" for names in by_route.values() for name in names)
    assert not by_route["popular"] & by_route["trending"]
