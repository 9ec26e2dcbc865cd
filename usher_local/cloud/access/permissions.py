"""The permissions that requests need: actions, ARNs and condition keys. Pure.

Source: the Service Authorization Reference. Of the services' condition keys, these are here: iam:PassedToService, those
of an event for PutEvents, and those of tags in requests; s3:prefix is in `iam`.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import xmltodict
from moto.core import DEFAULT_ACCOUNT_ID

from usher_local.cloud.access.credentials import PARTITION

Parameters = Mapping[str, Any]

# Operations whose permission has another name
PERMISSIONS = MappingProxyType(
    {
        "lambda:Invoke": "lambda:InvokeFunction",
        "s3:HeadBucket": "s3:ListBucket",
        "sns:PublishBatch": "sns:Publish",
        "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
        "sqs:SendMessageBatch": "sqs:SendMessage",
    }
)
TRANSACTED = MappingProxyType(
    {
        "Get": "dynamodb:GetItem",
        "Put": "dynamodb:PutItem",
        "Update": "dynamodb:UpdateItem",
        "Delete": "dynamodb:DeleteItem",
        "ConditionCheck": "dynamodb:ConditionCheckItem",
    }
)
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_personalize.html
PERSONALIZE_WITHOUT_RESOURCE = re.compile(r"personalize:(List(?!TagsForResource).*|PutEvents|PutActionInteractions)")
# Members whose ARNs are not checked: the reference lists only the job's and the campaign's own.
UNCHECKED = MappingProxyType(
    {
        "CreateBatchSegmentJob": frozenset({"solutionVersionArn", "filterArn"}),
        "UpdateCampaign": frozenset({"solutionVersionArn"}),
    }
)
# Members of requests that pass a role, at any depth, by service: the caller needs iam:PassRole.
PASSED = MappingProxyType(
    {"events": "RoleArn", "lambda": "Role", "personalize": "roleArn", "scheduler": "RoleArn", "states": "roleArn"}
)

PREFIXES = MappingProxyType({"monitoring": "cloudwatch"})
"""The services whose requests are signed with a name other than that of their actions."""
EVENT_KEYS = MappingProxyType({"source": "Source", "detail-type": "DetailType"})
"""EventBridge's condition keys, with the members of an event that give their values."""


class Demand(NamedTuple):
    """A needed permission: an action on an ARN (or `*`), with the values of condition keys."""

    action: str
    resource: str
    says: Mapping[str, str | tuple[str, ...]] = MappingProxyType({})


def demands(service: str, operation: str, given: Parameters, region: str) -> list[Demand]:
    """The permissions that a request to any service but S3 needs."""
    service = PREFIXES.get(service, service)
    action = PERMISSIONS.get(f"{service}:{operation}", f"{service}:{operation}")
    if action == "sts:GetCallerIdentity":
        return []
    if action == "sts:AssumeRole":
        return [Demand(action, given["RoleArn"])]
    prefix = f"arn:{PARTITION}:{service}:{region}:{DEFAULT_ACCOUNT_ID}:"
    if operation.startswith("Transact"):
        return [
            Demand(TRANSACTED[kind], f"{prefix}table/{item['TableName']}")
            for entry in given["TransactItems"]
            for kind, item in entry.items()
        ]
    if service == "dynamodb":
        tables = [given["TableName"]] if "TableName" in given else list(given.get("RequestItems", {}))
        index = f"/index/{given['IndexName']}" if "IndexName" in given else ""
        return [Demand(action, f"{prefix}table/{table}{index}") for table in tables] or [Demand(action, "*")]
    if service == "personalize":
        return [*personalize_demands(action, operation, given, prefix), *passed_roles(service, given)]
    touched = [value for value in given.values() if isinstance(value, str) and value.startswith(prefix)]
    if service == "lambda" and "FunctionName" in given:
        name = given["FunctionName"]
        touched = [name if name.startswith("arn:") else f"{prefix}function:{name}"]
    if service == "sqs" and "QueueUrl" in given:
        touched = [f"{prefix}{given['QueueUrl'].rpartition('/')[2]}"]
    if service == "scheduler" and "Name" in given:
        group = given.get("GroupName") or given.get("groupName") or "default"
        touched = [f"{prefix}schedule/{group}/{given['Name']}"]
    if action == "events:PutEvents":
        return [event_demand(entry, prefix) for entry in given["Entries"]]
    return [*(Demand(action, arn) for arn in touched or ["*"]), *passed_roles(service, given)]


def event_demand(entry: Parameters, prefix: str) -> Demand:
    """The permission to put one event; AWS decides for each event."""
    says = {f"events:{key}": entry[name] for key, name in EVENT_KEYS.items() if name in entry}
    return Demand("events:PutEvents", f"{prefix}event-bus/{entry.get('EventBusName', 'default')}", says)


def personalize_demands(action: str, operation: str, given: Parameters, prefix: str) -> list[Demand]:
    """The permissions for every ARN in the request, including recipes, for the new resource's ARN, and for tags.

    The ARNs of UNCHECKED are left out. CreateSolution and CreateRecommender need the recipe's, which the reference
    does not list: AWS's own solution for Personalize grants it since its version 1.4.5.
    """
    if PERSONALIZE_WITHOUT_RESOURCE.fullmatch(action):
        return [Demand(action, "*")]
    tags = {tag["tagKey"]: tag["tagValue"] for tag in given.get("tags", ())}
    says: dict[str, str | tuple[str, ...]] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if tags:
        says["aws:TagKeys"] = tuple(tags)
    service = ":".join(prefix.split(":")[:3])
    named = [value for member, value in given.items() if member not in UNCHECKED.get(operation, ())]
    touched = [value for value in named if isinstance(value, str) and value.startswith(f"{service}:")]
    made = new_arn(operation, given, prefix)
    tagged = [Demand("personalize:TagResource", made, says)] if made and tags else []
    arns = dict.fromkeys([*touched, made] if made else touched)
    return [*(Demand(action, arn, says) for arn in arns or ["*"]), *tagged]


def new_arn(operation: str, given: Parameters, prefix: str) -> str | None:
    """The ARN of the resource that an operation of Personalize creates; a version has its solution's permissions."""
    if not operation.startswith("Create"):
        return None
    if operation == "CreateSolutionVersion":
        return str(given["solutionArn"])
    if operation == "CreateDataset":
        return f"{prefix}dataset/{given['datasetGroupArn'].rpartition('/')[2]}/{given['datasetType'].upper()}"
    kind = re.sub(r"(?<!^)(?=[A-Z])", "-", operation.removeprefix("Create")).lower()
    return f"{prefix}{kind}/{given.get('name') or given.get('jobName')}"


def passed_roles(service: str, given: Any) -> list[Demand]:
    """iam:PassRole for every role in a request, to the service that receives it."""
    if isinstance(given, list):
        return [demand for one in given for demand in passed_roles(service, one)]
    if not isinstance(given, Mapping):
        return []
    says = {"iam:PassedToService": f"{service}.amazonaws.com"}
    member = PASSED.get(service)
    own = [Demand("iam:PassRole", given[member], says)] if isinstance(given.get(member), str) else []
    return own + [demand for one in given.values() for demand in passed_roles(service, one)]


def deletions_in(delete: str | bytes) -> list[tuple[str, str]]:
    """The action and the key of each object in the body of a DeleteObjects."""
    objects = xmltodict.parse(delete, force_list=("Object",))["Delete"]["Object"]
    return [("s3:DeleteObjectVersion" if "VersionId" in one else "s3:DeleteObject", str(one["Key"])) for one in objects]
