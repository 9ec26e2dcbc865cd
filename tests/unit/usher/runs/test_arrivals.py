"""Many files at once, events twice or in the wrong order, executions that die: the real stack, with concurrent
executions."""

import heapq
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.unit.usher.world import interactions
from usher_local.simulation.stack import Execution, Stack

FILES = 100
BURST_SECONDS = 10
CONFIG = json.dumps({"solutions": {"popular": {"recipe": "aws-popularity-count"}}})
HEADER, *ROWS = interactions().splitlines()
PARTS = {f"films/interactions/{part:03}.csv": "\n".join([HEADER, *ROWS[part::FILES]]) + "\n" for part in range(FILES)}
"""Good interactions; the first few parts are too few to train on."""
ONCE = {"DatasetImportJob": 1, "SolutionVersion": 1, "Solution": 1, "Campaign": 1}


@dataclass
class Day:
    """The events on the stack's clock, in the order of time."""

    stack: Stack
    random: random.Random
    _due: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=itertools.count)

    def after(self, seconds: float, do: Callable[[], object]) -> None:
        heapq.heappush(self._due, (time.time() + seconds, next(self._order), do))

    def drop(self, key: str, content: str, after: float = 0, events: int = 1) -> None:
        """Put an object, whose events come a little later, in any order, once or more often."""
        self.after(after, lambda: self.stack.put(key, content))
        for _ in range(events):
            self.after(after + self.random.uniform(0, 2), lambda: self.start(key))

    def start(self, key: str) -> Execution:
        execution, steps = self.stack.start({"detail": {"object": {"key": key}}})
        self.follow(execution, steps)
        return execution

    def follow(self, execution: Execution, steps: Iterator[float]) -> None:
        """Continue an execution that was not stopped; a function's answer takes up to a second more."""
        seconds = next(steps, None) if execution.status == "RUNNING" else None
        if seconds is not None:
            self.after(seconds + self.random.uniform(0, 1), lambda: self.follow(execution, steps))

    def pass_time(self, until: float = 10**6) -> None:
        """Let everything happen that is due within some seconds."""
        end = time.time() + until
        while self._due and self._due[0][0] <= end:
            at, _, do = heapq.heappop(self._due)
            self.stack.clock.shift(max(0, at - time.time()))
            do()

    def runs(self) -> list[dict[str, Any]]:
        """The records of all runs, oldest first."""
        return list(self.stack.read(r"films/out/runs/[^/]+/run\.json").values())

    def made(self) -> Counter[str]:
        """The number of resources of the kinds that cost money or of which only one is desired."""
        kinds = Counter(resource.kind.name for resource in self.stack.personalize.resources.values())
        return Counter({kind: kinds[kind] for kind in ONCE})


@pytest.fixture
def day(stack: Stack) -> Day:
    stack.reset()
    stack.put("films/usher.yaml", CONFIG)
    return Day(stack, random.Random(0))


def drop_parts(day: Day, change: Callable[[str], str] = str) -> None:
    for key, content in PARTS.items():
        day.drop(key, change(content), day.random.uniform(0, BURST_SECONDS), events=day.random.choice([1, 1, 2]))


def test_a_hundred_files_in_ten_seconds_are_one_run(day: Day) -> None:
    """It waits until they all are there; until then, they would be too few to train on."""
    drop_parts(day)
    day.pass_time()
    assert [run["outcome"] for run in day.runs()] == ["SUCCEEDED"]
    assert day.runs()[0]["data"]["interactions"]["files"] == list(PARTS)
    assert day.made() == ONCE


def test_files_that_follow_each_other_within_a_minute_are_one_run(day: Day) -> None:
    """By hand, too, with the config as the last one."""
    day.stack.reset()
    names = ["interactions.csv", "items.csv", "usher.yaml"]
    contents = [interactions(), "ITEM_ID,GENRE\ni1,a\n", CONFIG]
    for number, (name, content) in enumerate(zip(names, contents, strict=True)):
        day.drop(f"films/{name}", content, after=50 * number)
    day.pass_time(until=90)
    (waiting,) = day.runs()
    assert waiting["note"].startswith("Waits for further files")
    day.pass_time()
    assert [run["outcome"] for run in day.runs()] == ["SUCCEEDED"]
    assert day.made() == ONCE | {"DatasetImportJob": 2}


def test_a_run_begins_though_files_come_without_end(day: Day) -> None:
    day.drop("films/interactions.csv", interactions())
    for number in range(60):
        day.drop("films/items.csv", f"ITEM_ID,GENRE\ni{number},a\n", after=30 * number)
    day.pass_time(until=900)
    assert day.made()["DatasetImportJob"] > 0


def test_a_persons_request_does_not_wait_for_files(day: Day) -> None:
    day.stack.put("films/interactions.csv", interactions())
    execution, steps = day.stack.start({"group": "films"})
    next(steps)
    (run,) = day.runs()
    assert execution.status == "RUNNING"
    assert run["resources"], "it has been planned at once"


def test_a_request_during_a_drop_does_not_prolong_it(day: Day) -> None:
    day.drop("films/interactions.csv", interactions())
    for number in range(6):
        day.after(10 * number, lambda: day.follow(*day.stack.start({"group": "films"})))
    day.pass_time(until=70)
    assert day.runs()[0].get("resources")


def test_a_hundred_bad_files_in_ten_seconds_are_one_run(day: Day) -> None:
    """One that ends at once, and must not be followed by another for every few files."""
    drop_parts(day, lambda content: content.replace(",16", ",16000"))
    day.pass_time()
    assert [run["outcome"] for run in day.runs()] == ["FAILED"]
    assert not day.made().total()


def test_a_hundred_files_during_a_run_are_one_more(day: Day) -> None:
    day.drop("films/interactions/000.csv", interactions(users=70))
    day.pass_time(until=600)
    (running,) = day.runs()
    drop_parts(day)
    day.pass_time()
    assert running["outcome"] == "RUNNING"
    assert [run["outcome"] for run in day.runs()] == ["SUCCEEDED"] * 2
    assert day.made() == ONCE | {"DatasetImportJob": 2, "SolutionVersion": 2}


def test_events_that_come_again_or_too_late_change_nothing(day: Day) -> None:
    """An event of an hour ago, of a file that has changed since, and of a file that is gone."""
    old, new = "films/interactions/old.csv", "films/interactions/new.csv"
    day.drop(old, interactions(users=30))
    day.drop(new, interactions())
    day.pass_time()
    made = day.made()
    for key in (new, old, new, "films/interactions/gone.csv", "films/usher.yaml"):
        day.start(key)
        day.pass_time()
    assert day.made() == made == ONCE
    assert {run["outcome"] for run in day.runs()} == {"SUCCEEDED"}


def test_a_file_that_is_replaced_at_once_counts_as_it_is_now(day: Day) -> None:
    """The event of the newer one may come first."""
    key = "films/interactions.csv"
    day.stack.put(key, "USER_ID\n")
    day.stack.put(key, interactions())
    day.start(key)
    day.start(key)
    day.pass_time()
    assert [run["outcome"] for run in day.runs()] == ["SUCCEEDED"]


@pytest.mark.parametrize("seconds", [1, 30, 400, 2400])
def test_the_lock_of_an_execution_that_was_stopped_is_taken_over(day: Day, seconds: float) -> None:
    """While it waits for the drop, imports, trains or deploys: the next one goes on, and nothing is made twice."""
    key = "films/interactions.csv"
    day.stack.put(key, interactions())
    stopped = day.start(key)
    day.pass_time(until=seconds)
    assert stopped.status == "RUNNING"
    stopped.status = "ABORTED"
    day.start(key)
    day.pass_time()
    assert day.runs()[-1]["outcome"] == "SUCCEEDED"
    assert day.made() == ONCE


def test_groups_do_not_wait_for_each_other(day: Day) -> None:
    for group in ("films", "books"):
        day.stack.put(f"{group}/usher.yaml", CONFIG)
        day.drop(f"{group}/interactions.csv", interactions())
    day.pass_time()
    assert day.made() == dict.fromkeys(ONCE, 2)
    assert "JOINED" not in [execution.output for execution in day.stack.executions.values()]
