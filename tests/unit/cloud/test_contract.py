"""What our repairs rely on: when one of these fails after an upgrade, a repair can go or must change."""

import json
from typing import Any

import pytest
from moto.awslambda.models import LambdaFunction
from moto.cloudformation import parsing
from moto.cloudwatch.metric_data_expression_parser import parse_expression
from moto.cloudwatch.models import CloudWatchBackend, Dimension, are_dimensions_same
from moto.events.models import Rule
from moto.events.responses import EventsHandler
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.jsonata import jsonata
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from samcli.local.apigw.local_apigw_service import LocalApigwService

from local.cloud.lambdas import emulator
from local.cloud.resources import CREATE

IN_PART = {"Bucket", "Function", "LayerVersion", "Permission", "StateMachine", "Version"}


def test_moto_still_evaluates_no_jsonata_and_leaves_strings_unescaped() -> None:
    assert jsonata._eval_jsonata is None
    assert jsonata.encode_jsonata_variable_declarations({"$x": '"'}) == '$x:=""";'


def test_moto_still_knows_the_other_types_of_our_table_not_at_all() -> None:
    known = {kind for kind in CREATE if kind in parsing.get_model_map()}
    assert {kind.rpartition(":")[2] for kind in known} == IN_PART


def test_motos_rules_still_know_no_state_machine() -> None:
    target = {"Id": "1", "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:m"}
    pattern = json.dumps({"source": ["s"]})
    rule = Rule("r", "123456789012", "us-east-1", None, pattern, None, None, "default", "ENABLED", targets=[target])
    with pytest.raises(NotImplementedError):
        rule.send_to_targets({"source": "s", "detail": {}}, transform_input=False)


def test_moto_still_knows_no_metric_math_and_tells_no_two_sets_of_dimensions_to_be_the_same() -> None:
    assert parse_expression("a + a", [{"id": "a", "values": [1], "timestamps": [1]}]) == ([], [])
    two = [Dimension("a", "1"), Dimension("b", "2")]
    assert not are_dimensions_same(two, two)


def test_motos_alarms_still_begin_as_ok_and_tell_nobody() -> None:
    backend = CloudWatchBackend("us-east-1", "123456789012")
    alarm = backend.put_metric_alarm("a", "N", "m", "GreaterThanThreshold", 1, 60, 1, "Sum", "", [], ["arn:nobody"])
    assert alarm.state_value == "OK"
    backend.set_alarm_state("a", "tried", "{}", "ALARM")


def test_motos_eventbridge_still_tests_no_pattern() -> None:
    assert EventsHandler.test_event_pattern(None) is None


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


def test_the_emulator_comes_with_sam_cli() -> None:
    assert emulator().is_file()
