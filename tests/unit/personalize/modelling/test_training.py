"""The training data of a solution version, and its refusals."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.personalize.world import RECIPE, World, interactions
from usher_local.personalize.core.algorithms import PARAMETERS
from usher_local.personalize.core.recipes import RECIPES
from usher_local.personalize.modelling import hpo
from usher_local.recommenders.registry import INERT


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"eventType": "buy"}, "Dataset has fewer than 1000 interactions after filtering by event type: buy"),
        ({"eventType": "watch", "solutionConfig": {"eventValueThreshold": "5"}}, "fewer than 1000 interactions after"),
    ],
)
def test_too_few_events_after_filtering_fail_the_version(world: World, more: Any, reason: str) -> None:
    version = world.version(world.solution(world.loaded(), "popularity-count", **more))
    assert version["status"] == "CREATE FAILED"
    assert reason in version["failureReason"]


def test_an_event_type_in_other_case_is_the_same(world: World) -> None:
    solution = world.solution(world.loaded(), "popularity-count", eventType="WATCH")
    assert world.version(solution)["status"] == "ACTIVE"


def test_too_few_users_fail_the_version(world: World) -> None:
    group = world.loaded(interactions(users=24, each=60))
    version = world.version(world.solution(group))
    assert version["failureReason"] == "Dataset has fewer than 25 users with at least 2 interactions each."


def test_without_data_a_version_fails(world: World) -> None:
    version = world.version(world.solution(world.group()))
    assert version["failureReason"] == "Dataset has fewer than 1000 interactions"


def test_a_failed_version_can_not_be_served(world: World) -> None:
    version = world.version(world.solution(world.group()))
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="its status is CREATE FAILED"):
        world.campaign(version["solutionVersionArn"])


def test_a_bad_hyperparameter_fails_the_version(world: World) -> None:
    config = {"algorithmHyperParameters": {"popularity_discount_factor": "much"}}
    version = world.version(world.solution(world.loaded(), "sims", solutionConfig=config))
    assert version["status"] == "CREATE FAILED"


def test_a_recipe_of_a_domain_makes_no_solution(world: World) -> None:
    group = world.group()
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="for recommenders"):
        world.solution(group, "vod-top-picks")


def test_automl_takes_the_recipe_with_the_best_metric(world: World) -> None:
    recipes = [f"{RECIPE}popularity-count", f"{RECIPE}hrnn"]
    config = {"autoMLConfig": {"metricName": "precision_at_5", "recipeList": recipes}}
    group = world.loaded()
    made = world.personalize.create_solution(
        name="auto", datasetGroupArn=group, performAutoML=True, solutionConfig=config
    )
    version = world.version(made["solutionArn"])
    alone = {
        f"{RECIPE}{name}": world.personalize.get_solution_metrics(
            solutionVersionArn=world.version(world.solution(group, name))["solutionVersionArn"]
        )["metrics"]["precision_at_5"]
        for name in ("popularity-count", "hrnn")
    }
    best = max(recipes, key=alone.__getitem__)
    assert world.describe("solution", made["solutionArn"])["autoMLResult"] == {"bestRecipeArn": best}
    assert version["recipeArn"] == best
    found = world.runtime.get_recommendations(campaignArn=world.campaign(version["solutionVersionArn"]), userId="u1")
    assert len(found["itemList"]) == 25


def test_automl_by_an_unknown_metric_fails(world: World) -> None:
    made = world.personalize.create_solution(
        name="auto",
        datasetGroupArn=world.loaded(),
        performAutoML=True,
        solutionConfig={"autoMLConfig": {"metricName": "luck"}},
    )
    assert world.version(made["solutionArn"])["failureReason"] == "The metric luck of the objective does not exist."


def test_a_search_stays_within_its_ranges_and_jobs_and_takes_the_best(world: World) -> None:
    ranges = {
        "continuousHyperParameterRanges": [{"name": "popularity_discount_factor", "minValue": 0.2, "maxValue": 0.4}],
        "integerHyperParameterRanges": [{"name": "min_cointeraction_count", "minValue": 1, "maxValue": 2}],
    }
    resources = {"maxNumberOfTrainingJobs": "3", "maxParallelTrainingJobs": "1"}
    config = {"hpoConfig": {"hpoResourceConfig": resources, "algorithmHyperParameterRanges": ranges}}
    group = world.loaded()
    version = world.version(world.solution(group, "sims", performHPO=True, solutionConfig=config))
    tuned = version["tunedHPOParams"]["algorithmHyperParameters"]
    assert 0.2 <= float(tuned["training.popularity_discount_factor"]) <= 0.4
    assert tuned["training.min_cointeraction_count"] in ("1", "2")
    alone = world.version(world.solution(group))
    assert version["trainingHours"] == pytest.approx(3 * alone["trainingHours"], abs=0.01)


def searched(world: World, group: str, jobs: int, **objective: str) -> dict[str, Any]:
    config = {"hpoResourceConfig": {"maxNumberOfTrainingJobs": str(jobs)}, "hpoObjective": objective}
    return world.version(world.solution(group, "sims", performHPO=True, solutionConfig={"hpoConfig": config}))


def metrics_of(world: World, version: dict[str, Any]) -> dict[str, float]:
    arn = version["solutionVersionArn"]
    found: dict[str, float] = world.personalize.get_solution_metrics(solutionVersionArn=arn)["metrics"]
    return found


def test_a_search_finds_better_than_the_default_and_obeys_its_objective(world: World) -> None:
    group, metric = world.loaded(), hpo.OBJECTIVE
    default = metrics_of(world, world.version(world.solution(group, "sims")))
    best, again = (searched(world, group, 6) for _ in range(2))
    worst = searched(world, group, 6, type="minimize", metricName=metric)
    assert metrics_of(world, worst)[metric] < default[metric] < metrics_of(world, best)[metric]
    assert best["tunedHPOParams"] == again["tunedHPOParams"]
    narrow = searched(world, group, 6, type="Minimize", metricName="coverage")
    assert metrics_of(world, narrow)["coverage"] < default["coverage"]


def test_a_search_by_an_unknown_metric_fails(world: World) -> None:
    version = searched(world, world.loaded(), 2, metricName="luck")
    assert version["failureReason"] == "The metric luck of the objective does not exist."


def test_an_objective_is_a_maximum_or_a_minimum(world: World) -> None:
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="must be Maximize or Minimize"):
        searched(world, world.group(), 2, type="Best")


def test_a_search_without_ranges_sets_the_effective_hyperparameters(world: World) -> None:
    names = {f"training.{name}" for name in PARAMETERS["aws-sims"]}
    version = world.version(world.solution(world.loaded(), "sims", performHPO=True))
    assert version["tunedHPOParams"]["algorithmHyperParameters"].keys() == names
    for recipe in RECIPES:
        space = hpo.space({"performHPO": True}, recipe.values["recipeArn"])
        parameters = PARAMETERS.get(recipe.algorithm_name, {})
        assert {one.name for one in space} == {
            name for name, parameter in parameters.items() if parameter.tunable and name not in INERT
        }


def test_a_search_without_effective_hyperparameters_trains_once_and_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    group = world.loaded()
    with caplog.at_level(logging.INFO, "usher_local"):
        version = world.version(world.solution(group, "popularity-count", performHPO=True))
    assert "tunedHPOParams" not in version
    assert any("no hyperparameter of the search affects" in message for message in caplog.messages)
    alone = world.version(world.solution(group, "popularity-count"))
    assert version["trainingHours"] == alone["trainingHours"]


def test_a_search_leaves_one_model(world: World, tmp_path: Path) -> None:
    arn = searched(world, world.loaded(), 3)["solutionVersionArn"]
    assert [path.name for path in tmp_path.rglob("solution/*/*")] == [arn.rsplit("/", 1)[1]]


SPACE = [
    hpo.Range("x", "0.9", 0, 1),
    hpo.IntegerRange("n", "30", 1, 40),
    hpo.Range("flag", "false", values=("true", "false")),
]


def value(point: hpo.Point) -> float:
    """The result at a point of SPACE: the best one, 0, is far from the default."""
    x, n = float(point["x"]), int(point["n"])
    return -((x - 0.3) ** 2) - ((n - 12) / 40) ** 2 - (0.2 if point["flag"] == "false" else 0)


def search_with(seed: int, trials: int) -> list[tuple[hpo.Point, float]]:
    tried: list[tuple[hpo.Point, float]] = []
    for _ in range(trials):
        point = hpo.suggest(SPACE, tried, seed)
        assert point is not None
        tried.append((point, value(point)))
    return tried


def test_the_default_is_tried_first_and_nothing_twice() -> None:
    tried = search_with(0, 12)
    assert tried[0][0] == {"x": "0.9", "n": "30", "flag": "false"}
    assert len({tuple(point.items()) for point, _ in tried}) == 12
    assert tried == search_with(0, 12)


def test_a_search_learns_from_its_trials() -> None:
    def best(tried: list[tuple[hpo.Point, float]]) -> float:
        return max(value for _, value in tried)

    spread = [
        max(value({r.name: r.text(share) for r, share in zip(SPACE, row, strict=True)}) for row in points[:20])
        for points in (hpo._spread(3, seed) for seed in range(4))
    ]
    found = [best(search_with(seed, 20)) for seed in range(4)]
    assert min(found) > -0.02
    assert np.median(found) > np.median(spread)


@given(st.integers(-20, 20), st.integers(0, 40), st.floats(0, 1))
def test_values_stay_within_their_ranges_and_know_their_place(low: int, size: int, share: float) -> None:
    whole, real = (kind("x", "0", low, low + size) for kind in (hpo.IntegerRange, hpo.Range))
    assert low <= int(whole.text(share)) <= low + size
    assert low <= float(real.text(share)) <= low + size
    for kind in (whole, real):
        assert kind.text(kind.share(kind.text(share))) == kind.text(share)


def test_a_space_without_another_point_ends_the_search() -> None:
    flag = hpo.Range("flag", "true", values=("true", "false"))
    tried: list[tuple[hpo.Point, float]] = []
    while (point := hpo.suggest([flag], tried)) is not None:
        tried.append((point, 0.0))
    assert [point["flag"] for point, _ in tried] == ["true", "false"]
    assert hpo.suggest([], []) == {}
    assert hpo.suggest([], [({}, 0.0)]) is None


def test_a_default_outside_a_range_begins_in_its_middle() -> None:
    assert hpo.suggest([hpo.Range("x", "0.9", 0, 0.5)], []) == {"x": "0.25"}
    assert hpo.suggest([hpo.Range("flag", "maybe", values=("a", "b"))], []) == {"flag": "b"}


@pytest.mark.parametrize("number", ["41", "0", "many"])
def test_a_search_has_at_most_40_jobs(world: World, number: str) -> None:
    config = {"hpoConfig": {"hpoResourceConfig": {"maxNumberOfTrainingJobs": number}}}
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="an integer from 1 to 40"):
        world.solution(world.group(), "sims", performHPO=True, solutionConfig=config)


def test_streamed_events_are_learnt_from_with_their_later_known_user(world: World) -> None:
    group = world.loaded()
    tracking = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
    event = {"sentAt": 1_800_000_000, "eventType": "watch", "itemId": "brand-new", "eventValue": 4.0}
    for session in range(60):
        world.events.put_events(trackingId=tracking, sessionId=f"s{session}", eventList=[event])
        world.events.put_events(trackingId=tracking, sessionId=f"s{session}", userId=f"u{session}", eventList=[event])
    campaign = world.campaign(world.version(world.solution(group, "popularity-count"))["solutionVersionArn"])
    found = world.runtime.get_recommendations(campaignArn=campaign, numResults=1)["itemList"]
    assert found == [{"itemId": "brand-new"}]


def test_a_fault_of_our_own_fails_the_version_and_is_called_so(world: World, tmp_path: Path) -> None:
    solution = world.solution(world.loaded(), "popularity-count")
    (tmp_path / "123456789012" / "us-east-1" / "solution").write_text("in the way of the folder for models")
    version = world.version(solution)
    assert version["failureReason"].startswith("An internal error occurred: ")


def test_metrics_are_the_service_s(world: World) -> None:
    arn = world.version(world.solution(world.loaded(), "popularity-count"))["solutionVersionArn"]
    metrics = world.personalize.get_solution_metrics(solutionVersionArn=arn)["metrics"]
    assert {"coverage", "precision_at_5", "mean_reciprocal_rank_at_25"} <= metrics.keys()
