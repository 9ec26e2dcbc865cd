"""A minute without Personalize at 10 posted events a second: the fate of each event, and their order.

Run it with `python -m benchmarks.event_outage`. The stack runs on the local cloud at ten times the speed of real time,
so that a pause of up to five minutes between two attempts takes up to half a minute. Each of 20 sessions posts its
events one after the other.
"""

import gzip
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from botocore.credentials import Credentials
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends

from benchmarks.pipeline import ended
from benchmarks.report import report
from usher_local.clock import Clock
from usher_local.cloud.access.credentials import REGION
from usher_local.cloud.aws_lambda.limits import RAISED
from usher_local.cloud.server import LocalCloud
from usher_local.demo.caller import Caller, CallError
from usher_local.demo.synthetic import interactions
from usher_local.personalize import Faults, inject
from usher_local.personalize.data.datasets import GroupData

GROUP = "films"
SESSIONS, PER_SECOND, SECONDS, USUAL_SECONDS = 20, 10, 60, 10
PATIENCE_SECONDS = 300
SPEED = 10.0
"""The clock's speed, after the group is live."""


@dataclass
class Tracker:
    """The events that a group's event tracker accepted: (session, eventId), in order."""

    taken: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def watched() -> Iterator[Tracker]:
    """Record the events that Personalize accepts inside the block."""
    tracker, stream = Tracker(), GroupData.stream

    def streamed(data: GroupData, dataset_type: str, rows: Any) -> None:
        stream(data, dataset_type, rows)
        tracker.taken += [(event.session, event.id) for event in rows if dataset_type == "INTERACTIONS"]

    with patch.object(GroupData, "stream", streamed):
        yield tracker


@dataclass
class Posted:
    """The answers of the API."""

    accepted: set[tuple[str, str]] = field(default_factory=set)
    """The session and eventId of each accepted event."""
    failed: Counter[str] = field(default_factory=Counter)
    """The number of other answers by their text: a client would send these events again, as they may be accepted."""
    queued: int = 0


def post(api: Caller, group: str, session: str, numbers: range, due: Callable[[int], float], found: Posted) -> None:
    """Post the events of a session, one after the other, at their times."""
    for number in numbers:
        time.sleep(max(due(number) - time.monotonic(), 0))
        event = {"eventId": f"{session}-{number:05}", "eventType": "watch", "itemId": "i1"}
        try:
            answer = api.post(f"/{group}/events", {"userId": session, "sessionId": session, "events": [event]})
        except (CallError, OSError) as error:
            found.failed[f"{error}"] += 1
        else:
            found.accepted.add((session, event["eventId"]))
            found.queued += answer["queued"]


def load(api: Caller, group: str, first: int, seconds: float, sessions: int, per_second: float, found: Posted) -> float:
    """Post events of all sessions for some seconds, numbered from `first`. Returns the seconds that it took."""
    start, each = time.monotonic() + 0.1, int(seconds * per_second / sessions)
    with ThreadPoolExecutor(sessions) as pool:
        numbers = range(first, first + each)
        for one in range(sessions):
            pool.submit(
                post, api, group, f"s{one}", numbers, lambda n: start + (n - first) * sessions / per_second, found
            )
    return time.monotonic() - start


def pending_messages() -> int:
    """The number of messages in the queue of pending events."""
    queues = sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues
    return sum(len(queue._messages) for name, queue in queues.items() if "Pending" in name)


def until(true: Callable[[], bool], patience: float = PATIENCE_SECONDS) -> float:
    """Wait for a condition. Returns the seconds that it took. TimeoutError if it does not become true."""
    start = time.monotonic()
    while not true():
        if time.monotonic() - start > patience:
            raise TimeoutError
        time.sleep(0.1)
    return time.monotonic() - start


def stored_events(cloud: LocalCloud, group: str) -> set[tuple[str, str]]:
    """The events of a group in the bucket."""
    s3, bucket = cloud.client("s3"), cloud.outputs["BucketName"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{group}/out/events/")
    keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
    lines = [
        line
        for key in keys
        for line in gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).splitlines()
    ]
    return {(event["sessionId"], event["eventId"]) for event in map(json.loads, lines)}


def in_order(taken: list[tuple[str, str]]) -> bool:
    """Whether the first arrivals of each session's events are in the order of posting."""
    sessions: dict[str, list[str]] = {}
    for session, event_id in dict.fromkeys(taken):
        sessions.setdefault(session, []).append(event_id)
    return all(ids == sorted(ids) for ids in sessions.values())


def outage(
    cloud: LocalCloud, api: Caller, group: str, seconds: float, usual: float, sessions: int, per_second: float
) -> dict[str, float | str]:
    """Post events before, during and after an outage. Returns the row of the outage."""
    each = int(max(seconds, usual) * per_second / sessions) + 1
    with watched() as tracker:
        found = Posted()
        load(api, group, 0, usual, sessions, per_second, found)
        inject(Faults(down=True))
        down = load(api, group, each, seconds, sessions, per_second, found)
        inject(Faults())
        load(api, group, 2 * each, usual, sessions, per_second, found)
        recovery = until(lambda: pending_messages() == 0)
        until(lambda: stored_events(cloud, group) >= found.accepted)
    return {
        "s down": round(down, 1),
        "accepted": len(found.accepted),
        "queued": found.queued,
        "without an answer": found.failed.total(),
        "which said": ", ".join(f"{times} times {said}" for said, times in found.failed.items()),
        "lost": len(found.accepted - set(tracker.taken)),
        "not in the bucket": len(found.accepted - stored_events(cloud, group)),
        "sent twice": len(tracker.taken) - len(set(tracker.taken)),
        "order kept": "yes" if in_order(tracker.taken) else "no",
        "s until all were through": round(recovery, 1),
    }


def run() -> dict[str, float | str]:
    """Run the stack with an outage of a minute. Returns the row."""
    clock = Clock()
    with LocalCloud(aws_port=0, api_port=0, clock=clock, limits=RAISED) as cloud:
        content = interactions().encode()
        cloud.client("s3").put_object(Bucket=cloud.outputs["BucketName"], Key=f"{GROUP}/interactions.csv", Body=content)
        cloud.client("s3").put_object(
            Bucket=cloud.outputs["BucketName"], Key=f"{GROUP}/usher.yaml",
            Body=b"solutions: {popular: {recipe: aws-popularity-count}}\n",
        )  # fmt: skip
        ended(cloud.client("stepfunctions"), cloud.outputs["PipelineArn"], set())
        object.__setattr__(clock, "speed", SPEED)  # at this speed, the training would take minutes
        keys = Credentials(cloud.environment["AWS_ACCESS_KEY_ID"], cloud.environment["AWS_SECRET_ACCESS_KEY"])
        api = Caller(cloud.outputs["ApiUrl"], cloud.environment["AWS_DEFAULT_REGION"], keys)
        return outage(cloud, api, GROUP, SECONDS, USUAL_SECONDS, SESSIONS, PER_SECOND)


if __name__ == "__main__":
    report("event_outage", [run()])
