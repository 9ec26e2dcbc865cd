"""One table: how CloudFormation creates, updates and deletes each type of resource, by calls of the service's own API.

That is how CloudFormation's own providers do it. moto's (5.2.5) work past its APIs: Unknown to them are Lambda aliases,
API Gateway v2, schedules, bucket, topic and queue policies, subscriptions, alarms. They know buckets, tables, log
groups and state machines in part, and update and delete few types as CloudFormation does.
"""

# ruff: noqa: ARG001 - every handler of one kind has the same signature

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import yaml
from moto.apigatewayv2.models import apigatewayv2_backends

from usher_local.cloud.cloudformation import custom_resources
from usher_local.cloud.cloudformation.lambda_resources import LOCAL_BUCKET
from usher_local.cloud.cloudformation.lambda_resources import PROVIDERS as LAMBDA
from usher_local.cloud.cloudformation.provider import PARTITION, Place, Properties, Provider, Resource
from usher_local.cloud.http_api.stages import Stage

Call = tuple[str, str]  # boto3's names of a service and of one of its operations


def call(place: Place, of: Call, given: Properties) -> dict[str, Any]:
    """Call a service with a template's values, as the types of the operation's parameters."""
    service, operation = of
    client = place.client(service)
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
    answer: dict[str, Any] = getattr(client, operation)(**fitted(given, model.input_shape))
    return answer


def fitted(value: Any, shape: Any) -> Any:
    """A template's value as an API's type: templates write numbers and truth as text, documents as mappings.

    Names of members differ in the case of the first letter at most; ValueError for one that the API does not have.
    """
    if shape.type_name == "structure":
        members = {name.lower(): name for name in shape.members}
        if extra := [name for name in value if name.lower() not in members]:
            raise ValueError(f"extraneous key {extra} is not permitted")
        return {members[name.lower()]: fitted(one, shape.members[members[name.lower()]]) for name, one in value.items()}
    if shape.type_name == "map":
        return {name: fitted(one, shape.value) for name, one in value.items()}
    if shape.type_name == "list":
        return [fitted(one, shape.member) for one in value]
    if shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name in ("double", "float"):
        return float(value)
    if shape.type_name == "boolean":
        return str(value).lower() == "true"
    if shape.type_name == "string":
        return json.dumps(value) if isinstance(value, dict | list | bool) else str(value)
    return value


def without(properties: Properties, *names: str) -> dict[str, Any]:
    """The properties but those."""
    return {name: value for name, value in properties.items() if name not in names}


def put(of: Call, delete: Call, name: str, deleted: str = "", arn: str = "", fixed: bool = False) -> Provider:
    """A type that one idempotent operation creates and updates, and whose name is the physical ID.

    `deleted` is the delete operation's parameter (the same as `name` if empty), `arn` what stands before the name in
    the resource's ARN. `fixed` is for types whose every change replaces the resource.
    """

    def create(physical: str, properties: Properties, place: Place) -> Resource:
        call(place, of, {**properties, name: physical})
        return Resource(physical, {"Arn": place.arn(of[0], f"{arn}{physical}")})

    def update(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
        call(place, of, {**new, name: made.physical_resource_id})
        return made

    def remove(made: Resource, place: Place) -> None:
        one = made.physical_resource_id
        call(place, delete, {deleted or name: [one] if (deleted or name).endswith("Names") else one})

    return Provider(create, remove, None if fixed else update, name)


# ---- S3 ----


def lifecycle(rules: Properties) -> dict[str, Any]:
    """Lifecycle rules as the API has them: a filter, and actions in structures."""
    return {"Rules": [lifecycle_rule(rule) for rule in rules["Rules"]]}


def lifecycle_rule(rule: Properties) -> dict[str, Any]:
    """One of them."""
    tags = rule.get("TagFilters", [])
    prefix = {"Prefix": rule["Prefix"]} if "Prefix" in rule else {}
    several = len(tags) + len(prefix) > 1
    matched = {"And": {**prefix, "Tags": tags}} if several else {"Tag": tags[0]} if tags else prefix or {"Prefix": ""}
    days = {"Expiration": {"Days": rule["ExpirationInDays"]}} if "ExpirationInDays" in rule else {}
    return {"Filter": matched, **days, **without(rule, "TagFilters", "Prefix", "ExpirationInDays")}


def encryption(rules: Properties) -> dict[str, Any]:
    """Encryption as the API has it."""
    return {
        "Rules": [
            {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
            for rule in rules["ServerSideEncryptionConfiguration"]
        ]
    }


def notifications(wanted: Properties) -> dict[str, Any]:
    """Notifications as the API has them: EventBridge is on where its member is there."""
    off = str(wanted.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled", True)).lower() == "false"
    return without(wanted, "EventBridgeConfiguration") | ({} if off else {"EventBridgeConfiguration": {}})


# Property of a bucket: the operation that sets it, the operation's parameter, its form there, and what stands for none.
BUCKET: Mapping[str, tuple[str, str, Callable[[Any], Any], Any]] = MappingProxyType(
    {
        "BucketEncryption": (
            "put_bucket_encryption",
            "ServerSideEncryptionConfiguration",
            encryption,
            {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
        ),
        "LifecycleConfiguration": ("put_bucket_lifecycle_configuration", "LifecycleConfiguration", lifecycle, None),
        "NotificationConfiguration": (
            "put_bucket_notification_configuration",
            "NotificationConfiguration",
            notifications,
            {"EventBridgeConfiguration": {"EventBridgeEnabled": False}},
        ),
        "OwnershipControls": (
            "put_bucket_ownership_controls",
            "OwnershipControls",
            dict,
            {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        ),
        "PublicAccessBlockConfiguration": ("put_public_access_block", "PublicAccessBlockConfiguration", dict, {}),
        "Tags": ("put_bucket_tagging", "Tagging", lambda tags: {"TagSet": tags}, []),
        "VersioningConfiguration": (
            "put_bucket_versioning",
            "VersioningConfiguration",
            dict,
            {"Status": "Suspended"},
        ),
    }
)


def create_bucket(name: str, properties: Properties, place: Place) -> Resource:
    """An empty bucket, then each property by its own operation."""
    bucket = name.lower()
    place.client("s3").create_bucket(Bucket=bucket)
    made = Resource(
        bucket,
        {
            "Arn": f"arn:{PARTITION}:s3:::{bucket}",
            "DomainName": f"{bucket}.s3.amazonaws.com",
            "RegionalDomainName": f"{bucket}.s3.{place.region}.amazonaws.com",
        },
    )
    return update_bucket(made, {}, without(properties, "BucketName"), place)


def update_bucket(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Set what differs; ValueError for a property that is not known here."""
    for name in sorted(old.keys() | new.keys() - {"BucketName"}):
        if old.get(name) == new.get(name):
            continue
        if name not in BUCKET:
            raise ValueError(f"extraneous key [{name}] is not permitted: the local cloud does not know it")
        operation, parameter, form, none = BUCKET[name]
        if name not in new and none is None:
            place.client("s3").delete_bucket_lifecycle(Bucket=made.physical_resource_id)
        else:
            value = form(new.get(name, none))
            call(place, ("s3", operation), {"Bucket": made.physical_resource_id, parameter: value})
    return made


def delete_bucket(made: Resource, place: Place) -> None:
    """S3 refuses it while anything is in it."""
    place.client("s3").delete_bucket(Bucket=made.physical_resource_id)


def put_bucket_policy(name: str, properties: Properties, place: Place) -> Resource:
    """A bucket's policy; `usher_local.cloud.access.iam` and the local Personalize ask it."""
    call(place, ("s3", "put_bucket_policy"), {"Bucket": properties["Bucket"], "Policy": properties["PolicyDocument"]})
    return Resource(properties["Bucket"])


# ---- DynamoDB ----

# What CreateTable does not take: the property, and the operation that sets it.
TABLE = MappingProxyType(
    {
        "PointInTimeRecoverySpecification": "update_continuous_backups",
        "TimeToLiveSpecification": "update_time_to_live",
    }
)
OFF: Mapping[str, Properties] = MappingProxyType(
    {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}}
)


def create_table(name: str, properties: Properties, place: Place) -> Resource:
    """A table, then what has operations of its own."""
    given = {**without(properties, *TABLE), "TableName": name}
    if "SSESpecification" in given:
        sse = given["SSESpecification"]
        given["SSESpecification"] = {"Enabled": sse["SSEEnabled"], **without(sse, "SSEEnabled")}
    arn = call(place, ("dynamodb", "create_table"), given)["TableDescription"]["TableArn"]
    return update_table(Resource(name, {"Arn": arn}), without(properties, *TABLE), properties, place)


def update_table(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Set what differs."""
    name = {"TableName": made.physical_resource_id}
    changed = [one for one in sorted(old.keys() | new.keys()) if old.get(one) != new.get(one)]
    for one in (one for one in changed if one in TABLE):
        wanted = new.get(one, OFF.get(one, {**old.get(one, {}), "Enabled": False}))
        call(place, ("dynamodb", TABLE[one]), {**name, one: wanted})
    if rest := {one: new[one] for one in changed if one not in TABLE and one != "Tags" and one in new}:
        call(place, ("dynamodb", "update_table"), {**name, **rest})
    return made


def delete_table(made: Resource, place: Place) -> None:
    """DynamoDB refuses it under deletion protection."""
    place.client("dynamodb").delete_table(TableName=made.physical_resource_id)


# ---- IAM ----


def create_role(name: str, properties: Properties, place: Place) -> Resource:
    """A role, then its policies."""
    given = {**without(properties, "Policies", "ManagedPolicyArns"), "RoleName": name}
    role = call(place, ("iam", "create_role"), given)["Role"]
    made = Resource(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})
    bare = without(properties, "Policies", "ManagedPolicyArns")
    return update_role(made, bare, properties, place)


def put_role_policy(role: str, policy: Properties, place: Place) -> None:
    """An inline policy; one without a version is of 2008-10-17 on AWS, and refused by moto."""
    document = {"Version": "2012-10-17", **policy["PolicyDocument"]}
    call(place, ("iam", "put_role_policy"), {**policy, "RoleName": role, "PolicyDocument": document})


def update_role(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Trust, description and policies."""
    iam, name = place.client("iam"), made.physical_resource_id
    if old["AssumeRolePolicyDocument"] != new["AssumeRolePolicyDocument"]:
        given = {"RoleName": name, "PolicyDocument": new["AssumeRolePolicyDocument"]}
        call(place, ("iam", "update_assume_role_policy"), given)
    kept = {one["PolicyName"] for one in new.get("Policies", [])}
    for policy in old.get("Policies", []):
        if policy["PolicyName"] not in kept:
            iam.delete_role_policy(RoleName=name, PolicyName=policy["PolicyName"])
    for policy in new.get("Policies", []):
        if policy not in old.get("Policies", []):
            put_role_policy(name, policy, place)
    before, now = (set(one.get("ManagedPolicyArns", [])) for one in (old, new))
    for arn in sorted(before - now):
        iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    for arn in sorted(now - before):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    described = {one: new[one] for one in ("Description", "MaxSessionDuration") if one in new}
    if described != {one: old[one] for one in ("Description", "MaxSessionDuration") if one in old}:
        call(place, ("iam", "update_role"), {"RoleName": name, **described})
    return made


def delete_role(made: Resource, place: Place) -> None:
    """With its own policies; other policies are detached by who attached them, as IAM demands."""
    iam, name = place.client("iam"), made.physical_resource_id
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=name)


def put_policy(name: str, properties: Properties, place: Place) -> Resource:
    """An inline policy of roles."""
    for role in properties.get("Roles", []):
        put_role_policy(role, without(properties, "Roles"), place)
    roles = ",".join(properties.get("Roles", []))
    return Resource(name, {"Id": name, "Roles": roles, "Name": properties["PolicyName"]})


def update_policy(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """It may move to other roles or take another name."""
    if old["PolicyName"] != new["PolicyName"]:
        delete_policy(made, place)
    else:
        gone = [role for role in old.get("Roles", []) if role not in new.get("Roles", [])]
        delete_policy(Resource(made.physical_resource_id, {**made.attributes, "Roles": ",".join(gone)}), place)
    return put_policy(made.physical_resource_id, new, place)


def delete_policy(made: Resource, place: Place) -> None:
    """From every role that has it."""
    for role in filter(None, made.attributes["Roles"].split(",")):
        place.client("iam").delete_role_policy(RoleName=role, PolicyName=made.attributes["Name"])


# ---- Logs, SNS, SQS ----


def create_log_group(name: str, properties: Properties, place: Place) -> Resource:
    """A log group, then its retention."""
    tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
    given = without(properties, "RetentionInDays", "LogGroupName", "Tags") | ({"tags": tags} if tags else {})
    call(place, ("logs", "create_log_group"), {**given, "logGroupName": name})
    made = Resource(name, {"Arn": place.arn("logs", f"log-group:{name}:*")})
    return update_log_group(made, {}, properties, place)


def update_log_group(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Its retention."""
    name = {"logGroupName": made.physical_resource_id}
    if "RetentionInDays" in new:
        call(place, ("logs", "put_retention_policy"), {**name, "retentionInDays": new["RetentionInDays"]})
    elif "RetentionInDays" in old:
        place.client("logs").delete_retention_policy(**name)
    return made


TOPIC_ATTRIBUTES = ("DisplayName", "KmsMasterKeyId", "TracingConfig")


def create_topic(name: str, properties: Properties, place: Place) -> Resource:
    """A topic and the subscriptions that it names."""
    given = {one: properties[one] for one in TOPIC_ATTRIBUTES if one in properties}
    rest = without(properties, *TOPIC_ATTRIBUTES, "Subscription", "TopicName")
    arn = call(place, ("sns", "create_topic"), {**rest, "Name": name, "Attributes": given})["TopicArn"]
    for one in properties.get("Subscription", []):
        call(place, ("sns", "subscribe"), {"TopicArn": arn, **one})
    return Resource(arn, {"TopicArn": arn, "TopicName": name})


def update_topic(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Its attributes."""
    for name in TOPIC_ATTRIBUTES:
        if old.get(name) != new.get(name):
            given = {"TopicArn": made.physical_resource_id, "AttributeName": name, "AttributeValue": new.get(name, "")}
            call(place, ("sns", "set_topic_attributes"), given)
    return made


def create_subscription(name: str, properties: Properties, place: Place) -> Resource:
    """A subscription; moto delivers to queues, functions and HTTP, and keeps mail to itself."""
    main = {one: properties[one] for one in ("TopicArn", "Protocol", "Endpoint")}
    rest = without(properties, *main)
    given = {**main, "Attributes": rest, "ReturnSubscriptionArn": True}
    return Resource(call(place, ("sns", "subscribe"), given)["SubscriptionArn"])


def queue_attributes(properties: Properties) -> dict[str, Any]:
    """What a queue has besides name and tags."""
    return without(properties, "QueueName", "Tags")


def create_queue(name: str, properties: Properties, place: Place) -> Resource:
    """A queue. CloudFormation itself ends the name that it makes for a FIFO queue, as SQS asks for."""
    if str(properties.get("FifoQueue")).lower() == "true" and "QueueName" not in properties:
        name = f"{name}.fifo"
    tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
    given = {"QueueName": name, "Attributes": queue_attributes(properties), **({"tags": tags} if tags else {})}
    url = call(place, ("sqs", "create_queue"), given)["QueueUrl"]
    return Resource(url, {"Arn": place.arn("sqs", name), "QueueName": name, "QueueUrl": url})


def update_queue(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Its attributes."""
    given = {"QueueUrl": made.physical_resource_id, "Attributes": queue_attributes(new)}
    call(place, ("sqs", "set_queue_attributes"), given)
    return made


def policy_of(of: Call, target: str, targets: str, none: str) -> Provider:
    """A resource policy that stands in an attribute of topics or queues; `none` takes it away."""

    def put_on(places: list[str], document: Any, place: Place) -> None:
        for one in places:
            named = {"AttributeName": "Policy", "AttributeValue": document} if of[0] == "sns" else {}
            call(place, of, {target: one, **(named or {"Attributes": {"Policy": document}})})

    def create(name: str, properties: Properties, place: Place) -> Resource:
        put_on(properties[targets], properties["PolicyDocument"], place)
        return Resource(name, {"Id": name, "Targets": json.dumps(properties[targets])})

    def update(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
        put_on([one for one in old[targets] if one not in new[targets]], none, place)
        return create(made.physical_resource_id, new, place)

    def delete(made: Resource, place: Place) -> None:
        put_on(json.loads(made.attributes["Targets"]), none, place)

    return Provider(create, delete, update)


# ---- Lambda's event source mappings ----

# What a mapping has where the template says nothing.
MAPPING: Mapping[str, Any] = MappingProxyType(
    {
        "BatchSize": 10,
        "Enabled": True,
        "FunctionResponseTypes": [],
        "MaximumBatchingWindowInSeconds": 0,
        "ScalingConfig": {},
    }
)


def create_mapping(name: str, properties: Properties, place: Place) -> Resource:
    """What lets a function run with the messages of a queue; `usher_local.cloud.aws_lambda.triggers` does."""
    tags = {"Tags": {tag["Key"]: tag["Value"] for tag in properties["Tags"]}} if "Tags" in properties else {}
    uuid = call(place, ("lambda", "create_event_source_mapping"), {**MAPPING, **properties, **tags})["UUID"]
    return Resource(uuid, {"Id": uuid, "EventSourceMappingArn": place.arn("lambda", f"event-source-mapping:{uuid}")})


def update_mapping(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """All that does not replace it."""
    given = {**MAPPING, **without(new, "EventSourceArn", "Tags"), "UUID": made.physical_resource_id}
    call(place, ("lambda", "update_event_source_mapping"), given)
    return made


# ---- EventBridge, Scheduler, Step Functions ----


def put_rule(name: str, properties: Properties, place: Place) -> Resource:
    """A rule and its targets."""
    bus = {one: properties[one] for one in ("EventBusName",) if one in properties}
    arn = call(place, ("events", "put_rule"), {**without(properties, "Targets"), "Name": name})["RuleArn"]
    if properties.get("Targets"):
        refused = call(place, ("events", "put_targets"), {**bus, "Rule": name, "Targets": properties["Targets"]})
        if refused.get("FailedEntries"):
            raise ValueError(refused["FailedEntries"][0]["ErrorMessage"])
    return Resource(name, {"Arn": arn})


def update_rule(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Targets that are not named any more go."""
    kept = {one["Id"] for one in new.get("Targets", [])}
    gone = [one["Id"] for one in old.get("Targets", []) if one["Id"] not in kept]
    if gone:
        place.client("events").remove_targets(Rule=made.physical_resource_id, Ids=gone)
    return put_rule(made.physical_resource_id, new, place)


def delete_rule(made: Resource, place: Place) -> None:
    """A rule with targets can't be deleted."""
    events, name = place.client("events"), made.physical_resource_id
    if ids := [one["Id"] for one in events.list_targets_by_rule(Rule=name)["Targets"]]:
        events.remove_targets(Rule=name, Ids=ids)
    events.delete_rule(Name=name)


def create_schedule(name: str, properties: Properties, place: Place) -> Resource:
    """A schedule; its name is unique in its group."""
    arn = call(place, ("scheduler", "create_schedule"), {**properties, "Name": name})["ScheduleArn"]
    return Resource(name, {"Arn": arn})


def update_schedule(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Into another group it moves by a new schedule of the name."""
    if old.get("GroupName") != new.get("GroupName"):
        moved = create_schedule(made.physical_resource_id, new, place)
        delete_schedule(made, place)
        return moved
    call(place, ("scheduler", "update_schedule"), {**new, "Name": made.physical_resource_id})
    return made


def delete_schedule(made: Resource, place: Place) -> None:
    """Its ARN ends in group and name."""
    group, name = made.attributes["Arn"].split("/")[-2:]
    place.client("scheduler").delete_schedule(Name=name, GroupName=group)


def create_schedule_group(name: str, properties: Properties, place: Place) -> Resource:
    """A group of schedules."""
    arn = call(place, ("scheduler", "create_schedule_group"), {**properties, "Name": name})["ScheduleGroupArn"]
    return Resource(name, {"Arn": arn})


def delete_schedule_group(made: Resource, place: Place) -> None:
    """With the schedules in it, as EventBridge does."""
    scheduler, name = place.client("scheduler"), made.physical_resource_id
    pages = scheduler.get_paginator("list_schedules").paginate(GroupName=name)
    for schedule in [one for page in pages for one in page["Schedules"]]:
        scheduler.delete_schedule(Name=schedule["Name"], GroupName=name)
    scheduler.delete_schedule_group(Name=name)


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
    """An object that a template names; one of `local-source` is a file of this machine."""
    if bucket == LOCAL_BUCKET:
        return (place.root / key).read_bytes()
    content: bytes = place.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def create_state_machine(name: str, properties: Properties, place: Place) -> Resource:
    """A state machine."""
    given = {**without(properties, *DEFINITION, "StateMachineName", "StateMachineType"), "name": name}
    kind = {"type": properties["StateMachineType"]} if "StateMachineType" in properties else {}
    call_with = {**given, **kind, "definition": definition(properties, place)}
    arn = call(place, ("stepfunctions", "create_state_machine"), call_with)["stateMachineArn"]
    return Resource(arn, {"Arn": arn, "Name": name})


def update_state_machine(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Executions under way go on with what they started with."""
    given = without(new, *DEFINITION, "StateMachineName", "StateMachineType", "Tags")
    arn = {"stateMachineArn": made.physical_resource_id, "definition": definition(new, place)}
    call(place, ("stepfunctions", "update_state_machine"), {**given, **arn})
    return made


# ---- API Gateway ----


def create_api(name: str, properties: Properties, place: Place) -> Resource:
    """An HTTP API; its endpoint is the truth: where `usher_local.cloud.http_api.apis` serves it."""
    title = properties.get("Body", {}).get("info", {}).get("title", name)
    given = {"Name": properties.get("Name", title), "ProtocolType": "HTTP"}
    api_id = call(place, ("apigatewayv2", "create_api"), given)["ApiId"]
    endpoint = place.apis.open(api_id, properties.get("Body", {}))
    apigatewayv2_backends[place.account][place.region].apis[api_id].api_endpoint = endpoint
    return Resource(api_id, {"ApiEndpoint": endpoint, "ApiId": api_id})


def update_api(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Other routes at the same endpoint."""
    place.apis.change(made.physical_resource_id, new.get("Body", {}))
    return made


def delete_api(made: Resource, place: Place) -> None:
    """Its port is closed."""
    place.apis.close(made.physical_resource_id)
    place.client("apigatewayv2").delete_api(ApiId=made.physical_resource_id)


def create_stage(name: str, properties: Properties, place: Place) -> Resource:
    """A stage; only `$default` is served."""
    call(place, ("apigatewayv2", "create_stage"), properties)
    place.apis.stage(properties["ApiId"], Stage.of(properties))
    return Resource(properties["StageName"], {"ApiId": properties["ApiId"]})


def update_stage(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Its settings; moto has no UpdateStage."""
    place.client("apigatewayv2").delete_stage(ApiId=new["ApiId"], StageName=new["StageName"])
    return create_stage(made.physical_resource_id, new, place)


def delete_stage(made: Resource, place: Place) -> None:
    """The API is not served without it."""
    api_id = made.attributes["ApiId"]
    place.apis.stage(api_id, None)
    place.client("apigatewayv2").delete_stage(ApiId=api_id, StageName=made.physical_resource_id)


def deleter(of: Call, parameter: str) -> Callable[[Resource, Place], None]:
    """The handler that deletes by physical ID alone."""

    def delete(made: Resource, place: Place) -> None:
        call(place, of, {parameter: made.physical_resource_id})

    return delete


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        **LAMBDA,
        "AWS::ApiGatewayV2::Api": Provider(create_api, delete_api, update_api),
        "AWS::ApiGatewayV2::Stage": Provider(create_stage, delete_stage, update_stage),
        custom_resources.CUSTOM: custom_resources.PROVIDER,
        "AWS::CloudWatch::Alarm": put(
            ("cloudwatch", "put_metric_alarm"), ("cloudwatch", "delete_alarms"), "AlarmName", "AlarmNames", "alarm:"
        ),
        "AWS::CloudWatch::Dashboard": put(
            ("cloudwatch", "put_dashboard"), ("cloudwatch", "delete_dashboards"), "DashboardName", "DashboardNames"
        ),
        "AWS::DynamoDB::Table": Provider(create_table, delete_table, update_table, "TableName"),
        "AWS::Events::Rule": Provider(put_rule, delete_rule, update_rule, "Name"),
        "AWS::IAM::Policy": Provider(put_policy, delete_policy, update_policy),
        "AWS::IAM::Role": Provider(create_role, delete_role, update_role, "RoleName"),
        "AWS::Lambda::EventSourceMapping": Provider(
            create_mapping, deleter(("lambda", "delete_event_source_mapping"), "UUID"), update_mapping
        ),
        "AWS::Logs::LogGroup": Provider(
            create_log_group, deleter(("logs", "delete_log_group"), "logGroupName"), update_log_group, "LogGroupName"
        ),
        "AWS::S3::Bucket": Provider(create_bucket, delete_bucket, update_bucket, "BucketName"),
        "AWS::S3::BucketPolicy": Provider(
            put_bucket_policy,
            deleter(("s3", "delete_bucket_policy"), "Bucket"),
            lambda made, _, new, place: put_bucket_policy(made.physical_resource_id, new, place),
        ),
        "AWS::SNS::Subscription": Provider(create_subscription, deleter(("sns", "unsubscribe"), "SubscriptionArn")),
        "AWS::SNS::Topic": Provider(
            create_topic, deleter(("sns", "delete_topic"), "TopicArn"), update_topic, "TopicName"
        ),
        "AWS::SNS::TopicPolicy": policy_of(("sns", "set_topic_attributes"), "TopicArn", "Topics", "{}"),
        "AWS::SQS::Queue": Provider(
            create_queue, deleter(("sqs", "delete_queue"), "QueueUrl"), update_queue, "QueueName"
        ),
        "AWS::SQS::QueuePolicy": policy_of(("sqs", "set_queue_attributes"), "QueueUrl", "Queues", ""),
        "AWS::Scheduler::Schedule": Provider(create_schedule, delete_schedule, update_schedule),
        "AWS::Scheduler::ScheduleGroup": Provider(create_schedule_group, delete_schedule_group, None, "Name"),
        "AWS::StepFunctions::StateMachine": Provider(
            create_state_machine,
            deleter(("stepfunctions", "delete_state_machine"), "stateMachineArn"),
            update_state_machine,
            "StateMachineName",
        ),
    }
)
