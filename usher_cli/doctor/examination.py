"""Runs the checks of a deployed stack, one after the other, with the credentials of the caller.

A check only reads. An unknown outcome is not a fault of the stack: a permission or a service may be missing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from usher.aws import client, error_code, now

from usher_cli.deployed_stack import DeployedStack

OK, PROBLEM, UNKNOWN = "ok", "problem", "unknown"
LENGTH = 200
REFUSALS = (ClientError, BotoCoreError, ResponseParserError)


class ProblemError(Exception):
    """A problem that a check has found."""


class UnknownError(Exception):
    """The reason why a check has no outcome."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a check; `remedy` only if there is a problem."""

    check: str
    outcome: str
    details: str
    remedy: str = ""


@dataclass(frozen=True)
class Deployment:
    """The subject of the checks. `group`: its config must fit into the quotas."""

    stack: DeployedStack
    group: str | None
    counted: Callable[[], tuple[Counter[str], Counter[str]]]
    """The existing resources, and those that the group's config adds, counted by kind. Raises InputError
    without room.
    """
    clock: Callable[[], datetime] = now
    """This machine's time."""

    @cached_property
    def resources(self) -> dict[str, list[str]]:
        """The physical names of the stack's resources, by type."""
        names: dict[str, list[str]] = {}
        pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.stack.name)
        for one in (one for page in pages for one in page["StackResourceSummaries"]):
            names.setdefault(one["ResourceType"], []).append(one["PhysicalResourceId"])
        return names

    def physical_id_of(self, logical_id: str) -> str:
        """The physical name of one resource."""
        response = client("cloudformation").describe_stack_resource(
            StackName=self.stack.name, LogicalResourceId=logical_id
        )
        return str(response["StackResourceDetail"]["PhysicalResourceId"])

    @cached_property
    def account(self) -> str:
        """The number of the account."""
        return str(client("sts").get_caller_identity()["Account"])

    @property
    def bucket_arn(self) -> str:
        """The bucket's ARN, in the partition of the stack's other ARNs."""
        partition = self.stack.outputs["PipelineArn"].split(":")[1]
        return f"arn:{partition}:s3:::{self.stack.outputs['BucketName']}"


@dataclass(frozen=True, slots=True)
class Check:
    """A row of the checklist. `find` returns details, or raises ProblemError or UnknownError."""

    name: str
    operations: str
    find: Callable[[Deployment], str]
    remedy: str


def examine(deployment: Deployment, checks: Iterable[Check]) -> Iterator[Result]:
    """Run the checks, one after the other. Raises UsherError if there is no stack."""
    with suppress(*REFUSALS):
        deployment.stack.outputs  # noqa: B018 - raises
    for check in checks:
        try:
            yield Result(check.name, OK, check.find(deployment))
        except ProblemError as error:
            yield Result(check.name, PROBLEM, str(error), check.remedy)
        except (*REFUSALS, UnknownError) as error:
            yield Result(check.name, UNKNOWN, refusal(error))


def refusal(error: Exception) -> str:
    """The reason why a check has no outcome; the local cloud answers unknown operations with a page."""
    if isinstance(error, ResponseParserError) or error_code(error).isdecimal():
        return "the endpoint does not answer this as AWS does"
    return short(error)


def short(message: object) -> str:
    """A service's message on one line."""
    text = " ".join(str(message).split())
    return text if len(text) <= LENGTH else f"{text[:LENGTH]} ..."


def require(problems: Sequence[str], details: str) -> str:
    """`details`, unless there are problems. Raises ProblemError."""
    if problems:
        raise ProblemError("; ".join(problems))
    return details
