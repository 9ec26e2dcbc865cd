"""The permissions of a job's role in S3.

The service's guide demands that both the role's own policies and the bucket's policy for personalize.amazonaws.com
allow each action.
"""

from collections.abc import Iterable

from usher_local.authorization import ask, bucket_policy, identity_policies, may_assume, role, service, session_of_role
from usher_local.iam_policy import Request, context
from usher_local.personalize.core import faults
from usher_local.personalize.core.errors import InvalidInputError, JobFailedError

SERVICE = "personalize.amazonaws.com"
READ = ("s3:GetObject", "s3:ListBucket")
WRITE = ("s3:PutObject", "s3:ListBucket")
ATTRIBUTE = ("s3:PutObject",)
DENIED = "Insufficient privileges for accessing data in Amazon S3"


def check_role(account: str, partition: str, region: str, role_arn: str) -> None:
    """Raise InvalidInputError unless the role exists and Personalize may assume it."""
    refused = role_arn in faults.current.refuse
    if refused or not may_assume(account, partition, role_arn, SERVICE, _source(account, partition, region)):
        raise InvalidInputError(f"Personalize cannot assume the role {role_arn}")


def check_bucket(
    account: str, partition: str, region: str, role_arn: str, actions: Iterable[str], bucket: str, key: str
) -> None:
    """Raise JobFailedError unless role and bucket policy allow `actions` on the bucket and on `key` in it."""
    source = None if faults.current.unnamed else _source(account, partition, region)
    known = context({"aws:PrincipalArn": role_arn, "aws:SecureTransport": "true"})
    assumed = session_of_role(role_arn, "personalize"), known
    itself = service(SERVICE, account, source)
    held, shared = identity_policies(role(account, partition, role_arn)), bucket_policy(account, partition, bucket)
    for action in actions:
        resource = f"arn:{partition}:s3:::{bucket}" + ("" if action == "s3:ListBucket" else f"/{key}")
        for (principal, known), policy in ((assumed, [*held, *shared]), (itself, shared)):
            if not ask(policy, Request(principal, action, resource, known)):
                raise JobFailedError(DENIED)


def may_report(account: str, partition: str, role_arn: str) -> bool:
    """Whether the role may put metrics. A refusal is only logged: AWS does not document how Personalize reports it."""
    known = context({"aws:SecureTransport": "true"})
    request = Request(session_of_role(role_arn, "personalize"), "cloudwatch:PutMetricData", "*", known)
    return bool(ask(identity_policies(role(account, partition, role_arn)), request))


def _source(account: str, partition: str, region: str) -> str:
    """The ARN of the calling resource; the guide only says `arn:...:<account>:*`."""
    return f"arn:{partition}:personalize:{region}:{account}:resource/any"
