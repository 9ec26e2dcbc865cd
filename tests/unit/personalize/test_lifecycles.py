"""What happens to resources in time: statuses, names, quotas, order of deletion, updates."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.clock import Clock
from local.personalize import install
from local.personalize.lifecycle import PENDING
from tests.unit.personalize.world import SCHEMAS, World, until

MINUTE = 1 / 60
"""A speed of the clock at which nothing that takes minutes ever ends within a test."""


@pytest.fixture
def slow(tmp_path: Path, trainer: ThreadPoolExecutor) -> Callable[[], None]:
    """Let what is created from now on stay pending."""
    return lambda: install(Clock(MINUTE), tmp_path, trainer)


def test_a_resource_is_pending_then_in_progress_then_active(world_at: Callable[[float], World]) -> None:
    world = world_at(100)  # half a minute takes 0.3 s
    arn = world.group()
    seen: list[str] = []

    def look() -> dict[str, Any]:
        found = world.describe("datasetGroup", arn)
        if found["status"] not in seen:
            seen.append(found["status"])
        return found

    found = until(look, lambda group: group["status"] == "ACTIVE")
    assert seen == ["CREATE PENDING", "CREATE IN_PROGRESS", "ACTIVE"]
    assert (found["lastUpdatedDateTime"] - found["creationDateTime"]).total_seconds() == pytest.approx(30, abs=1)


def test_a_deleted_resource_is_seen_leaving_and_then_gone(world_at: Callable[[float], World]) -> None:
    world = world_at(300)
    arn = world.group()
    world.settled("datasetGroup", arn)
    world.personalize.delete_dataset_group(datasetGroupArn=arn)
    assert world.describe("datasetGroup", arn)["status"] == "DELETE PENDING"
    until(world.personalize.list_dataset_groups, lambda answer: not answer["datasetGroups"])
    with pytest.raises(world.personalize.exceptions.ResourceNotFoundException, match=f"Resource Arn {arn} does not"):
        world.describe("datasetGroup", arn)
    world.personalize.create_dataset_group(name=arn.rsplit("/", 1)[1])  # the name is free again


def test_what_is_being_created_can_be_neither_used_nor_deleted(world_at: Callable[[float], World]) -> None:
    world = world_at(MINUTE)
    group = world.group()
    in_use = world.personalize.exceptions.ResourceInUseException
    with pytest.raises(in_use, match="its status is CREATE PENDING"):
        world.dataset(group)
    with pytest.raises(in_use, match="its status is CREATE PENDING"):
        world.personalize.delete_dataset_group(datasetGroupArn=group)
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="CREATE PENDING"):
        world.make_filter(group, 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")')


def test_a_solution_can_be_trained_the_moment_it_was_asked_for(world_at: Callable[[float], World]) -> None:
    world = world_at(60)
    group = world.group()
    world.settled("datasetGroup", group)
    solution = world.solution(group)
    version = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    assert world.describe("solution", solution)["status"] in PENDING
    assert world.describe("solutionVersion", version)["status"] in PENDING


def test_a_tracker_takes_events_from_its_first_moment_until_it_is_deleted(world_at: Callable[[float], World]) -> None:
    world = world_at(60)
    group = world.group()
    world.settled("datasetGroup", group)
    made = world.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)
    event = {"sentAt": 1_700_000_000, "eventType": "watch", "itemId": "i1"}
    told = {"trackingId": made["trackingId"], "userId": "u", "sessionId": "s", "eventList": [event]}
    world.events.put_events(**told)
    world.settled("eventTracker", made["eventTrackerArn"])
    world.personalize.delete_event_tracker(eventTrackerArn=made["eventTrackerArn"])
    with pytest.raises(world.events.exceptions.InvalidInputException, match="DELETE PENDING"):
        world.events.put_events(**told)


def test_arns_have_the_forms_of_the_service(world: World) -> None:
    group = world.personalize.create_dataset_group(name="films")["datasetGroupArn"]
    base = "arn:aws:personalize:us-east-1:123456789012"
    assert group == f"{base}:dataset-group/films"
    assert world.dataset(group) == f"{base}:dataset/films/INTERACTIONS"
    tracker = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)
    assert tracker["eventTrackerArn"].startswith(f"{base}:event-tracker/")
    assert len(tracker["trackingId"]) == 36


def test_a_name_is_taken_once(world: World) -> None:
    world.personalize.create_schema(name="films", schema=SCHEMAS["ITEMS"])
    with pytest.raises(world.personalize.exceptions.ResourceAlreadyExistsException, match=r"Another resource with Arn"):
        world.personalize.create_schema(name="films", schema=SCHEMAS["ITEMS"])


def test_quotas_have_the_words_of_the_service(world_at: Callable[[float], World]) -> None:
    world = world_at(float("inf"))
    exceeded = world.personalize.exceptions.LimitExceededException
    groups = [world.group() for _ in range(5)]
    with pytest.raises(
        exceeded, match=r"Cannot create a dataset group\. More than 5 resources in ACTIVE state\. Please"
    ):
        world.group()
    world.personalize.create_event_tracker(name="one", datasetGroupArn=groups[0])
    with pytest.raises(exceeded, match="Cannot create an event tracker"):
        world.personalize.create_event_tracker(name="two", datasetGroupArn=groups[0])
    world.personalize.create_event_tracker(name="two", datasetGroupArn=groups[1])


def test_deletion_follows_the_order_of_dependence(world: World) -> None:
    client = world.personalize
    group = world.loaded()
    tracker = client.create_event_tracker(name="t", datasetGroupArn=group)["eventTrackerArn"]
    solution = world.solution(group, "popularity-count")
    campaign = world.campaign(world.version(solution)["solutionVersionArn"])
    kept = world.make_filter(group, 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")')
    dataset = client.list_datasets(datasetGroupArn=group)["datasets"][0]["datasetArn"]
    schema = client.list_schemas()["schemas"][0]["schemaArn"]
    steps: list[tuple[Callable[..., Any], dict[str, str]]] = [
        (client.delete_campaign, {"campaignArn": campaign}),
        (client.delete_solution, {"solutionArn": solution}),
        (client.delete_event_tracker, {"eventTrackerArn": tracker}),
        (client.delete_filter, {"filterArn": kept}),
        (client.delete_dataset, {"datasetArn": dataset}),
        (client.delete_dataset_group, {"datasetGroupArn": group}),
    ]
    for delete, arn in (steps[1], steps[4], steps[5], (client.delete_schema, {"schemaArn": schema})):
        with pytest.raises(client.exceptions.ResourceInUseException, match="in use by"):
            delete(**arn)
    for delete, arn in steps:
        delete(**arn)
    client.delete_schema(schemaArn=schema)
    assert client.list_solution_versions()["solutionVersions"] == []
    assert client.list_dataset_groups()["datasetGroups"] == client.list_schemas()["schemas"] == []


def test_lists_are_by_parent_and_newest_first(world: World) -> None:
    first, second = world.group(), world.group()
    solutions = [world.solution(first), world.solution(first), world.solution(second)]
    listed = world.personalize.list_solutions(datasetGroupArn=first)["solutions"]
    assert [found["solutionArn"] for found in listed] == [solutions[1], solutions[0]]
    assert len(world.personalize.list_solutions()["solutions"]) == 3


def test_lists_come_in_pages(world: World) -> None:
    for _ in range(5):
        world.personalize.create_schema(name=next(world.names), schema=SCHEMAS["USERS"])
    pages = list(world.personalize.get_paginator("list_schemas").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["schemas"]) for page in pages] == [2, 2, 1]
    assert len({found["schemaArn"] for page in pages for found in page["schemas"]}) == 5


@pytest.mark.parametrize("token", ["nonsense", "U29sdXRpb246MQ=="])  # the second is of another list
def test_a_token_of_nobody_is_refused(world: World, token: str) -> None:
    with pytest.raises(world.personalize.exceptions.InvalidNextTokenException):
        world.personalize.list_schemas(nextToken=token)


def test_versions_of_an_unknown_solution_cannot_be_listed(world: World) -> None:
    with pytest.raises(world.personalize.exceptions.ResourceNotFoundException):
        world.personalize.list_solution_versions(solutionArn="arn:aws:personalize:us-east-1:1:solution/x")


def test_recipes_are_listed_by_domain_and_described(world: World) -> None:
    assert len(world.personalize.list_recipes()["recipes"]) == 25
    shops = world.personalize.list_recipes(domain="ECOMMERCE")["recipes"]
    assert {recipe["domain"] for recipe in shops} == {"ECOMMERCE"}
    found = world.describe("recipe", "arn:aws:personalize:::recipe/aws-sims")
    assert (found["recipeType"], found["status"], found["name"]) == ("RELATED_ITEMS", "ACTIVE", "aws-sims")


def test_tags_are_kept_apart_from_descriptions(world: World) -> None:
    arn = world.group(tags=[{"tagKey": "a", "tagValue": "1"}])
    world.personalize.tag_resource(resourceArn=arn, tags=[{"tagKey": "b", "tagValue": "2"}])
    world.personalize.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert world.personalize.list_tags_for_resource(resourceArn=arn)["tags"] == [{"tagKey": "b", "tagValue": "2"}]
    assert "tags" not in world.describe("datasetGroup", arn)


def test_a_resource_has_at_most_50_tags_and_a_schema_none(world: World) -> None:
    tags = [{"tagKey": f"k{n}", "tagValue": "v"} for n in range(30)]
    arn = world.group(tags=tags)
    with pytest.raises(world.personalize.exceptions.TooManyTagsException):
        world.personalize.tag_resource(resourceArn=arn, tags=[{"tagKey": f"x{n}", "tagValue": "v"} for n in range(30)])
    schema = world.personalize.create_schema(name="s", schema=SCHEMAS["ITEMS"])["schemaArn"]
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="schema cannot have tags"):
        world.personalize.list_tags_for_resource(resourceArn=schema)


def test_a_solution_shows_its_latest_version_and_update(world: World) -> None:
    solution = world.solution(world.loaded(), "popularity-count")
    assert "latestSolutionVersion" not in world.describe("solution", solution)
    version = world.version(solution)
    world.personalize.update_solution(solutionArn=solution, performAutoTraining=False)
    found = world.describe("solution", solution)
    assert found["latestSolutionVersion"]["solutionVersionArn"] == version["solutionVersionArn"]
    assert found["latestSolutionUpdate"]["status"] == "ACTIVE"
    assert found["performAutoTraining"] is False
    assert version["trainingMode"] == "FULL"
    assert version["trainingHours"] > 0


def test_a_campaign_serves_the_old_version_while_it_is_updated(world: World, slow: Callable[[], None]) -> None:
    client = world.personalize
    solution = world.solution(world.loaded(), "popularity-count")
    old, new = (world.version(solution)["solutionVersionArn"] for _ in range(2))
    campaign = world.campaign(old)
    assert "latestCampaignUpdate" not in world.describe("campaign", campaign)
    client.update_campaign(campaignArn=campaign, minProvisionedTPS=2)
    found = world.describe("campaign", campaign)
    assert (found["solutionVersionArn"], found["minProvisionedTPS"]) == (old, 2)
    slow()
    client.update_campaign(campaignArn=campaign, solutionVersionArn=new)
    found = world.describe("campaign", campaign)
    assert (found["solutionVersionArn"], found["status"]) == (old, "ACTIVE")
    assert (found["latestCampaignUpdate"]["solutionVersionArn"], found["latestCampaignUpdate"]["status"]) == (
        new,
        "CREATE PENDING",
    )
    for change in (client.update_campaign, client.delete_campaign):
        with pytest.raises(client.exceptions.ResourceInUseException):
            change(campaignArn=campaign)


def test_only_five_imports_may_be_under_way(world: World, slow: Callable[[], None]) -> None:
    dataset = world.dataset(world.group())
    slow()

    def create() -> None:
        source = {"dataLocation": "s3://personalize-data/x.csv"}
        name = next(world.names)
        world.personalize.create_dataset_import_job(
            jobName=name, datasetArn=dataset, dataSource=source, roleArn=world.role
        )

    for _ in range(5):
        create()
    expected = r"More than 5 resources with PENDING or IN_PROGRESS status\."
    with pytest.raises(world.personalize.exceptions.LimitExceededException, match=expected):
        create()
    with pytest.raises(world.personalize.exceptions.ResourceInUseException, match="in use by"):
        world.personalize.delete_dataset(datasetArn=dataset)


def test_a_campaign_in_sync_follows_the_newest_version(world: World) -> None:
    solution = world.solution(world.loaded(), "popularity-count")
    first = world.version(solution)["solutionVersionArn"]
    campaign = world.campaign(f"{solution}/$LATEST", campaignConfig={"syncWithLatestSolutionVersion": True})
    assert world.describe("campaign", campaign)["solutionVersionArn"] == first
    second = world.version(solution)["solutionVersionArn"]
    until(lambda: world.describe("campaign", campaign), lambda found: found["solutionVersionArn"] == second)


def test_latest_needs_sync_and_a_version(world: World) -> None:
    solution = world.solution(world.loaded(), "popularity-count")
    invalid = world.personalize.exceptions.InvalidInputException
    with pytest.raises(invalid, match="syncWithLatestSolutionVersion"):
        world.campaign(f"{solution}/$LATEST")
    with pytest.raises(invalid, match="no ACTIVE version"):
        world.campaign(f"{solution}/$LATEST", campaignConfig={"syncWithLatestSolutionVersion": True})
    with pytest.raises(world.personalize.exceptions.ResourceNotFoundException):
        world.campaign(solution)


def test_an_items_dataset_takes_a_schema_that_only_adds_nullable_fields(world: World) -> None:
    dataset = world.dataset(world.group(), "ITEMS")

    def update(extra: str) -> None:
        text = SCHEMAS["ITEMS"].replace('"fields": [', f'"fields": [{extra}, ')
        arn = world.personalize.create_schema(name=next(world.names), schema=text)["schemaArn"]
        world.personalize.update_dataset(datasetArn=dataset, schemaArn=arn)

    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="must be nullable"):
        update('{"name": "PRICE", "type": "float"}')
    update('{"name": "PRICE", "type": ["null", "float"]}')
    assert world.describe("dataset", dataset)["latestDatasetUpdate"]["status"] == "ACTIVE"


def test_a_dataset_keeps_its_fields_and_interactions_their_schema(world: World) -> None:
    group = world.group()
    found = {kind: world.dataset(group, kind) for kind in SCHEMAS}
    users = world.describe("dataset", found["USERS"])["schemaArn"]
    for kind, message in (("ITEMS", "must keep every field"), ("INTERACTIONS", "Only Items and Users")):
        with pytest.raises(world.personalize.exceptions.InvalidInputException, match=message):
            world.personalize.update_dataset(datasetArn=found[kind], schemaArn=users)


def test_a_version_can_be_stopped_while_it_is_made(world_at: Callable[[float], World]) -> None:
    world = world_at(600)  # training takes 2.5 s, the rest next to nothing
    solution = world.solution(_settled_group(world), "popularity-count")
    world.settled("solution", solution)
    version = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    with pytest.raises(world.personalize.exceptions.ResourceInUseException):
        world.personalize.get_solution_metrics(solutionVersionArn=version)
    world.personalize.stop_solution_version_creation(solutionVersionArn=version)
    until(lambda: world.describe("solutionVersion", version), lambda found: found["status"] == "CREATE STOPPED")
    with pytest.raises(world.personalize.exceptions.ResourceInUseException, match="cannot be stopped"):
        world.personalize.stop_solution_version_creation(solutionVersionArn=version)


def _settled_group(world: World) -> str:
    group = world.group()
    world.settled("datasetGroup", group)
    return group
