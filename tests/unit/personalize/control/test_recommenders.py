"""Recommenders of domains, and rules of solutions without time."""

from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID

from tests.unit.personalize.world import RECIPE, SCHEMAS, World, interactions, schema
from usher_local.clock import Clock
from usher_local.personalize.models import personalize_backends

WATCHED = schema(
    "Interactions", ("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"), ("EVENT_TYPE", "string")
)


@pytest.fixture
def video(world: World) -> str:
    return loaded(world)


def loaded(world: World, event_type: str = "Watch") -> str:
    """A dataset group for videos with interactions."""
    group = world.group(domain="VIDEO_ON_DEMAND")
    made = world.personalize.create_schema(name=next(world.names), schema=WATCHED, domain="VIDEO_ON_DEMAND")
    dataset = world.personalize.create_dataset(
        name="d", schemaArn=made["schemaArn"], datasetGroupArn=group, datasetType="Interactions"
    )["datasetArn"]
    body = interactions(event_type=event_type)
    assert world.import_data(dataset, world.put("watched.csv", body))["status"] == "ACTIVE"
    return group


def recommender(world: World, group: str, recipe: str = "vod-top-picks", **more: Any) -> dict[str, Any]:
    made = world.personalize.create_recommender(
        name=next(world.names), datasetGroupArn=group, recipeArn=RECIPE + recipe, **more
    )
    return world.settled("recommender", made["recommenderArn"])


def test_a_recommender_is_trained_and_hosted(world: World, video: str) -> None:
    found = recommender(world, video)
    assert found["status"] == "ACTIVE", found
    assert "precision_at_5" in found["modelMetrics"]
    answer = world.runtime.get_recommendations(recommenderArn=found["recommenderArn"], userId="u1", numResults=5)
    assert len(answer["itemList"]) == 5


def test_a_stopped_recommender_answers_no_more_until_it_is_started(world: World, video: str) -> None:
    arn = recommender(world, video)["recommenderArn"]
    client = world.personalize
    client.stop_recommender(recommenderArn=arn)
    assert world.describe("recommender", arn)["status"] == "INACTIVE"
    with pytest.raises(world.runtime.exceptions.InvalidInputException, match="INACTIVE"):
        world.runtime.get_recommendations(recommenderArn=arn, userId="u1")
    with pytest.raises(client.exceptions.InvalidInputException, match="INACTIVE"):
        client.stop_recommender(recommenderArn=arn)
    with pytest.raises(client.exceptions.InvalidInputException, match="INACTIVE"):
        client.update_recommender(recommenderArn=arn, recommenderConfig={})
    client.start_recommender(recommenderArn=arn)
    assert world.runtime.get_recommendations(recommenderArn=arn, userId="u1")["itemList"]
    client.stop_recommender(recommenderArn=arn)
    client.delete_recommender(recommenderArn=arn)
    assert client.list_recommenders()["recommenders"] == []


def test_stopping_and_starting_pass_through_states(world: World, video: str) -> None:
    client = world.personalize
    arn = recommender(world, video)["recommenderArn"]
    life = personalize_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].resources[arn].life

    def statuses() -> list[str]:
        seen = [world.describe("recommender", arn)["status"]]
        for minutes in (1, 4):
            life.transition_start -= minutes * 60
            seen.append(world.describe("recommender", arn)["status"])
        return seen

    client.stop_recommender(recommenderArn=arn)
    life.clock = Clock.parse("real")  # from now on, the test moves the start of the transition
    with pytest.raises(client.exceptions.ResourceInUseException, match="STOP PENDING"):
        client.start_recommender(recommenderArn=arn)
    assert statuses() == ["STOP PENDING", "STOP IN_PROGRESS", "INACTIVE"]
    client.start_recommender(recommenderArn=arn)
    assert statuses() == ["START PENDING", "START IN_PROGRESS", "ACTIVE"]


def test_a_recommender_that_failed_cannot_be_stopped(world: World) -> None:
    found = recommender(world, world.group(domain="VIDEO_ON_DEMAND"))
    assert found["failureReason"] == "Dataset has fewer than 1000 interactions"
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="CREATE FAILED"):
        world.personalize.stop_recommender(recommenderArn=found["recommenderArn"])


def test_a_recommender_is_in_the_way_of_its_group(world: World, video: str) -> None:
    arn = recommender(world, video)["recommenderArn"]
    with pytest.raises(world.personalize.exceptions.ResourceInUseException, match=f"in use by {arn}"):
        world.personalize.delete_dataset_group(datasetGroupArn=video)


def test_too_few_events_of_the_recommender_s_type_fail_it(world: World) -> None:
    found = recommender(world, loaded(world, "Click"), "vod-most-popular")
    expected = "Dataset has fewer than 1000 interactions after filtering by event type: watch"
    assert found["failureReason"].lower() == expected.lower()


def test_a_recommender_allows_one_request_per_second_by_default(world: World, video: str) -> None:
    default = {"minRecommendationRequestsPerSecond": 1}
    arn = recommender(world, video)["recommenderArn"]
    assert world.describe("recommender", arn)["recommenderConfig"] == default
    (listed,) = world.personalize.list_recommenders()["recommenders"]
    assert listed["recommenderConfig"] == default
    more = {"enableMetadataWithRecommendations": True}
    world.personalize.update_recommender(recommenderArn=arn, recommenderConfig=more)
    found = world.describe("recommender", arn)
    assert found["latestRecommenderUpdate"]["recommenderConfig"] == found["recommenderConfig"] == default | more


def test_an_updated_recommender_keeps_other_members(world: World, video: str) -> None:
    arn = recommender(world, video, recommenderConfig={"enableMetadataWithRecommendations": True})["recommenderArn"]
    change = {"minRecommendationRequestsPerSecond": 4}
    world.personalize.update_recommender(recommenderArn=arn, recommenderConfig=change)
    found = world.describe("recommender", arn)
    assert found["recommenderConfig"] == change | {"enableMetadataWithRecommendations": True}
    assert found["latestRecommenderUpdate"]["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("domain", "recipe", "message"),
    [
        (None, "vod-top-picks", "need a dataset group with a domain"),
        ("ECOMMERCE", "vod-top-picks", "not one of the domain ECOMMERCE"),
        ("ECOMMERCE", "sims", "not one of the domain ECOMMERCE"),
    ],
)
def test_a_recommender_is_of_its_group_s_domain(world: World, domain: str | None, recipe: str, message: str) -> None:
    group = world.group(**({"domain": domain} if domain else {}))
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match=message):
        recommender(world, group, recipe)


def test_a_group_with_a_domain_has_no_actions(world: World) -> None:
    group = world.group(domain="ECOMMERCE")
    text = schema("Actions", ("ACTION_ID", "string"), ("KIND", "string"))
    made = world.personalize.create_schema(name="a", schema=text, domain="ECOMMERCE")
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="with a domain cannot have"):
        world.personalize.create_dataset(
            name="a", schemaArn=made["schemaArn"], datasetGroupArn=group, datasetType="ACTIONS"
        )


def test_action_interactions_have_a_tracking_id_of_their_own(world: World) -> None:
    fields = [(name, "string") for name in ("USER_ID", "ACTION_ID", "EVENT_TYPE")]
    text = schema("ActionInteractions", *fields, ("TIMESTAMP", "long"))
    arn = world.dataset(world.group(), "ACTION_INTERACTIONS", text)
    assert len(world.describe("dataset", arn)["trackingId"]) == 36


@pytest.mark.parametrize(
    ("kind", "more", "message"),
    [
        ("INTERACTIONS", [(f"F{n}", "string") for n in range(6)], "no more than 5 metadata fields"),
        ("USERS", [(f"F{n}", "string") for n in range(26)], "no more than 25 metadata fields"),
        ("USERS", [{"name": "BIO", "type": "string", "textual": True}], "Too many textual fields"),
        ("ITEMS", [{"name": n, "type": "string", "textual": True} for n in "AB"], "Too many textual fields"),
    ],
)
def test_schemas_have_limits(world: World, kind: str, more: list[Any], message: str) -> None:
    ids = {"INTERACTIONS": ("USER_ID", "ITEM_ID"), "USERS": ("USER_ID",), "ITEMS": ("ITEM_ID",)}[kind]
    times = [("TIMESTAMP", "long")] if kind == "INTERACTIONS" else []
    text = schema(kind.title(), *((name, "string") for name in ids), *times, *more)
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match=message):
        world.dataset(world.group(), kind, text)


def test_update_training_needs_the_recipe_and_a_full_version(world: World) -> None:
    client = world.personalize
    group = world.loaded()
    sims, solution = world.solution(group, "sims"), world.solution(group)
    invalid = client.exceptions.InvalidInputException
    with pytest.raises(invalid, match="does not support the training mode UPDATE"):
        client.create_solution_version(solutionArn=sims, trainingMode="UPDATE")
    with pytest.raises(invalid, match="needs an ACTIVE version"):
        client.create_solution_version(solutionArn=solution, trainingMode="UPDATE")
    world.version(solution)
    made = client.create_solution_version(solutionArn=solution, trainingMode="UPDATE", name="second")
    found = world.settled("solutionVersion", made["solutionVersionArn"])
    assert (found["status"], found["trainingMode"], found["name"]) == ("ACTIVE", "UPDATE", "second")
    assert found["solutionVersionArn"] == f"{solution}/second"


def test_a_version_has_the_name_of_its_solution_unless_it_is_given_one(world: World) -> None:
    solution = world.solution(world.loaded(), "popularity-count")
    version = world.version(solution)
    assert solution.endswith(version["name"].partition("/")[0])
    assert version["solutionVersionArn"].endswith(f":solution/{version['name']}")


@pytest.mark.parametrize(
    ("recipe", "more", "message"),
    [
        ("sims", {"performAutoML": True}, "must not be given when performAutoML"),
        ("sims", {"performIncrementalUpdate": True}, "does not support incremental updates"),
        ("sims", {"solutionConfig": {"optimizationObjective": {"itemAttribute": "YEAR"}}}, "does not support an opt"),
        (
            "user-personalization",
            {"solutionConfig": {"optimizationObjective": {"itemAttribute": "GENRES"}}},
            "must be a numeric field",
        ),
    ],
)
def test_a_solution_suits_its_recipe(world: World, recipe: str, more: Any, message: str) -> None:
    group = world.group()
    world.dataset(group, "ITEMS", SCHEMAS["ITEMS"])
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match=message):
        world.solution(group, recipe, **more)


def test_algorithms_and_transformations_are_described(world: World) -> None:
    recipe = world.describe("recipe", f"{RECIPE}sims")
    algorithm = world.describe("algorithm", recipe["algorithmArn"])
    assert algorithm["defaultHyperParameters"] == {"popularity_discount_factor": "0.5", "min_cointeraction_count": "3"}
    assert algorithm["defaultHyperParameterRanges"]["integerHyperParameterRanges"] == [
        {"name": "min_cointeraction_count", "minValue": 0, "maxValue": 10, "isTunable": True}
    ]
    transformation = world.describe("featureTransformation", recipe["featureTransformationArn"])
    assert transformation["defaultParameters"]["min_item_interaction_count_percentile"] == "0.01"
