"""What our repairs rely on: when one of these fails after an upgrade, a repair can go or must change."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from moto.awslambda.models import LambdaFunction
from moto.cloudformation import parsing
from moto.events.models import Rule
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.jsonata import jsonata
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.parser.quotas import is_within_size_quota
from samcli.local.apigw.local_apigw_service import LocalApigwService

from local.cloud.lambdas import emulator
from local.cloud.resources import CREATE

IN_PART = {"Bucket", "Function", "LayerVersion", "Permission", "StateMachine", "Version"}


def test_moto_still_evaluates_no_jsonata_and_leaves_strings_unescaped() -> None:
    assert jsonata._eval_jsonata is None
    assert jsonata.encode_jsonata_variable_declarations({"$x": '"'}) == '$x:=""";'


def test_moto_still_knows_no_quota_of_executions() -> None:
    assert not hasattr(EventManager(), "owner")
    assert EventManager()._history_event_list == []
    assert not is_within_size_quota("x" * 262_144)  # AWS takes as many


def test_moto_still_lets_states_all_catch_everything() -> None:
    env = SimpleNamespace(stack=[StatesErrorName(StatesErrorNameType.StatesRuntime)])
    ErrorEqualsDecl([StatesErrorName(StatesErrorNameType.StatesALL)])._eval_body(env)
    assert env.stack == [True]


def test_moto_still_knows_the_other_types_of_our_table_not_at_all() -> None:
    known = {kind for kind in CREATE if kind in parsing.get_model_map()}
    assert {kind.rpartition(":")[2] for kind in known} == IN_PART


def test_motos_rules_still_know_no_state_machine() -> None:
    target = {"Id": "1", "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:m"}
    pattern = json.dumps({"source": ["s"]})
    rule = Rule("r", "123456789012", "us-east-1", None, pattern, None, None, "default", "ENABLED", targets=[target])
    with pytest.raises(NotImplementedError):
        rule.send_to_targets({"source": "s", "detail": {}}, transform_input=False)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (LambdaFunction, "invoke"),
        (StepFunctionsParserBackend, "_get_executions"),
        (StepFunctionsParserBackend, "_validate_name"),
        (DistributedIterationComponent, "_map_run"),
        (LocalApigwService, "_construct_error_handling"),
        (LocalApigwService, "_generate_lambda_event"),
        (LocalApigwService, "_get_current_route"),
        (LocalApigwService, "_invoke_lambda_function"),
        (LocalApigwService, "_request_handler"),
    ],
)
def test_the_private_names_that_we_call_or_override_are_there(owner: Any, name: str) -> None:
    assert callable(getattr(owner, name))


def test_the_emulator_comes_with_sam_cli() -> None:
    assert emulator().is_file()
