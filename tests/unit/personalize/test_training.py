"""What a solution version learns from, and when it cannot."""

from pathlib import Path
from typing import Any

import pytest

from local.personalize.search import trials
from tests.unit.personalize.world import RECIPE, World, interactions


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


def test_automl_by_a_metric_of_nobody_fails(world: World) -> None:
    made = world.personalize.create_solution(
        name="auto",
        datasetGroupArn=world.loaded(),
        performAutoML=True,
        solutionConfig={"autoMLConfig": {"metricName": "luck"}},
    )
    assert world.version(made["solutionArn"])["failureReason"] == "There is no metric luck to choose by."


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


def test_a_search_tries_different_values_the_same_ones_every_time() -> None:
    config = {"hpoConfig": {"hpoResourceConfig": {"maxNumberOfTrainingJobs": "5"}}}
    values = {"recipeArn": f"{RECIPE}sims", "performHPO": True, "solutionConfig": config}
    tried = list(trials(values))
    assert tried == list(trials(values))
    assert len({tuple(trial.tuned.items()) for trial in tried}) == 5


def test_a_recipe_without_tunable_parameters_is_trained_once() -> None:
    assert [trial.tuned for trial in trials({"recipeArn": f"{RECIPE}popularity-count", "performHPO": True})] == [{}]


def test_a_search_without_ranges_takes_those_of_the_algorithm(world: World) -> None:
    version = world.version(world.solution(world.loaded(), "personalized-ranking", performHPO=True))
    names = {"training.hidden_dimension", "training.bptt", "training.recency_mask"}
    assert version["tunedHPOParams"]["algorithmHyperParameters"].keys() == names


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
    (tmp_path / "123456789012").write_text("in the way of the folder for models")
    version = world.version(world.solution(world.loaded(), "popularity-count"))
    assert version["failureReason"].startswith("An internal error occurred: ")


def test_metrics_are_the_service_s(world: World) -> None:
    arn = world.version(world.solution(world.loaded(), "popularity-count"))["solutionVersionArn"]
    metrics = world.personalize.get_solution_metrics(solutionVersionArn=arn)["metrics"]
    assert {"coverage", "precision_at_5", "mean_reciprocal_rank_at_25"} <= metrics.keys()
