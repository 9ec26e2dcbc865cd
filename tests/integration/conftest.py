"""The real template, state machines and handlers, on the local cloud."""

import itertools
import json
import socket
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials
from moto.core import DEFAULT_ACCOUNT_ID
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from usher.access.keys import Keys
from usher.storage.layout import is_input
from usher.storage.table import Table

from tests import offline  # noqa: F401
from tests.issuer import AUDIENCE, Issuer, issuing
from usher_local.clock import Clock
from usher_local.cloud.access.credentials import REGION
from usher_local.cloud.server import LocalCloud
from usher_local.demo.caller import Caller
from usher_local.demo.synthetic import interactions as interactions
from usher_local.demo.synthetic import items as items
from usher_local.demo.watch import cause
from usher_local.personalize.core import environment as service
from usher_local.personalize.models import personalize_backends

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
SPEED = 6000
DEADLINE_SECONDS, TEST_SECONDS = 900, 1800
"""Long enough for a busy machine; they only end a test that hangs."""
NUMBERS = itertools.count()
LONGEST = (
    *("rights", "adding", "export", "ui", "alarms", "pipeline", "local_cloud_kill", "cli", "notebooks"),
    *("hostile_writer", "evaluation", "large_data", "two_stacks"),
)
"""The slowest files come first, so that no worker is left with one when the others are done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    for item in here:
        item.add_marker(pytest.mark.timeout(TEST_SECONDS))
    others = [item for item in items if item not in here]
    places = {f"test_{name}.py": place for place, name in enumerate(LONGEST)}
    items[:] = others + sorted(here, key=lambda item: places.get(item.path.name, len(places)))


@dataclass
class Site:
    """A deployed stack, with the actions of a user: drop files, call the API, read results."""

    cloud: LocalCloud
    days: list[int]
    """The number of days by which the schedules are ahead."""
    issuer: Issuer
    """The issuer of the tokens that the API accepts."""
    pages: socket.socket
    """The port of this machine whose pages may call the API."""
    dropped: Counter[str] = field(default_factory=Counter)
    """The number of dropped inputs and started tasks, by group: each starts an execution, or two, a little later."""

    @cached_property
    def s3(self) -> Any:
        return self.cloud.client("s3")

    @cached_property
    def personalize(self) -> Any:
        return self.cloud.client("personalize")

    @cached_property
    def stepfunctions(self) -> Any:
        return self.cloud.client("stepfunctions")

    @property
    def bucket(self) -> str:
        return self.cloud.outputs["BucketName"]

    @cached_property
    def api(self) -> Caller:
        keys = self.cloud.environment
        credentials = Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
        return Caller(self.cloud.outputs["ApiUrl"], keys["AWS_DEFAULT_REGION"], credentials)

    @cached_property
    def api_keys(self) -> Keys:
        return Keys(Table(self.cloud.client("dynamodb"), self.cloud.outputs["TableName"]))

    def send(self, api: str, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of an unsigned request; `api` is the stack's output with the address."""
        data = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = urllib.request.Request(self.cloud.outputs[api] + path, data, named, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(sent, timeout=30) as answer:  # noqa: S310
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def drop(self, key: str, content: str | bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        self.dropped[key.split("/")[0]] += is_input(key)

    def executions(self, group: str, machine: str = "PipelineArn") -> list[dict[str, Any]]:
        """All executions about a group, described, newest first.

        They are read from the backend: polling the API takes longer than the executions.
        """
        backend, arn = stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID][REGION], self.cloud.outputs[machine]
        (found,) = (one for one in backend.state_machines if one.arn == arn)
        described = [one.to_describe_output() for one in list(found.executions) if one.exec_status]
        return [one for one in reversed(described) if f'"{group}' in one["input"]]

    def causes(self, group: str) -> set[str]:
        """The causes of a group's executions."""
        return set(map(cause, self.executions(group)))

    def settle(self, group: str, machine: str = "PipelineArn") -> list[dict[str, Any]]:
        """Wait until all expected executions of a group have ended; return them."""
        started = self.dropped[group] if machine == "PipelineArn" else 1
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            executions = self.executions(group, machine)
            causes = {
                one for one in map(cause, executions) if one.startswith("arn:") or is_input(one.rsplit(" ", 1)[0])
            }
            if len(causes) >= started and all(one["status"] != "RUNNING" for one in executions):
                return executions
            time.sleep(0.1)
        raise TimeoutError(f"executions of {group} did not end: {executions}")

    def run(self, group: str) -> dict[str, Any]:
        """Wait until a group settles; return the newest run's record."""
        self.settle(group)
        return self.records(group)[-1]

    def keys(self, prefix: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def records(self, group: str) -> list[dict[str, Any]]:
        """The records of a group's pipeline runs, oldest first."""
        keys = [key for key in self.keys(f"{group}/out/runs/") if key.endswith("/run.json")]
        return [self.read_json(key) for key in keys if "-export/" not in key and "-evaluation/" not in key]

    def read_json(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def resources(self, group: str) -> dict[str, list[str]]:
        """The ARNs of a group's resources in Personalize, by kind."""
        return {kind: self.arns(group, kind) for kind in KINDS}

    def arns(self, group: str, kind: str) -> list[str]:
        """The ARNs of a group's resources of a kind. They are read from the backend, as executions are."""
        found = personalize_backends[DEFAULT_ACCOUNT_ID][REGION].find(kind.title().replace("_", ""))
        return sorted(one.arn for one in found if group in (one.values.get("name") or one.arn))

    def remove(self, group: str) -> None:
        """Delete a group from Personalize, which allows five, in the order that it demands."""
        for kind in DELETION_ORDER:
            delete = getattr(self.personalize, f"delete_{kind}")
            arns = self.arns(group, kind)
            for arn in arns:
                delete(**{KINDS[kind]: arn})
            wait_until(lambda kind=kind, arns=arns: not arns or not self.arns(group, kind))  # type: ignore[misc]
        # Otherwise, the stack's scheduled export would find the group.
        key = {"group": {"S": group}, "item": {"S": "serving"}}
        self.cloud.client("dynamodb").delete_item(TableName=self.cloud.outputs["TableName"], Key=key)


@contextmanager
def slowed(times: int = 10) -> Iterator[None]:
    """Let Personalize take `times` as long for everything that begins inside the block, until the block ends.

    An interruption then has enough time.
    """
    slow = Clock(SPEED / times)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(service.current, "clock", slow)
            yield
    finally:
        object.__setattr__(slow, "speed", SPEED)  # each resource keeps its clock, and its deletion would be slow, too


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


KINDS = {
    "dataset_group": "datasetGroupArn",
    "schema": "schemaArn",
    "dataset": "datasetArn",
    "dataset_import_job": "datasetImportJobArn",
    "filter": "filterArn",
    "solution": "solutionArn",
    "solution_version": "solutionVersionArn",
    "campaign": "campaignArn",
    "event_tracker": "eventTrackerArn",
}
DELETION_ORDER = ("campaign", "solution", "event_tracker", "filter", "dataset", "schema", "dataset_group")


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    days = [0]

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(days=days[0])

    # The stack's daily export is due in half a day: another one would disturb a test that counts exports.
    parameters = {
        "ExportSchedule": f"cron(0 {(now().hour + 12) % 24} * * ? *)",
        "PersonalizeMilliseconds": "3000",  # a busy machine is not an outage
    }
    with (
        issuing() as issuer,
        socket.create_server(("127.0.0.1", 0)) as pages,
        ThreadPoolExecutor(1) as executor,  # a process for each training would spend its time on imports
        LocalCloud(TEMPLATE, 0, 0, Clock(SPEED), parameters | callers(issuer, pages), now, executor=executor) as cloud,
    ):
        yield Site(cloud, days, issuer, pages)


def callers(issuer: Issuer, pages: socket.socket) -> dict[str, str]:
    """The parameters that admit users with tokens, senders with keys, and web pages."""
    origin = f"http://localhost:{pages.getsockname()[1]}"
    return {"JwtIssuer": issuer.url, "JwtAudience": f"other,{AUDIENCE}", "ApiKeys": "ENABLED", "CorsOrigins": origin}


@pytest.fixture(scope="module")
def environment(site: Site) -> Iterator[None]:
    """boto3's environment for the local cloud."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in site.cloud.environment.items():
            patch.setenv(name, value)
        yield


@contextmanager
def new_group(site: Site) -> Iterator[str]:
    """The name of a new group, which is deleted from Personalize after the block."""
    name = f"g{next(NUMBERS)}x"
    yield name
    site.settle(name)
    site.remove(name)


@pytest.fixture
def group(site: Site) -> Iterator[str]:
    """The name of a new group for a test."""
    with new_group(site) as name:
        yield name


@pytest.fixture
def inbox(site: Site) -> Iterator[Any]:
    """A function that returns the topic's messages since its last call, or since the test began."""
    sqs, sns = site.cloud.client("sqs"), site.cloud.client("sns")
    once = {"VisibilityTimeout": "43200"}  # received messages do not come again, however slow the test is
    queue = sqs.create_queue(QueueName=f"inbox-{time.monotonic_ns()}", Attributes=once)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    subscription = sns.subscribe(
        TopicArn=site.cloud.outputs["TopicArn"], Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True
    )

    def read() -> list[str]:
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"])["Message"] for message in received]

    yield read
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    sqs.delete_queue(QueueUrl=queue)


@pytest.fixture
def messages(inbox: Callable[[], list[str]]) -> Callable[[], list[str]]:
    """The notifications of runs in the inbox; the topic gets alarms, too."""
    return lambda: [one for one in inbox() if not one.startswith('{"AlarmName"')]
