"""The local cloud in a process of its own, and the steps from a file to a trained model through boto3."""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

REQUESTS = 500
BUCKET = "benchmark"
S3 = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
RECIPE = "arn:aws:personalize:::recipe/"


class Service:
    """boto3's clients of a running server, with a bucket and a role that Personalize may use."""

    def __init__(self, environment: Mapping[str, str], process: int, connections: int) -> None:
        session: Any = boto3.Session(
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_DEFAULT_REGION"],
        )
        once = Config(max_pool_connections=connections, retries={"total_max_attempts": 1})
        names = ("personalize", "personalize-runtime", "personalize-events", "s3", "iam")
        self.personalize, self.runtime, self.events, self.s3, self.iam = (
            session.client(name, endpoint_url=environment["AWS_ENDPOINT_URL"], config=once) for name in names
        )
        self.process = process
        self.names = (f"n{number}" for number in count())
        service: dict[str, object] = {"Principal": {"Service": "personalize.amazonaws.com"}}
        trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", **service})
        made = self.iam.create_role(RoleName="benchmark", AssumeRolePolicyDocument=trust)
        self.iam.put_role_policy(RoleName="benchmark", PolicyName="s3", PolicyDocument=policy(S3))
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_policy(Bucket=BUCKET, Policy=policy({**S3, **service}))
        self.role = made["Role"]["Arn"]

    def make(
        self, kind: str, named: str = "name", meanwhile: Callable[[], object] = lambda: None, **members: Any
    ) -> str:
        """Create a resource and wait until it is ACTIVE. Returns its ARN. RuntimeError with the reason if it fails."""
        made = getattr(self.personalize, f"create_{kind}")(**{named: next(self.names)}, **members)
        arn = str(made[f"{_member(kind)}Arn"])
        while (found := self.describe(kind, arn))["status"] != "ACTIVE":
            if "FAILED" in found["status"]:
                raise RuntimeError(found["failureReason"])
            meanwhile()
            time.sleep(0.02)
        return arn

    def describe(self, kind: str, arn: str) -> dict[str, Any]:
        """The service's description of a resource that `make` made."""
        member = _member(kind)
        found: dict[str, Any] = getattr(self.personalize, f"describe_{kind}")(**{f"{member}Arn": arn})[member]
        return found

    def dataset(self, group: str, kind: str, fields: Mapping[str, object], **domain: str) -> str:
        """Create a dataset. Returns its ARN. `fields` have Avro types, or mappings with a field's properties."""
        spelled = [{"name": name, **(t if isinstance(t, dict) else {"type": t})} for name, t in fields.items()]
        schema = json.dumps({"type": "record", "name": kind, "fields": spelled, "version": "1.0"})
        arn = self.personalize.create_schema(name=next(self.names), schema=schema, **domain)["schemaArn"]
        return self.make("dataset", schemaArn=arn, datasetGroupArn=group, datasetType=kind)

    def upload(self, path: Path) -> str:
        """Put a file into the bucket. Returns its path there."""
        self.s3.upload_file(str(path), BUCKET, path.name)
        return f"s3://{BUCKET}/{path.name}"

    def load(self, dataset: str, location: str) -> None:
        """Import a CSV file of the bucket."""
        source = {"dataLocation": location}
        self.make("dataset_import_job", "jobName", datasetArn=dataset, dataSource=source, roleArn=self.role)

    def version(self, group: str, recipe: str, meanwhile: Callable[[], object] = lambda: None) -> str:
        """Train a recipe. Returns the ARN of the solution version."""
        recipe_arn = RECIPE + recipe
        solution = self.make("solution", datasetGroupArn=group, recipeArn=recipe_arn, performAutoTraining=False)
        return self.make("solution_version", meanwhile=meanwhile, solutionArn=solution)


def _member(kind: str) -> str:
    return "".join(word.title() if number else word for number, word in enumerate(kind.split("_")))


def policy(statement: Mapping[str, object]) -> str:
    """The text of a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@contextmanager
def serving(connections: int = 10) -> Iterator[Service]:
    """The local cloud, as `make up` starts it, on an instant clock; at most `connections` to it at once."""
    command = [sys.executable, "-m", "usher_local.cloud", "--aws-port", "0", "--api-port", "0", "--speed", "instant"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - nothing in it is foreign
        try:
            ready = next(line for line in process.stdout or () if line.startswith("ready"))
            pairs = (word.split("=", 1) for word in shlex.split(ready, comments=True) if "=" in word)
            yield Service(dict(pairs), process.pid, connections)
        finally:
            process.terminate()
            process.communicate()  # it prints that it stops, which needs a reader


def memory(process: int, name: str) -> float:
    """A figure of a process's memory, in MB: VmRSS is the current memory, VmHWM the peak."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def begin_peak(process: int) -> None:
    """Reset the peak of a process's memory."""
    Path(f"/proc/{process}/clear_refs").write_text("5")


def timed(call: Callable[[int], object], more: Callable[[int], bool] = lambda done: done < REQUESTS) -> list[float]:
    """Sorted milliseconds of calls, one after the other, as long as `more` of the number of calls is true."""
    found: list[float] = []
    while more(len(found)):
        start = time.perf_counter()
        call(len(found))
        found.append((time.perf_counter() - start) * 1000)
    return sorted(found)
