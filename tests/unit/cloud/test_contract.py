"""What our repairs rely on: when one of these fails after an upgrade, a repair can go or must change."""

import json
from typing import Any

import pytest
from moto.awslambda.models import LambdaFunction
from moto.events.models import Rule
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.jsonata import jsonata
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from samcli.local.apigw.local_apigw_service import LocalApigwService


def test_moto_still_evaluates_no_jsonata_and_leaves_strings_unescaped() -> None:
    assert jsonata._eval_jsonata is None
    assert jsonata.encode_jsonata_variable_declarations({"$x": '"'}) == '$x:=""";'


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
