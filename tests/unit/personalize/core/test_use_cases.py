"""The behaviour of recipes besides their models: domains' automatic filters, event weights, columns, texts."""

from typing import Any

import pytest

from tests.unit.personalize.world import RECIPE, World, interactions, items, schema
from usher_local.clock import Clock
from usher_local.personalize.core import environment
from usher_local.personalize.core.recipes import BY_ARN, RECIPES
from usher_local.personalize.core.use_cases import NEEDS, USE_CASES, use_case
from usher_local.personalize.modelling.training_data import EventRule, event_rules, prepare_interactions, weigh

EVENTS = schema(
    "Interactions", ("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"), ("EVENT_TYPE", "string")
)


def video(world: World) -> str:
    """A domain group in which everyone has watched and clicked."""
    group = world.group(domain="VIDEO_ON_DEMAND")
    made = world.personalize.create_schema(name=next(world.names), schema=EVENTS, domain="VIDEO_ON_DEMAND")
    dataset = world.personalize.create_dataset(
        name="events", schemaArn=made["schemaArn"], datasetGroupArn=group, datasetType="Interactions"
    )["datasetArn"]
    body = interactions(event_type="Watch") + interactions(event_type="Click").split("\n", 1)[1].replace(",i", ",c")
    assert world.import_data(dataset, world.put("video.csv", body))["status"] == "ACTIVE"
    return group


def recommender(world: World, group: str, recipe: str) -> str:
    made = world.personalize.create_recommender(
        name=next(world.names), datasetGroupArn=group, recipeArn=RECIPE + recipe
    )
    found = world.settled("recommender", made["recommenderArn"])
    assert found["status"] == "ACTIVE", found
    return str(found["recommenderArn"])


def ask(world: World, arn: str, **more: Any) -> set[str]:
    answer = world.runtime.get_recommendations(recommenderArn=arn, numResults=100, **more)
    assert all("score" not in item for item in answer["itemList"])
    return {item["itemId"] for item in answer["itemList"]}


def test_watched_videos_are_left_out_and_clicked_ones_are_not(world: World) -> None:
    group = video(world)
    arn = recommender(world, group, "vod-top-picks")
    watched = {line.split(",")[1] for line in interactions().splitlines() if line.startswith("u1,")}
    found = ask(world, arn, userId="u1")
    assert not watched & found
    assert {name.replace("i", "c") for name in watched} <= found
    assert watched <= ask(world, arn, userId="nobody")


def test_a_use_case_learns_from_its_own_events_only(world: World) -> None:
    group = video(world)
    assert not any(
        item.startswith("c") for item in ask(world, recommender(world, group, "vod-most-popular"), userId="u")
    )
    related = recommender(world, group, "vod-because-you-watched-x")
    assert not any(item.startswith("c") for item in ask(world, related, userId="u", itemId="i1"))
    for given, needed in (({"userId": "u"}, "itemId"), ({"itemId": "i1"}, "userId")):
        with pytest.raises(world.runtime.exceptions.InvalidInputException, match=f"{needed} is required"):
            ask(world, related, **given)


def test_every_row_is_a_recipe_and_every_domain_recipe_has_a_row() -> None:
    names = {recipe.name for recipe in RECIPES}
    assert USE_CASES.keys() <= names
    served = {recipe.name for recipe in RECIPES if recipe.domain}
    assert served <= USE_CASES.keys()
    assert all(BY_ARN[RECIPE + name.removeprefix("aws-")].type in NEEDS for name in served)


def test_too_few_events_of_the_use_case_fail_in_the_service_s_words(world: World) -> None:
    group = world.group(domain="VIDEO_ON_DEMAND")
    made = world.personalize.create_recommender(name="r", datasetGroupArn=group, recipeArn=RECIPE + "vod-most-popular")
    found = world.settled("recommender", made["recommenderArn"])
    assert found["failureReason"] == "Dataset has fewer than 1000 interactions after filtering by event type: Watch"


def test_weights_of_events_are_relative_to_their_mean() -> None:
    listed = [{"eventType": "Buy", "weight": 0.3}, {"eventType": "view", "weight": 0.1, "eventValueThreshold": 2.0}]
    values = {
        "recipeArn": f"{RECIPE}user-personalization-v2",
        "solutionConfig": {"eventsConfig": {"eventParametersList": listed}},
    }
    weights = weigh(
        event_rules(values), ["buy", "View", "view", "view", "other", None], [None, 2.0, 1.0, None, 9.0, 9.0]
    )
    assert weights.tolist() == pytest.approx([1.5, 0.5, 0, 0, 0, 0])


def test_without_rules_every_event_counts() -> None:
    assert weigh({}, ["a", None], [None, 1.0]).tolist() == [1, 1]
    assert weigh({"a": EventRule()}, ["a", None], [None, 1.0]).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("config", "fields"),
    [
        ({}, {"GENRES", "YEAR"}),
        ({"excludedDatasetColumns": {"ITEMS": ["YEAR"]}}, {"GENRES"}),
        ({"excludedDatasetColumns": {"Items": ["YEAR"]}}, {"GENRES"}),
        ({"includedDatasetColumns": {"ITEMS": ["YEAR"]}}, {"YEAR"}),
    ],
)
def test_columns_that_a_solution_leaves_out_are_not_looked_at(world: World, config: Any, fields: set[str]) -> None:
    from usher_local.personalize.models import personalize_backends

    group = world.loaded()
    world.loaded(items(), "ITEMS", group)
    version = world.version(world.solution(group, "similar-items", solutionConfig={"trainingDataConfig": config}))
    backend = personalize_backends["123456789012"]["us-east-1"]
    learnt = prepare_interactions(backend, backend.get("SolutionVersion", version["solutionVersionArn"]))
    assert {label.split("=")[0] for labels in learnt.labels for label in labels} == fields


def test_semantic_similarity_needs_texts_and_no_interactions(world: World) -> None:
    group = world.group()
    version = world.version(world.solution(group, "semantic-similarity"))
    assert "needs an Items dataset with a textual field" in version["failureReason"]
    text = items().replace("i1,Comedy|Classic,1981,A film", "i1,Comedy,1981,Space pirates")
    world.loaded(text.replace("i2,Drama|Classic,1982,A film", "i2,Drama,1982,Pirates in space"), "ITEMS", group)
    version = world.version(world.solution(group, "semantic-similarity"))
    assert version["status"] == "ACTIVE", version
    campaign = world.campaign(version["solutionVersionArn"])
    found = world.runtime.get_recommendations(campaignArn=campaign, itemId="i1", metadataColumns={"ITEMS": ["YEAR"]})
    assert found["itemList"][0] == {"itemId": "i2", "metadata": {"YEAR": "1982"}}


def test_trending_items_are_served(world: World) -> None:
    late = "".join(f"u{n},i39,1800000000,watch,1\n" for n in range(50))
    version = world.version(world.solution(world.loaded(interactions() + late), "trending-now"))
    found = world.runtime.get_recommendations(campaignArn=world.campaign(version["solutionVersionArn"]), numResults=1)
    assert found["itemList"] == [{"itemId": "i39"}]


def test_recipes_without_a_row_do_nothing_special() -> None:
    assert not use_case(BY_ARN[f"{RECIPE}sims"]).explores


def test_trends_follow_the_events_without_a_new_version(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group = world.loaded()
    frequency = {"featureTransformationParameters": {"trend_discovery_frequency": "30 minutes"}}
    version = world.version(world.solution(group, "trending-now", solutionConfig=frequency))
    campaign = world.campaign(version["solutionVersionArn"])

    def first() -> str:
        answer = world.runtime.get_recommendations(campaignArn=campaign, numResults=1)
        return str(answer["itemList"][0]["itemId"])

    tracking = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
    for user in range(60):
        event = {"eventType": "watch", "itemId": "risen", "sentAt": 1_700_010_000}
        world.events.put_events(trackingId=tracking, userId=f"u{user}", sessionId="s", eventList=[event])
    assert first() != "risen", "the interval has not passed"
    monkeypatch.setattr(environment.current, "clock", Clock(1e9))
    assert first() == "risen"
