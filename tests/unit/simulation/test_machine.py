"""The states language, the part that the pipeline uses."""

from collections.abc import Mapping
from typing import Any

import pytest

from usher_local.simulation.machine import Ended, Machine, TaskError

RETRY = {"ErrorEquals": ["Again"], "IntervalSeconds": 5, "BackoffRate": 2, "MaxAttempts": 3, "MaxDelaySeconds": 12}
TASK = {"Type": "Task", "Arguments": {"FunctionName": "f", "Payload": {"number": "{% $states.input.n %}"}}}


def run(*answers: Any, given: Any = None, **states: Mapping[str, Any]) -> tuple[Ended, list[float], int]:
    """The end of a machine whose tasks give these answers, its waiting time, and its transitions."""
    left = list(answers)

    def invoke(_: str, payload: Any) -> Any:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"payload": payload, "answer": answer}

    machine = Machine({"StartAt": "first", "States": states}, invoke, {"Execution": {"Id": "e", "Input": given}})
    running, waited = machine.run(), []
    while True:
        try:
            waited.append(next(running))
        except StopIteration as end:
            return end.value, waited, machine.transitions


def test_a_task_asks_assigns_and_answers() -> None:
    first = {**TASK, "Assign": {"kept": "{% $states.result.Payload.answer %}"}, "Output": [1], "Next": "last"}
    last = {"Type": "Pass", "Output": {"kept": "{% $kept %}", "in": "{% $states.input %}"}}
    assert run("a", given={"n": 7}, first=first, last=last) == (("SUCCEEDED", {"kept": "a", "in": [1]}), [], 2)
    assert run("a", given={"n": 7}, first=TASK)[0].output == {"Payload": {"payload": {"number": 7}, "answer": "a"}}


def test_retries_back_off_and_are_billed() -> None:
    failing = [TaskError("Again")] * 3
    first = TASK | {"Retry": [RETRY]}
    assert run(*failing, "a", given={"n": 1}, first=first)[1:] == ([5, 10, 12], 4)
    assert run(*failing, *failing, given={"n": 1}, first=first)[0] == ("FAILED", {"Error": "Again", "Cause": ""})


@pytest.mark.parametrize(
    ("name", "caught", "status"),
    [
        ("Odd", ["States.ALL"], "SUCCEEDED"),
        ("Odd", ["States.TaskFailed"], "SUCCEEDED"),
        ("States.Timeout", ["States.TaskFailed"], "FAILED"),
        ("Odd", ["Even"], "FAILED"),
    ],
)
def test_a_caught_error_continues_with_the_error_output(name: str, caught: list[str], status: str) -> None:
    catch = {"ErrorEquals": caught, "Assign": {"error": "{% $states.errorOutput.Error %}"}, "Next": "last"}
    last = {"Type": "Succeed", "Output": "{% $error %}"}
    ended, *_ = run(TaskError(name), given={"n": 1}, first=TASK | {"Catch": [catch]}, last=last)
    assert ended.status == status
    assert status == "FAILED" or ended.output == name


@pytest.mark.parametrize(("limit", "status"), [(3, "SUCCEEDED"), (2, "FAILED")])
def test_a_distributed_map_runs_an_execution_for_each_item_of_a_file(limit: int, status: str) -> None:
    file = {"Bucket": "bucket", "Key": "{% $states.input.key %}"}
    small = {"Condition": f"{{% $states.input.number <= {limit} %}}", "Next": "good"}
    states = {
        "small?": {"Type": "Choice", "Choices": [small], "Default": "bad"},
        "good": {"Type": "Succeed", "Output": "{% $states.input.number * $states.input.times %}"},
        "bad": {"Type": "Fail", "Error": "TooLarge"},
    }
    each = {
        "Type": "Map",
        "ItemReader": {"Arguments": file},
        "ItemSelector": {"number": "{% $states.context.Map.Item.Value %}", "times": "{% $states.input.times %}"},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, "StartAt": "small?", "States": states},
        "Output": "{% $states.result %}",
    }
    read = {("bucket", "numbers.json"): [1, 2, 3]}
    context = {"Execution": {"Id": "e", "Input": {"key": "numbers.json", "times": 2}}}
    definition = {"StartAt": "each", "States": {"each": each}}
    machine = Machine(definition, lambda *_: None, context, lambda *named: read[named])
    with pytest.raises(StopIteration) as end:
        next(machine.run())
    assert end.value.value.status == status
    assert end.value.value.output == (
        [2, 4, 6] if status == "SUCCEEDED" else {"Error": "States.ExceedToleratedFailureThreshold", "Cause": ""}
    )
    assert machine.transitions == 7


@pytest.mark.parametrize("limit", [3, 2])
def test_an_inline_map_sees_variables_and_ends_with_the_error_of_an_iteration(limit: int) -> None:
    small = {"Condition": "{% $states.input <= $limit %}", "Next": "good"}
    states = {
        "small?": {"Type": "Choice", "Choices": [small], "Default": "bad"},
        "good": {"Type": "Succeed"},
        "bad": {"Type": "Fail", "Error": "TooLarge"},
    }
    each = {"Type": "Map", "Items": "{% $states.input %}", "ItemProcessor": {"StartAt": "small?", "States": states}}
    ended, *_ = run(given=[1, 2, 3], first={"Type": "Pass", "Assign": {"limit": limit}, "Next": "each"}, each=each)
    assert ended == (("SUCCEEDED", [1, 2, 3]) if limit == 3 else ("FAILED", {"Error": "TooLarge", "Cause": None}))


def test_a_map_whose_file_cannot_be_read_fails() -> None:
    each = {"Type": "Map", "ItemReader": {"Arguments": {"Bucket": "bucket", "Key": "key"}}}
    ended, *_ = run(each=each, first={"Type": "Pass", "Next": "each"})
    assert ended == ("FAILED", {"Error": "States.ItemReaderFailed", "Cause": "s3://bucket/key"})


@pytest.mark.parametrize(("given", "waited", "status"), [(3, [6], "SUCCEEDED"), (4, [], "FAILED")])
def test_choices_waits_and_failures(given: int, waited: list[float], status: str) -> None:
    first = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input = 3 %}", "Next": "wait"}],
        "Default": "fail",
    }
    wait = {"Type": "Wait", "Seconds": "{% $states.input * 2 %}", "Next": "done"}
    fail = {"Type": "Fail", "Error": "Wrong", "Cause": "{% 'not ' & $string($states.input) %}"}
    ended, waits, _ = run(given=given, first=first, wait=wait, fail=fail, done={"Type": "Succeed"})
    assert (waits, ended.status) == (waited, status)
    assert ended.output == (3 if status == "SUCCEEDED" else {"Error": "Wrong", "Cause": "not 4"})
