"""`kill -9` at any moment: the next start has all answered changes, and continues unfinished work."""

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

pytestmark = pytest.mark.exhaustive


ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "tests/unit/cloud/fixtures/stack/template.yaml"
PATH = f"{ROOT}:{ROOT}/layers/core/python"
ONCE = Config(retries={"total_max_attempts": 1})


class Cloud:
    """A local cloud in a process of its own."""

    def __init__(self, state: Path) -> None:
        command = [sys.executable, "-m", "usher_local.cloud", "--template", str(TEMPLATE), "--state", str(state)]
        environment = {**os.environ, "AWS_PORT": "0", "API_PORT": "0", "PYTHONPATH": PATH, "SPEED": "60"}
        self.process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
        assert self.process.stdout
        self.lines: list[str] = []
        while not (self.lines and self.lines[-1].startswith("ready")):
            self.lines.append(next(self.process.stdout))
        self.words = dict(word.split("=", 1) for word in shlex.split(self.lines[-1].split(" # ")[0]) if "=" in word)
        self.reader = threading.Thread(target=self.lines.extend, args=(self.process.stdout,))
        self.reader.start()

    def client(self, service: str) -> Any:
        words = self.words
        session: Any = boto3.Session(words["AWS_ACCESS_KEY_ID"], words["AWS_SECRET_ACCESS_KEY"], None, "us-east-1")
        return session.client(service, endpoint_url=words["AWS_ENDPOINT_URL"], config=ONCE)

    def machine(self) -> str:
        """The ARN of the only state machine."""
        [machine] = self.client("stepfunctions").list_state_machines()["stateMachines"]
        return str(machine["stateMachineArn"])

    def tries(self, execution: str) -> object:
        """The number of times that the function has worked for an execution so far."""
        key = {"id": {"S": execution}}
        return self.client("dynamodb").get_item(TableName=self.words["TABLE"], Key=key, ConsistentRead=True).get("Item")

    def described(self, execution: str) -> dict[str, Any]:
        """An execution by its ARN."""
        answer: dict[str, Any] = self.client("stepfunctions").describe_execution(executionArn=execution)
        return answer | {"ResponseMetadata": None}

    def kill(self) -> None:
        with self.process:
            self.process.kill()
            self.reader.join()


@contextmanager
def running(state: Path) -> Iterator[Cloud]:
    cloud = Cloud(state)
    try:
        yield cloud
    finally:
        cloud.kill()


def write(cloud: Cloud, answered: list[int], first: int) -> None:
    """Write one object after another until the cloud ends; `answered` gets those with an answer."""
    s3, table, personalize = (cloud.client(one) for one in ("s3", "dynamodb", "personalize"))
    try:
        for number in range(first, first + 10_000):
            s3.put_object(Bucket=cloud.words["BUCKET"], Key=f"k/{number}", Body=b"x" * (number * 10_000 % 150_000))
            s3.put_object(Bucket=cloud.words["BUCKET"], Key="k/latest", Body=str(number).encode(), Metadata={"n": "1"})
            table.put_item(TableName=cloud.words["TABLE"], Item={"id": {"S": str(number)}, "n": {"N": str(number)}})
            personalize.create_schema(name=f"s{number}", schema=SCHEMA)
            answered.append(number)
    except BotoCoreError:  # the cloud ended during a call
        return


def until(look: Callable[[], Any]) -> Any:
    """The first result of `look` that is not false."""
    deadline = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


SCHEMA = json.dumps(
    {
        "type": "record",
        "name": "Interactions",
        "namespace": "com.amazonaws.personalize.schema",
        "fields": [
            {"name": "USER_ID", "type": "string"},
            {"name": "ITEM_ID", "type": "string"},
            {"name": "TIMESTAMP", "type": "long"},
        ],
        "version": "1.0",
    }
)


def test_no_answered_change_is_lost_by_a_kill_during_writes(tmp_path: Path) -> None:
    answered: list[int] = []
    words: dict[str, str] = {}
    for moment in (0.7, 0.31):
        with running(tmp_path) as cloud:
            named = {name: word for name, word in cloud.words.items() if name not in ("AWS_ENDPOINT_URL", "API")}
            assert words in ({}, named), "keys and names are the same"
            words = named
            begun = len(answered)
            writer = threading.Thread(target=write, args=(cloud, answered, (answered or [0])[-1] + 2))
            writer.start()
            while len(answered) == begun:
                assert writer.is_alive()
                time.sleep(0.01)
            time.sleep(moment)
            cloud.kill()
            writer.join()
    with running(tmp_path) as cloud:
        s3, bucket = cloud.client("s3"), cloud.words["BUCKET"]
        for number in answered:
            assert s3.get_object(Bucket=bucket, Key=f"k/{number}")["Body"].read() == b"x" * (number * 10_000 % 150_000)
        latest = s3.get_object(Bucket=bucket, Key="k/latest")
        assert int(latest["Body"].read()) >= answered[-1]
        assert latest["Metadata"] == {"n": "1"}
        versions = s3.list_object_versions(Bucket=bucket, Prefix="k/latest")["Versions"]
        assert len(answered) <= len(versions) <= len(answered) + 2
        assert [one["IsLatest"] for one in versions].count(True) == 1
        items = cloud.client("dynamodb").scan(TableName=cloud.words["TABLE"], ConsistentRead=True)["Items"]
        assert set(answered) <= {int(item["n"]["N"]) for item in items}
        pages = cloud.client("personalize").get_paginator("list_schemas").paginate()
        names = {one["name"] for page in pages for one in page["schemas"]}
        assert {f"s{number}" for number in answered} <= names
        assert any(line.startswith(f"found in {tmp_path}: ") for line in cloud.lines)
        second = start_again(tmp_path)
        message = f"{tmp_path} is in use by another local cloud; stop that one, or set STATE to another folder\n"
        assert (second.returncode, second.stderr) == (2, message)


def start_again(state: Path) -> "subprocess.CompletedProcess[str]":
    options = ["--no-stack", "--state", str(state), "--aws-port=0", "--api-port=0"]
    command, env = [sys.executable, "-m", "usher_local.cloud", *options], {**os.environ, "PYTHONPATH": PATH}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603


def test_unfinished_work_continues(tmp_path: Path) -> None:
    with running(tmp_path) as cloud:
        states, machine = cloud.client("stepfunctions"), cloud.machine()
        broken = states.start_execution(stateMachineArn=machine, name="broken", input='{"do": "break"}')["executionArn"]
        one = states.start_execution(stateMachineArn=machine, name="one", input='{"a": 1}')["executionArn"]
        until(lambda: cloud.described(broken)["status"] == "FAILED" and cloud.tries("one"))
        before = cloud.described(broken)
        assert cloud.described(one)["status"] == "RUNNING"
        begun = cloud.described(one)["startDate"].astimezone(UTC).isoformat()[:19]
        cloud.client("s3").put_object(Bucket=cloud.words["BUCKET"], Key="in/x.csv", Body=b"dropped")
        cloud.kill()
    with running(tmp_path) as cloud:
        states = cloud.client("stepfunctions")
        assert "continued executions: 1" in next(line for line in cloud.lines if line.startswith("found in"))

        assert cloud.described(broken) == before, "what has ended stays as it was"

        def ended() -> list[dict[str, Any]]:
            found = states.list_executions(stateMachineArn=machine, statusFilter="SUCCEEDED")["executions"]
            return [cloud.described(one["executionArn"]) for one in found] if len(found) > 1 else []

        outputs = {one["name"]: json.loads(one["output"]) for one in until(ended)}
        assert outputs["one"]["event"]["a"] == 1, "the state has its input"
        assert outputs["one"]["doubled"] == [2, 4, 6]
        assert outputs["one"]["started"][:19] == begun, "and the variables that were assigned before"
        [dropped] = [output for name, output in outputs.items() if name != "one"][:1]
        assert dropped["event"]["detail"]["object"]["key"] == "in/x.csv"
