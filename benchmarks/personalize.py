"""How fast the local Personalize answers over HTTP, alone and while it trains, imports or serves a crowd.

Run it with `python -m benchmarks.personalize`. The server is the local cloud in a process of its own, asked through
boto3 from this one, so every latency has the client's part in it. MovieLens 100K, as in the demo; the clock is instant.
"""

import json
import random
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.report import quantile, report
from local.demo.__main__ import CACHE
from local.demo.movielens import fetch, prepare

REQUESTS, NEWCOMERS = 500, 20
CLIENTS, EACH = 200, 10
USERS, ITEMS, ROWS = 6040, 3706, 1_000_000
"""As many as in MovieLens 1M."""
BUCKET = "benchmark"
FIELDS = {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long", "EVENT_TYPE": "string"}
S3 = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
Row = dict[str, float | str]


class Service:
    """boto3's clients of a running server, and the steps from a file to a campaign."""

    def __init__(self, environment: dict[str, str], process: int) -> None:
        session: Any = boto3.Session(
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_DEFAULT_REGION"],
        )
        once = Config(max_pool_connections=CLIENTS, retries={"total_max_attempts": 1})
        names = ("personalize", "personalize-runtime", "personalize-events", "s3", "iam")
        self.personalize, self.runtime, self.events, self.s3, self.iam = (
            session.client(name, endpoint_url=environment["AWS_ENDPOINT_URL"], config=once) for name in names
        )
        self.status = Path(f"/proc/{process}/status")
        self.names = (f"n{number}" for number in count())
        service: dict[str, object] = {"Principal": {"Service": "personalize.amazonaws.com"}}
        trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", **service})
        made = self.iam.create_role(RoleName="benchmark", AssumeRolePolicyDocument=trust)
        self.iam.put_role_policy(RoleName="benchmark", PolicyName="s3", PolicyDocument=policy(S3))
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_policy(Bucket=BUCKET, Policy=policy({**S3, **service}))
        self.role = made["Role"]["Arn"]
        self.group = self.make("dataset_group")
        fields = [{"name": name, "type": kind} for name, kind in FIELDS.items()]
        schema = json.dumps({"type": "record", "name": "Interactions", "fields": fields, "version": "1.0"})
        arn = self.personalize.create_schema(name="interactions", schema=schema)["schemaArn"]
        self.dataset = self.make("dataset", schemaArn=arn, datasetGroupArn=self.group, datasetType="Interactions")

    def make(self, kind: str, named: str = "name", **members: Any) -> str:
        """Create something and wait until it is ACTIVE; its ARN."""
        member = "".join(word.title() if number else word for number, word in enumerate(kind.split("_")))
        made = getattr(self.personalize, f"create_{kind}")(**{named: next(self.names)}, **members)
        arn = {f"{member}Arn": made[f"{member}Arn"]}
        while (found := getattr(self.personalize, f"describe_{kind}")(**arn)[member])["status"] != "ACTIVE":
            if "FAILED" in found["status"]:
                raise RuntimeError(found["failureReason"])
            time.sleep(0.05)
        return str(made[f"{member}Arn"])

    def load(self, path: Path) -> tuple[float, float]:
        """Import a file: seconds, and MB by which the server's peak memory exceeds what it had before."""
        self.s3.upload_file(str(path), BUCKET, path.name)
        self.status.with_name("clear_refs").write_text("5")  # the peak begins anew
        before, start = self.memory("VmRSS"), time.perf_counter()
        source = {"dataLocation": f"s3://{BUCKET}/{path.name}"}
        self.make("dataset_import_job", "jobName", datasetArn=self.dataset, dataSource=source, roleArn=self.role)
        return time.perf_counter() - start, self.memory("VmHWM") - before

    def memory(self, name: str) -> float:
        """A figure of the server's memory, in MB."""
        lines = self.status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024

    def version(self) -> str:
        """Train the recipe that takes longest."""
        solution = self.make(
            "solution",
            datasetGroupArn=self.group,
            recipeArn="arn:aws:personalize:::recipe/aws-user-personalization-v2",
            performAutoTraining=False,
        )
        return self.make("solution_version", solutionArn=solution)


def policy(statement: Mapping[str, object]) -> str:
    """The text of a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@contextmanager
def serving() -> Iterator[Service]:
    """The local cloud, as `make up` starts it."""
    command = [sys.executable, "-m", "local.cloud", "--aws-port", "0", "--api-port", "0", "--speed", "instant"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - nothing in it is foreign
        try:
            ready = next(line for line in process.stdout or () if line.startswith("ready"))
            pairs = (word.split("=", 1) for word in shlex.split(ready, comments=True) if "=" in word)
            yield Service(dict(pairs), process.pid)
        finally:
            process.terminate()
            process.communicate()  # it says that it stops, which needs a reader


def timed(call: Callable[[int], object], more: Callable[[int], bool] = lambda done: done < REQUESTS) -> list[float]:
    """Sorted milliseconds of calls, one after the other, as long as there shall be more."""
    found: list[float] = []
    while more(len(found)):
        start = time.perf_counter()
        call(len(found))
        found.append((time.perf_counter() - start) * 1000)
    return sorted(found)


def latencies(name: str, found: list[float]) -> list[Row]:
    """Two rows."""
    return [{"what": f"{name}, p{q} ms", "value": round(quantile(found, q / 100), 1)} for q in (50, 99)]


def run(service: Service, folder: Path) -> Iterator[Row]:
    """All figures, one after the other."""
    service.load(prepare(fetch(CACHE), folder).interactions)
    campaign = service.make("campaign", solutionVersionArn=service.version())
    seen = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
    unseen = service.make("filter", datasetGroupArn=service.group, filterExpression=seen)
    tracking = service.personalize.create_event_tracker(name="t", datasetGroupArn=service.group)["trackingId"]

    def recommend(user: object, **more: str) -> list[str]:
        answer = service.runtime.get_recommendations(campaignArn=campaign, userId=str(user), **more)
        return [entry["itemId"] for entry in answer["itemList"]]

    def change(number: int) -> None:
        """A newcomer does something; wait for another list than strangers get."""
        user, before = f"new{number}", recommend("stranger")
        events = [{"eventType": "watch", "sentAt": time.time(), "itemId": str(50 + number)}]
        service.events.put_events(trackingId=tracking, userId=user, sessionId=user, eventList=events)
        while recommend(user) == before:
            pass

    timed(recommend)  # warm-up
    describe = timed(lambda _: service.personalize.describe_campaign(campaignArn=campaign))
    yield from latencies("DescribeCampaign", describe)
    yield from latencies("ListRecipes", timed(lambda _: service.personalize.list_recipes()))
    idle = timed(recommend)
    yield from latencies("GetRecommendations", idle)
    yield from latencies("GetRecommendations, filtered", timed(lambda user: recommend(user, filterArn=unseen)))
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(service.version)
        busy = timed(lambda number: recommend(number % REQUESTS), lambda _: not training.done())
    yield from latencies(f"GetRecommendations while a model trains ({len(busy)} requests)", busy)
    yield {"what": "training / idle, p50", "value": round(quantile(busy, 0.5) / quantile(idle, 0.5), 2)}
    changes = timed(change, lambda done: done < NEWCOMERS)
    yield {"what": f"PutEvents to another list, slowest of {NEWCOMERS}, seconds", "value": round(changes[-1] / 1000, 3)}
    yield from crowd(recommend)
    seconds, grown = service.load(million(folder / "million.csv"))
    yield {"what": f"import of {ROWS:,} rows, seconds", "value": round(seconds, 1)}
    yield {"what": f"import of {ROWS:,} rows, growth of peak memory, MB", "value": round(grown)}


def crowd(recommend: Callable[[int], list[str]]) -> Iterator[Row]:
    """Many clients at once, each with its own thread, and no retries."""

    def ask(number: int) -> bool:
        try:
            return bool(recommend(number % REQUESTS))
        except (BotoCoreError, ClientError):
            return False

    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        answered = list(pool.map(ask, range(CLIENTS * EACH)))
    seconds = time.perf_counter() - start
    yield {"what": f"{CLIENTS} clients at once, requests", "value": len(answered)}
    yield {"what": f"{CLIENTS} clients at once, requests lost", "value": answered.count(False)}
    yield {"what": f"{CLIENTS} clients at once, requests/s", "value": round(len(answered) / seconds)}


def million(path: Path) -> Path:
    """A file of random interactions, as many as in MovieLens 1M."""
    chance = random.Random(0)
    with path.open("w") as file:
        file.write(",".join(FIELDS) + "\n")
        for number in range(ROWS):
            file.write(f"{chance.randrange(USERS)},{chance.randrange(ITEMS)},{1_000_000_000 + number},watch\n")
    return path


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, serving() as service:
        rows = list(run(service, Path(folder)))
    report("personalize", rows)
