"""One table: how CloudFormation creates the types that moto does not know, or knows only in part.

Gaps upstream (moto 5.2.5). Unknown: Lambda aliases, API Gateway v2, schedules, bucket, topic and queue policies,
subscriptions, alarms. Known in part: a bucket loses its versioning, notifications, public access block and lifecycle;
a function its source folder, layers and log group; a state machine its substitutions and its `Arn`. Crashing: a
permission on an alias, the Ref of a version. Updates, deletions and roll-backs of stacks are not repaired.
"""

# ruff: noqa: ARG001 - every creator has the same signature

import base64
import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.s3.models import FakeBucket, s3_backends
from moto.scheduler.models import scheduler_backends
from moto.sns.models import sns_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from local.cloud.alarms import moto_query
from local.cloud.lambdas import Code
from local.cloud.providers import PARTITION, Create, Place, Properties, Resource

LOCAL_BUCKET = "local-source"


def bucket(name: str, properties: Properties, place: Place) -> Any:
    """moto's bucket, with what moto leaves out."""
    made = FakeBucket.create_from_cloudformation_json(name, {"Properties": properties}, place.account, place.region)
    if versioning := properties.get("VersioningConfiguration"):
        made.versioning_status = versioning["Status"]
    if block := properties.get("PublicAccessBlockConfiguration"):
        s3_backends[place.account][PARTITION].put_public_access_block(name, block)
    if "EventBridgeConfiguration" in properties.get("NotificationConfiguration", {}):
        made.set_notification_configuration({"EventBridgeConfiguration": {}})
    return made


def bucket_policy(name: str, properties: Properties, place: Place) -> Resource:
    """Kept for services that ask it, as Personalize does; see `local.cloud.iam` for what else it decides."""
    document = json.dumps(properties["PolicyDocument"]).encode()
    s3_backends[place.account][PARTITION].put_bucket_policy(properties["Bucket"], document)
    return Resource(name)


def function(name: str, properties: Properties, place: Place) -> Any:
    """moto's function; its code and its layers stay in their source folders."""
    folder = source(properties["Code"]["S3Key"], place)
    spec = {key: value for key, value in properties.items() if key not in ("Layers", "Tags", "SnapStart")}
    code = base64.b64encode(zipped(folder))
    made = lambda_backends[place.account][place.region].create_function(
        {**spec, "FunctionName": name, "Code": {"ZipFile": code}}
    )
    logging = properties.get("LoggingConfig", {})
    made.logs_group_name = logging.get("LogGroup", made.logs_group_name)
    # A layer that is not ours (an ARN of AWS's) has no folder here: the interpreter's environment stands for it.
    keys = [arn.partition(f":{LOCAL_BUCKET}/")[2] for arn in properties.get("Layers", ())]
    python_path = tuple(source(key, place) / "python" for key in keys if key)
    place.lambdas.add(name, Code(folder, python_path, logging.get("LogFormat", "Text")))
    return made


def layer(name: str, properties: Properties, place: Place) -> Resource:
    """A layer's ARN tells its source folder to the functions that use it."""
    return Resource(f"{place.arn('lambda', 'layer')}:{LOCAL_BUCKET}/{properties['Content']['S3Key']}")


def version(name: str, properties: Properties, place: Place) -> Resource:
    """A published version."""
    made = lambda_backends[place.account][place.region].publish_version(properties["FunctionName"])
    return Resource(made.function_arn, {"Version": str(made.version), "FunctionArn": made.function_arn})


def alias(name: str, properties: Properties, place: Place) -> Resource:
    """An alias of a version."""
    made = lambda_backends[place.account][place.region].create_alias(
        properties["Name"], properties["FunctionName"], properties["FunctionVersion"], "", ""
    )
    return Resource(made.arn, {"AliasArn": made.arn})


def state_machine(name: str, properties: Properties, place: Place) -> Resource:
    """A state machine; substitutions are textual, as CloudFormation's are."""
    values = properties.get("DefinitionSubstitutions", {})
    definition = re.sub(
        r"\$\{(\w+)\}", lambda match: str(values.get(match[1], match[0])), properties["DefinitionString"]
    )
    made = stepfunctions_parser_backends[place.account][place.region].create_state_machine(
        properties.get("StateMachineName", name), definition, properties["RoleArn"]
    )
    return Resource(made.arn, {"Arn": made.arn, "Name": made.name})


def schedule(name: str, properties: Properties, place: Place) -> Resource:
    """A schedule of EventBridge Scheduler."""
    made = scheduler_backends[place.account][place.region].create_schedule(
        description=properties.get("Description"),
        end_date=properties.get("EndDate"),
        flexible_time_window=properties["FlexibleTimeWindow"],
        group_name=properties.get("GroupName"),
        kms_key_arn=None,
        name=properties.get("Name", name),
        schedule_expression=properties["ScheduleExpression"],
        schedule_expression_timezone=properties.get("ScheduleExpressionTimezone"),
        start_date=properties.get("StartDate"),
        state=properties.get("State"),
        target=dict(properties["Target"]),
        action_after_completion=None,
    )
    return Resource(made.name, {"Arn": made.arn})


def schedule_group(name: str, properties: Properties, place: Place) -> Resource:
    """A group of schedules of EventBridge Scheduler."""
    backend = scheduler_backends[place.account][place.region]
    made = backend.create_schedule_group(properties.get("Name", name), [])
    return Resource(made.name, {"Arn": made.arn})


def subscription(name: str, properties: Properties, place: Place) -> Resource:
    """A subscription; moto delivers to queues, functions and HTTP, and keeps mail to itself."""
    made = sns_backends[place.account][place.region].subscribe(
        properties["TopicArn"], properties["Endpoint"], properties["Protocol"]
    )
    return Resource(made.arn)


def http_api(name: str, properties: Properties, place: Place) -> Resource:
    """An HTTP API; its endpoint is the truth: where `local.cloud.http` serves it."""
    return Resource("local", {"ApiEndpoint": place.api_url, "ApiId": "local"})


def alarm(name: str, properties: Properties, place: Place) -> Resource:
    """An alarm; `local.cloud.alarms` lets it look at its metrics."""
    made = cloudwatch_backends[place.account][place.region].put_metric_alarm(
        name=properties.get("AlarmName", name),
        namespace=properties.get("Namespace"),
        metric_name=properties.get("MetricName"),
        comparison_operator=properties["ComparisonOperator"],
        evaluation_periods=properties["EvaluationPeriods"],
        period=properties.get("Period"),
        threshold=properties.get("Threshold"),
        statistic=properties.get("Statistic"),
        description=properties.get("AlarmDescription"),
        dimensions=properties.get("Dimensions", []),
        alarm_actions=properties.get("AlarmActions", []),
        treat_missing_data=properties.get("TreatMissingData"),
        metric_data_queries=[moto_query(one) for one in properties.get("Metrics", ())],
        datapoints_to_alarm=properties.get("DatapointsToAlarm"),
        extended_statistic=properties.get("ExtendedStatistic"),
        ok_actions=properties.get("OKActions", []),
        insufficient_data_actions=properties.get("InsufficientDataActions", []),
        unit=properties.get("Unit"),
        actions_enabled=properties.get("ActionsEnabled", True),
    )
    return Resource(made.name, {"Arn": made.alarm_arn})


def identity(name: str, properties: Properties, place: Place) -> Resource:
    """A resource that has nothing to do on one machine."""
    return Resource(properties.get("StageName", name))


CREATE: Mapping[str, Create] = MappingProxyType(
    {
        "AWS::ApiGatewayV2::Api": http_api,
        "AWS::ApiGatewayV2::Stage": identity,
        "AWS::CloudWatch::Alarm": alarm,
        "AWS::Lambda::Alias": alias,
        "AWS::Lambda::Function": function,
        "AWS::Lambda::LayerVersion": layer,
        "AWS::Lambda::Permission": identity,
        "AWS::Lambda::Version": version,
        "AWS::Logs::MetricFilter": identity,
        "AWS::S3::Bucket": bucket,
        "AWS::S3::BucketPolicy": bucket_policy,
        "AWS::SNS::Subscription": subscription,
        "AWS::SNS::TopicPolicy": identity,
        "AWS::SQS::QueuePolicy": identity,
        "AWS::Scheduler::Schedule": schedule,
        "AWS::Scheduler::ScheduleGroup": schedule_group,
        "AWS::StepFunctions::StateMachine": state_machine,
    }
)


def source(key: str, place: Place) -> Path:
    """The folder behind a local CodeUri or ContentUri."""
    return place.root / key


def zipped(folder: Path) -> bytes:
    """A folder as a zip archive, the same bytes for the same sources."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*.py")):
            archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes())
    return buffer.getvalue()
