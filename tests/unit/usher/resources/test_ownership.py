"""Two stacks in one account and region, and resources of people: each stack changes and deletes only its own."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import pytest
from usher.errors import EndedError, InputError
from usher.planning.draft import Draft
from usher.planning.planner import Planner
from usher.resources.deletion import TAKE_OVER, delete_unmanaged
from usher.resources.inventory import Inventory
from usher.resources.kinds import GROUP_TAG, KINDS, STACK_TAG
from usher.resources.ownership import CLOUDFORMATION_TAG, stack_name
from usher.resources.reconcile import advance
from usher.resources.states import State
from usher.resources.target import Target
from usher.resources.unmanaged import NOT_OWN, REMOVED, REPLACED, WHOLE
from usher.storage.bucket import Bucket

from tests.unit.usher.world import (
    ACCOUNT,
    ARN_PREFIX,
    BUCKET,
    LOOKS,
    SERVICE,
    STACK,
    World,
    _policy,
    interactions,
    target,
)
from usher_local.personalize.core import faults
from usher_local.personalize.core.faults import Faults
from usher_local.personalize.models import personalize_backends

MANAGED = {CLOUDFORMATION_TAG: "infrastructure"}
PROD = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/usher-prod/3c4d"
SOME = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("{}")'
CONFIG: Mapping[str, Any] = {
    "solutions": {"popular": {"recipe": "aws-popularity-count"}},
    "filters": {"some": {"filterExpression": SOME.format("x")}},
}


@dataclass
class Stack:
    """One of the stacks, with a bucket of its own."""

    world: World
    arn: str
    bucket: Bucket
    runs: int = 0

    def drop(self, group: str, config: Mapping[str, Any] = CONFIG) -> None:
        self.bucket.s3.put_object(Bucket=self.bucket.name, Key=f"{group}/usher.yaml", Body=json.dumps(config))
        self.bucket.s3.put_object(Bucket=self.bucket.name, Key=f"{group}/interactions.csv", Body=interactions())

    def target(self, group: str) -> Target:
        self.runs += 1
        here = target(group, f"{stack_name(self.arn)}-{self.runs}")
        return replace(
            here, stack_arn=self.arn, bucket_url=f"s3://{self.bucket.name}/", schedule_group=stack_name(self.arn)
        )

    @property
    def inventory(self) -> Inventory:
        return Inventory(self.world.clients, self.arn)

    def plan(self, group: str, **tasks: Mapping[str, str]) -> Draft:
        return Planner(self.bucket, self.target(group), self.inventory, {}, tasks).draft()

    def run(self, group: str, **tasks: Mapping[str, str]) -> dict[str, State]:
        """A run to its end. Returns the made and the deleted resources."""
        plan = self.plan(group, **tasks).plan
        assert plan
        made = self._loop(lambda before: advance(
            self.inventory, plan.resources, "train", plan.known_failures, before, 0, {}
        ))  # fmt: skip
        gone = self._loop(lambda before: delete_unmanaged(self.inventory, plan.to_delete, [], before, 0))
        return {state.id: state for state in (*made, *gone)}

    def _loop(self, look: Any) -> list[State]:
        states: list[State] = []
        for _ in range(LOOKS):
            states, wait = look(list(map(asdict, states)))
            if wait is None:
                return states
            time.sleep(0.01)
        raise AssertionError(f"not settled: {states}")


@pytest.fixture
def usher(world: World) -> Stack:
    return Stack(world, STACK, Bucket(world.s3, BUCKET))


@pytest.fixture
def prod(world: World) -> Stack:
    world.s3.create_bucket(Bucket="prod-bucket")
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": SERVICE}
    world.s3.put_bucket_policy(Bucket="prod-bucket", Policy=_policy(allowed))
    world.clients["scheduler"].create_schedule_group(Name="usher-prod")
    return Stack(world, PROD, Bucket(world.s3, "prod-bucket"))


def everything() -> dict[str, Any]:
    """All resources of Personalize, with their tags."""
    there = personalize_backends[ACCOUNT]["us-east-1"].resources.values()
    return {one.arn: (one.status, dict(one.values), dict(one.tags)) for one in there if one.number}


def make_by_hand(world: World, kind: str, **members: Any) -> str:
    (arn,) = (one for name, one in getattr(world.personalize, f"create_{kind}")(**members).items() if "Arn" in name)
    return str(arn)


def test_a_stacks_resources_bear_its_arn(usher: Stack) -> None:
    usher.drop("films")
    assert {state.status for state in usher.run("films").values()} == {"READY"}
    kinds = {one.kind.name: one for one in personalize_backends[ACCOUNT]["us-east-1"].resources.values() if one.number}
    bearing = {name for name, one in kinds.items() if one.tags.get(STACK_TAG) == STACK}
    assert set(kinds) - bearing == {"Schema"}, "which can't have tags"


def test_a_second_stack_with_the_same_folder_is_refused_and_changes_nothing(usher: Stack, prod: Stack) -> None:
    for stack in (usher, prod):
        stack.drop("films")
    usher.run("films")
    before = everything()
    for tasks in ({}, {"remove": {"at": "now"}}, {"retrain": {"at": "now"}}):
        with pytest.raises(InputError) as refused:
            prod.plan("films", **tasks)
        (problem,) = refused.value.problems
        assert problem.place == "films/"
        assert "the dataset group films, which belongs to another stack." in problem.message
        assert "usher import films --adopt." in problem.remedy
    assert everything() == before


def test_two_stacks_with_two_folders_leave_each_other_alone(usher: Stack, prod: Stack) -> None:
    """Also if one folder's name begins with the other's, as do the names of its schemas."""
    usher.drop("films")
    usher.run("films")
    theirs = everything()
    prod.drop("films-prod")
    faults.use(Faults(fail={"films-prod": "Out of order."}))
    assert prod.run("films-prod")["dataset_group/films-prod"].status == "FAILED"
    faults.use(Faults())
    assert {state.status for state in prod.run("films-prod").values()} == {"READY"}
    prod.drop("films-prod", {**CONFIG, "solutions": {}, "prune": True})
    prod.run("films-prod")
    assert {arn: one for arn, one in everything().items() if arn in theirs} == theirs
    others = {arn: one for arn, one in everything().items() if arn not in theirs}
    usher.drop("films", {**CONFIG, "filters": {}, "prune": True})
    assert not usher.plan("films").findings["unmanaged"][1:], "only the filter"
    gone = usher.run("films", remove={"at": "now"})
    assert {state.status for state in gone.values()} == {"DELETED"}
    assert {arn: one for arn, one in everything().items() if arn in others} == others


def test_an_unclaimed_group_is_not_taken(usher: Stack) -> None:
    make_by_hand(usher.world, "dataset_group", name="films")
    usher.drop("films")
    before = everything()
    with pytest.raises(InputError) as refused:
        usher.plan("films")
    (problem,) = refused.value.problems
    assert "was not made by Usher" in problem.message
    assert problem.remedy.endswith("usher import films --adopt.")
    assert everything() == before


def test_a_line_of_adopt_takes_only_resources_that_a_person_has_tagged(usher: Stack) -> None:
    arn = make_by_hand(usher.world, "dataset_group", name="Old")
    group = personalize_backends[ACCOUNT]["us-east-1"].resources[arn]
    usher.drop("films", {**CONFIG, "adopt": {"dataset_group/films": "Old"}})
    for tags, said in (
        ({STACK_TAG: PROD}, "belongs to another stack"),
        (MANAGED, "is managed by CloudFormation"),
        (MANAGED | {STACK_TAG: PROD}, "belongs to another stack"),
        ({}, "was not made by Usher"),
        ({STACK_TAG: STACK}, f"has no tag {GROUP_TAG}"),
        ({STACK_TAG: STACK, GROUP_TAG: "shop"}, "is that of another folder"),
    ):
        group.tags = dict(tags)
        with pytest.raises(InputError) as refused:
            usher.plan("films")
        (problem,) = refused.value.problems
        assert f"the dataset group Old, which {said}." in problem.message
        assert problem.remedy.endswith("usher import Old --group films --adopt.")
        text = json.dumps(refused.value.as_dicts())
        assert not any(one in text for one in ("usher-prod", "infrastructure", "shop", ACCOUNT)), "whose it is"
        assert group.tags == tags
    group.tags = {STACK_TAG: STACK, GROUP_TAG: "films"}
    assert usher.run("films")["dataset_group/films"].arn == arn
    assert {state.action for state in usher.plan("films").findings["resources"]} == {"reuse"}


def test_a_group_that_another_stack_makes_between_plan_and_run_is_left_alone(usher: Stack, prod: Stack) -> None:
    for stack in (usher, prod):
        stack.drop("films")
    plan = prod.plan("films").plan
    assert plan
    usher.run("films")
    before = everything()
    states, wait = advance(prod.inventory, plan.resources, "train", {}, [], 0, {})
    assert wait is None
    assert states[0].status == "FAILED"
    assert states[0].reason == "It belongs to another stack."
    assert states[0].remedy.endswith("another name; or check its owner, and adopt it: usher import, with --adopt.")
    assert everything() == before


def test_the_owner_of_a_dataset_group_is_read_once_the_group_is_active(usher: Stack) -> None:
    """AWS does not document the tags of a dataset group in creation."""
    usher.drop("films")
    plan = usher.plan("films").plan
    assert plan
    usher.world.hold()
    for _ in range(2):
        states, _ = advance(usher.inventory, plan.resources, "train", {}, [], 0, {})
        assert states[0].status == "PENDING"
    assert not usher.world.calls["ListTagsForResource"]


def test_a_foreign_dataset_group_that_is_being_created_is_left_alone(usher: Stack, prod: Stack) -> None:
    prod.drop("films")
    plan = prod.plan("films").plan
    assert plan
    usher.world.hold()
    arn = make_by_hand(usher.world, "dataset_group", name="films", tags=[{"tagKey": STACK_TAG, "tagValue": STACK}])
    before = everything()
    states, _ = advance(prod.inventory, plan.resources, "import", {}, [], 0, {})
    assert {arn: one for arn, one in everything().items() if ":schema/" not in arn} == before
    usher.world.let_go()
    while usher.world.personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]["status"] != "ACTIVE":
        time.sleep(0.01)
    states, _ = advance(prod.inventory, plan.resources, "import", {}, [], 0, {})
    assert (states[0].status, states[0].reason) == ("FAILED", "It belongs to another stack.")
    assert set(everything()) == {arn, *(one for one in everything() if ":schema/" in one)}


def test_schemas_of_a_folder_of_the_same_name_in_another_stack_are_theirs(usher: Stack, prod: Stack) -> None:
    usher.drop("shop")
    usher.run("shop")
    theirs = everything()
    own = [{"tagKey": STACK_TAG, "tagValue": PROD}]
    of_shop = [*own, {"tagKey": GROUP_TAG, "tagValue": "shop"}]
    old = make_by_hand(usher.world, "dataset_group", name="Old", tags=of_shop)
    make_by_hand(usher.world, "event_tracker", name="Old", datasetGroupArn=old, tags=own)
    prod.drop("shop", {"solutions": {}, "adopt": {"dataset_group/shop": "Old"}})
    with_another_column = "".join(f"{line},x\n" for line in interactions().splitlines()).replace(",x", ",EVENT_TYPE", 1)
    prod.bucket.write("shop/interactions.csv", with_another_column.encode())
    prod.run("shop")
    assert not [one for one in prod.plan("shop").findings["unmanaged"] if one["id"].startswith("schema/")]
    prod.run("shop", remove={"at": "now"})
    assert {arn: one for arn, one in everything().items() if "-job/" not in arn or arn in theirs} == theirs


@pytest.fixture
def trained(usher: Stack) -> Iterator[Stack]:
    usher.drop("films")
    usher.run("films")
    yield usher


def test_a_resource_of_the_wanted_name_in_another_group_is_not_touched(usher: Stack) -> None:
    usher.drop("films")
    plan = usher.plan("films").plan
    assert plan
    wanted = next(one for one in plan.resources if one.kind == "solution")
    other = make_by_hand(usher.world, "dataset_group", name="theirs")
    schema = make_by_hand(usher.world, "schema", name="theirs", schema=json.dumps(SCHEMA))
    make_by_hand(
        usher.world, "dataset", name="theirs", datasetType="INTERACTIONS", datasetGroupArn=other, schemaArn=schema
    )
    make_by_hand(usher.world, "solution", **wanted.params, datasetGroupArn=other)
    states = usher.run("films")
    assert states["solution/popular"].status == "FAILED"
    assert states["solution/popular"].reason == "It belongs to another dataset group."
    assert states["solution_version/popular"].status == "SKIPPED"
    assert not usher.world.personalize.list_solution_versions()["solutionVersions"]


def test_resources_with_the_tag_of_another_stack_are_neither_updated_nor_deleted(trained: Stack) -> None:
    there = personalize_backends[ACCOUNT]["us-east-1"].resources
    for arn in [arn for arn in there if ":campaign/" in arn or ":filter/" in arn]:
        there[arn].tags[STACK_TAG] = PROD
    popular = {"recipe": "aws-popularity-count", "campaign": {"minProvisionedTPS": 2}}
    trained.drop("films", {"solutions": {"popular": popular}, "prune": True})
    states = trained.run("films")
    assert states["campaign/popular"].status == "FAILED"
    assert states["campaign/popular"].reason == "It belongs to another stack."
    unmanaged = trained.plan("films").findings["unmanaged"]
    assert [(one["id"], one["reason"], one["deleted"]) for one in unmanaged] == [("filter/some", NOT_OWN, False)]
    assert trained.world.calls["UpdateCampaign"] == trained.world.calls["DeleteFilter"] == 0


def test_whose_something_is_that_was_as_desired_is_looked_up_again_only_to_change_it(trained: Stack) -> None:
    def look(before: list[State]) -> tuple[dict[str, State], int]:
        plan, calls = trained.plan("films").plan, trained.world.calls["ListTagsForResource"]
        assert plan
        states, _ = advance(trained.inventory, plan.resources, "train", {}, list(map(asdict, before)), 0, {})
        return {state.id: state for state in states}, trained.world.calls["ListTagsForResource"] - calls

    first, most = look([])
    there = personalize_backends[ACCOUNT]["us-east-1"].resources
    there[first["campaign/popular"].arn].tags[STACK_TAG] = PROD
    again, fewer = look([*first.values()])
    assert again == first
    assert fewer < most
    popular = {"recipe": "aws-popularity-count", "campaign": {"minProvisionedTPS": 2}}
    trained.drop("films", {"solutions": {"popular": popular}})
    changed, _ = look([*first.values()])
    assert changed["campaign/popular"].reason == "It belongs to another stack."
    assert trained.world.calls["UpdateCampaign"] == 0


def test_a_removal_names_foreign_resources_and_keeps_their_dependencies(trained: Stack) -> None:
    group = f"{ARN_PREFIX}:dataset-group/films"
    theirs = make_by_hand(
        trained.world, "filter", name="theirs", datasetGroupArn=group, filterExpression=SOME.format("y")
    )
    note = trained.plan("films", remove={"at": "now"}).findings["note"]
    assert note.startswith(
        "The group is removed, with its exports, except for resources that this stack did not make, and "
        "those that they need: "
        "filter/theirs,"
    )
    states = trained.run("films", remove={"at": "now"})
    left = {state.arn: state for state in states.values() if state.status == "SKIPPED"}
    assert (left[theirs].reason, left[theirs].remedy) == (NOT_OWN, TAKE_OVER)
    assert sorted(arn.split(":")[5].split("/")[0] for arn in left) == ["dataset", "dataset-group", "filter", "schema"]
    assert {state.status for state in states.values() if state.arn not in left} == {"DELETED"}
    trained.world.personalize.delete_filter(filterArn=theirs)
    states = trained.run("films", remove={"at": "now"})
    assert {(state.status, state.reason) for state in states.values()} == {("DELETED", WHOLE)}


def test_live_resources_of_a_group_count_towards_its_ceiling_whoever_made_them(trained: Stack) -> None:
    before = trained.plan("films").findings["ceilings"]["serving"]
    (version,) = trained.world.personalize.list_solution_versions()["solutionVersions"]
    members = {"solutionVersionArn": version["solutionVersionArn"], "minProvisionedTPS": 1}
    make_by_hand(trained.world, "campaign", name="theirs", **members)
    assert trained.plan("films").findings["ceilings"]["serving"] == pytest.approx(2 * before)
    own = [{"tagKey": STACK_TAG, "tagValue": STACK}]
    make_by_hand(trained.world, "campaign", name="of-old", tags=own, **members)
    assert trained.plan("films").findings["ceilings"]["serving"] == pytest.approx(3 * before)


def test_a_plan_that_was_changed_meanwhile_deletes_nothing_of_others(trained: Stack) -> None:
    plan = trained.plan("films", remove={"at": "now"}).plan
    assert plan
    there = personalize_backends[ACCOUNT]["us-east-1"].resources
    campaign = next(arn for arn in there if ":campaign/" in arn)
    there[campaign].tags[STACK_TAG] = PROD
    states, _ = delete_unmanaged(trained.inventory, plan.to_delete, [], [], 0)
    assert next(state for state in states if state.arn == campaign).reason == NOT_OWN
    assert not trained.world.calls["DeleteCampaign"]


def test_tags_are_read_only_of_kinds_that_have_them(world: World) -> None:
    arn = make_by_hand(world, "schema", name="films-items-0123af", schema=json.dumps(SCHEMA))
    assert world.inventory.owns(KINDS["schema"], arn)
    assert not world.calls["ListTagsForResource"]


def test_a_schema_is_a_groups_only_by_the_digest_of_its_content(trained: Stack) -> None:
    """Anybody can make one of a name that looks the same."""
    made = next(arn for arn in everything() if ":schema/" in arn).rpartition("/")[2]
    lookalike = f"{made[:-16]}{'a' * 16}"
    make_by_hand(trained.world, "schema", name=lookalike, schema=json.dumps(SCHEMA))
    assert trained.plan("films").findings["unmanaged"] == []
    gone = trained.run("films", remove={"at": "now"})
    assert {f"schema/{made}"} == {id_ for id_ in gone if id_.startswith("schema/")}


def test_a_line_for_a_schema_that_the_groups_dataset_does_not_use_is_noted(usher: Stack) -> None:
    make_by_hand(usher.world, "schema", name="theirs", schema=json.dumps(SCHEMA))
    usher.drop("films", {**CONFIG, "adopt": {"schema/interactions": "theirs"}})
    (note,) = usher.plan("films").findings["notes"]
    assert note.place == "films/: adopt.schema/interactions"
    assert "theirs, which this group's dataset does not use" in note.message
    assert usher.run("films")["schema/interactions"].arn.rpartition("/")[2].startswith("films-interactions-")


def test_an_untagged_resource_in_a_group_of_its_own_is_not_used(trained: Stack) -> None:
    there = personalize_backends[ACCOUNT]["us-east-1"].resources
    campaign = next(arn for arn in there if ":campaign/" in arn)
    there[campaign].tags.clear()
    states = trained.run("films")
    assert (states["campaign/popular"].status, states["campaign/popular"].reason) == (
        "FAILED",
        "It was not made by Usher.",
    )
    assert "usher import, with --adopt" in states["campaign/popular"].remedy
    assert {state.status for id_, state in states.items() if id_ != "campaign/popular"} == {"READY"}
    assert not there[campaign].tags


def test_a_predecessor_with_a_long_name_goes_too(usher: Stack) -> None:
    """Though its visible name is cut."""
    long = {"n" * 54 + end: {"filterExpression": SOME.format("x")} for end in "ab"}
    usher.drop("films", {**CONFIG, "filters": long})
    usher.run("films")
    usher.drop("films", {**CONFIG, "filters": {"n" * 54 + "a": {"filterExpression": SOME.format("y")}}})
    unmanaged = usher.plan("films").findings["unmanaged"]
    assert sorted((one["reason"], one["deleted"]) for one in unmanaged) == [(REMOVED, False), (REPLACED, True)]


SCHEMA = {
    "type": "record",
    "name": "Interactions",
    "namespace": "theirs",
    "fields": [
        {"name": "USER_ID", "type": "string"},
        {"name": "ITEM_ID", "type": "string"},
        {"name": "TIMESTAMP", "type": "long"},
    ],
    "version": "1.0",
}


@pytest.mark.parametrize(
    "change",
    [
        lambda inventory: inventory.update(KINDS["campaign"], "arn", {}),
        lambda inventory: inventory.delete(KINDS["campaign"], "arn"),
        lambda inventory: inventory.tag("arn", []),
    ],
)
def test_nothing_is_changed_after_the_end_of_a_run(change: Callable[[Inventory], None]) -> None:
    def refuse() -> None:
        raise EndedError("The run has ended.")

    with pytest.raises(EndedError):
        change(Inventory({}, STACK, require_open=refuse))
