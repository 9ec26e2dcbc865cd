"""Authorization by the policies in moto, and a record of every decision with its statements."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from usher_local.iam_policy import Context, Decision, Principal, Request, Statement, context, decide, statements

log = logging.getLogger(__name__)

CLOCK = ("aws:currenttime", "aws:epochtime")


@dataclass(frozen=True, slots=True)
class Entry:
    """A request, the statements of all policies that concern it, and the decision."""

    request: Request
    policy: tuple[Statement, ...]
    decision: Decision

    def without(self, taken: Statement, rest: Statement | None = None) -> Decision:
        """The decision on the same request with the statement `taken` removed, or replaced by `rest`."""
        changed = (rest if one is taken else one for one in self.policy)
        return decide((one for one in changed if one), self.request)


@dataclass
class Record:
    """The decided requests, each once, with the newest decision."""

    _entries: dict[tuple[Request, Context], Entry] = field(default_factory=dict)

    def note(self, entry: Entry) -> None:
        """Keep a decision. Requests that differ only in the time count as one."""
        known = frozenset(one for one in entry.request.context if one[0] not in CLOCK)
        self._entries[replace(entry.request, context=frozenset()), known] = entry

    def entries(self) -> list[Entry]:
        """All decisions."""
        return list(self._entries.values())

    def refused(self) -> list[Entry]:
        """The decisions that refused a request."""
        return [entry for entry in self.entries() if not entry.decision]


_record: Record | None = None


@contextmanager
def recording() -> Iterator[Record]:
    """Record all decisions that are made inside the block, in all threads."""
    global _record
    before, _record = _record, Record()
    try:
        yield _record
    finally:
        _record = before


def ask(policy: Iterable[Statement], request: Request) -> Decision:
    """Decide and record. A refusal is also logged, since functions often hide it."""
    entry = Entry(request, tuple(policy), decide(policy, request))
    if _record is not None:
        _record.note(entry)
    if not entry.decision:
        log.warning(refusal(entry.request, entry.decision))
    return entry.decision


def refusal(request: Request, decision: Decision) -> str:
    """The message with which AWS refuses the request."""
    caller, resource = name_of(request.principal), request.resource
    text = f"User: {caller} is not authorized to perform: {request.action} on resource: {resource} "
    if decision.effect == "Deny":
        kind = "resource-based" if "Principal" in decision.statements[0].body else "identity-based"
        return f"{text}with an explicit deny in a {kind} policy"
    return f"{text}because no identity-based policy allows the {request.action} action"


def name_of(principal: Principal) -> str:
    """The principal's ARN or service name; for a role's session, the ARN of the session."""
    return min(principal.names, key=lambda name: ":assumed-role/" not in name)


def role(account: str, partition: str, arn: str) -> Any:
    """moto's role with this ARN, or None."""
    roles = iam_backends[account][partition].roles.values()
    return next((role for role in roles if role.arn == arn), None)


def identity_policies(owner: Any) -> list[Statement]:
    """All statements of the inline and attached policies of moto's role or user; empty for None."""
    if owner is None:
        return []
    attached = {
        policy.name: version.document
        for policy in owner.managed_policies.values()
        for version in policy.versions
        if version.version_id == policy.default_version_id
    }
    documents = [*owner.policies.items(), *attached.items()]
    return [one for name, document in documents for one in parsed(document, f"{owner.name}/{name}")]


def trust_policy(role: Any) -> list[Statement]:
    """The statements of the trust policy of moto's role; empty for None."""
    return parsed(role.assume_role_policy_document, f"{role.name}/trust") if role else []


def bucket_policy(account: str, partition: str, name: str) -> list[Statement]:
    """The statements of a bucket's policy; empty for a bucket that does not exist."""
    bucket = s3_backends[account][partition].buckets.get(name)
    return parsed(bucket.policy, f"bucket {name}") if bucket and bucket.policy else []


def queue_policy(arn: str) -> list[Statement]:
    """The statements of a queue's policy; empty for a queue that does not exist."""
    _, _, _, region, account, name = arn.split(":", 5)
    queue = sqs_backends[account][region].queues.get(name)
    return parsed(queue.policy, f"queue {name}") if queue and queue.policy else []


def parsed(document: str | bytes | Mapping[str, Any], policy: str) -> list[Statement]:
    """The statements of a document; equal documents give the same objects.

    CloudFormation passes documents to moto as objects, the API passes them as text.
    """
    return _parsed(json.dumps(document) if isinstance(document, Mapping) else document, policy)


@lru_cache(4096)
def _parsed(document: str | bytes, policy: str) -> list[Statement]:
    return statements(document, policy)


def service(name: str, account: str, source: str | None, **more: str) -> tuple[Principal, Context]:
    """The principal of an AWS service that acts for the resource `source` (an ARN, or None), and its condition keys."""
    sources = {"aws:SourceAccount": account, "aws:SourceArn": source} if source else {}
    known = {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": name, "aws:SecureTransport": "true"}
    return Principal("Service", frozenset({name})), context({**known, **sources, **more})


def may_assume(account: str, partition: str, role_arn: str, by: str, source: str | None) -> bool:
    """Whether a role exists and its trust policy lets the service `by` assume it for the resource `source`."""
    principal, known = service(by, account, source)
    found = role(account, partition, role_arn)
    return bool(ask(trust_policy(found), Request(principal, "sts:AssumeRole", role_arn, known)))


def session_of_role(role_arn: str, session: str) -> Principal:
    """The principal of a role's session, with the names by which a policy can mean it."""
    partition, account = role_arn.split(":")[1], role_arn.split(":")[4]
    name = role_arn.rpartition("/")[2]
    arn = f"arn:{partition}:sts::{account}:assumed-role/{name}/{session}"
    return Principal("AWS", frozenset({role_arn, arn}), account_names(partition, account))


def account_names(partition: str, account: str) -> frozenset[str]:
    """The names by which a policy can mean an account: its number and its root ARN."""
    return frozenset({account, f"arn:{partition}:iam::{account}:root"})
