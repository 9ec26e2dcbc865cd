"""Executions from their start to their end, on moto's interpreter alone: no servers, no functions."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.unit.cloud.roles import make_role
from usher_local.clock import Clock
from usher_local.cloud.step_functions.executions import Limits
from usher_local.cloud.step_functions.interpreter import executing

LIMITS = Limits(events=40, data=1000, definition=4000, name=20)
WAIT = {"Type": "Wait", "Seconds": 99_999_999, "End": True}
PROCESSOR = {"StartAt": "Wait", "States": {"Wait": WAIT}}


def machine(**states: Any) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}


def mapped(mode: str, processor: Any = PROCESSOR, **rest: Any) -> dict[str, Any]:
    configured = {"ProcessorConfig": {"Mode": mode, "ExecutionType": "STANDARD"}, **processor}
    return machine(Each={"Type": "Map", "Items": [1, 2, 3], "ItemProcessor": configured, "End": True, **rest})


def loop(**rest: Any) -> dict[str, Any]:
    return machine(A={"Type": "Pass", "Next": "B", **rest}, B={"Type": "Pass", "Next": "A"})


class Machines:
    """Creates and starts state machines."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.client: Any = boto3.client("stepfunctions", region_name="us-east-1")

    def create(self, definition: Any) -> str:
        name = f"m{time.monotonic_ns()}"
        made = self.client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=self.role)
        return str(made["stateMachineArn"])

    def start(self, definition: Any, **given: Any) -> str:
        return str(self.client.start_execution(stateMachineArn=self.create(definition), **given)["executionArn"])

    def run(self, definition: Any, **given: Any) -> Any:
        """The execution after its end."""
        arn = self.start(definition, **given)
        return until(lambda: (one := self.describe(arn))["status"] != "RUNNING" and one)

    def describe(self, arn: str) -> Any:
        return self.client.describe_execution(executionArn=arn)

    def history(self, arn: str) -> list[Any]:
        events: list[Any] = self.client.get_execution_history(executionArn=arn)["events"]
        return events


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if result := found():
            return result
        time.sleep(0.005)
    raise AssertionError("it did not happen")


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    with mock_aws(), executing("http://127.0.0.1:1", Clock(1e6), LIMITS):
        yield Machines(make_role("states.amazonaws.com", "states:StartExecution"))


def test_aws_has_these_quotas() -> None:
    assert Limits() == Limits(events=25_000, data=262_144, definition=1_048_576, name=80)


def test_an_execution_fails_with_the_event_that_its_history_has_no_more_room_for(machines: Machines) -> None:
    ended = machines.run(loop())
    cause = "The execution reached the maximum number of history events (40)."
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "States.Runtime", cause)
    history = machines.history(ended["executionArn"])
    assert [event["id"] for event in history] == list(range(1, 41))
    assert history[-1]["type"] == "ExecutionFailed"
    assert history[-1]["executionFailedEventDetails"] == {"error": "States.Runtime", "cause": cause}
    assert "ExecutionFailed" not in {event["type"] for event in history[:-1]}


@pytest.mark.parametrize("count", [18, 19])
def test_the_end_counts_as_an_event(machines: Machines, count: int) -> None:
    passes = {f"P{n}": {"Type": "Pass", "Next": f"P{n + 1}"} for n in range(count - 1)}
    ended = machines.run(machine(**passes, **{f"P{count - 1}": {"Type": "Pass", "End": True}}))
    history = machines.history(ended["executionArn"])
    assert (ended["status"], len(history)) == ("SUCCEEDED", 2 * count + 2)


def test_a_failure_by_history_is_not_caught(machines: Machines) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    inner = {"StartAt": "A", "States": loop()["States"]}
    each = mapped("INLINE", inner, Catch=catch)
    each["States"]["Caught"] = {"Type": "Succeed"}
    ended = machines.run(each)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
    assert ended["cause"].startswith("The execution reached")
    assert len(machines.history(ended["executionArn"])) == LIMITS.events


def test_each_execution_of_a_distributed_map_has_a_history_of_its_own(machines: Machines) -> None:
    states = {f"P{n}": {"Type": "Pass", "Next": f"P{n + 1}"} for n in range(12)} | {"P12": {"Type": "Succeed"}}
    assert machines.run(mapped("DISTRIBUTED", {"StartAt": "P0", "States": states}))["status"] == "SUCCEEDED"
    inline = machines.run(mapped("INLINE", {"StartAt": "P0", "States": states}))
    assert inline["error"] == "States.Runtime"
    ended = machines.run(mapped("DISTRIBUTED", {"StartAt": "A", "States": loop()["States"]}))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")


@pytest.mark.parametrize(
    ("letter", "count", "status"), [("x", 992, "SUCCEEDED"), ("x", 993, "FAILED"), ("é", 497, "FAILED")]
)
def test_a_states_output_has_a_size_limit_in_bytes(machines: Machines, letter: str, count: int, status: str) -> None:
    output = {"x": f"{{% $pad('', {count}, '{letter}') %}}"}
    ended = machines.run(machine(Large={"Type": "Pass", "Output": output, "End": True}))
    assert ended["status"] == status
    if status == "FAILED":
        cause = "returned a result with a size exceeding the maximum number of bytes service limit."
        assert (ended["error"], ended["cause"]) == ("States.DataLimitExceeded", f"The state/task 'Large' {cause}")


def test_data_that_is_too_large_is_not_caught_by_all(machines: Machines) -> None:
    each = mapped("INLINE", {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    each["States"]["Each"] |= {
        "ItemSelector": {"x": "{% $pad('', 1200, 'x') %}"},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
    }
    each["States"]["Caught"] = {"Type": "Succeed"}
    ended = machines.run(each)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ({"Type": "Fail", "Error": "OurError"}, "OurError"),
        ({"Type": "Pass", "Output": "{% $no() %}", "End": True}, "States.QueryEvaluationError"),
    ],
)
@pytest.mark.parametrize("kind", ["map", "parallel"])
def test_an_error_of_a_part_keeps_its_name(machines: Machines, kind: str, state: Any, error: str) -> None:
    part = {"StartAt": "It", "States": {"It": state}}
    both = machine(Both={"Type": "Parallel", "Branches": [part], "End": True})
    whole = mapped("INLINE", part) if kind == "map" else both
    next(iter(whole["States"].values()))["Catch"] = [{"ErrorEquals": [error], "Next": "Caught"}]
    whole["States"]["Caught"] = {"Type": "Succeed"}
    assert machines.run(whole)["status"] == "SUCCEEDED"


def test_a_literal_text_has_jsons_meaning(machines: Machines) -> None:
    text = 'a\\d+ "q"\n é'
    assign = {"Type": "Pass", "Assign": {"text": text}, "Next": "Ü"}
    ended = machines.run(machine(Keep=assign, Ü={"Type": "Pass", "Output": {"x": "{% $text %}"}, "End": True}))
    assert json.loads(ended["output"]) == {"x": text}


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"input": json.dumps("é" * 500)}, "ValidationException"),
        ({"input": "{"}, "InvalidExecutionInput"),
        ({"name": "x" * 21}, "ValidationException"),
        ({"name": "a b"}, "InvalidName"),
    ],
)
def test_invalid_inputs_of_an_execution_are_refused(machines: Machines, given: Any, error: str) -> None:
    with pytest.raises(ClientError, match=error):
        machines.start(machine(Done={"Type": "Succeed"}), **given)


@pytest.mark.parametrize(
    ("definition", "error"),
    [
        (machine(Done={"Type": "Succeed", "Comment": "x" * 4000}), "ValidationException"),
        (machine(**{"x" * 21: {"Type": "Succeed"}}), "InvalidDefinition"),
        (mapped("INLINE", {"StartAt": "x" * 21, "States": {"x" * 21: WAIT}}), "InvalidDefinition"),
        ({"States": {}}, "InvalidDefinition"),
    ],
)
def test_invalid_state_machines_are_refused(machines: Machines, definition: Any, error: str) -> None:
    with pytest.raises(ClientError, match=error):
        machines.create(definition)


def test_a_name_is_taken_for_good_but_starting_again_while_it_runs_is_the_same_execution(machines: Machines) -> None:
    arn = machines.create(machine(Wait=WAIT))
    given = {"stateMachineArn": arn, "name": "once"}
    first = machines.client.start_execution(**given, input='{"a": 1}')
    assert machines.client.start_execution(**given, input='{"a": 1}') == first | {"ResponseMetadata": ANY}
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        machines.client.start_execution(**given, input='{"a": 2}')
    machines.client.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        machines.client.start_execution(**given, input='{"a": 1}')


class Anything:
    """Equal to everything."""

    def __eq__(self, _: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


ANY = Anything()


@pytest.mark.parametrize(
    "definition",
    [
        machine(Wait=WAIT),
        mapped("INLINE"),
        mapped("INLINE", MaxConcurrency=1),
        mapped("DISTRIBUTED"),
        machine(Both={"Type": "Parallel", "Branches": [PROCESSOR, PROCESSOR], "End": True}),
        mapped("INLINE", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Each"}]),
    ],
    ids=["alone", "in a map", "in a map that has not begun", "in a distributed map", "in parallel", "with a catch"],
)
def test_a_stopped_execution_is_aborted_at_once_with_all_its_parts(machines: Machines, definition: Any) -> None:
    arn = machines.start(definition)
    until(lambda: len(machines.history(arn)) > 1)
    stopped = machines.client.stop_execution(executionArn=arn)
    ended, history = machines.describe(arn), machines.history(arn)
    assert (ended["status"], ended["stopDate"], "error" in ended) == ("ABORTED", stopped["stopDate"], False)
    assert [event["type"] for event in history if event["type"].startswith("Execution")] == [
        "ExecutionStarted",
        "ExecutionAborted",
    ]
    assert history[-1]["type"] == "ExecutionAborted"
    running = machines.client.list_executions(stateMachineArn=ended["stateMachineArn"])["executions"]
    assert [run["status"] for run in running] == ["ABORTED"]
    time.sleep(0.1)  # its threads end
    assert machines.history(arn) == history
    assert machines.describe(arn)["status"] == "ABORTED"


def test_an_ended_execution_cannot_be_stopped(machines: Machines) -> None:
    ended = machines.run(machine(Done={"Type": "Succeed"}))
    machines.client.stop_execution(executionArn=ended["executionArn"])
    assert machines.describe(ended["executionArn"])["status"] == "SUCCEEDED"
