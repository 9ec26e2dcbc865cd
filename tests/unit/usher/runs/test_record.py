"""One run at a time per group; and its report at the end."""

import json
import re
import time
from dataclasses import asdict
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
import time_machine
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from usher.aws import client
from usher.errors import EndedError, Problem, UsherError
from usher.resources.plan import Plan
from usher.runs.lock import UNKNOWN_SECONDS, Lock, is_running
from usher.runs.naming import group_of_input, run_name
from usher.runs.outcome import RESUME_REMEDIES, has_ended, with_outcome
from usher.runs.record import Run, current_run, run_that_broke
from usher.storage.bucket import Bucket
from usher.storage.layout import GROUP_NAME
from usher.storage.table import Table

from tests.unit.usher.world import BUCKET, TABLE, World

MODEL: Any = botocore.session.get_session().get_service_model("stepfunctions")


def dropped(key: str) -> dict[str, Any]:
    return {"detail": {"bucket": {"name": "b"}, "object": {"key": key}}}


@pytest.mark.parametrize(
    ("execution_input", "group"),
    [
        ({"group": "films"}, "films"),
        (dropped("films/interactions.csv"), "films"),
        (dropped("train/films/config.json"), "films"),
        (dropped("train/films/items/2026.csv"), "films"),
        (dropped("train/items/2026.csv"), "train"),
        (dropped("train/out/runs/run/run.json"), ""),
        (dropped("train/films/deep/config.json"), ""),
        (dropped("films/interactions/2026.csv"), "films"),
        (dropped("films/usher.yaml"), "films"),
        (dropped("films/usher.json"), "films"),
        (dropped("films/interactions/deep/2026.csv"), "films"),
        (dropped("films/interaction.csv.gz"), "films"),
        (dropped("films/items-old.csv"), "films"),
        (dropped("films/out/export/s/interactions.csv"), ""),
        (dropped("films/out/interactions.csv"), ""),
        (dropped("usher.yaml"), "usher.yaml"),
        (dropped("films/readme.md"), ""),
        (dropped("films/items/_SUCCESS"), ""),
    ],
)
def test_an_input_concerns_the_group_of_its_folder(execution_input: dict[str, Any], group: str) -> None:
    assert group_of_input(execution_input) == group


@pytest.mark.parametrize(
    "execution_input",
    [{}, [], "films", 5, None, {"group": ""}, {"group": 5}, {"group": None}, {"group": "a/b"}, {"detail": {}},
     {"detail": {"object": {"key": 5}}}],
)  # fmt: skip
def test_an_input_without_a_group_is_reported_with_the_remedy(execution_input: object) -> None:
    with pytest.raises(UsherError, match="Start it with"):
        group_of_input(execution_input)


@given(st.text(min_size=1))
def test_records_of_any_folder_have_a_key_that_s3_accepts(folder: str) -> None:
    group = group_of_input(dropped(f"{folder.replace('/', '')}x/usher.yaml"))
    assert len(Run(None, group, run_name("arn:e-0001", "-again")).key("plan.json").encode()) <= 1024  # type: ignore[arg-type]
    assert group_of_input({"group": group}) == group
    long = f"{folder.replace('/', '')}{'é' * 500}"
    assert not GROUP_NAME.match(group_of_input({"group": long})), "what was shortened is not a group's name either"
    assert len(Run(None, group_of_input({"group": long}), "r").key().encode()) <= 1024  # type: ignore[arg-type]


def test_names_of_runs_sort_by_time_and_differ_by_execution() -> None:
    name = run_name("arn:aws:states:us-east-1:1:execution:usher-pipeline:0123-4567", "-export")
    assert name.endswith("Z-4567-export")
    assert sorted([name, "2020" + name[4:]])[1] == name


@pytest.fixture
def alive(world: World) -> set[str]:  # noqa: ARG001
    """The running executions."""
    return {"first", "second"}


@pytest.fixture
def lock(world: World, alive: set[str]) -> Lock:
    return Lock(Table(world.dynamodb, TABLE), alive.__contains__)


def test_a_free_group_is_taken(lock: Lock) -> None:
    assert lock.take("films", "first", "run-1")
    assert lock.run_of("films", "first") == "run-1"
    assert lock.take("music", "second", "run-2")


def test_a_busy_group_gets_one_more_round_for_all_arrivals(lock: Lock) -> None:
    assert lock.take("films", "first", "run-1")
    assert not lock.take("films", "second", "run-2")
    assert not lock.take("films", "second", "run-3")
    assert (lock.run_of("films", "first"), lock.run_of("films", "second")) == ("run-1", "")
    assert not lock.try_release("films", "first")
    assert lock.take("films", "first", "run-4")
    assert lock.run_of("films", "first") == "run-4"
    assert lock.try_release("films", "first")
    assert lock.run_of("films", "first") == ""


def test_an_event_that_a_round_has_seen_causes_no_other_round(lock: Lock) -> None:
    lock.take("films", "first", "run-1")
    lock.take("films", "second", "run-2")
    lock.take("films", "first", "run-3")
    assert lock.try_release("films", "first")


def test_a_drop_is_waited_for_once_and_again_where_the_step_is_repeated(lock: Lock) -> None:
    lock.take("films", "first", "run-1")
    lock.take("films", "second", "run-2", is_drop=True)
    assert [lock.take_drops("films", "first", "run-1/0") for _ in range(2)] == [True, True]
    assert not lock.take_drops("films", "first", "run-1/1")
    assert not lock.take_drops("films", "first", "run-4/0")


def test_a_dead_execution_loses_the_group(lock: Lock, alive: set[str]) -> None:
    lock.take("films", "first", "run-1")
    alive.remove("first")
    assert lock.take("films", "second", "run-2")
    assert lock.try_release("films", "first"), "the first has nothing left to do"
    assert lock.run_of("films", "second") == "run-2", "and must not give away what is no longer its own"
    assert lock.try_release("films", "second")


def test_the_lock_of_another_state_machine_is_taken_over(world: World) -> None:
    """Its executions can't be described: the permissions are for this stack's own."""

    def refuse(_: str) -> bool:
        raise AssertionError("called")

    lock, machine = Lock(Table(world.dynamodb, TABLE), refuse), "arn:aws:states:us-east-1:1:execution:usher-pipeline"
    assert lock.take("films", f"{machine}-of-old:1", "run-1")
    assert lock.take("films", f"{machine}:2", "run-2")
    with pytest.raises(AssertionError, match="called"):
        lock.take("films", f"{machine}:3", "run-3")


def test_an_execution_without_a_known_state_keeps_the_group(world: World) -> None:
    stepfunctions = client("stepfunctions")
    with Stubber(stepfunctions) as stub:
        stub.add_client_error("describe_execution", "ThrottlingException", "Rate exceeded", 400)
        lock = Lock(Table(world.dynamodb, TABLE), is_running(stepfunctions))
        assert lock.take("films", "first", "run-1")
        with pytest.raises(ClientError, match="Rate exceeded"):
            lock.take("films", "second", "run-2")
    assert lock.run_of("films", "first") == "run-1"


@pytest.mark.parametrize(
    ("status", "at_work"),
    [(name, name == "RUNNING") for name in MODEL.shape_for("ExecutionStatus").enum],
)
def test_only_running_executions_keep_the_group(world: World, status: str, at_work: bool) -> None:
    """Of all the states that Step Functions knows, such as TIMED_OUT and ABORTED."""
    stepfunctions, began = client("stepfunctions"), datetime(2026, 1, 1, tzinfo=UTC)
    answer = {"executionArn": "first", "stateMachineArn": "m", "status": status, "startDate": began}
    with Stubber(stepfunctions) as stub:
        stub.add_response("describe_execution", answer, {"executionArn": "first"})
        lock = Lock(Table(world.dynamodb, TABLE), is_running(stepfunctions))
        assert lock.take("films", "first", "run-1")
        assert lock.take("films", "second", "run-2") != at_work


def test_an_execution_that_step_functions_has_forgotten_is_over(world: World) -> None:
    """It does so 90 days after the end."""
    stepfunctions = client("stepfunctions")
    with Stubber(stepfunctions) as stub:
        stub.add_client_error("describe_execution", "ExecutionDoesNotExist", "Execution Does Not Exist", 400)
        stub.add_client_error("describe_execution", "ExecutionDoesNotExist", "Execution Does Not Exist", 400)
        lock = Lock(Table(world.dynamodb, TABLE), is_running(stepfunctions))
        with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False) as clock:
            assert lock.take("films", "first", "run-1")
            assert not lock.take("films", "second", "run-2"), "DescribeExecution may lag behind its start"
            clock.shift(UNKNOWN_SECONDS)
            assert lock.take("films", "second", "run-2")


def test_a_release_may_be_repeated(lock: Lock) -> None:
    lock.take("films", "first", "run-1")
    assert lock.try_release("films", "first")
    assert lock.try_release("films", "first")


@pytest.mark.parametrize("again", [False, True])
def test_when_two_race_the_first_to_write_gets_the_group(world: World, lock: Lock, again: bool) -> None:
    """Between the read and the write of one, the other takes the group, and perhaps has given it back already."""
    pending = ["second"]

    def overtake(**_: Any) -> None:
        if pending:
            assert Lock(Table(world.dynamodb, TABLE), lambda _: True).take("films", pending.pop(), "run-2")
            if again:
                assert lock.try_release("films", "second")

    world.listen(world.dynamodb, "before-call.dynamodb.UpdateItem", overtake)
    assert lock.take("films", "first", "run-1") == again
    if not again:
        assert not lock.try_release("films", "second"), "the second learns of the first"


def test_one_of_two_thieves_of_a_dead_executions_lock_gets_the_group(world: World, lock: Lock, alive: set[str]) -> None:
    lock.take("films", "first", "run-1")
    alive.remove("first")
    alive.add("third")
    pending = ["third"]

    def overtake(**_: Any) -> None:
        if pending:
            assert lock.take("films", pending.pop(), "run-3")

    world.listen(world.dynamodb, "before-call.dynamodb.UpdateItem", overtake)
    assert not lock.take("films", "second", "run-2")
    assert lock.run_of("films", "third") == "run-3"


def test_executions_run_until_they_end() -> None:
    definition = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 1, "End": True}}}
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        stepfunctions = client("stepfunctions")
        role = "arn:aws:iam::123456789012:role/states"
        machine = stepfunctions.create_state_machine(name="m", definition=json.dumps(definition), roleArn=role)
        arn = stepfunctions.start_execution(stateMachineArn=machine["stateMachineArn"], name="e")["executionArn"]
        at_work = is_running(stepfunctions)
        assert at_work(arn)
        looks = 0
        while at_work(arn) and looks < 100:
            time.sleep(0.1)
            looks += 1
        assert not at_work(arn)
        assert not at_work(arn + "-gone")


HELD = {"id": "campaign/d", "action": "keep", "status": "HELD", "reason": "Worse.", "remedy": "Promote it."}
READY = {"id": "filter/a", "action": "none", "status": "READY"}
FAILED = {"id": "filter/b", "action": "fail", "status": "FAILED", "reason": "Bad words.", "remedy": "Use others."}
SKIPPED = {"id": "campaign/c", "action": "none", "status": "SKIPPED", "reason": "x is not there"}
RECORD: Any = {"execution": "arn:e", "group": "films", "run": "run-1"}


def test_a_run_with_everything_ready_has_succeeded() -> None:
    record = RECORD | {"resources": [READY]}
    assert with_outcome(record, None) == record | {
        "outcome": "SUCCEEDED", "problems": [], "summary": "1 resources are as desired.",
    }  # fmt: skip


def test_a_note_is_the_summary_of_a_run_without_work() -> None:
    assert with_outcome(RECORD | {"note": "Nothing to do."}, None)["summary"] == "Nothing to do."


def test_failures_are_explained_and_blocked_resources_are_named() -> None:
    end = with_outcome(RECORD | {"resources": [READY, FAILED, SKIPPED]}, None)
    assert end["outcome"] == "FAILED"
    assert end["summary"] == "filter/b: failed: Bad words. Use others.\nSkipped because of that: campaign/c."
    assert with_outcome(end, None) == end, "publishing may be repeated"


def test_a_run_that_a_gate_holds_has_ended_well_and_says_so() -> None:
    end = with_outcome(RECORD | {"resources": [READY, HELD]}, None)
    assert (end["outcome"], end["problems"]) == ("HELD", [])
    assert end["summary"] == "campaign/d: held back: Worse. Promote it."
    assert with_outcome(RECORD | {"resources": [HELD, FAILED]}, None)["outcome"] == "FAILED"


@pytest.mark.parametrize(
    ("cause", "shown"),
    [
        (json.dumps({"errorMessage": "boom", "stackTrace": ["x"]}), "boom"),
        ("no JSON", "no JSON"),
        ("[]", "[]"),
        ('{"other": 1}', '{"other": 1}'),
    ],
)
def test_the_error_of_an_execution_is_reported_without_its_stack_trace(cause: str, shown: str) -> None:
    end = with_outcome(RECORD, {"Error": "KeyError", "Cause": cause})
    assert end["outcome"] == "FAILED"
    assert end["summary"].startswith(f"arn:e: broke off: KeyError: {shown} {RESUME_REMEDIES['']}")


@pytest.mark.parametrize(
    ("run", "remedy"),
    [
        ("t-0001", "Drop a file again, or start the pipeline by hand: it resumes where it stopped."),
        ("t-0001-again", "Drop a file again, or start the pipeline by hand: it resumes where it stopped."),
        ("t-0001-for-you-export", "Start the export again: it makes new jobs."),
        ("t-0001-evaluation", "Start the evaluation again; the resources of this one are deleted."),
    ],
)
def test_the_remedy_for_a_run_that_broke_off_is_that_of_its_kind(run: str, remedy: str) -> None:
    (problem,) = with_outcome(RECORD | {"run": run}, {"Error": "KeyError", "Cause": "x"})["problems"]
    assert problem["remedy"] == f"{remedy} If it recurs, see the logs."


def test_problems_of_the_input_make_a_failure() -> None:
    problem = {"place": "a.csv line 3", "message": "has no USER_ID.", "remedy": "Fill it in."}
    assert (
        with_outcome(RECORD | {"problems": [problem]}, None)["summary"] == "a.csv line 3: has no USER_ID. Fill it in."
    )


def test_a_record_is_written_from_begin_to_end(world: World) -> None:
    run = Run(world.bucket, "films", "run-1")
    assert not run.read()
    begun = run.begin("arn:e")
    assert run.read() == begun
    assert begun["outcome"] == "RUNNING"
    ended = run.conclude("arn:e", None)
    assert run.read() == ended
    assert ended["startedAt"] == begun["startedAt"] <= ended["endedAt"]
    assert world.bucket.keys("") == ["films/out/runs/run-1/run.html", "films/out/runs/run-1/run.json"]


def test_a_record_has_a_page_that_a_browser_shows_and_a_link_to_it(world: World) -> None:
    run = Run(world.bucket, "films & co", "run-1")
    run.begin("arn:e")
    shown = world.s3.get_object(Bucket=BUCKET, Key=run.key("run.html"))
    assert shown["ContentType"] == "text/html; charset=utf-8"
    assert b"films &amp; co" in shown["Body"].read()
    run.write_plan(Plan("films & co"))
    assert len(world.bucket.keys("")) == 3, "a plan has no page of its own"
    address, console = run.link.splitlines()
    assert address == f"s3://{BUCKET}/films & co/out/runs/run-1/run.html"
    assert console.startswith(f"https://us-east-1.console.aws.amazon.com/s3/object/{BUCKET}?")
    assert console.endswith("prefix=films%20%26%20co/out/runs/run-1/run.html")


def test_the_console_of_china_is_elsewhere() -> None:
    s3: Any = SimpleNamespace(meta=SimpleNamespace(region_name="cn-north-1", partition="aws-cn"))
    _, console = Run(Bucket(s3, BUCKET), "films", "run-1").link.splitlines()
    assert console.startswith("https://cn-north-1.console.amazonaws.cn/s3/object/")


def test_a_closed_record_stays_as_it_is(world: World) -> None:
    run = Run(world.bucket, "films", "run-1")
    begun = run.begin("arn:e")
    run.update({"stage": "import"})
    assert run.read() == begun | {"stage": "import"}
    ended = run.conclude("arn:e", {"Error": "ABORTED", "Cause": "c"})
    run.update({"stage": "train"})
    assert run.read() == ended


def test_the_run_that_an_execution_has_begun_is_found_after_the_group_is_given_back(world: World, lock: Lock) -> None:
    execution = "arn:aws:states:us-east-1:1:execution:usher-pipeline:0123-4567"
    first, second = (Run(world.bucket, "films", name) for name in ("20260101Z-4567", "20260102Z-4567-again"))
    first.begin(execution)
    second.begin(execution)
    Run(world.bucket, "films", "20260103Z-4567").begin("arn:other-4567")
    Run(world.bucket, "music", "20260104Z-4567").begin(execution)
    assert current_run(lock, world.bucket, "films", execution) == second.name
    assert lock.take("films", execution, first.name)
    assert current_run(lock, world.bucket, "films", execution) == first.name
    assert current_run(lock, world.bucket, "films", "arn:e-0001", "-x-export").endswith("Z-0001-x-export")


def test_an_execution_does_not_take_one_solutions_export_for_anothers(world: World, lock: Lock) -> None:
    begun = Run(world.bucket, "films", run_name("arn:e-0001", "-for-you-export"))
    begun.begin("arn:e-0001")
    assert current_run(lock, world.bucket, "films", "arn:e-0001", "-for-you-export") == begun.name
    assert current_run(lock, world.bucket, "films", "arn:e-0001", "-you-export").endswith("Z-0001-you-export")


def test_a_record_that_has_ended_is_never_written_over(world: World) -> None:
    """By whichever end of an execution comes second, or by a function that outlives it."""
    run, error = Run(world.bucket, "films", "run-1"), {"Error": "E", "Cause": "c"}
    assert not has_ended(run.begin("arn:e"))
    ended = run.conclude("arn:e", None)
    assert run.conclude("arn:e", error) == ended
    run.update({"stage": "train"})
    with pytest.raises(EndedError):
        run.begin("arn:e")
    with pytest.raises(EndedError):
        run.require_open()
    assert run.read() == ended


def test_concurrent_writes_of_others_are_kept(world: World) -> None:
    """Each reads the record before the other has written it."""
    run = Run(world.bucket, "films", "run-1")
    run.begin("arn:e")
    written: list[bool] = []

    def write_between(model: Any, **_: Any) -> None:
        if model.name == "PutObject" and not written:
            written.append(True)
            run.conclude("arn:e", {"Error": "ABORTED", "Cause": "stopped"})

    world.listen(world.s3, "before-call", write_between)
    run.update({"stage": "train"})
    assert (run.read()["outcome"], run.read().get("stage")) == ("FAILED", None)
    page = world.bucket.read(run.key("run.html")) or b""
    assert b"ABORTED" in page


def test_an_error_before_the_next_run_began_gets_a_record_of_its_own(world: World, lock: Lock) -> None:
    execution, error = "arn:e-0001", {"Error": "E", "Cause": "c"}
    first = Run(world.bucket, "films", run_name(execution))
    first.begin(execution)
    assert run_that_broke(lock, world.bucket, "films", execution, error) == first.name
    first.conclude(execution, None)
    second = Run(world.bucket, "films", run_that_broke(lock, world.bucket, "films", execution, error))
    assert second.name != first.name
    second.conclude(execution, error)
    assert run_that_broke(lock, world.bucket, "films", execution, error) == second.name, (
        "another attempt reports it again"
    )


def test_a_run_that_never_began_still_gets_a_record(world: World) -> None:
    run = Run(world.bucket, "films", "run-1")
    assert run.conclude("arn:e", {"Error": "E", "Cause": "c"})["outcome"] == "FAILED"
    assert run.read()["execution"] == "arn:e"


def test_a_huge_group_has_a_summary_that_says_where_the_rest_is() -> None:
    problems = [asdict(Problem(f"a.csv line {number}", "is bad." * 500, "Mend it.")) for number in range(100)]
    states = [
        {"id": f"filter/{number}", "status": status, "reason": "😀" * 1000, "remedy": "Wait."}
        for status in ("FAILED", "SKIPPED")
        for number in range(400)
    ]
    ended = with_outcome(
        RECORD | {"problems": problems, "resources": states}, {"Error": "E" * 9000, "Cause": "c" * 99999}
    )
    assert len(ended["problems"]) == 501
    assert len(json.dumps(ended["summary"])) < 262_000
    assert ended["summary"].startswith("a.csv line 0: is bad.")
    assert re.search(r"\n\d+ more: see the run's page\.$", ended["summary"])
