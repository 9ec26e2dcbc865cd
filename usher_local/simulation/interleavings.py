"""Concurrent requests of people, schedules and S3 in a random order: the final state must match the last request.

A seed determines an interleaving: when files are dropped, replaced and put back, versions promoted, the group removed,
executions stopped, and at which boundaries inside a function these happen. `faults_of` compares the final state with
the requests alone, without Usher's code.
"""

import functools
import heapq
import itertools
import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.s3.models import s3_backends

from usher_local.cloud.access.credentials import REGION
from usher_local.simulation.stack import Boundary, Execution, Stack

GROUP = "films"
DATA, CONFIG = f"{GROUP}/interactions.csv", f"{GROUP}/usher.yaml"
HORIZON_SECONDS = 900
"""The time in which requests are made: a run with a training takes about half of it."""
QUICKER = 0.05
"""The share of their usual durations that Personalize's resources take, so that a run has fewer passes."""
OUTLIVES_SECONDS = 120.0
"""The longest time that passes while a function runs."""
INSIDE = 0.01
"""The share of boundaries at which something happens inside a function."""
POPULAR = {"recipe": "aws-popularity-count"}
CONFIGS: Mapping[str, Any] = {
    "one": {"solutions": {"popular": POPULAR}, "exports": False},
    "filtered": {
        "solutions": {"popular": POPULAR},
        "filters": {"unseen": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'},
        "exports": False,
    },
    "two": {"solutions": {"popular": POPULAR, "second": {**POPULAR, "campaign": False}}, "exports": False},
}
BEST = {"a": "best-of-a", "b": "best-of-b", "c": "best-of-c"}
"""The most popular item of each data set."""
WRONG = "wrong"
EXPECTED_PROBLEM = re.compile(r"broke off: ABORTED|has no version (previous|latest)|TIMESTAMP")
"""The expected problems of a run: a stop, a choice of a version that does not exist, or the wrong file."""


def data(name: str) -> str:
    """The interactions of a data set."""
    if name == WRONG:
        return "USER_ID,ITEM_ID\nu1,i1\n"
    rows = ((user, turn) for user in range(50) for turn in range(20))
    item = {0: BEST[name]}
    lines = (f"u{user},{item.get(turn, f'i{turn}')},{1_600_000_000 + user * 1000 + turn}" for user, turn in rows)
    more = (f"v{user},{BEST[name]},{1_600_100_000 + user}" for user in range(30))
    return "\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *lines, *more]) + "\n"


DATA_OF = {name: data(name) for name in [*BEST, WRONG]}


@dataclass
class Interleaving:
    """One interleaving on a stack, which is empty at its start."""

    stack: Stack
    seed: int
    log: list[str] = field(default_factory=list)
    """The requests and events, with their times."""
    data: str = ""
    """The name of the data in the bucket."""
    config: str = ""
    is_closed: bool = False
    """Whether the last request was a removal."""
    promoted_data: str = ""
    """The name of the data at the last choice of a version."""
    _due: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=itertools.count)
    _is_inside: bool = False
    _stopped_last: bool = False
    _at_work: list[Execution] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.stack.reset()
        self.stack.after = self.after

    def run(self) -> None:
        """Run the interleaving of the seed."""
        self._put_config("one")
        self.put("a")
        self.after(0, lambda: self._start_for(DATA))
        for _ in range(self.random.randint(2, 6)):
            request = functools.partial(self.random.choice(REQUESTS), self)
            self.after(self.random.uniform(0, HORIZON_SECONDS), request)
        self.stack.disturb, self.stack.stretch = self._disturb, lambda _: QUICKER
        self.pass_time()
        self.stack.disturb = lambda _: None
        if self._stopped_last:  # the next execution does the work that a stopped one left undone
            self._note("next run")
            self.start({"group": GROUP, "at": "2030-01-01T00:00:00Z"})
            self.pass_time()
        self.stack.disturb = lambda _: None

    def drop(self, name: str = "") -> None:
        """Drop data, the same or other, or a wrong file; S3 reports it once or twice."""
        self.put(name or self.random.choice([*BEST, *BEST, WRONG]))
        self._deliver(DATA)

    def put_back(self) -> None:
        """Replace the data with another file for a moment."""
        was = self.data
        self.drop()
        self.after(self.random.choice([1, 10, 100]), functools.partial(self.drop, was))

    def edit(self, name: str = "") -> None:
        """Drop a config, the same or another."""
        self._put_config(name or self.random.choice([*CONFIGS]))
        self._deliver(CONFIG)

    def promote(self, version: str = "") -> None:
        """Promote the previous or the latest version."""
        version = version or self.random.choice(["previous", "latest"])
        self._note(f"promote {version}")
        self.promoted_data = self.data
        self.start({"group": GROUP, "solution": "popular", "version": version, "who": "Ann", "why": "better"})

    def remove(self) -> None:
        """Remove the group."""
        self._note("remove")
        self.is_closed = True
        self.start({"group": GROUP, "task": "remove"})

    def stop(self) -> None:
        """Stop a running execution."""
        running = [one for one in self.stack.executions.values() if one.status == "RUNNING"]
        if running:
            stopped = self.random.choice(running)
            self._note(f"stop {stopped.arn[-4:]}")
            self._stopped_last = True
            self.stack.stop(stopped)

    def put(self, name: str) -> None:
        """Put data into the bucket; S3 reports it later, or never."""
        self._note(f"put {name}")
        self.data = name
        self.stack.put(DATA, DATA_OF[name])

    def _put_config(self, name: str) -> None:
        self._note(f"put config {name}")
        self.config = name
        self.stack.put(CONFIG, json.dumps(CONFIGS[name]))

    def _deliver(self, key: str) -> None:
        for _ in range(self.random.choice([1, 1, 2])):
            self.after(self.random.uniform(0, 2), lambda: self._start_for(key))

    def _start_for(self, key: str) -> None:
        self._note(f"event of {key}")
        self.is_closed = False
        self.start({"detail": {"object": {"key": key}}})

    def start(self, given: Mapping[str, Any]) -> None:
        """Start the pipeline, and continue it on time."""
        self._stopped_last = False
        execution, steps = self.stack.start(given)
        self._follow(execution, steps)

    def _follow(self, execution: Execution, steps: Iterator[float]) -> None:
        if execution.status != "RUNNING":
            return
        self._at_work.append(execution)
        seconds = next(steps, None)
        self._at_work.remove(execution)
        if seconds is not None:
            self.after(seconds + self.random.uniform(0, 1), lambda: self._follow(execution, steps))

    def _disturb(self, boundary: Boundary) -> None:
        """Now and then, inside a function: make the next request or stop the function's execution, and let time
        pass."""
        if self._is_inside or self.random.random() > INSIDE:
            return
        self._is_inside = True
        self._note(f"inside {boundary.name} {boundary.when}")
        if self._at_work and self.random.random() < 0.3:
            self._note(f"stop {self._at_work[-1].arn[-4:]}, which is at work")
            self._stopped_last = True
            self.stack.stop(self._at_work[-1])
        else:
            self.random.choice(REQUESTS)(self)
        self.pass_time(self.random.uniform(0, OUTLIVES_SECONDS))
        self._is_inside = False

    def after(self, seconds: float, do: Callable[[], object]) -> None:
        """Do something some seconds from now."""
        heapq.heappush(self._due, (time.time() + seconds, next(self._order), do))

    def pass_time(self, until: float = 10**7) -> None:
        """Do everything that is due within some seconds."""
        end = time.time() + until
        while self._due and self._due[0][0] <= end:
            at, _, do = heapq.heappop(self._due)
            self.stack.clock.shift(max(0, at - time.time()))
            do()
        if self._due:
            self.stack.clock.shift(max(0, end - time.time()))

    def _note(self, text: str) -> None:
        self.log.append(f"{time.time() - 1_700_000_000:8.0f} {text}")


REQUESTS: list[Callable[[Interleaving], None]] = [
    Interleaving.drop,
    Interleaving.drop,
    Interleaving.put_back,
    Interleaving.edit,
    Interleaving.promote,
    Interleaving.remove,
    Interleaving.stop,
    Interleaving.stop,
]


def faults_of(done: Interleaving) -> list[str]:
    """The faults in the final state of an interleaving; empty if there is none."""
    seen = (_unclosed, _unreported, _written_over, _made_twice, _failures, _end_state)
    return [fault for look in seen for fault in look(done)]


def _records(done: Interleaving) -> dict[str, Any]:
    return done.stack.read(f"{GROUP}/out/runs/.*/run.json")


def _unclosed(done: Interleaving) -> Iterator[str]:
    yield from (f"{arn[-4:]} is running" for arn, one in done.stack.executions.items() if one.status == "RUNNING")
    yield from (f"{key} is not closed" for key, one in _records(done).items() if one["outcome"] == "RUNNING")


def _unreported(done: Interleaving) -> Iterator[str]:
    """People are notified once of each run that made something, and never twice of any run."""
    messages = done.stack.notifications()
    for key, record in _records(done).items():
        times = sum(f"/{record['run']}/run.html" in message for message in messages)
        if record.get("undelivered"):
            yield f"{key} is not reported yet: {record['undelivered']}"
        elif times > 1 or times < ("stage" in record):
            yield f"{times} notifications were sent about {key}"


def _written_over(done: Interleaving) -> Iterator[str]:
    kept = s3_backends[ACCOUNT]["aws"].buckets[done.stack.bucket].keys
    for key in _records(done):
        versions = [json.loads(one.value) for one in kept.getlist(key)]
        since = itertools.dropwhile(lambda one: one["outcome"] == "RUNNING", versions)
        closed = [{**one, "undelivered": None, "reportedUntil": None} for one in since]
        if any(one != closed[0] for one in closed):
            yield f"{key} was written over after it was closed"


def _made_twice(done: Interleaving) -> Iterator[str]:
    """No parent has two consecutive children from the same input unless the first failed."""
    made: dict[str, list[Any]] = {}
    for one in done.stack.personalize.resources.values():
        if one.kind.name in {"SolutionVersion", "DatasetImportJob"}:
            made.setdefault(str(one.values.get("solutionArn") or one.values.get("datasetArn")), []).append(one)
    for siblings in made.values():
        for first, second in itertools.pairwise(siblings):
            same = first.tags.get("usher:fingerprint") == second.tags.get("usher:fingerprint")
            if same and not first.status.endswith(("FAILED", "STOPPED")):
                yield f"{second.arn} was made again"


def _failures(done: Interleaving) -> Iterator[str]:
    for key, record in _records(done).items():
        for problem in record.get("problems", ()):
            if not EXPECTED_PROBLEM.search(problem["message"]):
                yield f"{key} failed: {problem['place']} {problem['message']}"


def _end_state(done: Interleaving) -> Iterator[str]:
    served = json.loads(done.stack.items(GROUP).get("serving", {}).get("map", {}).get("S", "{}"))
    if done.is_closed:
        own = [one.arn for one in done.stack.personalize.resources.values() if one.number]
        yield from (f"the group was removed, but {one} is there" for one in [*own, *served])
    elif done.data != WRONG:
        yield from _names(CONFIGS[done.config], served)
        if live := served.get("solutions", {}).get("popular"):
            yield from _model(done, live)


def _names(config: Mapping[str, Any], served: Mapping[str, Any]) -> Iterator[str]:
    """The differences between the names that are served and those of the config."""
    for section in ("solutions", "filters"):
        wanted, found = {*config.get(section, {})}, {*served.get(section, {})}
        if wanted != found:
            yield f"{section}: {found or 'none'} are served, not {wanted}"


def _model(done: Interleaving, live: Mapping[str, str]) -> Iterator[str]:
    """The fault of the live version, unless it is the chosen one or was trained on the newest data."""
    campaign = boto3.client("personalize", REGION).describe_campaign(campaignArn=live["campaignArn"])["campaign"]
    serving = campaign["solutionVersionArn"]
    if serving != live["solutionVersionArn"]:
        yield "the serving map names another version than the live one"
    item = done.stack.items(GROUP).get("pins", {}).get("@popular", {"S": "{}"})
    pin = json.loads(item["S"])
    newest = [one.arn for one in done.stack.personalize.resources.values() if one.kind.name == "SolutionVersion"][-1]
    is_pinned = pin.get("supersedes") == newest
    if is_pinned and serving != pin["version"]:
        yield "the live version is not the chosen one"
    if done.promoted_data == done.data:
        return
    runtime = boto3.client("personalize-runtime", REGION)
    answer = runtime.get_recommendations(campaignArn=live["campaignArn"], userId="u1", numResults=1)
    best = answer["itemList"][0]["itemId"]
    if best != BEST[done.data]:
        why = ", since a version is pinned" * is_pinned
        yield f"{best} is recommended, though {done.data} is the data{why}"
