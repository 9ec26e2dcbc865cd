"""A deployed stack, accessed with the credentials of the command's caller."""

import difflib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from usher.access.keys import Keys
from usher.aws import client
from usher.costs.ceilings import Ceilings
from usher.errors import UsherError
from usher.resources.target import Target
from usher.run_record import VersionRecord
from usher.runs.naming import is_other
from usher.runs.record import Run
from usher.serving.serving_map import ServingMaps
from usher.storage.bucket import Bucket
from usher.storage.layout import RESERVED_FOLDERS, SOLUTION_FOLDER
from usher.storage.table import Table

DRAFT = "draft"
"""The name of the run of a plan that is never carried out."""


class Outputs(dict[str, str]):
    """A stack's outputs; a missing one raises the error that `missing` returns for its name."""

    def __init__(self, outputs: Iterable[tuple[str, str]], missing: Callable[[str], UsherError]) -> None:
        super().__init__(outputs)
        self.missing = missing

    def __missing__(self, name: str) -> str:
        raise self.missing(f"output {name}")


@dataclass(frozen=True)
class DeployedStack:
    """One stack. Its first use looks it up, and raises UsherError if the account and region have none of this name."""

    name: str
    sleep: Callable[[float], None] = time.sleep
    """Waits for a number of seconds between two look-ups of a running run."""

    @cached_property
    def _described(self) -> Mapping[str, Any]:
        """The stack, as CloudFormation describes it."""
        cloudformation = client("cloudformation")
        try:
            (stack,) = cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        except cloudformation.exceptions.ClientError as error:
            if "does not exist" not in str(error):
                raise
            raise UsherError(
                f"There is no stack {self.name} in {cloudformation.meta.region_name}. Deploy it, or choose another "
                "with --stack, AWS_PROFILE, AWS_DEFAULT_REGION and, for the local cloud, AWS_ENDPOINT_URL."
            ) from None
        return stack

    @property
    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs. A missing one raises UsherError: the stack is half-deployed, or not Usher's."""
        found = ((one["OutputKey"], one["OutputValue"]) for one in self._described.get("Outputs", []))
        return Outputs(found, missing=self._lacks)

    def _lacks(self, what: str) -> UsherError:
        """The error of a stack without some part."""
        status = self._described["StackStatus"]
        if status.endswith("_IN_PROGRESS"):
            return UsherError(f"The stack {self.name} is {status}, and has no {what} yet. Wait until it is deployed.")
        if "ROLLBACK" in status or status.endswith("_FAILED"):
            return UsherError(
                f"The stack {self.name} is {status}, and has no {what}. See why: aws cloudformation "
                f"describe-stack-events --stack-name {self.name}. Then delete it, and deploy it again."
            )
        return UsherError(
            f"The stack {self.name} has no {what}: it is not Usher's, or was deployed from an older commit. "
            "Choose another with --stack, or deploy it again."
        )

    @property
    def parameters(self) -> Mapping[str, str]:
        """The parameters that the stack was deployed with, with the template's defaults."""
        return {one["ParameterKey"]: one["ParameterValue"] for one in self._described.get("Parameters", [])}

    @cached_property
    def bucket(self) -> Bucket:
        """Its bucket."""
        return Bucket(client("s3"), self.outputs["BucketName"])

    @property
    def table(self) -> Table:
        """Its table."""
        return Table(client("dynamodb"), self.outputs["TableName"])

    @cached_property
    def serving(self) -> ServingMaps:
        """Its serving maps."""
        return ServingMaps(self.table)

    @property
    def keys(self) -> Keys:
        """The keys of its API."""
        return Keys(self.table)

    @cached_property
    def clients(self) -> dict[str, Any]:
        """Clients of the services of resources, and of Service Quotas."""
        return {name: client(name) for name in ("personalize", "scheduler", "service-quotas")}

    @cached_property
    def version_reports(self) -> dict[str, VersionRecord]:
        """A cache of trained solution versions, by their ARNs."""
        return {}

    @cached_property
    def _planning(self) -> Mapping[str, str]:
        """The environment of the function `plan`."""
        configuration = client("lambda").get_function_configuration(FunctionName=self._physical_id("Plan"))
        environ: dict[str, str] = configuration["Environment"]["Variables"]
        return environ

    @cached_property
    def resources(self) -> Mapping[str, str]:
        """The physical id of each of the stack's resources, by the name in the template."""
        pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        found = [one for page in pages for one in page["StackResourceSummaries"]]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found if "PhysicalResourceId" in one}

    @cached_property
    def function_logs(self) -> str:
        """The name of the log group of its functions."""
        return self._physical_id("FunctionLogs")

    @property
    def pending_queue(self) -> str:
        """The URL of the queue of events that wait for Personalize."""
        return self._physical_id("Pending")

    def _physical_id(self, resource: str) -> str:
        """The name of a resource of the stack."""
        cloudformation = client("cloudformation")
        try:
            found = cloudformation.describe_stack_resource(StackName=self.name, LogicalResourceId=resource)
        except cloudformation.exceptions.ClientError as error:
            if "does not exist" not in str(error):
                raise
            raise self._lacks(f"resource {resource}") from None
        if name := found["StackResourceDetail"].get("PhysicalResourceId"):
            return str(name)
        raise self._lacks(f"resource {resource}")

    def target(self, group: str) -> Target:
        """The target of a group's plan, from the environment of the function `plan`."""
        return Target.from_env(group, DRAFT, self._planning)

    @property
    def ceilings(self) -> Ceilings:
        """Its ceilings."""
        return Ceilings.from_env(self._planning)

    def groups(self) -> list[str]:
        """The groups with files: folders of the bucket, and of the AWS Solution's folder in it."""
        folders = self.bucket.folders()
        solutions = self.bucket.folders(f"{SOLUTION_FOLDER}/") if SOLUTION_FOLDER in folders else []
        return sorted({*folders, *solutions}.difference(RESERVED_FOLDERS))

    def check_group(self, group: str) -> None:
        """Raise UsherError if the stack has no such group: it has neither files nor serving resources."""
        if group not in self.groups() and not self.serving.read(group):
            raise UsherError(
                f"The stack {self.name} has no group {group}.{self.suggestion_for(group)} "
                f"To create it: usher drop <folder> --group {group}."
            )

    def suggestion_for(self, group: str) -> str:
        """A sentence with the groups that a name may mean; empty if it is a group, or none is similar."""
        groups = self.groups()
        if group in groups or not groups:
            return ""
        near = difflib.get_close_matches(group, groups, 1)
        return f" Did you mean {near[0]}?" if near else f" There are: {', '.join(groups)}."

    def runs(self, group: str, *, others: bool = False) -> list[Run]:
        """A group's runs of the pipeline, oldest first; `others`: those of exports and evaluations instead."""
        return [run for run in self.all_runs(group) if is_other(run.name) == others]

    def all_runs(self, group: str) -> list[Run]:
        """A group's runs, oldest first, by one call for each 1,000 of them. A record may be deleted meanwhile."""
        return [Run(self.bucket, group, name) for name in self.bucket.folders(f"{group}/out/runs/")]

    def start(self, **request: str) -> str:
        """Start the pipeline; return the execution's ARN."""
        started = client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["PipelineArn"], input=json.dumps(request)
        )
        return str(started["executionArn"])
