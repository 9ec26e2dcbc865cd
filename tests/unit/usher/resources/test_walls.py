"""A writer of one group's folder can't reach another group: the victim's listing does not change by a byte."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from usher.errors import InputError
from usher.resources.kinds import GROUP_TAG, STACK_TAG
from usher.resources.states import State
from usher.storage.bucket import Bucket

from tests.unit.usher.resources.test_ownership import PROD, SCHEMA, SOME, Stack, everything, make_by_hand
from tests.unit.usher.world import ACCOUNT, BUCKET, STACK, World
from usher_local.personalize.models import personalize_backends

VICTIM = "store-eu"
POPULAR = {"recipe": "aws-popularity-count"}
CONFIG: Mapping[str, Any] = {
    "solutions": {"best": POPULAR},
    "filters": {"some": {"filterExpression": SOME.format("x")}},
    "batch": {"nightly": {"solution": "best", "input": f"{VICTIM}/batch/nightly.jsonl"}},
    "schedules": {"retrain": "rate(30 days)"},
}
REMOVE = {"remove": {"at": "now"}}
ELSEWHERE = "It belongs to another dataset group."


@dataclass(frozen=True)
class Attack:
    """A config by a writer of the folder `store`; {best} and so on are the victim's names in Personalize."""

    adopt: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    tasks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    refused: str = ""
    """The message if the whole run is refused."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Otherwise, the beginnings of the failures' reasons, by ID."""


WHOLE = {"dataset_group/store": "{dataset_group}"}
SOLUTION = {"solution/best": "{solution}"}
CAMPAIGN = {"campaign/best": "{campaign}"}
FILTER = {"filter/some": "{filter}"}
SCHEMA_LINE = {"schema/interactions": "{schema}"}
MINE = "is that of another folder"
BIGGER = {"solutions": {"best": {**POPULAR, "campaign": {"minProvisionedTPS": 5}}}}
UPDATED = {"solutions": {"best": {**POPULAR, "performAutoTraining": True}}}
ATTACKS = {
    "adopt the dataset group": Attack(WHOLE, refused=MINE),
    "adopt the dataset group and prune it": Attack(WHOLE, {"prune": True, "filters": {}}, refused=MINE),
    "adopt the dataset group and remove it": Attack(WHOLE, tasks=REMOVE, refused=MINE),
    "adopt everything and remove it": Attack(
        {**WHOLE, **SOLUTION, **CAMPAIGN, **FILTER, **SCHEMA_LINE}, {}, REMOVE, MINE
    ),
    "adopt the solution": Attack(SOLUTION, failed={"solution/best": ELSEWHERE}),
    "adopt the solution and change it": Attack(SOLUTION, UPDATED, failed={"solution/best": ELSEWHERE}),
    "adopt the solution and retrain it": Attack(
        SOLUTION, tasks={"retrain#best": {"at": "now"}}, failed={"solution/best": ELSEWHERE}
    ),
    "adopt the solution and run a job on it": Attack(
        SOLUTION, {"batch": {"job": {"solution": "best"}}}, failed={"solution/best": ELSEWHERE}
    ),
    "adopt the campaign": Attack(CAMPAIGN, failed={"campaign/best": ELSEWHERE}),
    "adopt the campaign and enlarge it": Attack(CAMPAIGN, BIGGER, failed={"campaign/best": ELSEWHERE}),
    "adopt solution and campaign": Attack({**SOLUTION, **CAMPAIGN}, BIGGER, failed={"solution/best": ELSEWHERE}),
    "adopt the filter": Attack(FILTER, failed={"filter/some": ELSEWHERE}),
    "adopt the filter and prune": Attack(FILTER, {"prune": True}, failed={"filter/some": ELSEWHERE}),
    "adopt the schema": Attack(SCHEMA_LINE),
    "adopt the schema and remove the group": Attack(SCHEMA_LINE, tasks=REMOVE),
    "adopt a group that somebody has made by hand": Attack(
        {"dataset_group/store": "by-hand"}, refused="was not made by Usher"
    ),
    "adopt a group of another stack": Attack({"dataset_group/store": "of-prod"}, refused="belongs to another stack"),
    "adopt a filter that somebody has made by hand": Attack(
        {"filter/some": "by-hand"}, failed={"filter/some": ELSEWHERE}
    ),
    "arrive at the same words": Attack(
        config={"solutions": {"eu-best": POPULAR}, "filters": {"eu-some": SOME.format("x")}, "prune": True}
    ),
    "name nothing and prune": Attack(config={"solutions": {}, "filters": {}, "schedules": {}, "prune": True}),
    "have a job of the same name": Attack(config={"batch": {"nightly": {"solution": "best"}}, "prune": True}),
    "name a schedule like the victim's": Attack(
        config={
            "solutions": {"eu": {**POPULAR, "schedules": {"FULL": "rate(1 day)"}}},
            "schedules": {"retrain": "rate(1 day)"},
        }
    ),
    "remove the group": Attack(tasks=REMOVE),
    "tag as another stack's": Attack(
        config={"tags": [{"tagKey": STACK_TAG, "tagValue": PROD}]}, refused=f"has the tag {STACK_TAG}"
    ),
    "tag a single resource as another group's": Attack(
        config={"group": {"tags": [{"tagKey": GROUP_TAG, "tagValue": VICTIM}]}}, refused=f"has the tag {GROUP_TAG}"
    ),
}


@dataclass
class Scene:
    """The stack, and the victim's names by kind."""

    usher: Stack
    names: Mapping[str, str]
    theirs: set[str]
    """The ARNs of all resources before the attacks."""

    def listing(self) -> str:
        """Everything except the attacker's own: the earlier resources, those that refer to them, and the schedules."""
        there = {
            arn: one
            for arn, one in everything().items()
            if arn in self.theirs or any(their in str(one) for their in self.theirs if ":schema/" not in their)
        }
        schedules = self.usher.world.clients["scheduler"].list_schedules(GroupName="usher", NamePrefix=f"{VICTIM}.")
        return json.dumps([there, schedules["Schedules"]], default=str, sort_keys=True)


@pytest.fixture(scope="module")
def scene(shared_world: World) -> Scene:
    """Two groups of a stack, one of another stack, and one that a person made by hand."""
    usher = Stack(shared_world, STACK, Bucket(shared_world.s3, BUCKET))
    shared_world.put(f"{VICTIM}/batch/nightly.jsonl", '{"userId": "u1"}\n')
    shared_world.put("store/batch/nightly.jsonl", '{"userId": "u1"}\n')
    shared_world.put("store/batch/job.jsonl", '{"userId": "u1"}\n')
    usher.drop(VICTIM, CONFIG)
    made = usher.run(VICTIM)
    assert {state.status for state in made.values()} == {"READY"}
    for name, tags in (("by-hand", {}), ("of-prod", {STACK_TAG: PROD, GROUP_TAG: "store"})):
        pairs = [{"tagKey": key, "tagValue": value} for key, value in tags.items()]
        group = make_by_hand(shared_world, "dataset_group", name=name, tags=pairs)
        schema = make_by_hand(shared_world, "schema", name=name, schema=json.dumps(SCHEMA))
        where = {"datasetGroupArn": group, "schemaArn": schema}
        make_by_hand(shared_world, "dataset", name=name, datasetType="INTERACTIONS", tags=pairs, **where)
        make_by_hand(
            shared_world, "filter", name=name, datasetGroupArn=group, filterExpression=SOME.format("x"), tags=pairs
        )
    names = {id_.partition("/")[0]: state.arn.rpartition("/")[2] for id_, state in made.items()}
    return Scene(usher, names, set(everything()))


@pytest.mark.exhaustive
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_hostile_config_leaves_every_other_group_as_it_is(scene: Scene, attack: Attack) -> None:
    config = {**CONFIG, "batch": {}, **attack.config}
    adopt = {id_: name.format(**scene.names) for id_, name in attack.adopt.items()}
    before = scene.listing()
    for _ in range(2):  # the second run finds what the first has made
        scene.usher.drop("store", {**config, "adopt": adopt})
        if attack.refused:
            with pytest.raises(InputError, match=attack.refused):
                scene.usher.run("store", **attack.tasks)
        else:
            check(scene.usher.run("store", **attack.tasks), attack)
        assert scene.listing() == before


def check(states: Mapping[str, State], attack: Attack) -> None:
    """Refusals give the reason and the remedy, and the rest of the run continues."""
    failed = {id_: state for id_, state in states.items() if state.status == "FAILED"}
    assert failed.keys() == attack.failed.keys()
    for id_, state in failed.items():
        assert state.reason.startswith(attack.failed[id_])
        assert "out of adopt" in state.remedy
    assert {state.status for state in states.values()} <= {"READY", "FAILED", "SKIPPED", "DELETED"}


def test_the_group_itself_works_after_all_that(scene: Scene) -> None:
    """The attacks would prove nothing if the group could make nothing at all."""
    scene.usher.drop("store", {**CONFIG, "batch": {}})
    assert {state.status for state in scene.usher.run("store").values()} <= {"READY", "DELETED"}
    there = personalize_backends[ACCOUNT]["us-east-1"].resources
    assert [arn for arn in there if ":campaign/store-best-" in arn]
