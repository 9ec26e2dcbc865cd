"""`usher remove` on the simulated stack: its preview, and the remaining resources after it and after an interruption of
any step."""

import json
from collections import Counter
from typing import Any

import pytest
from usher.aws import client

from tests.command.world import POPULAR, going_on, run_command
from tests.unit.usher.world import interactions
from usher_cli.command import FAILED, UNCONFIRMED
from usher_cli.deployed_stack import DeployedStack
from usher_local.simulation.stack import Boundary, Stack, StoppedError

MANY: dict[str, Any] = {
    "solutions": {"popular": {"recipe": "aws-popularity-count"}, "similar": {"recipe": "aws-sims"}},
    "filters": {"seen": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'},
    "metricAttribution": {
        "metrics": [{"eventType": "watch", "metricName": "watched", "expression": "SAMPLECOUNT()"}],
    },
    "schedules": {"retrain": "rate(2 days)"},
    "exports": {"popular": {"table": True}},
}
SHOP: dict[str, Any] = {
    **MANY,
    "group": {"domain": "ECOMMERCE"},
    "recommenders": {"top": {"recipe": "aws-ecomm-popular-items-by-purchases"}},
}
"""One of each kind that a group can have."""
CHANGES = ("Delete", "Stop", "BatchWriteItem", "UpdateItem", "PutObject")
"""The prefixes of the calls after which a removal is interrupted."""

ONCE = ("personalize:Delete", "scheduler:Delete")
"""Calls that no execution repeats: a deleted resource is not deleted again."""


@pytest.fixture
def two(stack: Stack) -> Stack:
    """Two live groups, the first with an export and a key."""
    stack.begin(make_two)
    return stack


def make_two(stack: Stack) -> None:
    for group, config in (("films", MANY), ("books", POPULAR)):
        stack.put(f"{group}/usher.yaml", json.dumps(config))
        stack.put(f"{group}/interactions.csv", interactions())
        assert stack.drop(f"{group}/interactions.csv").status == "SUCCEEDED"
    assert stack.run({"group": "films"}, "Exports").status == "SUCCEEDED"
    DeployedStack("usher").keys.create("films", "mail tool", ["GET popular"])


def resources(stack: Stack, group: str) -> set[str]:
    """The ARNs of a group's resources in EventBridge Scheduler and Personalize, except jobs."""
    schedules = client("scheduler").list_schedules(NamePrefix=f"{group}.")["Schedules"]
    there = [one for one in stack.personalize.resources.values() if one.number and "Job" not in one.kind.name]
    return {one["Arn"] for one in schedules} | {one.arn for one in there if _home(stack, one) == group}


def _home(stack: Stack, resource: Any) -> str:
    """The group of a resource of Personalize."""
    if resource.kind.name in {"DatasetGroup", "Schema"}:
        return str(resource.values["name"].partition("-")[0])
    parents = (resource.values.get(f"{one}Arn") for one in ("datasetGroup", "solution", "solutionVersion"))
    return _home(stack, stack.personalize.resources[next(filter(None, parents))])


def files(stack: Stack, group: str) -> set[str]:
    return set(stack.keys(f"{group}/.*"))


def test_deletions_and_their_cost_are_shown_before_they_begin(two: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    before = resources(two, "films"), files(two, "films"), two.items("films")
    text = run_command(capsys, "remove", "films", status=UNCONFIRMED)
    for expected in (
        "campaign/popular",
        "$144.12 a month",
        "schedule/retrain",
        "API keys that end: mail tool.",
        "stay; with --data, they go, too.",
        "It costs $288.23 a month for serving",
    ):
        assert expected in text
    document = json.loads(run_command(capsys, "remove", "films", "--json", status=UNCONFIRMED))
    versions = {one for one in before[0] if ":solution/" in one and one.count("/") == 2}
    assert {one["arn"] for one in document["resources"]} == before[0] - versions
    assert document["saves"]["monthlyCost"] == pytest.approx(288.23, abs=0.01)
    assert not document["done"]
    assert (resources(two, "films"), files(two, "films"), two.items("films")) == before
    assert not two.started


def test_a_removed_group_is_gone_by_listing_and_its_files_and_another_group_stay(
    two: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    others = resources(two, "books"), files(two, "books"), two.items("books")
    text = run_command(capsys, "remove", "films", "--yes", sleep=going_on(two))
    assert len(two.started) == 1
    assert "Nothing is left of films. The remaining resources belong to others: " in text
    assert "That saves $288.23 a month for serving" in text
    assert resources(two, "films") == set()
    kept = files(two, "films")
    assert {key for key in kept if "/out/" not in key} == {"films/usher.yaml", "films/interactions.csv"}
    assert {key.split("/")[2] for key in kept if "/out/" in key} == {"runs"}
    assert all("expires" in one for one in two.items("films").values())
    assert (resources(two, "books"), files(two, "books"), two.items("books")) == others
    assert "Nothing is left of films" in run_command(capsys, "remove", "films", "--yes", sleep=going_on(two)), (
        "once more, nothing is wrong"
    )


def test_with_data_the_files_go_too_with_all_their_versions(two: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    two.put("films/interactions.csv", interactions(users=70))
    two.put("train/films/items.csv", "ITEM_ID\ni1\n")
    two.put("films2/items.csv", "ITEM_ID\ni1\n")
    client("s3").delete_object(Bucket=two.bucket, Key="films/interactions.csv")
    others = resources(two, "books"), files(two, "books")
    run_command(capsys, "remove", "films", "--data", "--yes", sleep=going_on(two))
    listed: Any = client("s3").list_object_versions(Bucket=two.bucket)
    keys = {one["Key"] for name in ("Versions", "DeleteMarkers") for one in listed.get(name, ())}
    assert not [key for key in keys if key.startswith(("films/", "train/films/"))]
    assert "films2/items.csv" in keys
    assert (resources(two, "books"), files(two, "books")) == others
    assert "Nothing is left of films" in run_command(capsys, "remove", "films", "--data", "--yes", sleep=going_on(two))


def remove_with_cuts(stack: Stack, group: str) -> set[str]:
    """Stop an execution after each call that changes something, one execution for each. Returns the names of those
    calls."""
    cut: list[tuple[str, int]] = []
    made: Counter[str] = Counter()

    def cut_at_new(boundary: Boundary) -> None:
        name = boundary.name.partition(":")[2]
        is_running = [*stack.executions.values()][-1].status == "RUNNING"
        if is_running and boundary.when == "after" and name.startswith(CHANGES):
            made[name] += 1
            step = name, made[name]
            if step not in cut or boundary.name.startswith(ONCE):
                cut.append(step)
                raise StoppedError

    stack.disturb = cut_at_new
    while stack.run({"group": group, "task": "remove"}).status == "ABORTED":
        made.clear()
        stack.clock.shift(120)  # a deletion takes its time, whether or not anyone waits for it
    stack.disturb = lambda _: None
    return {name for name, _ in cut}


@pytest.mark.exhaustive
def test_after_an_interruption_of_any_step_a_removal_continues_and_leaves_nothing(
    live: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    bought = interactions().replace("\n", ",Purchase\n").replace("TIMESTAMP,Purchase", "TIMESTAMP,EVENT_TYPE")
    live.put("shop/usher.yaml", json.dumps(SHOP))
    live.put("shop/interactions.csv", bought)
    assert live.drop("shop/interactions.csv").status == "SUCCEEDED"
    assert live.run({"group": "shop"}, "Exports").status == "SUCCEEDED"
    DeployedStack("usher").keys.create("shop", "mail tool", ["GET popular"])
    others = resources(live, "films"), files(live, "films"), live.items("films")
    deleted = "Campaign Dataset DatasetGroup EventTracker Filter MetricAttribution Recommender Schedule Schema Solution"
    expected = {f"Delete{kind}" for kind in [*deleted.split(), "Item", "Objects"]}
    assert remove_with_cuts(live, "shop") >= {*expected, "BatchWriteItem", "UpdateItem", "PutObject"}
    assert resources(live, "shop") == set()
    assert "Nothing is left of shop" in run_command(capsys, "remove", "shop", "--yes", sleep=going_on(live))
    assert (resources(live, "films"), files(live, "films"), live.items("films")) == others


def test_foreign_and_shared_resources_are_reported_and_stay(live: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack, personalize = live, client("personalize")
    (schema,) = personalize.list_schemas()["schemas"]
    group = personalize.create_dataset_group(name="theirs")["datasetGroupArn"]
    stack.clock.shift(600)
    made = personalize.create_dataset(
        name="theirs", datasetGroupArn=group, datasetType="Interactions", schemaArn=schema["schemaArn"]
    )
    text = run_command(capsys, "remove", "films", status=UNCONFIRMED)
    assert f"schema/interactions keep used by {made['datasetArn']}" in " ".join(text.split())
    text = run_command(capsys, "remove", "films", "--yes", status=FAILED, sleep=going_on(stack))
    assert f"* {schema['schemaArn']}" in text
    assert "Delete the resources that still use it, and request the removal again." in text
    stack.clock.shift(600)
    personalize.delete_dataset(datasetArn=made["datasetArn"])
    stack.clock.shift(600)
    run_command(capsys, "remove", "films", "--yes", sleep=going_on(stack))
    assert [one.arn for one in stack.personalize.resources.values() if one.kind.name == "DatasetGroup"] == [group]


@pytest.mark.usefixtures("stack")
def test_a_group_that_is_not_there_is_not_removed(capsys: pytest.CaptureFixture[str]) -> None:
    client("personalize").create_dataset_group(name="theirs")
    for name in ("fims", "theirs", "*"):
        assert f"{name}" in run_command(capsys, "remove", name, "--yes", status=FAILED)
    assert client("personalize").list_dataset_groups()["datasetGroups"]
