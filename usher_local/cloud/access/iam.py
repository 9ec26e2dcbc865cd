"""IAM's policies and bucket policies, checked for every call as on AWS.

The gap upstream (moto 5.2.5): `IAMRequest` checks all services but S3 with the resource "*", so that a statement with a
narrow `Resource` refuses everything; an unmatched `Condition` refuses, also in bucket policies; actions are
case-sensitive; DeleteObjects is checked with the bucket, not with the deleted objects.

A request with a key that moto does not know is not checked: a test within the process may send it. Over HTTP,
`usher_local.cloud.http_api.request_gate` refuses such a request. The endpoint stands for AWS's own, which use TLS, so
`aws:SecureTransport` is true.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from moto.awslambda.models import lambda_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import AccessDeniedError, JsonRESTError
from moto.core.utils import get_service_model
from moto.iam import models as iam_models
from moto.iam.access_control import PermissionResult
from moto.iam.models import IAMBackend, iam_backends
from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.models import FakeBucket, FakeDeleteMarker, s3_backends
from moto.sts.models import sts_backends

from usher_local import authorization
from usher_local.authorization import Record, ask, bucket_policy, identity_policies, queue_policy, trust_policy
from usher_local.cloud.access import credentials
from usher_local.cloud.access.credentials import PARTITION, REGION
from usher_local.cloud.access.permissions import PERMISSIONS, Demand, Parameters, deletions_in, demands
from usher_local.cloud.core.patching import replaced
from usher_local.iam_policy import Principal, Request, Statement, context, decide
from usher_local.personalize.models import personalize_backends

OF_OBJECTS = {
    ("s3:PutObject", "retention"): "s3:PutObjectRetention",
    ("s3:PutObject", "legal-hold"): "s3:PutObjectLegalHold",
    ("s3:DeleteObject", "tagging"): "s3:DeleteObjectTagging",
}
"""Permissions that moto's table of S3's operations lacks, by moto's permission and the parameter in the query."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The signer of a request: moto's role or user, its principal for policies, and the values of condition keys."""

    owner: Any
    principal: Principal
    says: Mapping[str, str]


@contextmanager
def enforced() -> Iterator[Record]:
    """Refuse requests that policies do not allow, and record the decisions."""
    with ExitStack() as stack:
        for owner, name, value in (
            (ActionAuthenticatorMixin, "_authenticate_and_authorize_normal_action", authorize),
            (ActionAuthenticatorMixin, "_authenticate_and_authorize_s3_action", authorize_s3),
            (FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL),
        ):
            stack.enter_context(replaced(owner, name, value))
        yield stack.enter_context(authorization.recording())


@contextmanager
def managed_policies() -> Iterator[None]:
    """Give accounts that are made in the block AWS's managed policies.

    Only in our partition: moto would make all 1,600 for each of its six partitions, which takes a second.
    """
    made = IAMBackend._init_aws_policies

    def ours(backend: Any) -> list[Any]:
        return made(backend) if backend.region_name == PARTITION else []

    with (
        replaced(iam_models, "load_iam_aws_managed_policies", lambda: True),
        replaced(IAMBackend, "_init_aws_policies", ours),
    ):
        yield


def authorize(response: Any, resource: str = "*") -> None:  # noqa: ARG001 - moto's signature
    """Check a request to any service but S3. Raises moto's error of the service's protocol."""
    caller = caller_of(response.get_access_key())
    if caller is None:
        return
    service = response.headers["Authorization"].split("/")[3]
    for demand in demands(service, response._get_action(), parameters(response), response.region):
        request = request_of(caller, demand._replace(says={**resource_tags(demand.resource), **demand.says}))
        policy = identity_policies(caller.owner)
        if demand.action == "sts:AssumeRole":
            trust = trust_policy(authorization.role(DEFAULT_ACCOUNT_ID, PARTITION, demand.resource))
            policy = [*policy, *trust] if trusts(trust, request) else []
        if not (decision := ask(policy, request)):
            text = authorization.refusal(request, decision)
            protocol = get_service_model(response.boto3_service_name).metadata["protocol"]
            raise (
                JsonRESTError("AccessDeniedException", text)
                if "json" in protocol
                else AccessDeniedError(authorization.name_of(caller.principal), demand.action)
            )


def authorize_s3(response: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
    """Check a request to S3, whose buckets may allow and deny by policies of their own."""
    caller = caller_of(response.get_access_key())
    if caller is None:
        return
    policy = identity_policies(caller.owner)
    if bucket_name:
        policy = [*policy, *bucket_policy(DEFAULT_ACCOUNT_ID, PARTITION, bucket_name)]
    for demand in s3_demands(response, bucket_name, key_name):
        if not ask(policy, request_of(caller, demand)):
            raise S3AccessDeniedError


def s3_demands(response: Any, bucket_name: str | None, key_name: str | None) -> list[Demand]:
    """The permissions that a request to S3 needs."""
    action = s3_action(response, key_name)
    if action == "s3:PutObject" and not key_name:  # a browser's form, which has the key in its body
        key_name = response.querystring["key"][0]
    if not bucket_name:
        return [Demand(action, "*")]
    bucket = f"arn:{PARTITION}:s3:::{bucket_name}"
    if not key_name:
        # DeleteObjects: AWS refuses single objects
        deletions = deletions_in(response.body) if action == "s3:DeleteObject" else []
        prefix = response.querystring.get("prefix") if action == "s3:ListBucket" else None
        says = {"s3:prefix": prefix[0]} if prefix else {}
        return [Demand(of, f"{bucket}/{key}") for of, key in deletions] or [Demand(action, bucket, says)]
    found = [Demand(action, f"{bucket}/{key_name}")]
    if action == "s3:PutObject" and "x-amz-tagging" in response.headers:
        found.append(Demand("s3:PutObjectTagging", f"{bucket}/{key_name}"))
    if source := response.headers.get("x-amz-copy-source"):
        found.append(Demand("s3:GetObject", f"arn:{PARTITION}:s3:::{unquote(source).lstrip('/').partition('?')[0]}"))
    if action == "s3:GetObject" and not object_exists(bucket_name, key_name):
        found.append(Demand("s3:ListBucket", bucket))  # without this permission, a missing object gives 403, not 404
    return found


def s3_action(response: Any, key_name: str | None) -> str:
    """The permission that a request to S3 needs.

    moto (5.2.5) takes some requests about an object's retention, legal hold or tags for requests of the object itself.
    """
    action = f"s3:{response.data['Action']}"
    if key_name:
        named = [name for of, name in OF_OBJECTS if of == action and name in response.querystring]
        action = OF_OBJECTS[action, named[0]] if named else action
    return PERMISSIONS.get(action, action)


def object_exists(bucket_name: str, key_name: str) -> bool:
    """Whether a bucket exists and has an object."""
    bucket = s3_backends[DEFAULT_ACCOUNT_ID][PARTITION].buckets.get(bucket_name)
    found = bucket.keys.get(unquote(key_name)) if bucket else None
    return found is not None and not isinstance(found, FakeDeleteMarker)


def may_invoke_api(access_key: str, routes: Iterable[str]) -> bool:
    """Whether the holder of an access key may call the HTTP API, by all ARNs that policies may use for the request."""
    caller = caller_of(access_key)
    return caller is not None and all(
        bool(ask(identity_policies(caller.owner), request_of(caller, Demand("execute-api:Invoke", arn))))
        for arn in routes
    )


def check_role(role_arn: str, service: str, source: str, action: str, resource: str) -> None:
    """Raise PermissionError unless a service may assume a role for `source`, and the role may do `action`."""
    credentials.check_trust(role_arn, service, source)
    role = authorization.role(DEFAULT_ACCOUNT_ID, PARTITION, role_arn)
    says = condition_values(role_arn, "AssumedRole")
    caller = Caller(role, authorization.session_of_role(role_arn, service.partition(".")[0]), says)
    request = request_of(caller, Demand(action, resource))
    if not (decision := ask(identity_policies(role), request)):
        raise PermissionError(authorization.refusal(request, decision))


def check_function(arn: str, service: str, source: str) -> None:
    """Raise PermissionError unless a function's resource-based policy lets a service invoke it for `source`."""
    function = lambda_backends[DEFAULT_ACCOUNT_ID][REGION].get_function(unqualified(arn))
    policy = authorization.parsed({"Version": "2012-10-17", "Statement": function.policy.statements}, f"function {arn}")
    check_service(policy, service, source, "lambda:InvokeFunction", arn, "AWS::Lambda::Permission")


def check_queue(arn: str, service: str, source: str) -> None:
    """Raise PermissionError unless a queue's policy lets a service send to it for `source`."""
    check_service(queue_policy(arn), service, source, "sqs:SendMessage", arn, "AWS::SQS::QueuePolicy")


def check_service(policy: list[Statement], service: str, source: str, action: str, arn: str, granted_by: str) -> None:
    """Raise PermissionError unless the resource policy of `arn` lets a service do `action` for `source`."""
    principal, known = authorization.service(service, DEFAULT_ACCOUNT_ID, source)
    if not ask(policy, Request(principal, action, arn, known)):
        raise PermissionError(f"{service} may not {action} on {arn} for {source}; is there an {granted_by}?")


def unqualified(function: str) -> str:
    """The name or ARN of a function without its version or alias, since policies belong to the function."""
    return ":".join(function.split(":")[:7])


def caller_of(access_key: str) -> Caller | None:
    """The holder of an access key, or None."""
    session = sts_backends[DEFAULT_ACCOUNT_ID][PARTITION].get_assumed_role_from_access_key(access_key)
    if session is not None:
        owner = authorization.role(DEFAULT_ACCOUNT_ID, PARTITION, session.role_arn)
        names = frozenset({session.role_arn, session.arn})
        says = condition_values(session.role_arn, "AssumedRole")
    else:
        users = iam_backends[DEFAULT_ACCOUNT_ID][PARTITION].users.values()
        owner = next((user for user in users for key in user.access_keys if key.access_key_id == access_key), None)
        if owner is None:
            return None
        names = frozenset({owner.arn})
        says = {**condition_values(owner.arn, "User"), "aws:username": owner.name}
    account = authorization.account_names(PARTITION, DEFAULT_ACCOUNT_ID)
    return Caller(owner, Principal("AWS", names, account), says)


def condition_values(arn: str, kind: str) -> dict[str, str]:
    """The values of condition keys in every request of a role or user."""
    return {
        "aws:PrincipalAccount": DEFAULT_ACCOUNT_ID,
        "aws:PrincipalArn": arn,
        "aws:PrincipalIsAWSService": "false",
        "aws:PrincipalType": kind,
        "aws:RequestedRegion": REGION,
        "aws:SecureTransport": "true",
        "aws:SourceIp": "127.0.0.1",
        "aws:ViaAWSService": "false",
    }


def request_of(caller: Caller, demand: Demand) -> Request:
    """The request that IAM decides, with the caller's and the demand's condition keys."""
    now = datetime.now(UTC)
    clock = {"aws:CurrentTime": now.isoformat(), "aws:EpochTime": str(int(now.timestamp()))}
    return Request(caller.principal, demand.action, demand.resource, context({**caller.says, **clock, **demand.says}))


def resource_tags(arn: str) -> dict[str, str]:
    """The tags of a resource of Personalize as condition keys; empty for a resource that does not exist yet.

    The reference says that a solution version is authorized as a solution, but not whose tags count. So only the tags
    count here that the version and its solution have in common.
    """
    if not arn.startswith(f"arn:{PARTITION}:personalize:{REGION}:{DEFAULT_ACCOUNT_ID}:"):
        return {}
    there = personalize_backends[DEFAULT_ACCOUNT_ID][REGION].resources
    solution = re.match(r".*:solution/[^/]+", arn)
    tags = [there[one].tags.items() for one in {arn, solution[0] if solution else arn} if one in there]
    common = set[tuple[str, str]].intersection(*map(set, tags)) if tags else ()
    return {f"aws:ResourceTag/{key}": value for key, value in common}


def trusts(trust: list[Statement], request: Request) -> bool:
    """Whether a trust policy names the caller or its account."""
    principal = request.principal
    named = replace(principal, names=principal.names | principal.account)
    return bool(decide(trust, replace(request, principal=named)))


def parameters(response: Any) -> Parameters:
    """The request's parameters in any protocol; Lambda's function name is in the path."""
    if match := re.search(r"/functions/([^/]+)/invocations", response.path):
        return {"FunctionName": unquote(match[1])}
    named = {"Name": unquote(match[1])} if (match := re.search(r"/schedules/([^/?]+)", response.path)) else {}
    body = response.body
    with suppress(ValueError):
        body = json.loads(body) if isinstance(body, str | bytes) else body
    if isinstance(body, dict) and body:
        return {**body, **named}
    return {**{name: values[0] for name, values in response.querystring.items()}, **named}
