"""Drops and exports from beginning to end: the template's functions and state machines, on a clock of their own."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from usher.aws import client
from usher.costs.ledger import Past, Spending
from usher.exports import steps
from usher.prices import PRICES
from usher.serving.export_store import ExportStore
from usher.storage.bucket import Bucket
from usher.storage.table import Table

from tests.unit.usher.world import interactions
from usher_local.simulation.machine import TaskError
from usher_local.simulation.stack import Boundary, DiedError, Execution, Stack, StoppedError

CONFIG: dict[str, Any] = {
    "solutions": {"popular": {"recipe": "aws-popularity-count"}},
    "exports": {"popular": {"numResults": 3, "table": True}},
}
WHOLE, LATEST = {"group": "films"}, "films/out/export/popular/latest.json"


@pytest.fixture
def stack(deployment: Stack) -> Stack:
    deployment.reset()
    return deployment


@pytest.fixture
def site(deployment: Stack) -> Stack:
    """A group with a live solution and an export of it."""
    deployment.begin(live)
    return deployment


def live(stack: Stack) -> None:
    stack.put("films/usher.yaml", json.dumps(CONFIG))
    assert drop(stack, interactions()).status == "SUCCEEDED"


def drop(stack: Stack, content: str = "") -> Execution:
    """Let a dropped file of interactions start the pipeline."""
    if content:
        stack.put("films/interactions.csv", content)
    return stack.drop("films/interactions.csv")


def export(stack: Stack) -> Execution:
    return stack.run(WHOLE, "Exports")


def finish(stack: Stack, waits: Iterator[float]) -> None:
    for seconds in waits:
        stack.clock.shift(seconds)


def before(stack: Stack, function: str, *actions: Callable[[], object], when: str = "before") -> None:
    """Do something before (or after) each of the next invocations of a function."""
    left = list(actions)

    def disturb(boundary: Boundary) -> None:
        if left and (boundary.kind, boundary.when) == ("function", when) and function in boundary.name:
            left.pop(0)()

    stack.disturb = disturb


def fail(error: BaseException) -> Callable[[], None]:
    def raise_it() -> None:
        raise error

    return raise_it


def latest(stack: Stack) -> dict[str, Any] | None:
    """The manifest of the newest complete export."""
    return stack.read(LATEST).get(LATEST)


def record(stack: Stack) -> dict[str, Any]:
    """The record of the last run."""
    records: list[dict[str, Any]] = list(stack.read(r"films/out/runs/.*/run\.json").values())
    return records[-1]


def served(stack: Stack) -> dict[str, Any]:
    """The group's serving map."""
    serving_map: dict[str, Any] = json.loads(stack.items("films")["serving"]["map"]["S"])
    return serving_map


def made(stack: Stack) -> Counter[str]:
    """The number of resources of each kind, without the service's own recipes."""
    return Counter(arn.split(":", 5)[5].partition("/")[0] for arn in stack.personalize.resources if "123456" in arn)


def past(stack: Stack) -> Past:
    """The group's orders until now."""
    return Spending(Table(client("dynamodb"), stack.table)).of("films")


def last_message(stack: Stack) -> str:
    return stack.notifications()[-1]


def input_of_the_export(stack: Stack) -> str:
    """The key of the input of the newest export's job."""
    return stack.keys(r"films/out/export/popular/.*/input/.*")[-1]


def test_a_drop_becomes_a_served_group_and_an_export(stack: Stack) -> None:
    stack.put("films/usher.yaml", json.dumps(CONFIG))
    assert drop(stack, interactions()).status == "SUCCEEDED"
    assert {state["status"] for state in record(stack)["resources"]} == {"READY"}
    assert record(stack)["data"]["interactions"]["rows"] == 1200
    (message,) = stack.notifications()
    assert message.startswith("8 resources are ")
    first = served(stack)
    assert set(first["solutions"]) == {"popular"}
    assert first["trackingId"]
    assert first["events"]["columns"]["interactions"]["ITEM_ID"] == "string"

    assert drop(stack).status == "SUCCEEDED"
    assert served(stack) == first

    client("dynamodb").delete_item(TableName=stack.table, Key={"group": {"S": "films"}, "item": {"S": "serving"}})
    drop(stack)
    assert served(stack) == first, "a lost map is made again"

    assert stack.run({}, "Exports").status == "SUCCEEDED"
    manifest = latest(stack)
    assert manifest
    assert (manifest["lines"], manifest["errors"], manifest["rows"]) == (60, 0, 180)
    bucket = Bucket(client("s3"), stack.bucket)
    line = json.loads(next(bucket.lines(manifest["answers"][0])))
    table = ExportStore(Table(client("dynamodb"), stack.table))
    assert table.look_up("films", "popular", line["input"]["userId"]) == line["output"]
    assert record(stack)["export"] == manifest
    page = bucket.read(f"films/out/runs/{manifest['run']}/run.html")
    assert manifest["files"][0]["key"].encode() in (page or b"")


def test_many_parts_are_assembled_in_ten_shares(site: Stack) -> None:
    """An execution's history holds 25,000 events, seven for each call."""
    calls = list[str]()

    def divide_the_output(boundary: Boundary) -> None:
        if boundary.when == "before" and boundary.kind == "function" and "-Export-" in boundary.name:
            calls.append(boundary.name)
            if len(calls) == len(["find", "prepare", "collect"]):
                (key,) = site.keys(r"films/out/export/popular/.*/output/.*\.out")
                lines = list(Bucket(client("s3"), site.bucket).lines(key))
                for part in range(12):
                    site.put(key.replace("part-0001", f"part-{part + 1:04}"), b"\n".join(lines[part::12]))

    site.disturb = divide_the_output
    assert export(site).status == "SUCCEEDED"
    assert len(calls) == len(["find", "prepare", "collect"]) + steps.SHARES + len(["load", "publish"])
    manifest = latest(site)
    assert manifest
    assert (manifest["lines"], len(manifest["answers"])) == (60, 12)


def test_overlapping_exports_make_one_job(site: Stack) -> None:
    before(site, "Export", lambda: None, fail(DiedError()), when="after")
    first, waits = site.start(WHOLE, "Exports")
    next(waits)
    second = export(site)
    assert [one["outcome"] for one in second.output] == ["JOINED"]
    finish(site, waits)
    assert [one["outcome"] for one in first.output] == ["SUCCEEDED"]
    assert made(site)["batch-inference-job"] == 1, "a step that died after its work is tried again, and joins it"
    assert [one["outcome"] for one in export(site).output] == ["SUCCEEDED"], "the export was given back"


def test_an_export_that_cannot_be_published_is_named(site: Stack) -> None:
    first = ["find", "prepare", "collect", "assemble", "load"]
    before(site, "Export", *[lambda: None for _ in first], *[fail(TaskError("KeyError", "latest"))] * 99)
    execution = export(site)
    assert execution.status == "FAILED"
    assert "films/: exports.popular: could not be published: KeyError: " in str(execution.output)


def test_an_export_that_died_is_taken_over(site: Stack) -> None:
    before(site, "Reconcile", fail(StoppedError()))
    assert export(site).status == "ABORTED"
    assert export(site).status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TaskError("UsherError", '{"errorMessage": "The table does not take it"}'), "The table does not take it"),
        (TaskError("Sandbox.Timedout"), "broke off: Sandbox.Timedout"),
    ],
)
def test_an_interrupted_export_keeps_the_former_latest_and_is_reported(
    site: Stack, error: TaskError, said: str
) -> None:
    export(site)
    manifest = latest(site)
    before(site, "Reconcile", fail(error))
    execution = export(site)
    assert (execution.status, said in execution.output["Cause"]) == ("FAILED", True)
    assert said in last_message(site)
    assert latest(site) == manifest
    assert export(site).status == "SUCCEEDED", "the export is free again"


def test_a_failed_job_is_reported_with_personalizes_reason(site: Stack) -> None:
    s3 = client("s3")
    before(site, "Reconcile", lambda: s3.delete_object(Bucket=site.bucket, Key=input_of_the_export(site)))
    execution = export(site)
    assert execution.status == "FAILED"
    assert execution.output["Cause"].startswith("batch_inference_job/popular: failed: ")
    assert execution.output["Cause"] in last_message(site)
    assert latest(site) is None


def test_failed_lines_are_kept_counted_and_reported(site: Stack) -> None:
    bucket = Bucket(client("s3"), site.bucket)

    def spoil_a_line() -> None:
        key = input_of_the_export(site)
        bucket.write(key, b"\n".join([b'{"userId": 2}', *list(bucket.lines(key))[1:]]))

    before(site, "Reconcile", spoil_a_line)
    assert export(site).status == "SUCCEEDED"
    manifest = latest(site)
    assert manifest
    assert (manifest["lines"], manifest["errors"]) == (60, 1)
    (failed,) = (one for one in manifest["files"] if "/errors/" in one["key"])
    assert json.loads(bucket.read(failed["key"]) or b"")["input"] == {"userId": 2}
    notes = record(site)["notes"]
    assert [note["message"].partition(".")[0] for note in notes] == ["has 1 lines that failed"]
    assert "errors/: has 1 lines that failed. The first says: " in last_message(site)


def test_an_export_with_a_line_without_an_answer_leaves_the_former_latest(site: Stack) -> None:
    export(site)
    manifest = latest(site)
    before(site, "Reconcile", lambda: site.put(input_of_the_export(site), '{"userId": "u1"}\n'))
    execution = export(site)
    assert (execution.status, "has no answer for 59 of 60 lines." in execution.output["Cause"]) == ("FAILED", True)
    assert execution.output["Cause"] in last_message(site)
    assert latest(site) == manifest


def test_bad_data_stops_the_run_before_anything_is_created(stack: Stack) -> None:
    assert drop(stack, interactions().replace("1600000000", "1600000000000", 1)).status == "FAILED"
    assert record(stack)["summary"].startswith("films/interactions.csv line 2: TIMESTAMP is in milliseconds")
    (message,) = stack.notifications()
    assert "Divide by 1000" in message
    assert not made(stack)
    drop(stack)
    assert len(stack.read(r"films/out/runs/.*/run\.json")) == 2, "the group is free again"


def test_new_data_after_a_first_run_is_trained_on(site: Stack) -> None:
    former = served(site)["solutions"]["popular"]["solutionVersionArn"]
    assert drop(site, interactions(users=61)).status == "SUCCEEDED"
    assert served(site)["solutions"]["popular"]["solutionVersionArn"] != former
    assert made(site)["solution"] == 3, "a solution and two versions"


def test_one_mistake_is_reported_once_however_many_runs(stack: Stack) -> None:
    """Something arrives during the first two runs of an execution."""
    other = "ITEM_ID\ni1\n"
    before(stack, "Publish", lambda: stack.run(WHOLE), lambda: (stack.run(WHOLE), drop(stack, other)))
    drop(stack, "USER_ID\nu1\n")
    assert len(stack.read(r"films/out/runs/.*/run\.json")) == 3
    assert ["lacks the column USER_ID" in message for message in stack.notifications()] == [False, True]


def test_an_item_without_interactions_says_so(stack: Stack) -> None:
    stack.put("films/usher.yaml", "")
    assert stack.drop("films/usher.yaml").status == "SUCCEEDED"
    assert record(stack)["summary"].startswith("Nothing to do until there is films/interactions.csv")


def test_keys_outside_the_inputs_are_ignored(stack: Stack) -> None:
    assert stack.drop("films/out/export/x/interactions.csv").status == "SUCCEEDED"
    assert not stack.keys(".*")


def test_a_run_that_breaks_off_is_reported_and_releases_the_group(stack: Stack) -> None:
    cause = json.dumps({"errorMessage": "Task timed out after 900 seconds"})
    before(stack, "Plan", *[fail(TaskError("Sandbox.Timedout", cause))] * 6)  # Step Functions retries five times
    assert drop(stack, interactions()).status == "FAILED"
    (message,) = stack.notifications()
    assert "broke off: Sandbox.Timedout: Task timed out after 900 seconds" in message
    assert drop(stack).status == "SUCCEEDED"


@pytest.mark.parametrize("forged", ["another group's data", "no plan", "another group"])
def test_a_plan_by_another_writer_is_refused_and_reported(stack: Stack, forged: str) -> None:
    def forge() -> None:
        ((key, plan),) = stack.read(r"films/out/runs/.*/plan\.json").items()
        if forged == "another group's data":
            (job,) = (one for one in plan["resources"] if one["kind"] == "dataset_import_job")
            job["params"]["dataSource"]["dataLocation"] = f"s3://{stack.bucket}/victim/interactions.csv"
        elif forged == "no plan":
            plan = {"resources": []}
        else:
            plan["group"] = "victim"
        stack.put(key, json.dumps(plan))

    before(stack, "Reconcile", forge)
    assert drop(stack, interactions()).status == "FAILED"
    assert not made(stack)
    (message,) = stack.notifications()
    assert "UnfitError" in message


def test_an_export_of_a_solution_that_is_not_live_fails_with_a_remedy(stack: Stack) -> None:
    execution = export(stack)
    assert execution.status == "FAILED"
    assert execution.output["Cause"].startswith("films/: has no live solution to export. Drop data")
    assert stack.notifications()
    assert latest(stack) is None


@pytest.mark.parametrize("given", [{"gruop": "films"}, {"solution": "popular"}])
def test_an_export_of_something_misspelt_exports_nothing(stack: Stack, given: dict[str, str]) -> None:
    execution = stack.run(given, "Exports")
    assert (execution.status, "for one group" in execution.output["Cause"]) == ("FAILED", True)
    assert execution.invocations == 1


def test_a_config_above_a_ceiling_leaves_live_resources_unchanged(site: Stack) -> None:
    former, resources = served(site), made(site)
    dear = {"recipe": "aws-sims", "campaign": {"minProvisionedTPS": 5000}}
    site.put("films/usher.yaml", json.dumps({**CONFIG, "solutions": {**CONFIG["solutions"], "dear": dear}}))
    assert drop(site).status == "FAILED"
    assert "campaign.minProvisionedTPS: is above the ceiling of 10 " in record(site)["summary"]
    assert "MaxProvisionedTPS=5000" in last_message(site)
    site.put("films/usher.yaml", json.dumps(CONFIG))
    site.set_variables(MaxRunDollars="0.01")
    assert drop(site, interactions(users=61)).status == "FAILED"
    assert "MaxRunDollars=1" in record(site)["summary"]
    assert served(site) == former
    assert made(site) == resources


def test_a_requested_training_above_a_ceiling_does_not_hold_up_later_runs(site: Stack) -> None:
    site.set_variables(MaxRunDollars="0.01")
    site.run({**WHOLE, "task": "retrain"})
    assert "MaxRunDollars=1" in record(site)["summary"]
    assert site.run(WHOLE).status == "SUCCEEDED"


def test_an_export_above_a_ceiling_makes_no_job_and_leaves_the_former_latest(site: Stack) -> None:
    ordered = past(site).ordered
    assert export(site).status == "SUCCEEDED"
    assert past(site).ordered == pytest.approx(ordered + 60 / 1000 * PRICES["batchThousand"])
    manifest, resources = latest(site), made(site)
    ceilings = {"MaxExportLines": "59", "MaxRunDollars": "0.001", "MaxMonthlyDollars": str(past(site).standing)}
    for parameter, value in ceilings.items():
        site.set_variables(**{parameter: value})
        execution = export(site)
        assert execution.status == "FAILED"
        assert f"--parameter-overrides {parameter}=" in execution.output["Cause"]
    assert made(site) == resources
    assert latest(site) == manifest


def test_a_job_answers_the_counted_lines_despite_later_writes(stack: Stack) -> None:
    batch = {"b": {"solution": "popular", "numResults": 5}}
    stack.put("films/usher.yaml", json.dumps({"solutions": CONFIG["solutions"], "batch": batch}))
    stack.put("films/batch/b.jsonl", '{"userId": "u1"}\n')

    def put_more_lines(boundary: Boundary) -> None:
        if (boundary.name, boundary.when) == ("s3:CopyObject", "before"):
            stack.put("films/batch/b.jsonl", '{"userId": "u1"}\n' * 5)

    stack.disturb = put_more_lines
    assert drop(stack, interactions()).status == "FAILED"
    assert record(stack)["summary"].startswith("films/batch/b.jsonl: has grown beyond the 1 lines")
    assert not made(stack)
