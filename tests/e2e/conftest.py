"""A deployed stack, on AWS or on the local cloud: the tests only need credentials, a region and its name."""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import boto3
import pytest
from usher.aws import client
from usher.run_record import RunRecord
from usher.storage.bucket import Bucket

from usher_cli.deployed_stack import DeployedStack
from usher_local.demo.caller import Caller

Found = TypeVar("Found")

HOURS = 8
"""The hours after which an unfinished step counts as failed: a training on AWS may wait for its turn."""
FIRST_POLL_SECONDS, LAST_POLL_SECONDS = 0.2, 30.0
"""The pause between two polls grows: the local cloud needs seconds, AWS hours."""
LISTED = ("dataset_group", "schema", "dataset", "event_tracker", "filter", "solution", "campaign", "recommender")
"""Kinds of resources that remain in Personalize until they are deleted."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stack", default=os.environ.get("USHER_STACK", "usher"), help="the name of the deployed stack")


@dataclass
class Deployment:
    """A deployed stack and a group of it for the tests."""

    stack: DeployedStack
    group: str

    @property
    def bucket(self) -> Bucket:
        return self.stack.bucket

    @cached_property
    def api(self) -> Caller:
        session = boto3.Session()
        return Caller(self.stack.outputs["ApiUrl"], session.region_name, session.get_credentials())

    def drop(self, file: str, content: str) -> None:
        self.bucket.write(f"{self.group}/{file}", content.encode())

    def start(self, machine: str, **given: Any) -> dict[str, Any]:
        """Start an execution about the group, and wait for its end. Returns its description."""
        started = client("stepfunctions").start_execution(
            stateMachineArn=self.stack.outputs[machine], input=json.dumps({"group": self.group, **given})
        )
        return poll(lambda: self._ended(started["executionArn"]))

    def _ended(self, execution: str) -> Any:
        described = client("stepfunctions").describe_execution(executionArn=execution)
        return None if described["status"] == "RUNNING" else described

    def outcome(self) -> RunRecord:
        """The record of the group's newest pipeline run, after its end."""

        def ended() -> RunRecord | None:
            runs = self.stack.runs(self.group)
            record = runs[-1].read() if runs else None
            return record if record and record["outcome"] != "RUNNING" else None

        return poll(ended)

    def read_json(self, key: str) -> Any:
        return self.bucket.read_json(f"{self.group}/{key}")

    def left_in_personalize(self) -> list[str]:
        """The names in Personalize that begin with the group's name."""
        personalize: Any = client("personalize")
        pages = (page for kind in LISTED for page in personalize.get_paginator(f"list_{kind}s").paginate())
        listed = (one for page in pages for part in page.values() if isinstance(part, list) for one in part)
        return [one["name"] for one in listed if one["name"].startswith(self.group)]

    def left_in_the_table(self) -> list[str]:
        """The items of the group, and of its evaluations, in the stack's table.

        The group's cost remains and, until it expires, the note that the group was removed.
        """
        table = self.stack.table
        pages = table.dynamodb.get_paginator("scan").paginate(TableName=table.name, ConsistentRead=True)
        items = [item for page in pages for item in page["Items"] if item["group"]["S"].startswith(self.group)]
        stays = [
            (self.group, "spending"),
            *((self.group, name) for item in items if (name := item["item"]["S"]).startswith("month#")),
            *((self.group, "tasks") for item in items if {"closed", "expires"} <= {*item}),
        ]
        keys = [(item["group"]["S"], item["item"]["S"]) for item in items]
        return [group for group, item in keys if (group, item) not in stays]

    def clean(self) -> None:
        """Delete the tests' resources from Personalize, the table and the bucket."""
        if self.left_in_personalize():
            self.start("PipelineArn", task="remove")
        boto3.resource("s3").Bucket(self.bucket.name).object_versions.filter(Prefix=f"{self.group}/").delete()


def poll(look: Callable[[], Found | None]) -> Found:
    """The first result of `look` that is not None. TimeoutError after HOURS."""
    pause, end = FIRST_POLL_SECONDS, time.monotonic() + HOURS * 3600
    while time.monotonic() < end:
        if (found := look()) is not None:
            return found
        time.sleep(pause)
        pause = min(pause * 1.2, LAST_POLL_SECONDS)
    raise TimeoutError(f"not ended after {HOURS} hours")


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    stack = DeployedStack(request.config.getoption("--stack"))
    deployed = Deployment(stack, f"e2e-{int(time.time())}")
    yield deployed
    deployed.clean()
