"""Faults at every boundary of a run, each of which must leave the same state as an undisturbed run."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from usher.costs.ledger import ITEM
from usher.costs.months import PREFIX

from usher_local.simulation.machine import TaskError
from usher_local.simulation.stack import Boundary, DiedError, Stack, StoppedError

GROUP = "films"
DROPPED = f"{GROUP}/interactions.csv"
USERS, EACH, ITEMS = 50, 20, 40
CONFIG = {
    "solutions": {"popular": {"recipe": "aws-popularity-count"}},
    "filters": {"unseen": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'},
}
READING = re.compile(r":(Describe|Get|List)")
RUN = re.compile(r"\d{8}T\d{9}Z-\w{4}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
RANDOM = re.compile(r'(?<=/)[0-9a-f]{8}\b|(?<="trackingId": ")[^"]+')


@dataclass(frozen=True, slots=True)
class Fault:
    """A single failure at a boundary."""

    name: str
    strike: Callable[[Stack, Boundary], str | None]
    when: str = "before"
    deadly: bool = False
    """Whether it kills the function's process."""

    def moments(self, boundaries: list[Boundary]) -> list[Boundary]:
        """The boundaries at which the fault can strike."""
        return [boundary for boundary in boundaries if boundary.when == self.when]

    def distinct(self, boundaries: list[Boundary]) -> list[Boundary]:
        """The boundaries whose outcomes can differ: a death at a reading call equals one after the change before it."""
        return [one for one in self.moments(boundaries) if not (self.deadly and READING.search(one.name))]


def _die(_: Stack, boundary: Boundary) -> str | None:
    raise DiedError(boundary)


def _throttle(_: Stack, boundary: Boundary) -> str | None:
    if boundary.kind == "function":
        raise TaskError("Lambda.TooManyRequestsException", "Rate Exceeded.")
    return "ThrottlingException"


def _duplicate(stack: Stack, _: Boundary) -> str | None:
    stack.drop(DROPPED)
    return None


def _stop(_: Stack, boundary: Boundary) -> str | None:
    raise StoppedError(boundary)


NO_VARIABLES: Mapping[str, str] = {}
SMALL_PARTS = {"PART_BYTES": "8000", "PARALLEL_BYTES": "8000"}
"""Variables of the functions with which a distributed map checks the data in parts."""

FAULTS = {
    fault.name: fault
    for fault in (
        Fault("crash before", _die, deadly=True),
        Fault("crash after", _die, "after", deadly=True),
        Fault("throttle", _throttle),
        Fault("duplicate event", _duplicate),
        Fault("restart", _stop, deadly=True),
    )
}


def boundaries(stack: Stack, variables: Mapping[str, str] = NO_VARIABLES) -> tuple[list[Boundary], str]:
    """The boundaries of an undisturbed run, and the state after it. AssertionError if it does not succeed."""
    found: list[Boundary] = []
    _prepare(stack, variables)
    stack.disturb = lambda boundary: found.append(boundary)
    ended = stack.drop(DROPPED)
    if ended.status != "SUCCEEDED":
        raise AssertionError(f"the run fails without a fault: {ended.output}")
    return found, world(stack)


def disturbed(stack: Stack, fault: Fault, at: Boundary, variables: Mapping[str, str] = NO_VARIABLES) -> str:
    """The state after a run with a fault at the boundary `at`. AssertionError if the run does not reach it."""
    struck: list[Boundary] = []

    def disturb(boundary: Boundary) -> str | None:
        if boundary != at or struck:
            return None
        struck.append(boundary)
        return fault.strike(stack, boundary)

    _prepare(stack, variables)
    stack.disturb = disturb
    if stack.drop(DROPPED).status == "ABORTED":
        stack.drop(DROPPED)
    if not struck:
        raise AssertionError(f"the run did not reach {at}")
    return world(stack)


def world(stack: Stack) -> str:
    """The state of all services as text, without times and random names, which differ between any two runs."""
    resources = [
        (resource.kind.name, resource.arn, resource.status, resource.values, resource.tags)
        for resource in stack.personalize.resources.values()
        if resource.number
    ]
    stopped = {arn for arn, execution in stack.executions.items() if execution.status == "ABORTED"}
    records = stack.read(f"{GROUP}/out/runs/.*/run.json").values()
    outcomes = {record["outcome"] for record in records if record["execution"] not in stopped}
    left = [record["run"] for record in records if record["outcome"] == "RUNNING"]
    # Requests of a broken-off run count, and count again in the run after it.
    table = {name: item for name, item in stack.items(GROUP).items() if name != ITEM and not name.startswith(PREFIX)}
    seen = {
        "resources": sorted(json.dumps(resource, sort_keys=True, default=str) for resource in resources),
        "table": table,
        "outcomes": sorted(outcomes),
        "left running": left,
        "executions": sorted({execution.status for execution in stack.executions.values()} - {"ABORTED"}),
    }
    text = json.dumps(seen, indent=1, sort_keys=True).replace('\\"', '"').replace("\\\\", "")
    return RANDOM.sub("RANDOM", TIME.sub("TIME", RUN.sub("RUN", text)))


def _prepare(stack: Stack, variables: Mapping[str, str]) -> None:
    rows = ((user, turn) for user in range(USERS) for turn in range(EACH))
    lines = (f"u{user},i{(user * turn + turn) % ITEMS},{1_600_000_000 + user * 1000 + turn}" for user, turn in rows)
    stack.reset()
    stack.set_variables(**variables)
    stack.put(f"{GROUP}/usher.yaml", json.dumps(CONFIG))
    stack.put(DROPPED, "\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *lines]) + "\n")
