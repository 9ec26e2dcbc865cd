"""The table of resource providers, which create, update and delete each type of resource by the service's own API.

CloudFormation's own providers work like that. moto's (5.2.5) bypass its APIs. They lack Lambda aliases, API Gateway v2,
schedules, bucket, topic and queue policies, subscriptions and alarms. They support buckets, tables, log groups and
state machines in part, and update and delete few types as CloudFormation does.
"""

# ruff: noqa: ARG001 - every handler of one kind has the same signature

import json
import re
from collections.abc import Mapping
from types import MappingProxyType

import yaml
from moto.apigatewayv2.models import apigatewayv2_backends

from usher_local.cloud.cloudformation import (
    custom_resources,
    iam_resources,
    lambda_resources,
    messaging_resources,
    storage_resources,
)
from usher_local.cloud.cloudformation.lambda_resources import LOCAL_BUCKET
from usher_local.cloud.cloudformation.provider import Place, Properties, Provider, Resource
from usher_local.cloud.cloudformation.service_calls import call, deleter, put, without
from usher_local.cloud.http_api.stages import Stage


def create_log_group(name: str, properties: Properties, place: Place) -> Resource:
    """Create a log group, then set its retention."""
    tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
    given = without(properties, "RetentionInDays", "LogGroupName", "Tags") | ({"tags": tags} if tags else {})
    call(place, ("logs", "create_log_group"), {**given, "logGroupName": name})
    made = Resource(name, {"Arn": place.arn("logs", f"log-group:{name}:*")})
    return update_log_group(made, {}, properties, place)


def update_log_group(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Update a log group's retention."""
    name = {"logGroupName": made.physical_resource_id}
    if "RetentionInDays" in new:
        call(place, ("logs", "put_retention_policy"), {**name, "retentionInDays": new["RetentionInDays"]})
    elif "RetentionInDays" in old:
        place.client("logs").delete_retention_policy(**name)
    return made


DEFINITION = ("Definition", "DefinitionString", "DefinitionS3Location", "DefinitionSubstitutions")


def definition(properties: Properties, place: Place) -> str:
    """The definition as JSON; substitutions are textual, as CloudFormation's are."""
    if location := properties.get("DefinitionS3Location"):
        text = artifact(location["Bucket"], location["Key"], place).decode()
    else:
        text = properties.get("DefinitionString") or json.dumps(properties["Definition"])
    values = properties.get("DefinitionSubstitutions", {})
    text = re.sub(r"\$\{(\w+)\}", lambda match: str(values.get(match[1], match[0])), text)
    return json.dumps(yaml.load(text, yaml.CSafeLoader))  # JSON is YAML


def artifact(bucket: str, key: str, place: Place) -> bytes:
    """The content of an object in a template; one of `local-source` is a file of this machine."""
    if bucket == LOCAL_BUCKET:
        return (place.root / key).read_bytes()
    content: bytes = place.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def create_state_machine(name: str, properties: Properties, place: Place) -> Resource:
    """Create a state machine."""
    given = {**without(properties, *DEFINITION, "StateMachineName", "StateMachineType"), "name": name}
    kind = {"type": properties["StateMachineType"]} if "StateMachineType" in properties else {}
    call_with = {**given, **kind, "definition": definition(properties, place)}
    arn = call(place, ("stepfunctions", "create_state_machine"), call_with)["stateMachineArn"]
    return Resource(arn, {"Arn": arn, "Name": name})


def update_state_machine(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Update a state machine; running executions keep their definition."""
    given = without(new, *DEFINITION, "StateMachineName", "StateMachineType", "Tags")
    arn = {"stateMachineArn": made.physical_resource_id, "definition": definition(new, place)}
    call(place, ("stepfunctions", "update_state_machine"), {**given, **arn})
    return made


def create_api(name: str, properties: Properties, place: Place) -> Resource:
    """Create an HTTP API; its endpoint is the one where `usher_local.cloud.http_api.apis` serves it."""
    title = properties.get("Body", {}).get("info", {}).get("title", name)
    given = {"Name": properties.get("Name", title), "ProtocolType": "HTTP"}
    api_id = call(place, ("apigatewayv2", "create_api"), given)["ApiId"]
    endpoint = place.apis.open(api_id, properties.get("Body", {}))
    apigatewayv2_backends[place.account][place.region].apis[api_id].api_endpoint = endpoint
    return Resource(api_id, {"ApiEndpoint": endpoint, "ApiId": api_id})


def update_api(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Change the routes at the same endpoint."""
    place.apis.change(made.physical_resource_id, new.get("Body", {}))
    return made


def delete_api(made: Resource, place: Place) -> None:
    """Delete an API, and close its port."""
    place.apis.close(made.physical_resource_id)
    place.client("apigatewayv2").delete_api(ApiId=made.physical_resource_id)


def create_stage(name: str, properties: Properties, place: Place) -> Resource:
    """Create a stage; only `$default` is served."""
    call(place, ("apigatewayv2", "create_stage"), properties)
    place.apis.stage(properties["ApiId"], Stage.of(properties))
    return Resource(properties["StageName"], {"ApiId": properties["ApiId"]})


def update_stage(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Update a stage's settings, by a new stage, since moto has no UpdateStage."""
    place.client("apigatewayv2").delete_stage(ApiId=new["ApiId"], StageName=new["StageName"])
    return create_stage(made.physical_resource_id, new, place)


def delete_stage(made: Resource, place: Place) -> None:
    """Delete a stage; the API is not served without it."""
    api_id = made.attributes["ApiId"]
    place.apis.stage(api_id, None)
    place.client("apigatewayv2").delete_stage(ApiId=api_id, StageName=made.physical_resource_id)


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        **iam_resources.PROVIDERS,
        **lambda_resources.PROVIDERS,
        **messaging_resources.PROVIDERS,
        **storage_resources.PROVIDERS,
        "AWS::ApiGatewayV2::Api": Provider(create_api, delete_api, update_api),
        "AWS::ApiGatewayV2::Stage": Provider(create_stage, delete_stage, update_stage),
        custom_resources.CUSTOM: custom_resources.PROVIDER,
        "AWS::CloudWatch::Alarm": put(
            ("cloudwatch", "put_metric_alarm"), ("cloudwatch", "delete_alarms"), "AlarmName", "AlarmNames", "alarm:"
        ),
        "AWS::CloudWatch::Dashboard": put(
            ("cloudwatch", "put_dashboard"), ("cloudwatch", "delete_dashboards"), "DashboardName", "DashboardNames"
        ),
        "AWS::Logs::LogGroup": Provider(
            create_log_group, deleter(("logs", "delete_log_group"), "logGroupName"), update_log_group, "LogGroupName"
        ),
        "AWS::StepFunctions::StateMachine": Provider(
            create_state_machine,
            deleter(("stepfunctions", "delete_state_machine"), "stateMachineArn"),
            update_state_machine,
            "StateMachineName",
        ),
    }
)
