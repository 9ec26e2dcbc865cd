"""A minute without Personalize, and one with answers after five seconds, at 50 reads a second.

Run it with `python -m benchmarks.outage`. The stack runs on the local cloud, MovieLens 100K is trained and served, and
callers in this process read through the HTTP API, each request at its time, whether or not earlier ones are answered. A
request's time counts from the time at which it was due.
"""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.credentials import Credentials

from benchmarks.pipeline import ended
from benchmarks.report import quantile, report
from usher_local.cloud.aws_lambda.limits import RAISED
from usher_local.cloud.server import LocalCloud
from usher_local.demo.__main__ import CACHE, GROUP
from usher_local.demo.caller import Caller, CallError
from usher_local.demo.movielens import fetch, prepare
from usher_local.personalize import Faults, inject

PER_SECOND, SECONDS, USUAL_SECONDS = 50, 60, 20
"""The reads a second, and the seconds of an outage and of the time before and after it."""
USERS = 943
OUTAGES = {"down": Faults(down=True), "slow by 5 s": Faults(slow=5)}


@dataclass(frozen=True, slots=True)
class Read:
    """The result of a request."""

    milliseconds: float
    """The time since the request was due."""
    source: str
    """The source of the answer; empty if the request failed."""
    is_marked: bool
    """Whether the answer is from Personalize, or says that it is degraded."""


def ask(api: Caller, number: int, due: float) -> Read:
    """Make a request at its time."""
    time.sleep(max(due - time.monotonic(), 0))
    try:
        answer: dict[str, Any] = api.get(f"/{GROUP}/recommendations/{number % USERS + 1}")
    except (CallError, OSError):
        answer = {}
    source = answer.get("source", "") if answer.get("itemList") else ""
    is_marked = source == "campaign" or "reason" in answer.get("degraded", {})
    return Read((time.monotonic() - due) * 1000, source, is_marked)


def reads(api: Caller, seconds: int) -> list[Read]:
    """The results of requests for some seconds."""
    start, numbers = time.monotonic() + 0.1, range(PER_SECOND * seconds)
    with ThreadPoolExecutor(PER_SECOND) as pool:
        return list(pool.map(lambda number: ask(api, number, start + number / PER_SECOND), numbers))


def row(phase: str, found: list[Read]) -> dict[str, float | str]:
    """The row of a phase's requests."""
    took, sources = sorted(one.milliseconds for one in found), Counter(one.source for one in found)
    return {
        "phase": phase,
        "reads": len(found),
        "failed": sources[""],
        "from the campaign": sources["campaign"],
        "from the popular list": sources["popular"],
        "not marked": sum(not one.is_marked for one in found),
        "p50 ms": round(quantile(took, 0.5)),
        "p99 ms": round(quantile(took, 0.99)),
    }


def run() -> Iterator[dict[str, float | str]]:
    """The rows of each outage, with the time before and after it."""
    data = prepare(fetch(CACHE), CACHE / "prepared")
    with LocalCloud(aws_port=0, api_port=0, limits=RAISED) as cloud:
        cloud.client("s3").upload_file(str(data.interactions), cloud.outputs["BucketName"], f"{GROUP}/interactions.csv")
        ended(cloud.client("stepfunctions"), cloud.outputs["PipelineArn"], set())
        keys = Credentials(cloud.environment["AWS_ACCESS_KEY_ID"], cloud.environment["AWS_SECRET_ACCESS_KEY"])
        api = Caller(cloud.outputs["ApiUrl"], cloud.environment["AWS_DEFAULT_REGION"], keys)
        reads(api, USUAL_SECONDS)  # warm-up
        for name, faults in OUTAGES.items():
            yield row("as usual", reads(api, USUAL_SECONDS))
            inject(faults)
            yield row(name, reads(api, SECONDS))
            inject(Faults())
            reads(api, 30)  # until every environment has tried Personalize again
            yield row("half a minute later", reads(api, USUAL_SECONDS))


if __name__ == "__main__":
    report("outage", list(run()))
