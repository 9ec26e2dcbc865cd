"""Difficult data: every recipe answers sensibly, or its training fails in the service's own words."""

from collections.abc import Iterator
from operator import attrgetter

import pandas as pd
import pytest
from moto.core import DEFAULT_ACCOUNT_ID

from tests.cases import check_each
from tests.unit.personalize.conftest import service
from tests.unit.personalize.modelling.test_hyperparameters import answer
from tests.unit.personalize.world import World
from usher_local.personalize.core import environment
from usher_local.personalize.core.recipes import BY_ARN, SEGMENTS, Recipe
from usher_local.personalize.data.datasets import GroupData
from usher_local.personalize.modelling import item_lists
from usher_local.personalize.modelling.queries import Request
from usher_local.personalize.models import personalize_backends
from usher_local.simulation.stack import Inline

pytestmark = pytest.mark.exhaustive


RECIPES = [recipe for recipe in BY_ARN.values() if not recipe.domain and recipe.name != "aws-next-best-action"]
LONG = "\N{GRINNING FACE}" * 256


def events(users: list[str], items: list[str], times: list[int] | int) -> pd.DataFrame:
    return pd.DataFrame({"USER_ID": users, "ITEM_ID": items, "TIMESTAMP": times, "EVENT_TYPE": "watch"})


def crowd(each: int = 40) -> list[str]:
    return [f"u{number}" for number in range(30) for _ in range(each)]


def some(count: int, of: int = 20) -> list[str]:
    return [f"i{number % of}" for number in range(count)]


def spread(count: int) -> list[int]:
    return list(range(0, 7 * count, 7))[::-1]


ODD = {
    "one item": events(crowd(), ["only"] * 1200, spread(1200)),
    "all at one time": events(crowd(), some(1200), 7),
    "all users alike": events(crowd(), some(1200, 40), [n % 40 for n in range(1200)]),
    "every item once": events(crowd(), [f"i{number}" for number in range(1200)], spread(1200)),
    "one user with nearly everything": events(
        ["busy"] * 20_000 + crowd(2), some(20_000, 200) + some(60), spread(20_060)
    ),
    "long and foreign names": events(
        [f"{LONG[:-2]}{number:02}" for number in range(30) for _ in range(40)],
        [f"{LONG[:-2]}{number % 20:02}" for number in range(1200)],
        spread(1200),
    ),
    "times out of order": events(crowd(), some(1200), list(range(1200, 0, -1))),
}
FEW = {
    "one user": (events(["u"] * 1200, some(1200), 1), "fewer than 25 users with at least 2 interactions each"),
    "an event for each user": (
        events([f"u{number}" for number in range(1200)], some(1200), 1),
        "fewer than 25 users with at least 2 interactions each",
    ),
    "too few events": (events(crowd(2), some(60), 1), "Dataset has fewer than 1000 interactions"),
    "nothing": (events([], [], 1), "Dataset has fewer than 1000 interactions"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world whose versions are trained when their creation is answered."""
    with service(tmp_path_factory.mktemp("models"), Inline()):
        environment.current.__dict__.update(trainings=Inline())
        yield World()


def group_with(world: World, found: pd.DataFrame) -> tuple[str, GroupData]:
    """A dataset group with these events, and items of which three have no events."""
    for made in world.personalize.list_dataset_groups()["datasetGroups"]:  # there may be five
        datasets = world.personalize.list_datasets(datasetGroupArn=made["datasetGroupArn"])["datasets"]
        for dataset in datasets:
            world.personalize.delete_dataset(datasetArn=dataset["datasetArn"])
        world.personalize.delete_dataset_group(datasetGroupArn=made["datasetGroupArn"])
    group = world.group()
    world.dataset(group, "ITEMS")
    backend = personalize_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    data = backend.data(backend.get("DatasetGroup", group))
    data.load("INTERACTIONS", found, append=False)
    ids = [*dict.fromkeys(found["ITEM_ID"]), "never", "nor this", LONG]
    values = {"GENRES": [f"G{len(name) % 3}|Z" for name in ids], "YEAR": 1999, "DESCRIPTION": "a film about a film"}
    data.load("ITEMS", pd.DataFrame({"ITEM_ID": ids, **values}), append=False)
    return group, data


@pytest.mark.parametrize("what", ODD)
def test_odd_data_give_whole_lists_by_every_recipe(world: World, what: str) -> None:
    group, data = group_with(world, ODD[what])
    user, item = ODD[what]["USER_ID"].iloc[0], ODD[what]["ITEM_ID"].iloc[0]
    backend = personalize_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]

    def check(recipe: Recipe) -> None:
        solution = world.solution(group, recipe.name.removeprefix("aws-"))
        version = world.version(solution)
        assert version["status"] == "ACTIVE", version
        model = backend.models.of(backend, backend.get("SolutionVersion", version["solutionVersionArn"]))
        known = model.users if recipe.type == SEGMENTS else {*model.items, *data.items.table.index}
        found = [entry.id for entry in answer(model, data, user, item)]
        assert found or len(model.items) == 1
        assert len(set(found)) == len(found)
        assert set(found) <= set(known) | {f"i{number}" for number in range(40)}
        if recipe.name in (
            "aws-user-personalization",
            "aws-popularity-count",
        ):  # a limit beyond the catalogue: all items
            every = model.answer(item_lists.recommend(model, data, Request("stranger", item, 5000)))
            assert {entry.id for entry in every} >= set(model.items)
        world.personalize.delete_solution(solutionArn=solution)

    check_each(check, RECIPES, attrgetter("name"))


@pytest.mark.parametrize("what", FEW)
def test_too_little_fails_in_the_service_s_words_by_every_recipe(world: World, what: str) -> None:
    found, reason = FEW[what]
    group, _ = group_with(world, found)

    def check(recipe: Recipe) -> None:
        solution = world.solution(group, recipe.name.removeprefix("aws-"))
        version = world.version(solution)
        if recipe.name == "aws-semantic-similarity":  # trained on texts
            assert version["status"] == "ACTIVE"
        else:
            assert reason in version["failureReason"]
        world.personalize.delete_solution(solutionArn=solution)

    check_each(check, RECIPES, attrgetter("name"))
