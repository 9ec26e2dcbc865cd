"""May the role that a caller handed over really do in S3 what a job is about to do?

A job needs the role's own policies and the bucket's policy for personalize.amazonaws.com to allow each action, as the
service's guide demands. moto's evaluator is not used: it takes an unmatched condition for a refusal.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from moto.iam.models import iam_backends
from moto.s3.models import s3_backends

from local.personalize import faults
from local.personalize.exceptions import InvalidInputError, JobFailedError

SERVICE = "personalize.amazonaws.com"
READ = ("s3:GetObject", "s3:ListBucket")
WRITE = ("s3:PutObject", "s3:ListBucket")
ATTRIBUTE = ("s3:PutObject",)
DENIED = "Insufficient privileges for accessing data in Amazon S3"

Statement = Mapping[str, Any]


def check_role(account: str, partition: str, role_arn: str) -> None:
    """Raise InvalidInputError unless the role exists and Personalize may assume it."""
    role = _role(account, partition, role_arn)
    trust = _statements(role.assume_role_policy_document) if role else []
    refused = role_arn in faults.current.refuse
    if refused or not _allowed(trust, "sts:AssumeRole", "*", _context(account), SERVICE):
        raise InvalidInputError(f"Personalize cannot assume the role {role_arn}")


def check_bucket(account: str, partition: str, role_arn: str, actions: Iterable[str], bucket: str, key: str) -> None:
    """Raise JobFailedError unless role and bucket policy allow `actions` on the bucket and on `key` in it."""
    role = _role(account, partition, role_arn)
    held = [statement for document in _documents(role) for statement in _statements(document)] if role else []
    shared = _statements(s3_backends[account][partition].get_bucket(bucket).policy or b"{}")
    for action in actions:
        resource = f"arn:{partition}:s3:::{bucket}" + ("" if action == "s3:ListBucket" else f"/{key}")
        context = _context(account)
        if not (_allowed(held, action, resource, context) and _allowed(shared, action, resource, context, SERVICE)):
            raise JobFailedError(DENIED)


def _context(account: str) -> dict[str, str]:
    return {
        "aws:SourceAccount": account,
        "aws:SourceArn": f"arn:aws:personalize:*:{account}:*",
        "aws:SecureTransport": "true",
    }


def _role(account: str, partition: str, arn: str) -> Any:
    roles = iam_backends[account][partition].roles.values()
    return next((role for role in roles if role.arn == arn), None)


def _documents(role: Any) -> Iterator[str]:
    yield from role.policies.values()
    for policy in role.managed_policies.values():
        yield from (version.document for version in policy.versions if version.version_id == policy.default_version_id)


def _statements(document: str | bytes | Mapping[str, Any]) -> list[Statement]:
    if isinstance(document, str | bytes):
        document = json.loads(document)
    return list(_many(document.get("Statement", [])))  # type: ignore[union-attr]


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _allowed(
    statements: Iterable[Statement], action: str, resource: str, context: Mapping[str, str], service: str | None = None
) -> bool:
    """Allowed by at least one statement and denied by none; `service`: as whom a resource's policy is asked."""
    effects = {s["Effect"] for s in statements if _concerns(s, action, resource, context, service)}
    return effects == {"Allow"}


def _concerns(
    statement: Statement, action: str, resource: str, context: Mapping[str, str], service: str | None
) -> bool:
    principal = statement.get("Principal", {})
    return (
        _listed(statement, "Action", action.lower(), str.lower)
        and _listed(statement, "Resource", resource, str)
        and (service is None or principal == "*" or service in _many(principal.get("Service")))
        and all(_holds(operator, keys, context) for operator, keys in statement.get("Condition", {}).items())
    )


def _listed(statement: Statement, element: str, value: str, normal: Any) -> bool:
    if f"Not{element}" in statement:
        return not any(fnmatchcase(value, normal(p)) for p in _many(statement[f"Not{element}"]))
    return any(fnmatchcase(value, normal(p)) for p in _many(statement.get(element, "*")))


def _holds(operator: str, keys: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Conditions on what is known here; one on anything else does not hold."""
    lowered = {key.lower(): value for key, value in context.items()}
    matches = [
        any(_same(str(wanted), lowered.get(key.lower(), "")) for wanted in _many(values))
        for key, values in keys.items()
    ]
    return not any(matches) if "Not" in operator else all(matches)


def _same(pattern: str, value: str) -> bool:
    # The context's SourceArn stands for every ARN of the account, so a pattern may be the narrower of the two.
    return fnmatchcase(value.lower(), pattern.lower()) or fnmatchcase(pattern.lower(), value.lower())
