"""The lives of resources: statuses, names, quotas, order of deletion, updates."""

import math
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.personalize.world import BUCKET, RECIPE, REGION, SCHEMAS, SETTLED, World, interactions, until
from usher_local.clock import Clock
from usher_local.personalize import install
from usher_local.personalize.control.kinds import KINDS
from usher_local.personalize.core.lifecycle import PENDING, TRANSITIONS, Lifecycle
from usher_local.personalize.models import personalize_backends

ACCOUNT = "123456789012"
MINUTE = 1 / 60
"""A clock speed at which nothing that takes minutes ends within a test."""


@pytest.fixture
def slow(tmp_path: Path, trainer: ThreadPoolExecutor) -> Callable[[], None]:
    """Keep new resources pending."""
    return lambda: install(Clock(MINUTE), tmp_path, trainer)


def test_a_resource_is_pending_then_in_progress_then_active(world_at: Callable[[float], World]) -> None:
    seen: list[str] = []
    with time_machine.travel(1_700_000_000, tick=False) as now:
        world = world_at(1)
        arn = world.group()
        for seconds in (0, 3, 27):
            now.shift(seconds)
            found = world.describe("datasetGroup", arn)
            seen.append(found["status"])
    assert seen == ["CREATE PENDING", "CREATE IN_PROGRESS", "ACTIVE"]
    assert (found["lastUpdatedDateTime"] - found["creationDateTime"]).total_seconds() == 30


@given(
    speed=st.sampled_from([1.0, 60.0, 600.0, math.inf]),
    minutes=st.floats(0, 60),
    work=st.none() | st.floats(0, 7200),
    turn=st.none() | st.tuples(st.floats(0, 7200), st.sampled_from(sorted(TRANSITIONS))),
    looks=st.lists(st.floats(0, 10_000), min_size=1, max_size=20),
)
@example(speed=600.0, minutes=30.0, work=None, turn=None, looks=[0.0, 0.3])
def test_the_last_change_is_never_later_than_now_and_only_changes_move_it(
    speed: float, minutes: float, work: float | None, turn: tuple[float, str] | None, looks: list[float]
) -> None:
    begun = 1_700_000_000.0
    changes = sorted([("look", look, "") for look in looks] + ([("turn", *turn)] if turn else []), key=itemgetter(1))
    times_of: dict[str, set[float]] = {}
    with time_machine.travel(begun, tick=False) as now:
        life = Lifecycle(Clock(speed), minutes)
        if work is not None:
            life.follow(Future())
        for what, passed, name in changes:
            if work is not None and passed >= work and life.work and not life.work.done():
                now.move_to(begun + work)
                life.work.set_result(None)
            now.move_to(begun + passed)
            if what == "turn":
                life.begin(name)
            assert life.created <= life.updated <= time.time()
            times_of.setdefault(f"{life.transition} {life.status}", set()).add(life.updated)
    assert all(len(times) == 1 for times in times_of.values()), "a status has one time"


def test_an_update_moves_the_last_change_of_its_resource(world: World) -> None:
    solution = world.solution(world.group())
    made = world.describe("solution", solution)
    world.personalize.update_solution(solutionArn=solution, performAutoTraining=False)
    found = world.describe("solution", solution)
    assert made["lastUpdatedDateTime"] < found["lastUpdatedDateTime"] <= datetime.now(UTC)
    assert found["lastUpdatedDateTime"] == found["latestSolutionUpdate"]["lastUpdatedDateTime"]
    assert found["creationDateTime"] == made["creationDateTime"]


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


def test_resources_in_creation_can_be_neither_used_nor_deleted(world_at: Callable[[float], World]) -> None:
    world = world_at(MINUTE)
    group = world.group()
    in_use = world.personalize.exceptions.ResourceInUseException
    with pytest.raises(in_use, match="its status is CREATE PENDING"):
        world.dataset(group)
    with pytest.raises(in_use, match="its status is CREATE PENDING"):
        world.personalize.delete_dataset_group(datasetGroupArn=group)
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="CREATE PENDING"):
        world.make_filter(group, 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")')


def test_a_solution_can_be_trained_at_once(world_at: Callable[[float], World]) -> None:
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
    request = {"trackingId": made["trackingId"], "userId": "u", "sessionId": "s", "eventList": [event]}
    world.events.put_events(**request)
    world.settled("eventTracker", made["eventTrackerArn"])
    world.personalize.delete_event_tracker(eventTrackerArn=made["eventTrackerArn"])
    with pytest.raises(world.events.exceptions.InvalidInputException, match="DELETE PENDING"):
        world.events.put_events(**request)


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


JOBS = ("DatasetImportJob", "DatasetExportJob", "DataDeletionJob", "BatchInferenceJob", "BatchSegmentJob")


def jobs(world: World) -> Counter[str]:
    """The number of jobs of each kind, after all have ended."""

    def listed() -> list[tuple[str, str]]:
        operations = {kind: getattr(world.personalize, f"list_{words(kind)}s") for kind in JOBS}
        pages = {kind: operation()[f"{kind[0].lower()}{kind[1:]}s"] for kind, operation in operations.items()}
        return [(kind, job["status"]) for kind, page in pages.items() for job in page]

    return Counter(kind for kind, _ in until(listed, lambda found: all(status in SETTLED for _, status in found)))


def words(kind: str) -> str:
    return KINDS[kind].words.replace(" ", "_")


def deploy(world: World) -> None:
    """A group with one job of each kind, all under fixed names."""
    client = world.personalize
    group = client.create_dataset_group(name="films")["datasetGroupArn"]
    schema = client.create_schema(name="films", schema=SCHEMAS["INTERACTIONS"])["schemaArn"]
    dataset = client.create_dataset(name="films", schemaArn=schema, datasetGroupArn=group, datasetType="INTERACTIONS")[
        "datasetArn"
    ]
    common = {"jobName": "job", "roleArn": world.role}
    source = {"dataLocation": world.put("a.csv", interactions())}
    client.create_dataset_import_job(datasetArn=dataset, dataSource=source, **common)
    assert jobs(world)["DatasetImportJob"] == 1
    output = {"s3DataDestination": {"path": f"s3://{BUCKET}/out/"}}
    client.create_dataset_export_job(datasetArn=dataset, ingestionMode="ALL", jobOutput=output, **common)
    users = {"dataLocation": world.put("users.csv", "USER_ID\nu1\n")}
    client.create_data_deletion_job(datasetGroupArn=group, dataSource=users, **common)
    lines = {"s3DataSource": {"path": world.put("in.json", '{"userId": "u1"}')}}
    for recipe, kind in (("popularity-count", "BatchInferenceJob"), ("item-affinity", "BatchSegmentJob")):
        solution = client.create_solution(name=recipe, datasetGroupArn=group, recipeArn=RECIPE + recipe)["solutionArn"]
        version = world.version(solution)["solutionVersionArn"]
        create = getattr(client, f"create_{words(kind)}")
        create(solutionVersionArn=version, jobInput=lines, jobOutput=output, **common)


def remove(world: World, kind: str) -> None:
    """Delete all resources of a kind."""
    for found in personalize_backends[ACCOUNT][REGION].find(kind):
        getattr(world.personalize, f"delete_{words(kind)}")(**{found.kind.arn_member: found.arn})


def test_jobs_go_with_what_they_belong_to_and_their_names_are_free_again(world: World) -> None:
    """Who makes, removes and makes again under one name reads the status of its jobs: they must be its own."""
    deploy(world)
    assert jobs(world) == dict.fromkeys(JOBS, 1)
    for kind, left in (
        ("Solution", {"DatasetImportJob", "DatasetExportJob", "DataDeletionJob"}),
        ("Dataset", {"DataDeletionJob"}),
        ("DatasetGroup", set()),
        ("Schema", set()),
    ):
        remove(world, kind)
        assert set(jobs(world)) == left
    deploy(world)
    assert jobs(world) == dict.fromkeys(JOBS, 1)


def test_a_running_deletion_of_users_keeps_its_data(world: World, slow: Callable[[], None]) -> None:
    group = world.loaded()
    (dataset,) = world.personalize.list_datasets(datasetGroupArn=group)["datasets"]
    source = {"dataLocation": world.put("users.csv", "USER_ID\nu1\n")}
    slow()
    made = world.personalize.create_data_deletion_job(
        jobName="forget", datasetGroupArn=group, dataSource=source, roleArn=world.role
    )
    with pytest.raises(world.personalize.exceptions.ResourceInUseException, match=made["dataDeletionJobArn"]):
        world.personalize.delete_dataset(datasetArn=dataset["datasetArn"])


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
def test_a_token_without_a_user_is_refused(world: World, token: str) -> None:
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
        with pytest.raises(client.exceptions.ResourceInUseException, match="latest update is CREATE PENDING"):
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
    world = world_at(600)  # training takes 2.5 s, the other work almost nothing
    solution = world.solution(_settled_group(world), "popularity-count")
    world.settled("solution", solution)
    version = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    with pytest.raises(world.personalize.exceptions.ResourceInUseException):
        world.personalize.get_solution_metrics(solutionVersionArn=version)
    world.personalize.stop_solution_version_creation(solutionVersionArn=version)
    until(lambda: world.describe("solutionVersion", version), lambda found: found["status"] == "CREATE STOPPED")
    for late in (world.personalize.stop_solution_version_creation, world.personalize.get_solution_metrics):
        with pytest.raises(world.personalize.exceptions.InvalidInputException, match="CREATE STOPPED"):
            late(solutionVersionArn=version)


def _settled_group(world: World) -> str:
    group = world.group()
    world.settled("datasetGroup", group)
    return group
