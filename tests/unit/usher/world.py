"""The resources of a stack in moto, with the local Personalize service, and methods to use them."""

import importlib.util
import io
import json
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from usher.aws import NO_RETRY, client
from usher.config.model import Config, Solution
from usher.datasets.csv_reader import read_csv
from usher.datasets.files import chunks
from usher.datasets.profile import DatasetProfile, merge_parts, profile_blocks
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.planning.desired import desired_resources
from usher.planning.inputs import load_inputs
from usher.planning.tasks import RequestedTasks
from usher.resources.inventory import Inventory
from usher.resources.kinds import Resource
from usher.resources.reconcile import advance, dry_run
from usher.resources.states import State
from usher.resources.target import Target
from usher.storage.bucket import Bucket

from usher_local.clock import Clock
from usher_local.personalize.core import environment
from usher_local.personalize.models import personalize_backends

REPOSITORY = Path(__file__).parents[3]
ACCOUNT = "123456789012"
ARN_PREFIX = f"arn:aws:personalize:us-east-1:{ACCOUNT}"
BUCKET = "usher-bucket"
TABLE = "usher-table"
KEPT, PENDING = "usher-kept", "usher-pending.fifo"
QUEUES = "https://sqs.us-east-1.amazonaws.com/123456789012/"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/personalize"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:usher"
SERVICE = {"Service": "personalize.amazonaws.com"}
LOOKS = 500
STACK = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/usher/1a2b"


STATES = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:usher-pipeline:"
"""The prefix of the ARNs of the pipeline's executions."""
MACHINES = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:usher"


def target(group: str = "films", run: str = "run-1") -> Target:
    """The target of plans."""
    machines = f"{MACHINES}-pipeline", f"{MACHINES}-export"
    return Target(group, run, ARN_PREFIX, ROLE, f"s3://{BUCKET}/", *machines, "usher", ROLE, STACK)


class Tap(Clock):
    """A clock on which nothing takes time while it is open, and everything takes forever while it is closed."""

    def __init__(self, *, is_open: bool) -> None:
        super().__init__(math.inf)
        self.turn(is_open=is_open)

    def turn(self, *, is_open: bool) -> None:
        object.__setattr__(self, "is_open", is_open)

    def real_seconds(self, simulated: float) -> float:
        return 0.0 if self.__dict__["is_open"] else simulated * math.inf


class CutError(Exception):
    """The process dies."""


@dataclass
class World:
    """An AWS account with one stack."""

    cuts: bool = False
    """Whether to die right after each resource's first creation."""
    calls: Counter[str] = field(default_factory=Counter)
    """The calls of Personalize so far, by operation."""
    _cut: set[str] = field(default_factory=set)
    _hooks: list[tuple[Any, str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.s3, self.sns, self.dynamodb = client("s3"), client("sns"), client("dynamodb")
        self.personalize = client("personalize")
        self.creator = client("personalize", NO_RETRY)
        self.clients = {
            "personalize": self.personalize, "personalize-once": self.creator, "scheduler": client("scheduler"),
            "service-quotas": client("service-quotas"),
        }  # fmt: skip
        self.clients["scheduler"].create_schedule_group(Name="usher")
        for personalize in (self.personalize, self.creator):
            self.listen(personalize, "before-call", self._count)
            self.listen(personalize, "after-call", self._die)
        self.bucket = Bucket(self.s3, BUCKET)
        everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_policy(Bucket=BUCKET, Policy=_policy(everything | {"Principal": SERVICE}))
        iam = client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": SERVICE}
        iam.create_role(RoleName="personalize", AssumeRolePolicyDocument=_policy(trust))
        iam.put_role_policy(RoleName="personalize", PolicyName="all", PolicyDocument=_policy(everything))
        self.sns.create_topic(Name="usher")
        sqs = client("sqs")
        sqs.create_queue(QueueName=KEPT)
        sqs.create_queue(QueueName=PENDING, Attributes={"FifoQueue": "true"})
        keys: dict[str, Any] = {"group": "HASH", "item": "RANGE"}
        self.dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
        )

    def listen(self, to: Any, event: str, hook: Any) -> None:
        """Register a hook on events of a client, which survives this world, until this world is closed."""
        to.meta.events.register_first(event, hook)
        self._hooks.append((to, event, hook))

    def close(self) -> None:
        """Unregister the hooks."""
        for to, event, hook in self._hooks:
            to.meta.events.unregister(event, hook)

    def hold(self) -> None:
        """Keep everything pending that is created from now on."""
        environment.current.clock = Tap(is_open=False)

    def let_go(self) -> None:
        """Let everything become active that `hold` kept pending."""
        clock = environment.current.clock
        assert isinstance(clock, Tap)
        clock.turn(is_open=True)

    def put(self, key: str, content: str) -> None:
        """Drop a file into the bucket."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content.encode())

    @property
    def inventory(self) -> Inventory:
        """A new inventory of Personalize."""
        return Inventory(self.clients, STACK)

    def plan(
        self,
        *solutions: Solution,
        group: str = "films",
        run: str = "run-1",
        tasks: RequestedTasks | None = None,
        **config: Any,
    ) -> list[Resource]:
        """The desired resources for the solutions and the data in the bucket."""
        intake = load_inputs(self.bucket, group, self.inventory, ARN_PREFIX)
        assert intake
        filters = {name: {"filterExpression": text} for name, text in config.pop("filters", {}).items()}
        wanted = Config(solutions, filters, {}, {})
        return desired_resources(target(group, run), replace(wanted, **config), intake.data, tasks)

    def look(
        self, wanted: Sequence[Resource], stage: str = "train", before: Sequence[State] = (), elapsed: float = 0
    ) -> tuple[dict[str, State], int | None]:
        """One pass, as a run's first or after the states `before`."""
        seen = dry_run(self.inventory, wanted)
        known_failures = {} if before else seen.known_failures
        states, wait = advance(
            self.inventory, wanted, stage, known_failures, list(map(asdict, before)), elapsed, seen.expected_seconds
        )
        return {state.id: state for state in states}, wait

    def settle(self, wanted: Sequence[Resource], stage: str = "train") -> dict[str, State]:
        """A whole run: repeat passes until there is nothing to wait for."""
        seen = dry_run(self.inventory, wanted)
        states: list[State] = []
        for _ in range(LOOKS):
            try:
                states, wait = advance(
                    self.inventory,
                    wanted,
                    stage,
                    seen.known_failures,
                    list(map(asdict, states)),
                    0,
                    seen.expected_seconds,
                )
            except CutError:
                continue
            if wait is None:
                return {state.id: state for state in states}
            time.sleep(0.01)
        raise AssertionError(f"not settled: {states}")

    def creations(self) -> Counter[str]:
        """The number of calls of each Create operation."""
        return Counter({name: times for name, times in self.calls.items() if name.startswith("Create")})

    def break_down(self, kind: str, arn: str, reason: str) -> None:
        """Make the creation of a resource fail."""
        failed: Future[str | None] = Future()
        failed.set_result(reason)
        personalize_backends[ACCOUNT]["us-east-1"].get(kind, arn).life.follow(failed)

    def _count(self, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1

    def _die(self, model: Any, parsed: Mapping[str, Any], **_: Any) -> None:
        arns = {value for name, value in parsed.items() if name.endswith("Arn")} - self._cut
        if self.cuts and model.name.startswith("Create") and arns:
            self._cut |= arns
            raise CutError


def interactions(users: int = 60, each: int = 20, items: int = 40, start: int = 1_600_000_000) -> str:
    """A CSV without a fault."""
    rows = ((user, turn) for user in range(users) for turn in range(each))
    lines = (f"u{user},i{(user * turn + turn) % items},{start + user * 1000 + turn}" for user, turn in rows)
    return "USER_ID,ITEM_ID,TIMESTAMP\n" + "\n".join(lines) + "\n"


def streams(**files: str | bytes) -> list[tuple[str, io.BytesIO]]:
    """Files in the form for `scan`; two underscores in a name stand for a dot."""
    return [
        (name.replace("__", "."), io.BytesIO(text.encode() if isinstance(text, str) else text))
        for name, text in files.items()
    ]


def scanned(*files: str | bytes, dataset: str = "interactions", limits: ReadLimits = LIMITS) -> DatasetProfile:
    """The profile of files that are called 1.csv, 2.csv and so on."""
    contents = [file.encode() if isinstance(file, str) else file for file in files]
    keys = [f"{number}.csv" for number in range(1, len(files) + 1)]
    tables = [
        profile_blocks(dataset, key, read_csv(key, chunks(io.BytesIO(one), limits.block_bytes), limits=limits), limits)
        for key, one in zip(keys, contents, strict=True)
    ]
    for table, content in zip(tables, contents, strict=True):
        table.size = len(content)
    return merge_parts(dataset, zip(keys, tables, strict=True), limits)


def load_function(name: str) -> ModuleType:
    """A function's app.py, freshly imported."""
    spec = importlib.util.spec_from_file_location(f"app_{name}", REPOSITORY / "functions" / name / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call(function: str, **event: Any) -> Any:
    """The answer of a function, converted to JSON and back as in Step Functions."""
    answer = load_function(function).lambda_handler(json.loads(json.dumps(event)), SimpleNamespace())
    return json.loads(json.dumps(answer))


def _policy(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
