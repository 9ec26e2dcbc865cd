"""The state machines, checked by cfn-lint, AWS's schema, JSONata and common sense."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonata
import pytest
from cfnlint.api import lint

from tests.npm import npm_tools
from tests.unit.stack.files import MACHINES, RESOURCES, machine, texts

each_machine = pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)


def scopes(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A definition and all its parts that have states of their own."""
    yield definition
    for state in definition["States"].values():
        for inner in (state.get("ItemProcessor"), *state.get("Branches", [])):
            if inner:
                yield from scopes(inner)


def targets(scope: dict[str, Any]) -> set[str]:
    """Every state to which a scope leads."""
    found = {scope["StartAt"]}
    for state in scope["States"].values():
        steps = [state, *state.get("Choices", []), *state.get("Catch", [])]
        found |= {step[name] for step in steps for name in ("Next", "Default") if name in step}
    return found


def retriers(path: Path, error: str) -> list[dict[str, Any]]:
    """Every retrier of an error."""
    states = [state for scope in scopes(machine(path)) for state in scope["States"].values()]
    return [retry for state in states for retry in state.get("Retry", []) if error in retry["ErrorEquals"]]


def expressions(path: Path) -> list[str]:
    """Every JSONata expression of a machine."""
    return [text[2:-2].strip() for text in texts(machine(path)) if text.startswith("{%")]


def test_there_are_machines() -> None:
    assert {path.name for path in MACHINES} >= {"pipeline.asl.yaml", "export.asl.yaml"}
    assert all(expressions(path) for path in MACHINES)


@each_machine
def test_cfn_lint_finds_nothing_in_the_definition(path: Path) -> None:
    function = "arn:aws:lambda:us-east-1:123456789012:function:any"
    # cfn-lint demands a number for MaxConcurrency; the guide's "Map state" also has a JSONata expression.
    text = re.sub(r'("MaxConcurrency": )"\{%.*?%\}"', r"\g<1>5", json.dumps(machine(path)))
    definition = json.loads(re.sub(r"\$\{\w+\}", function, text))
    properties = {"RoleArn": "arn:aws:iam::123456789012:role/any", "Definition": definition}
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    assert [str(match) for match in lint(json.dumps({"Resources": {"Machine": resource}}))] == []


@each_machine
def test_every_state_that_is_named_exists_and_every_state_is_reached(path: Path) -> None:
    for scope in scopes(machine(path)):
        assert targets(scope) == set(scope["States"])


@each_machine
def test_every_state_goes_on_or_ends(path: Path) -> None:
    for scope in scopes(machine(path)):
        for name, state in scope["States"].items():
            ends = state["Type"] in {"Succeed", "Fail"} or state.get("End") is True
            onward = "Default" in state if state["Type"] == "Choice" else "Next" in state
            assert ends != onward, name


@each_machine
def test_every_expression_compiles(path: Path) -> None:
    for expression in expressions(path):
        jsonata.Jsonata(expression)


@each_machine
def test_an_expression_fills_its_whole_text(path: Path) -> None:
    """Step Functions evaluates `{% %}` only as a whole value; with other text around it, it is sent as it is."""
    assert not [text for text in texts(machine(path)) if ("{%" in text) and not re.fullmatch(r"\{%[^%]*%\}", text)]


@each_machine
def test_substitutions_are_declared_and_used(path: Path) -> None:
    (properties,) = (
        resource["Properties"]
        for resource in RESOURCES.values()
        if resource.get("Properties", {}).get("DefinitionUri") == f"statemachine/{path.name}"
    )
    assert set(re.findall(r"\$\{(\w+)\}", path.read_text())) == set(properties["DefinitionSubstitutions"])


@each_machine
def test_a_machine_may_invoke_its_functions(path: Path) -> None:
    (properties,) = (
        resource["Properties"]
        for resource in RESOURCES.values()
        if resource.get("Properties", {}).get("DefinitionUri") == f"statemachine/{path.name}"
    )
    substituted = properties["DefinitionSubstitutions"].values()
    invoked = {value["Fn::GetAtt"][0] for value in substituted if "Fn::GetAtt" in value}
    (policy,) = RESOURCES[properties["Role"]["Fn::GetAtt"][0]]["Properties"]["Policies"]
    (statement,) = (one for one in policy["PolicyDocument"]["Statement"] if one["Action"] == "lambda:InvokeFunction")
    assert invoked == {arn["Fn::GetAtt"][0] for arn in statement["Resource"]}


@each_machine
def test_every_task_invokes_a_function_and_retries_temporary_errors(path: Path) -> None:
    for scope in scopes(machine(path)):
        for state in scope["States"].values():
            if state["Type"] == "Task":
                assert state["Resource"] == "arn:aws:states:::lambda:invoke"
                throttled, *_, passing = state["Retry"]
                assert throttled["ErrorEquals"] == ["Lambda.TooManyRequestsException"]
                assert {"Lambda.Unknown", "States.ALL"} & set(passing["ErrorEquals"])
                assert passing["MaxAttempts"] >= 5


@each_machine
def test_a_throttled_call_is_retried_for_a_quarter_of_an_hour(path: Path) -> None:
    """A new account runs ten functions at a time, and one may run for 15 minutes."""
    for retry in retriers(path, "Lambda.TooManyRequestsException"):
        pauses = [
            min(retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt, retry["MaxDelaySeconds"])
            for attempt in range(retry["MaxAttempts"])
        ]
        assert sum(pauses) >= 900
        assert retry["JitterStrategy"] == "FULL"


@each_machine
def test_reconcile_is_not_retried_before_a_list_can_show_its_resources(path: Path) -> None:
    """Create operations of Personalize have no client token; a repeated training would cost twice."""
    for scope in scopes(machine(path)):
        for state in scope["States"].values():
            if state.get("Arguments", {}).get("FunctionName") == "${Reconcile}":
                retry = state["Retry"][-1]
                assert retry["IntervalSeconds"] >= 15
                assert retry["JitterStrategy"] == "NONE" or state["Arguments"]["Payload"]["stage"] == "delete"


@each_machine
def test_machines_are_valid_in_every_partition(path: Path) -> None:
    assert "arn:aws" not in path.read_text()


def test_the_validator_of_npm_accepts_them(tmp_path: Path) -> None:
    npx = npm_tools(Path(__file__).parent / "validator", tmp_path)
    copies = []
    for path in MACHINES:
        copy = tmp_path / f"{path.stem}.json"
        copy.write_text(json.dumps(machine(path)))
        copies += ["--json-path", str(copy)]
    done = npx("asl-validator", *copies)
    assert done.returncode == 0, done.stdout
    assert str(done.stdout).count("is valid") == len(MACHINES)
