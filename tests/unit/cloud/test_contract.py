"""The names of libraries that our repairs use: if a test fails after an upgrade, a repair is obsolete or must
change."""

import copy
import inspect
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from boto3 import client
from moto import mock_aws
from moto.awslambda.models import LambdaBackend, LambdaFunction, LambdaStorage
from moto.awslambda.responses import LambdaResponse
from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.responses import CloudFormationResponse
from moto.cloudwatch.metric_data_expression_parser import parse_expression
from moto.cloudwatch.models import CloudWatchBackend, Dimension, are_dimensions_same
from moto.core.responses import BaseResponse
from moto.events.models import Rule
from moto.events.responses import EventsHandler
from moto.moto_server import werkzeug_app
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

from usher_local.cloud.cloudformation.api import ACTIONS
from usher_local.cloud.cloudformation.resource_providers import PROVIDERS
from usher_local.cloud.cloudformation.templates import create_only
from usher_local.cloud.server import NOT_AWS


@pytest.fixture
def account() -> Iterator[None]:
    with mock_aws():
        yield


def test_moto_still_evaluates_no_jsonata_and_leaves_strings_unescaped() -> None:
    assert jsonata._eval_jsonata is None
    assert jsonata.encode_jsonata_variable_declarations({"$x": '"'}) == '$x:=""";'


def test_moto_still_knows_no_quota_of_executions() -> None:
    assert not hasattr(EventManager(), "owner")
    assert EventManager()._history_event_list == []
    assert not is_within_size_quota("x" * 262_144)  # AWS accepts as many


def test_moto_still_lets_states_all_catch_everything() -> None:
    env = SimpleNamespace(stack=[StatesErrorName(StatesErrorNameType.StatesRuntime)])
    ErrorEqualsDecl([StatesErrorName(StatesErrorNameType.StatesALL)])._eval_body(env)
    assert env.stack == [True]


def test_motos_rules_still_know_no_state_machine() -> None:
    target = {"Id": "1", "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:m"}
    pattern = json.dumps({"source": ["s"]})
    rule = Rule("r", "123456789012", "us-east-1", None, pattern, None, None, "default", "ENABLED", targets=[target])
    with pytest.raises(NotImplementedError):
        rule.send_to_targets({"source": "s", "detail": {}}, transform_input=False)


@pytest.mark.usefixtures("account")
def test_moto_still_counts_a_messages_characters_and_takes_events_and_keys_of_any_size() -> None:
    sns, events, s3 = client("sns"), client("events"), client("s3")
    s3.create_bucket(Bucket="bucket")
    assert s3.put_object(Bucket="bucket", Key="x" * 1025, Body=b"")
    topic = sns.create_topic(Name="t")["TopicArn"]
    assert sns.publish(TopicArn=topic, Subject="a\nb", Message="é" * 262_144)
    entry: Any = {"Source": "s", "DetailType": "t", "Detail": json.dumps({"a": "x" * 300_000})}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_moto_still_gives_the_number_of_a_deleted_version_again() -> None:
    storage = LambdaStorage("us-east-1", "123456789012")
    function = copy.copy(object.__new__(LambdaFunction))
    function.__dict__ |= {"function_name": "f", "region": "us-east-1", "account_id": "123456789012"}
    storage._functions["f"] = {"latest": function, "versions": []}
    numbers = []
    for _ in range(3):
        function.code_or_config_updated = True
        numbers.append(storage.publish_version("f").version)
        del storage._functions["f"]["versions"][:-1]
    assert numbers == [1, 2, 2]


def test_moto_still_knows_no_metric_math_and_finds_no_two_sets_of_dimensions_equal() -> None:
    assert parse_expression("a + a", [{"id": "a", "values": [1], "timestamps": [1]}]) == ([], [])
    two = [Dimension("a", "1"), Dimension("b", "2")]
    assert not are_dimensions_same(two, two)


def test_motos_alarms_still_begin_as_ok_and_notify_nobody() -> None:
    backend = CloudWatchBackend("us-east-1", "123456789012")
    alarm = backend.put_metric_alarm("a", "N", "m", "GreaterThanThreshold", 1, 60, 1, "Sum", "", [], ["arn:nobody"])
    assert alarm.state_value == "OK"
    backend.set_alarm_state("a", "tried", "{}", "ALARM")


def test_motos_eventbridge_still_tests_no_pattern() -> None:
    assert EventsHandler.test_event_pattern(None) is None


def test_motos_lambda_still_has_no_settings_of_the_account() -> None:
    assert not hasattr(LambdaResponse, "get_account_settings")


def test_moto_still_knows_no_signer_of_a_pre_signed_url() -> None:
    response = BaseResponse()
    response.headers, response.querystring = {}, {"X-Amz-Credential": ["AKIAUSER/20260101/us-east-1/s3/aws4_request"]}
    assert response.get_access_key() == "AKIAEXAMPLE"


@pytest.mark.parametrize("service", NOT_AWS)
def test_moto_still_serves_its_own_pages_under_these_names(service: Any) -> None:
    assert werkzeug_app.create_backend_app(service).url_map


def test_cfn_lint_still_carries_the_schema_of_every_type_that_we_provide() -> None:
    for kind in PROVIDERS:
        create_only(kind)
    assert {"TableName", "KeySchema"} <= create_only("AWS::DynamoDB::Table")


def test_moto_still_forgets_members_that_cloudformation_needs() -> None:
    stock = vars(CloudFormationBackend)["create_change_set"]
    assert "capabilities" not in inspect.signature(stock).parameters


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (LambdaBackend, "invoke"),
        (LambdaBackend, "put_function_concurrency"),
        (LambdaFunction, "__init__"),
        (LambdaFunction, "invoke"),
        (LambdaFunction, "update_configuration"),
        (LambdaFunction, "update_function_code"),
        (LambdaStorage, "publish_version"),
        *((CloudFormationResponse, name) for name in ACTIONS),
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
