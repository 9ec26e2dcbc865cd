"""The stack in CloudFormation: after SAM's transform."""

import json
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform
from usher.config.schedule_expressions import starts
from usher.costs.ceilings import PARAMETERS, Ceilings

from tests.unit.stack.files import TEMPLATE
from usher_local.cloud.cloudformation.templates import references

LARGEST_OF_NEW_ACCOUNTS = 3008
"""Megabytes. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


@cache
def transformed(core: str = "first") -> dict[str, Any]:
    """The resources; `core`: the location of CoreLayer's code, which differs with its content."""
    template = yaml_parse(TEMPLATE.read_text())
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        for place in ("CodeUri", "ContentUri"):
            if place in properties:
                properties[place] = f"s3://packages/{core if name == 'CoreLayer' else name}"
        if "DefinitionUri" in properties:
            properties["DefinitionUri"] = f"s3://packages/{name}"
    resources: dict[str, Any] = transform(template, {}, SimpleNamespace(load=dict))["Resources"]
    return resources


def of_type(kind: str, core: str = "first") -> dict[str, Any]:
    return {name: one for name, one in transformed(core).items() if one["Type"] == kind}


def test_new_code_in_the_layer_makes_new_versions_of_the_api() -> None:
    """https://github.com/aws/serverless-application-model/issues/3802"""
    before, after = (of_type("AWS::Lambda::Version", core) for core in ("first", "second"))
    assert len(before) == len(after) == 5
    assert not before.keys() & after.keys()
    assert before.keys() == of_type("AWS::Lambda::Version").keys()


def test_old_versions_and_layers_go() -> None:
    """AWS bills the snapshot of a version as long as it exists."""
    assert {one["DeletionPolicy"] for one in of_type("AWS::Lambda::Version").values()} == {"Delete"}
    assert {one["DeletionPolicy"] for one in of_type("AWS::Lambda::LayerVersion").values()} == {"Delete"}


NAMES = {
    *("AlarmName", "BucketName", "DashboardName", "FunctionName", "LayerName", "LogGroupName", "Name", "QueueName"),
    *("RoleName", "StateMachineName", "TableName", "TopicName"),
}
"""The properties with names that must be unique in an account."""
WITHIN = {"AWS::Lambda::Alias": "FunctionName", "AWS::Scheduler::Schedule": "GroupName"}
"""Names that must be unique within another resource of the same stack."""


def test_two_stacks_have_no_name_in_common() -> None:
    for name, resource in transformed().items():
        properties = resource.get("Properties", {})
        home = properties.get(WITHIN.get(resource["Type"], ""))
        named = [properties[key] for key in NAMES if key in properties]
        literal = [one for one in named if isinstance(one, str) or "Fn::Sub" in one]
        assert home or all("AWS::StackName" in json.dumps(one) for one in literal), name


def test_a_new_account_has_the_memory_for_every_function() -> None:
    parameters = yaml_parse(TEMPLATE.read_text())["Parameters"]
    for name, function in of_type("AWS::Lambda::Function").items():
        size = function["Properties"]["MemorySize"]
        default = parameters[size["Ref"]]["Default"] if isinstance(size, dict) else size
        assert default <= LARGEST_OF_NEW_ACCOUNTS, name


def test_every_rule_schedule_and_background_function_has_a_dead_letter_queue() -> None:
    queue = {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    rules = [target for rule in of_type("AWS::Events::Rule").values() for target in rule["Properties"]["Targets"]]
    schedules = [schedule["Properties"]["Target"] for schedule in of_type("AWS::Scheduler::Schedule").values()]
    assert len(rules) == 2
    assert len(schedules) == 3
    assert all(target["DeadLetterConfig"]["Arn"] == queue for target in [*rules, *schedules])
    for function in ("Keep", "Watch"):
        assert transformed()[function]["Properties"]["DeadLetterConfig"]["TargetArn"] == queue


def test_every_rule_of_a_stack_of_any_name_may_use_its_dead_letter_queue() -> None:
    (statement,) = transformed()["DeadLetterQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    named = [one["Fn::GetAtt"] for one in statement["Condition"]["ArnEquals"]["aws:SourceArn"]]
    assert sorted(named) == sorted([rule, "Arn"] for rule in of_type("AWS::Events::Rule"))


def test_alarms_on_sums_do_not_miss_a_failure_beside_a_metric_without_a_point() -> None:
    sums = [
        metric["Expression"]
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        for metric in alarm["Properties"].get("Metrics", [])
        if "Expression" in metric
    ]
    ends = [
        f"FILL({machine}_{end}, 0)" for machine in ("pipeline", "export", "evaluation") for end in ("failed", "late")
    ]
    assert set(sums) == {
        " + ".join(ends),
        'SUM(FILL(METRICS("errors"), 0))',
        '100 * FILL(degraded, 0) / SUM(FILL(METRICS("requests"), 0))',
        "MAX([FILL(unkept, 0), FILL(unread, 0), FILL(pending, 0)])",
    }


@pytest.mark.parametrize(("alarm", "word"), [("ApiErrors", "errors"), ("AnswersDegraded", "requests")])
def test_alarms_on_the_api_count_each_address_that_there_is(alarm: str, word: str) -> None:
    metrics = transformed()[alarm]["Properties"]["Metrics"]
    counted = {
        json.dumps(one["MetricStat"]["Metric"]["Dimensions"]): condition
        for metric in metrics
        for condition, one, _ in [metric.get("Fn::If", (None, metric, None))]
        if word in one["Id"]
    }
    apis = of_type("AWS::ApiGatewayV2::Api")
    assert counted == {
        json.dumps([{"Name": "ApiId", "Value": {"Ref": name}}]): api.get("Condition") for name, api in apis.items()
    }


def test_every_log_group_forgets() -> None:
    groups = of_type("AWS::Logs::LogGroup")
    assert len(groups) == 3
    assert all(one["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"} for one in groups.values())


def test_every_machine_and_the_api_log_and_the_api_has_a_limit() -> None:
    for machine in of_type("AWS::StepFunctions::StateMachine").values():
        assert machine["Properties"]["LoggingConfiguration"]["Level"] == "ERROR"
    stages = of_type("AWS::ApiGatewayV2::Stage").values()
    assert len(stages) == 3
    for stage in stages:
        assert stage["Properties"]["DefaultRouteSettings"].keys() == {"ThrottlingBurstLimit", "ThrottlingRateLimit"}
        assert "path" not in stage["Properties"]["AccessLogSettings"]["Format"].lower()


def test_all_apis_have_the_same_routes_and_none_is_open() -> None:
    apis = {name: one["Properties"]["Body"] for name, one in of_type("AWS::ApiGatewayV2::Api").items()}
    assert apis.keys() == {"Api", "TokenApi", "KeyApi"}
    assert all(body["paths"].keys() == apis["Api"]["paths"].keys() for body in apis.values())
    for name, scheme in (("Api", "AWS_IAM"), ("TokenApi", "Token"), ("KeyApi", "Key")):
        operations = [one for methods in apis[name]["paths"].values() for one in methods.values()]
        assert [one["security"] for one in operations] == [[{scheme: []}]] * len(operations)


def test_each_ceiling_on_spending_reaches_the_functions_that_plan_and_defaults_to_the_codes() -> None:
    parameters = yaml_parse(TEMPLATE.read_text())["Parameters"]
    defaults = {name: str(parameters[name]["Default"]) for name in PARAMETERS.values()}
    assert Ceilings.from_env(defaults) == Ceilings()
    for function in ("Plan", "Export", "Evaluate"):
        given = transformed()[function]["Properties"]["Environment"]["Variables"]
        assert {name: given[name] for name in defaults if name != "AllowHPO"} == {
            name: {"Fn::Sub": f"${{{name}}}"} for name in defaults if name != "AllowHPO"
        }
        assert given["AllowHPO"] == {"Ref": "AllowHPO"}


def test_the_stacks_own_export_schedule_reaches_the_function_that_plans() -> None:
    given = transformed()["Plan"]["Properties"]["Environment"]["Variables"]["EXPORT_SCHEDULE"]
    assert given == {"Fn::If": ["ExportsAreScheduled", {"Ref": "ExportSchedule"}, ""]}
    assert starts(yaml_parse(TEMPLATE.read_text())["Parameters"]["ExportSchedule"]["Default"]).a_month == 30


def test_nothing_is_deleted_before_the_protection_against_deletion() -> None:
    """CloudFormation deletes dependent resources first. Add new resources to its DependsOn or Metadata."""
    resources, reached = transformed(), {"DeletionProtection"}
    while more := {name for one in reached for name in references(resources[one]) if name in resources} - reached:
        reached |= more
    assert resources.keys() - reached == set()
