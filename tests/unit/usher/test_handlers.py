"""The pipeline's and the export's functions, called one after the other as their state machines do."""

import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
from usher.aws import client
from usher.costs.ledger import Spending
from usher.errors import UsherError
from usher.exports import steps
from usher.serving.export_store import ExportTable
from usher.serving.serving_map import Serving
from usher.storage.bucket import Bucket
from usher.storage.table import Table

from tests.unit.usher.world import BUCKET, TABLE, TOPIC, World, interactions, load_function

CONFIG: dict[str, Any] = {
    "solutions": {"for-you": {"recipe": "aws-user-personalization-v2"}, "popular": {"recipe": "aws-popularity-count"}},
    "exports": {"for-you": {"numResults": 3, "table": True}},
}
FOR_YOU = {"group": "films", "solution": "for-you"}
STATES = "arn:aws:states:us-east-1:123456789012:execution:usher-pipeline:"
EXECUTION = STATES + "x-0003"


def call(function: str, **event: Any) -> Any:
    """What a function answers, through the JSON that Step Functions makes of it."""
    answer = load_function(function).lambda_handler(json.loads(json.dumps(event)), SimpleNamespace())
    return json.loads(json.dumps(answer))


def settle(stage: str, **who: str) -> dict[str, Any]:
    """The loop around `reconcile`, and its last answer."""
    for _ in range(500):
        answer: dict[str, Any] = call("reconcile", **who, stage=stage)
        if answer["settled"]:
            return answer
        time.sleep(0.01)
    raise AssertionError(f"{stage} is not settled")


def run(key: str = "films/interactions.csv", execution: str = "e-0001") -> tuple[dict[str, Any], dict[str, Any]]:
    """What `plan` and `publish` say in an execution that a dropped file starts."""
    given: dict[str, Any] = {"input": {"detail": {"object": {"key": key}}}, "execution": STATES + execution}
    planned = call("plan", **given, step="take", startedAt="2026-01-01T00:00:00Z")
    if planned["outcome"] != "GO":
        return planned, {}
    planned = call("plan", **given, step="plan")
    who = {"group": planned["group"], "run": planned["run"]}
    if planned["outcome"] == "GO":
        settle("import", **who)
        if settle("train", **who)["leftovers"]:
            settle("retire", **who)
    return planned, call("publish", **given, **who, error=None) if planned["group"] and planned["run"] else {}


def served(world: World) -> None:
    """A group with a live solution."""
    world.put("films/usher.yaml", json.dumps(CONFIG))
    world.put("films/interactions.csv", interactions())
    run()


def export(execution: str = EXECUTION) -> dict[str, Any]:
    """How an export ends."""
    prepared = call("export", step="prepare", **FOR_YOU, execution=execution)
    settle("export", group="films", run=prepared["run"])
    return finish(prepared["run"], execution)


def finish(run: str, execution: str) -> dict[str, Any]:
    """The steps of an export after its job."""
    who = {"group": "films", "run": run}
    collected = call("export", step="collect", **who)
    for share in collected["shares"]:
        while share:
            share = call("export", step="assemble", **who, share=share)
    place = collected["place"]
    while place:
        place = call("export", step="load", **who, place=place)
    ended: dict[str, Any] = call("export", step="publish", **FOR_YOU, run=run, execution=execution, error=None)
    return ended


def test_many_parts_are_assembled_in_ten_shares_each_as_far_as_time_allows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An execution's history holds 25,000 events, seven for each call."""
    monkeypatch.setattr(export, "ROWS", 15)
    monkeypatch.setattr(steps, "WORK_SECONDS", -1)
    served(world)
    prepared = call("export", step="prepare", **FOR_YOU, execution=EXECUTION)
    who = {"group": "films", "run": prepared["run"]}
    settle("export", **who)
    shares = call("export", step="collect", **who)["shares"]
    assert shares == [{"file": number, "step": 10} for number in range(10)]
    assert call("export", step="assemble", **who, share=shares[3]) == {"file": 13, "step": 10}
    assert finish(prepared["run"], EXECUTION)["outcome"] == "SUCCEEDED"
    assert world.bucket.read_json("films/out/export/for-you/latest.json")["lines"] == 60


@pytest.fixture
def inbox(world: World) -> Any:
    """Reads the notifications so far."""
    sqs = client("sqs")
    queue = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    world.sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:inbox")
    return lambda: [
        json.loads(message["Body"])["Message"]
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    ]


def test_a_drop_becomes_a_served_group_and_an_export(world: World, inbox: Any) -> None:
    world.put("films/usher.yaml", json.dumps(CONFIG))
    world.put("films/interactions.csv", interactions())
    planned, published = run()
    assert (planned["outcome"], published["outcome"], published["again"]) == ("GO", "SUCCEEDED", False)
    record = world.bucket.read_json(f"films/out/runs/{planned['run']}/run.json")
    assert record["outcome"] == "SUCCEEDED"
    assert {state["status"] for state in record["resources"]} == {"READY"}
    assert record["data"]["interactions"]["rows"] == 1200
    (told,) = inbox()
    assert told.startswith("11 resources are as desired.")
    served = Serving(Table(world.dynamodb, TABLE)).read("films")
    assert set(served["solutions"]) == {"for-you", "popular"}
    assert served["trackingId"]

    planned, published = run(execution="e-0002")
    assert (planned["outcome"], published["outcome"]) == ("DONE", "SUCCEEDED")
    assert Serving(Table(world.dynamodb, TABLE)).read("films") == served

    world.dynamodb.delete_item(TableName=TABLE, Key={"group": {"S": "films"}, "item": {"S": "serving"}})
    run(execution="e-0004")
    assert Serving(Table(world.dynamodb, TABLE)).read("films") == served, "a lost map is made again"

    assert call("export", step="find", given={}) == [FOR_YOU]
    end = export()
    assert end["outcome"] == "SUCCEEDED"
    latest = world.bucket.read_json("films/out/export/for-you/latest.json")
    assert (latest["lines"], latest["errors"], latest["rows"]) == (60, 0, 180)
    line = json.loads(next(world.bucket.lines(latest["answers"][0])))
    table = ExportTable(Table(world.dynamodb, TABLE))
    assert table.read("films", "for-you", line["input"]["userId"]) == line["output"]
    assert world.bucket.read_json(f"films/out/runs/{latest['run']}/run.json")["export"] == latest
    assert latest["files"][0]["key"].encode() in (world.bucket.read(f"films/out/runs/{latest['run']}/run.html") or b"")


def test_overlapping_exports_make_one_job(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    served(world)
    first, second = STATES + "x-0001", STATES + "x-0002"
    monkeypatch.setattr("usher.runs.lock.is_running", lambda _: lambda execution: execution == first)
    prepared = call("export", step="prepare", **FOR_YOU, execution=first)
    assert call("export", step="prepare", **FOR_YOU, execution=first) == prepared, "a step that is tried again"
    assert call("export", step="prepare", **FOR_YOU, execution=second)["outcome"] == "JOINED"
    settle("export", group="films", run=prepared["run"])
    assert len(world.personalize.list_batch_inference_jobs()["batchInferenceJobs"]) == 1
    assert finish(prepared["run"], first)["outcome"] == "SUCCEEDED"
    assert call("export", step="prepare", **FOR_YOU, execution=second)["outcome"] == "READY", "it was given back"


def test_an_export_that_died_is_taken_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    served(world)
    monkeypatch.setattr("usher.runs.lock.is_running", lambda _: lambda _execution: False)
    call("export", step="prepare", **FOR_YOU, execution=STATES + "x-0001")
    assert export(STATES + "x-0002")["outcome"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            {"Error": "UsherError", "Cause": '{"errorMessage": "The table does not take it"}'},
            "The table does not take it",
        ),
        ({"Error": "Sandbox.Timedout", "Cause": None}, "broke off: Sandbox.Timedout"),
    ],
)
def test_an_export_that_breaks_off_leaves_the_former_latest_and_is_told(
    world: World, inbox: Any, error: dict[str, Any], said: str
) -> None:
    served(world)
    assert export()["outcome"] == "SUCCEEDED"
    latest = world.bucket.read_json("films/out/export/for-you/latest.json")
    inbox()
    prepared = call("export", step="prepare", **FOR_YOU, execution=STATES + "x-0004")
    settle("export", group="films", run=prepared["run"])
    run = {"run": prepared["run"], "execution": STATES + "x-0004"}
    end = call("export", step="publish", **FOR_YOU, **run, error=error)
    assert (end["outcome"], said in end["cause"]) == ("FAILED", True)
    assert said in inbox()[0]
    assert world.bucket.read_json("films/out/export/for-you/latest.json") == latest
    assert export(STATES + "x-0005")["outcome"] == "SUCCEEDED", "the export is free again"


def test_a_failed_job_is_told_with_personalizes_reason(world: World, inbox: Any) -> None:
    served(world)
    prepared = call("export", step="prepare", **FOR_YOU, execution=STATES + "x-0003")
    for key in world.bucket.keys("films/out/export/for-you/"):
        world.s3.delete_object(Bucket=BUCKET, Key=key)
    settle("export", group="films", run=prepared["run"])
    end = finish(prepared["run"], STATES + "x-0003")
    assert end["outcome"] == "FAILED"
    assert end["cause"].startswith("batch_inference_job/for-you: failed: ")
    assert inbox()
    assert world.bucket.read_json("films/out/export/for-you/latest.json") is None


def test_lines_that_fail_are_kept_counted_and_told(world: World, inbox: Any) -> None:
    served(world)
    prepared = call("export", step="prepare", **FOR_YOU, execution=STATES + "x-0003")
    (key,) = (key for key in world.bucket.keys("films/out/export/for-you/") if "/input/" in key)
    lines = list(world.bucket.lines(key))
    world.bucket.write(key, b"\n".join([b'{"userId": 2}', *lines[1:]]))
    inbox()
    settle("export", group="films", run=prepared["run"])
    assert finish(prepared["run"], STATES + "x-0003")["outcome"] == "SUCCEEDED"
    latest = world.bucket.read_json("films/out/export/for-you/latest.json")
    assert (latest["lines"], latest["errors"]) == (60, 1)
    (failed,) = (one for one in latest["files"] if "/errors/" in one["key"])
    assert json.loads(world.bucket.read(failed["key"]) or b"")["input"] == {"userId": 2}
    notes = world.bucket.read_json(f"films/out/runs/{latest['run']}/run.json")["notes"]
    assert [note["message"].partition(".")[0] for note in notes] == ["has 1 lines that failed"]
    (told,) = inbox()
    assert "errors/: has 1 lines that failed. The first says: " in told


def test_an_export_with_a_line_without_an_answer_leaves_the_former_latest(world: World, inbox: Any) -> None:
    served(world)
    assert export()["outcome"] == "SUCCEEDED"
    latest = world.bucket.read_json("films/out/export/for-you/latest.json")
    inbox()
    prepared = call("export", step="prepare", **FOR_YOU, execution=STATES + "x-0004")
    (key,) = (key for key in world.bucket.keys("films/out/export/for-you/") if f"{prepared['run']}/input/" in key)
    world.bucket.write(key, b'{"userId": "u1"}\n')
    settle("export", group="films", run=prepared["run"])
    end = finish(prepared["run"], STATES + "x-0004")
    assert (end["outcome"], "has no answer for 59 of 60 lines." in end["cause"]) == ("FAILED", True)
    assert end["cause"] in inbox()[0]
    assert world.bucket.read_json("films/out/export/for-you/latest.json") == latest


def test_bad_data_stops_the_run_before_anything_is_created(world: World, inbox: Any) -> None:
    world.put("films/interactions.csv", interactions().replace("1600000000", "1600000000000", 1))
    planned, published = run()
    assert (planned["outcome"], published["outcome"]) == ("DONE", "FAILED")
    assert published["cause"].startswith("films/interactions.csv line 2: has a TIMESTAMP in milliseconds")
    (told,) = inbox()
    assert "Divide by 1000" in told
    assert not world.personalize.list_dataset_groups()["datasetGroups"]
    assert run(execution="e-0002")[0]["outcome"] == "DONE", "the group is free again"


def test_new_data_after_a_first_run_is_trained_on(world: World) -> None:
    world.put("films/usher.yaml", json.dumps({"solutions": {"popular": {"recipe": "aws-popularity-count"}}}))
    world.put("films/interactions.csv", interactions())
    run()
    world.put("films/interactions.csv", interactions(users=61))
    assert [end["outcome"] for end in run(execution="e-0002")] == ["GO", "SUCCEEDED"]
    version = world.personalize.list_solution_versions()["solutionVersions"][0]["solutionVersionArn"]
    served = Serving(Table(world.dynamodb, TABLE)).read("films")
    assert served["solutions"]["popular"]["solutionVersionArn"] == version


def test_what_arrives_during_a_run_gets_one_more_round_of_the_same_execution(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("films/usher.yaml", json.dumps({"solutions": {"popular": {"recipe": "aws-popularity-count"}}}))
    world.put("films/interactions.csv", interactions())
    first = {"input": {"group": "films"}, "execution": STATES + "e-0001"}
    planned = call("plan", **first, step="plan")
    monkeypatch.setattr("usher.runs.lock.is_running", lambda _: lambda execution: execution == first["execution"])
    joined = call("plan", input={"group": "films"}, execution=STATES + "e-0002", step="plan")
    assert (planned["outcome"], joined["outcome"]) == ("GO", "JOINED")
    who = {"group": "films", "run": planned["run"]}
    settle("train", **who)
    assert call("publish", **first, **who, error=None)["again"]
    planned = call("plan", **first, step="plan")
    assert planned["outcome"] == "DONE"
    assert not call("publish", **first, group="films", run=planned["run"], error=None)["again"]


def test_one_mistake_is_told_once_whatever_the_rounds(
    world: World, inbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"input": {"group": "films"}, "execution": STATES + "e-0001"}
    monkeypatch.setattr("usher.runs.lock.is_running", lambda _: lambda _: True)

    def round_(told: int) -> str:
        """Something arrives during each of an execution's rounds."""
        run = call("plan", **given, step="plan")["run"]
        call("plan", input={"group": "films"}, execution=STATES + "e-0002", step="plan")
        assert call("publish", **given, group="films", run=run, error=None)["outcome"] == "FAILED"
        assert len(inbox()) == told
        return str(run)

    world.put("films/interactions.csv", "USER_ID\nu1\n")
    first = round_(told=1)
    assert round_(told=0) != first
    world.put("films/interactions.csv", "ITEM_ID\ni1\n")
    round_(told=1)
    round_(told=0)


def test_what_has_no_interactions_yet_says_so(world: World) -> None:
    world.put("films/usher.yaml", "")
    planned, published = run("films/usher.yaml")
    assert (planned["outcome"], published["outcome"]) == ("DONE", "SUCCEEDED")
    assert published["cause"].startswith("Nothing to do until there is films/interactions.csv")


@pytest.mark.usefixtures("world")
def test_what_is_no_input_is_nobodys_business() -> None:
    assert run("films/out/export/x/interactions.csv")[0]["outcome"] == "NOTHING"


def test_a_run_that_breaks_off_is_told_and_gives_the_group_back(world: World, inbox: Any) -> None:
    error = {"Error": "Sandbox.Timedout", "Cause": json.dumps({"errorMessage": "Task timed out after 900 seconds"})}
    given = {"input": {"group": "films"}, "execution": STATES + "e-0001", "group": None, "run": None}
    end = call("publish", **given, error=error)
    assert (end["outcome"], end["again"]) == ("FAILED", False)
    assert "Task timed out after 900 seconds" in end["cause"]
    (told,) = inbox()
    assert "Sandbox.Timedout" in told
    assert world.bucket.keys("films/out/runs/")


@pytest.mark.parametrize("forged", ["another group's data", "no plan", "another group"])
def test_a_plan_that_somebody_else_has_written_is_not_carried_out_and_that_is_told(
    world: World, inbox: Any, forged: str
) -> None:
    world.put("films/interactions.csv", interactions())
    given = {"input": {"detail": {"object": {"key": "films/interactions.csv"}}}, "execution": STATES + "e-0001"}
    planned = call("plan", **given, step="plan")
    who, key = {"group": "films", "run": planned["run"]}, f"films/out/runs/{planned['run']}/plan.json"
    plan = world.bucket.read_json(key)
    if forged == "another group's data":
        (job,) = (one for one in plan["resources"] if one["kind"] == "dataset_import_job")
        job["params"]["dataSource"]["dataLocation"] = f"s3://{BUCKET}/victim/interactions.csv"
    elif forged == "no plan":
        plan = {"resources": []}
    else:
        plan["group"] = "victim"
    world.bucket.write_json(key, plan)
    with pytest.raises(UsherError) as refused:
        call("reconcile", **who, stage="train")
    assert not [name for name in world.calls if name.startswith(("Create", "Update", "Delete"))]
    end = call("publish", **given, **who, error={"Error": "UnfitError", "Cause": str(refused.value)})
    assert end["outcome"] == "FAILED"
    assert str(refused.value) in "".join(inbox())


def test_an_export_of_what_is_not_live_fails_with_a_remedy(world: World, inbox: Any) -> None:
    assert call("export", step="find", given={"group": "films"}) == [{"group": "films", "solution": ""}]
    prepared = call("export", step="prepare", group="films", solution="", execution=STATES + "x-0001")
    run = {"group": "films", "solution": "", "run": prepared["run"]}
    end = call("export", step="publish", **run, execution=STATES + "x-0001", error=None)
    assert prepared["outcome"] == "FAILED"
    assert end["outcome"] == "FAILED"
    assert end["cause"].startswith("films/: has no live solution to export. Drop data")
    assert inbox()
    assert world.bucket.read_json("films/out/export/for-you/latest.json") is None


def test_an_export_of_something_misspelt_exports_nothing(world: World) -> None:  # noqa: ARG001 - sets the scene
    for given in ({"gruop": "films"}, {"solution": "for-you"}):
        with pytest.raises(UsherError, match="for one group"):
            call("export", step="find", given=given)


def test_a_config_above_a_ceiling_leaves_what_serves_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch, inbox: Any
) -> None:
    served(world)
    before, made = Serving(Table(world.dynamodb, TABLE)).read("films"), world.creations()
    inbox()
    dear = {"recipe": "aws-sims", "campaign": {"minProvisionedTPS": 5000}}
    world.put("films/usher.yaml", json.dumps({**CONFIG, "solutions": {**CONFIG["solutions"], "dear": dear}}))
    planned, published = run(execution="e-0002")
    assert (planned["outcome"], published["outcome"]) == ("DONE", "FAILED")
    assert published["cause"].startswith("usher.yaml: solutions.dear.campaign.minProvisionedTPS: is above 10")
    assert "MaxProvisionedTPS=5000" in inbox()[-1]
    world.put("films/usher.yaml", json.dumps(CONFIG))
    world.put("films/interactions.csv", interactions(users=61))
    monkeypatch.setenv("MaxRunDollars", "0.01")
    assert "MaxRunDollars=1" in run(execution="e-0003")[1]["cause"]
    assert Serving(Table(world.dynamodb, TABLE)).read("films") == before
    assert world.creations() == made


def test_a_training_that_is_asked_for_above_a_ceiling_does_not_hold_up_later_runs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(world)
    given = {"input": {"group": "films", "task": "retrain"}, "startedAt": "2026-01-01T00:00:00Z"}
    monkeypatch.setenv("MaxRunDollars", "0.01")
    for execution in ("e-0002", "e-0003"):
        asked = given if execution == "e-0002" else {**given, "input": {"group": "films"}}
        for step in ("take", "plan"):
            planned = call("plan", **asked, execution=STATES + execution, step=step)
        ended = call("publish", input=asked["input"], execution=STATES + execution, group="films", run=planned["run"],
                     error=None)  # fmt: skip
        assert planned["outcome"] == "DONE"
        assert ("MaxRunDollars=1" in ended["cause"]) == (execution == "e-0002")


def test_an_export_above_a_ceiling_makes_no_job_and_leaves_the_former_latest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(world)
    ordered = Spending(Table(world.dynamodb, TABLE)).of("films").ordered
    assert export()["outcome"] == "SUCCEEDED"
    latest = world.bucket.read_json("films/out/export/for-you/latest.json")
    after = Spending(Table(world.dynamodb, TABLE)).of("films")
    assert after.ordered == pytest.approx(ordered + 60 / 1000 * 0.15)
    made = world.creations()
    for parameter, value, needed in (("MaxExportLines", "59", "60"), ("MaxRunDollars", "0.001", "1"),
                                     ("MaxMonthlyDollars", str(after.standing), "534")):  # fmt: skip
        with monkeypatch.context() as patched:
            patched.setenv(parameter, value)
            execution = f"{STATES}x-{parameter}"
            prepared = call("export", step="prepare", **FOR_YOU, execution=execution)
            who = {**FOR_YOU, "run": prepared["run"]}
            ended = call("export", step="publish", **who, execution=execution, error=None)
        assert (prepared["outcome"], ended["outcome"]) == ("FAILED", "FAILED")
        assert f"--parameter-overrides {parameter}={needed}." in ended["cause"]
    assert world.creations() == made
    assert world.bucket.read_json("films/out/export/for-you/latest.json") == latest


def test_a_job_answers_what_was_counted_whatever_is_put_there_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = {"b": {"solution": "popular", "numResults": 5}}
    world.put("films/usher.yaml", json.dumps({"solutions": {"popular": {"recipe": "aws-popularity-count"}},
                                              "batch": batch}))  # fmt: skip
    world.put("films/interactions.csv", interactions())
    world.put("films/batch/b.jsonl", '{"userId": "u1"}\n')

    count = Bucket.count_lines

    def count_lines(bucket: Bucket, key: str, most: float) -> int:
        lines = count(bucket, key, most)
        world.put("films/batch/b.jsonl", '{"userId": "u1"}\n' * 5)
        return lines

    monkeypatch.setattr(Bucket, "count_lines", count_lines)
    planned, published = run()
    assert (planned["outcome"], published["outcome"]) == ("DONE", "FAILED")
    assert published["cause"].startswith("films/batch/b.jsonl: has grown beyond the 1 lines")
    assert not world.creations()
    monkeypatch.undo()
