"""Every call that a role makes is checked against that role's own policies, with the ARN of what it touches.

The gap upstream (moto 5.2.5): `IAMRequest` checks all services but S3 with the resource "*", so that a statement with a
narrow `Resource` refuses everything; an unmatched `Condition` refuses, also in bucket policies; actions mind case;
DeleteObjects is checked with the bucket, not with what it deletes.

Not covered: conditions (a statement that allows under a condition allows, one that denies under a condition is passed
over), resource policies, permission boundaries, and the person at the keyboard, who may do everything.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import xmltodict
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import AccessDeniedError, JsonRESTError
from moto.core.utils import get_service_model
from moto.iam.access_control import PermissionResult
from moto.iam.models import iam_backends
from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.models import FakeBucket
from moto.sts.models import sts_backends

from local.cloud.credentials import PARTITION
from local.cloud.patching import replaced

log = logging.getLogger(__name__)

Parameters = Mapping[str, Any]
Demand = tuple[str, str]  # action, resource

# Operations whose permission has another name.
PERMISSIONS = MappingProxyType(
    {
        "lambda:Invoke": "lambda:InvokeFunction",
        "s3:HeadBucket": "s3:ListBucket",
        "sns:PublishBatch": "sns:Publish",
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
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonpersonalize.html
PERSONALIZE_WITHOUT_RESOURCE = re.compile(r"personalize:(List(?!TagsForResource).*|DescribeRecipe|Put.*)")


@contextmanager
def enforced() -> Iterator[None]:
    """Refuse what a role's policies do not allow."""
    with ExitStack() as stack:
        for owner, name, value in (
            (ActionAuthenticatorMixin, "_authenticate_and_authorize_normal_action", authorize),
            (ActionAuthenticatorMixin, "_authenticate_and_authorize_s3_action", authorize_s3),
            (FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL),
        ):
            stack.enter_context(replaced(owner, name, value))
        yield


def authorize(response: Any, resource: str = "*") -> None:  # noqa: ARG001 - moto's signature
    """Check a request to any service but S3; raises moto's error of the service's protocol."""
    session = session_of(response)
    if session is None:
        return
    service = response.headers["Authorization"].split("/")[3]
    for action, arn in demands(service, response._get_action(), parameters(response), response.region):
        if not allowed(statements(session.role_arn), action, arn):
            text = refusal(session.arn, action, arn)
            protocol = get_service_model(response.boto3_service_name).metadata["protocol"]
            raise (
                JsonRESTError("AccessDeniedException", text)
                if "json" in protocol
                else AccessDeniedError(session.arn, action)
            )


def authorize_s3(response: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
    """Check a request to S3."""
    session = session_of(response)
    if session is None:
        return
    action = f"s3:{response.data['Action']}"
    arn = f"arn:{PARTITION}:s3:::{'/'.join(filter(None, (bucket_name, key_name)))}" if bucket_name else "*"
    several = action == "s3:DeleteObject" and not key_name  # DeleteObjects; AWS refuses object by object
    for one in [f"{arn}/{key}" for key in keys_in(response.body)] if several else [arn]:
        if not allowed(statements(session.role_arn), PERMISSIONS.get(action, action), one):
            refusal(session.arn, action, one)
            raise S3AccessDeniedError


def keys_in(delete: str | bytes) -> list[str]:
    """The keys that the body of a DeleteObjects names."""
    objects = xmltodict.parse(delete, force_list=("Object",))["Delete"]["Object"]
    return [str(one["Key"]) for one in objects]


def refusal(caller: str, action: str, arn: str) -> str:
    """AWS's words; also logged, since functions often hide them."""
    text = (
        f"User: {caller} is not authorized to perform: {action} on resource: {arn} "
        f"because no identity-based policy allows the {action} action"
    )
    log.warning(text)
    return text


def session_of(response: Any) -> Any:
    """The role session that signed a request; None for anybody else."""
    return sts_backends[DEFAULT_ACCOUNT_ID][PARTITION].get_assumed_role_from_access_key(response.get_access_key())


def parameters(response: Any) -> Parameters:
    """The request's parameters, whatever its protocol; Lambda's function name stands in the path."""
    if match := re.search(r"/functions/([^/]+)/invocations", response.path):
        return {"FunctionName": unquote(match[1])}
    named = {"Name": unquote(match[1])} if (match := re.search(r"/schedules/([^/?]+)", response.path)) else {}
    body = response.body
    with suppress(ValueError):
        body = json.loads(body) if isinstance(body, str | bytes) else body
    if isinstance(body, dict) and body:
        return {**body, **named}
    return {**{name: values[0] for name, values in response.querystring.items()}, **named}


def demands(service: str, operation: str, given: Parameters, region: str) -> list[Demand]:
    """What a request must be allowed: actions and the ARNs they touch."""
    action = PERMISSIONS.get(f"{service}:{operation}", f"{service}:{operation}")
    if action == "sts:GetCallerIdentity":
        return []
    prefix = f"arn:{PARTITION}:{service}:{region}:{DEFAULT_ACCOUNT_ID}:"
    if operation.startswith("Transact"):
        return [
            (TRANSACTED[kind], f"{prefix}table/{item['TableName']}")
            for entry in given["TransactItems"]
            for kind, item in entry.items()
        ]
    if service == "dynamodb":
        tables = [given["TableName"]] if "TableName" in given else list(given.get("RequestItems", {}))
        index = f"/index/{given['IndexName']}" if "IndexName" in given else ""
        return [(action, f"{prefix}table/{table}{index}") for table in tables] or [(action, "*")]
    if service == "lambda" and "FunctionName" in given:
        name = given["FunctionName"]
        return [(action, name if name.startswith("arn:") else f"{prefix}function:{name}")]
    if service == "scheduler" and "Name" in given:
        group = given.get("GroupName") or given.get("groupName") or "default"
        roles = [("iam:PassRole", given["Target"]["RoleArn"])] if "Target" in given else []
        return [(action, f"{prefix}schedule/{group}/{given['Name']}"), *roles]
    if service == "events" and "Entries" in given:
        buses = {entry.get("EventBusName", "default") for entry in given["Entries"]}
        return [(action, f"{prefix}event-bus/{bus}") for bus in sorted(buses)]
    if service == "sqs" and "QueueUrl" in given:
        return [(action, f"{prefix}{given['QueueUrl'].rpartition('/')[2]}")]
    passed = [("iam:PassRole", given["roleArn"])] if service == "personalize" and "roleArn" in given else []
    if PERSONALIZE_WITHOUT_RESOURCE.fullmatch(action):
        return [(action, "*"), *passed]
    touched = [value for value in given.values() if isinstance(value, str) and value.startswith(prefix)]
    if service == "personalize" and operation.startswith("Create") and "name" in given:
        kind = re.sub(r"(?<!^)(?=[A-Z])", "-", operation.removeprefix("Create")).lower()
        touched.append(f"{prefix}{kind}/{given['name']}")
    return [(action, arn) for arn in touched or ["*"]] + passed


def statements(role_arn: str) -> list[Mapping[str, Any]]:
    """All statements of a role's inline and attached policies; none for a role that does not exist."""
    roles = iam_backends[DEFAULT_ACCOUNT_ID][PARTITION].roles.values()
    role = next((role for role in roles if role.arn == role_arn), None)
    if role is None:
        return []
    attached = [
        version.document
        for policy in role.managed_policies.values()
        for version in policy.versions
        if version.version_id == policy.default_version_id
    ]
    documents = [*role.policies.values(), *attached]
    return [statement for document in documents for statement in parsed(document)]


def parsed(document: str | Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The statements of a policy document; CloudFormation hands it to moto as it is, the API as text."""
    return listed((json.loads(document) if isinstance(document, str) else document)["Statement"])


def allowed(policy: Sequence[Mapping[str, Any]], action: str, arn: str) -> bool:
    """Whether a statement allows `action` on `arn` and none denies it."""
    concerned = [
        statement
        for statement in policy
        if any(fnmatchcase(action.lower(), pattern.lower()) for pattern in listed(statement.get("Action", [])))
        and any(fnmatchcase(arn, pattern) for pattern in listed(statement.get("Resource", "*")))
    ]
    denied = any(one["Effect"] == "Deny" and "Condition" not in one for one in concerned)
    return not denied and any(one["Effect"] == "Allow" for one in concerned)


def listed(value: Any) -> list[Any]:
    """Policies write a list of one without brackets."""
    return value if isinstance(value, list) else [value]
