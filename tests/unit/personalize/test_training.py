"""What a solution version learns from, and when it cannot."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.personalize.world import World, interactions


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


def test_a_recipe_without_a_local_model_fails_and_says_so(world: World) -> None:
    version = world.version(world.solution(world.loaded(), "semantic-similarity"))
    assert version["failureReason"] == "There is no local model for the recipe aws-semantic-similarity."


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


def test_automl_is_not_there(world: World) -> None:
    made = world.personalize.create_solution(name="auto", datasetGroupArn=world.loaded(), performAutoML=True)
    assert world.version(made["solutionArn"])["failureReason"] == "AutoML is not available; name a recipe."


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
