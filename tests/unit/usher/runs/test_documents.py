"""A run's documents are refused unless Usher could have written them, and a plan unless it is about its group and
stack."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from usher.config.model import Config, Job, Solution
from usher.errors import InputError
from usher.formats.typed_json import UnfitError
from usher.planning.desired import Data, desired_resources
from usher.planning.inputs import MAX_FILES
from usher.resources.plan import Plan
from usher.resources.unmanaged import Unmanaged
from usher.runs import documents
from usher.runs.documents import check_reach, check_record, own_group, plan_of
from usher.runs.record import Run
from usher.storage.bucket import as_json

from tests.unit.usher.world import ARN_PREFIX, BUCKET, STACK, World, target

URL = f"s3://{BUCKET}/"
RUN = "20260102T030405678Z-abcd"
DATASET = {"files": [], "bytes": 1, "rows": 1, "ids": 1, "columns": [], "rejected": 0, "findings": []}
HOME = f"{URL}films/"


def planned() -> dict[str, Any]:
    """A plan with a resource of most kinds, as it is written."""
    job = Job("letter", "batch_inference_job", "for-you", input="films/batch/letter.jsonl")
    config = Config(
        (Solution("for-you", "aws-user-personalization-v2"),),
        {"seen": {"filterExpression": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'}},
        {},
        None,
        group={"kmsKeyArn": "arn:aws:kms:us-east-1:999999999999:key/k"},
        jobs=(job,),
        metric_attribution={"metrics": []},
    )
    data = {"interactions": Data(f"{HOME}interactions.csv", "d"), "items": Data(f"{URL}train/films/items/", "e")}
    unwanted = [Unmanaged("filter/old", "filter", f"{ARN_PREFIX}:filter/films-old-123456", "replaced", delete=True)]
    made = desired_resources(target("films", RUN), config, data)
    content = {
        "group": "films",
        "resources": made,
        "known_failures": {},
        "expected_seconds": {},
        "to_delete": unwanted,
        "filters": ["seen"],
    }
    plan: dict[str, Any] = json.loads(as_json(content))
    return plan


def find(plan: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(one for one in plan["resources"] if one["kind"] == kind)


def test_ushers_plans_are_carried_out() -> None:
    plan = planned()
    check_reach(plan_of(plan, "films", RUN), "films", STACK, URL)


def test_a_plan_of_the_maximum_number_of_files_can_be_read_again(world: World) -> None:
    folder = f"s3://{'b' * 63}/{'g' * 35}/interactions/"
    files = {f"{folder}incremental/{'day-' * 25}{day}.csv": "0123456789ab" for day in range(100)}
    made = desired_resources(
        target("g" * 35, RUN), Config((), {}, {}, None), {"interactions": Data(folder, "d", {}, files)}
    )
    plan = as_json({"resources": made, "expected_seconds": {one.id: 1234.567 for one in made}})
    assert len(plan) / len(files) * MAX_FILES < documents.MAX_BYTES
    larger = Plan("films", files=["f" * 1000] * (documents.MAX_BYTES // 1000))
    with pytest.raises(InputError, match="films/: has more files than one plan has room for: 16 MB of 16"):
        Run(world.bucket, "films", RUN).write_plan(larger)
    assert not world.bucket.keys("films/")


def test_an_evaluations_plan_is_about_the_group_that_it_makes_for_itself() -> None:
    plan = planned() | {"group": own_group("films", RUN)}
    plan_of(plan, "films", RUN)
    with pytest.raises(UnfitError, match="it is about the group"):
        plan_of(plan, "films", "another-run")


Change = Callable[[dict[str, Any]], Any]
FORGED: dict[str, tuple[Change, str]] = {
    "nothing": (lambda plan: plan.clear(), "it has no group"),
    "another group": (lambda plan: plan.update(group="victim"), "it is about the group 'victim'"),
    "an unknown member": (lambda plan: plan.update(more=1), "it has more, which is unknown"),
    "an unknown kind": (lambda plan: find(plan, "filter").update(kind="bucket"), "is a 'bucket'"),
    "a kind that is not its id's": (lambda plan: find(plan, "filter").update(kind="campaign"), "is a 'campaign'"),
    "an unknown stage": (lambda plan: find(plan, "filter").update(stage="delete"), "of the stage 'delete'"),
    "a resource twice": (lambda plan: plan["resources"].append(plan["resources"][0]), "is there twice"),
    "a missing need": (lambda plan: plan["resources"].pop(0), "before what it needs"),
    "an unknown need": (lambda plan: find(plan, "filter").update(after=["dataset/x"]), "before what it needs"),
    "a deletion of an unknown kind": (lambda plan: plan["to_delete"][0].update(kind="x"), "it deletes a 'x'"),
    "a resource without a kind": (lambda plan: find(plan, "filter").pop("kind"), "has no kind"),
    "a removal that is neither true nor false": (lambda plan: plan.update(removal="yes"), "it.removal is 'yes'"),
    "another group's files": (lambda plan: plan.update(files=["victim/interactions.csv"]), "it is about the file"),
    "seconds of text": (lambda plan: plan.update(expected_seconds={"a": "1"}), "it.expected_seconds.a is '1'"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_plan_that_usher_has_not_written_is_refused(name: str) -> None:
    change, said = FORGED[name]
    plan = planned()
    change(plan)
    with pytest.raises(UnfitError, match=said):
        plan_of(plan, "films", RUN)


OTHER = ARN_PREFIX.replace("123456789012", "999999999999")
FAR: dict[str, Change] = {
    "an import of another group's data": lambda plan: find(plan, "dataset_import_job")["params"]["dataSource"].update(
        dataLocation=f"{URL}victim/interactions.csv"
    ),
    "an import of a group whose name begins alike": lambda plan: find(plan, "dataset_import_job")["params"].update(
        dataSource={"dataLocation": f"{URL}films2/interactions.csv"}
    ),
    "an import from another bucket": lambda plan: find(plan, "dataset_import_job")["params"].update(
        dataSource={"dataLocation": "s3://other/films/interactions.csv"}
    ),
    "a job's answers elsewhere": lambda plan: find(plan, "batch_inference_job")["params"].update(
        jobOutput={"s3DataDestination": {"path": f"{URL}victim/out/x/"}}
    ),
    "a job's input elsewhere": lambda plan: find(plan, "batch_inference_job")["params"].update(
        jobInput={"s3DataSource": {"path": f"{URL}batch/victim/s/job_config.json"}}
    ),
    "a path that is not a text": lambda plan: find(plan, "batch_inference_job")["params"].update(
        jobInput={"path": [HOME]}
    ),
    "reports elsewhere": lambda plan: find(plan, "metric_attribution")["params"].update(
        metricsOutputConfig={"s3DataDestination": {"path": URL}}
    ),
    "a role of another account": lambda plan: find(plan, "dataset_import_job")["params"].update(
        roleArn="arn:aws:iam::999999999999:role/personalize"
    ),
    "a version of another account": lambda plan: find(plan, "campaign")["params"].update(
        solutionVersionArn=f"{OTHER}:solution/a/1"
    ),
    "a resource of another account": lambda plan: find(plan, "filter").update(arn=f"{OTHER}:filter/films-seen"),
    "a resource of another service": lambda plan: find(plan, "filter").update(
        arn="arn:aws:lambda:us-east-1:123456789012:function:f"
    ),
    "a deletion in another region": lambda plan: plan["to_delete"][0].update(
        arn=plan["to_delete"][0]["arn"].replace("us-east-1", "eu-west-1")
    ),
}


@pytest.mark.parametrize("name", FAR)
def test_a_plan_that_reaches_beyond_its_group_and_stack_is_refused(name: str) -> None:
    plan = planned()
    FAR[name](plan)
    readable = plan_of(plan, "films", RUN)
    with pytest.raises(UnfitError, match=r"outside the group's folder|is not the stack's"):
        check_reach(readable, "films", STACK, URL)


RECORD = {"group": "films", "run": RUN, "execution": "e", "startedAt": "2026", "outcome": "RUNNING"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"group": "victim"}, "it is about the run"),
        ({"run": "another"}, "it is about the run 'another'"),
        ({"outcome": "GREAT"}, "it.outcome is 'GREAT'"),
        ({"resources": [{"id": "a"}]}, r"it.resources\[0\] has no action"),
        ({"deletions": {}}, "it.deletions is"),
        ({"waitSeconds": "1"}, "it.waitSeconds is '1'"),
        ({"problems": ["bad"]}, r"it.problems\[0\] is 'bad'"),
        ({"startedAt": None}, "it.startedAt is 'None'"),
        ({"data": {"items": DATASET | {"files": ["victim/items.csv"]}}}, "it is about the file 'victim/items.csv'"),
        ({"data": {"items": []}}, r"it.data.items is '\[\]'"),
        ({"data": {"items": {"files": []}}}, "it.data.items has no bytes"),
    ],
)
def test_a_record_that_usher_has_not_written_is_refused(change: dict[str, Any], said: str) -> None:
    check_record(RECORD | {"new": 1}, "films", RUN)
    with pytest.raises(UnfitError, match=said):
        check_record(RECORD | change, "films", RUN)


def test_an_unreadable_record_is_reported_with_its_place_and_the_run_is_concluded(world: World) -> None:
    run = Run(world.bucket, "films", RUN)
    for content in (b"{", b"[]", b" " * (documents.MAX_BYTES + 1)):
        world.bucket.write(run.key(), content)
        with pytest.raises(UnfitError, match=rf"{run.key()} is not as Usher wrote it.*Start the run again"):
            run.read()
        assert not run.read_or_empty()
        record = run.conclude("e", None)
        assert record["outcome"] == "FAILED"
        assert "not as Usher wrote it" in record["summary"]
        assert run.read()["outcome"] == "FAILED"


def test_a_file_that_is_not_there_yet_is_empty(world: World) -> None:
    run = Run(world.bucket, "films", RUN)
    assert not run.read()
    assert not run.read("athena.json")
    assert run.find_plan() is None
