"""The calls of Personalize in a pass, as a group grows by a file a day, on a simulated clock.

Run it with `python -m benchmarks.passes`. The real template, state machine and handlers do a run on a base and on
increments that are all dropped at once, and then a run on one more, as on each further day. The figures are the calls
of Personalize in each invocation of Plan and Reconcile. An import takes 5 minutes, and at most 5 are in progress.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.report import Row, report
from usher_local.simulation.deployment import deployed
from usher_local.simulation.stack import Boundary, Execution, Stack

GROUP = "films"
CONFIG = {
    "solutions": {
        "for-you": {"recipe": "aws-popularity-count"},
        "similar": {"recipe": "aws-sims"},
        "trending": {"recipe": "aws-popularity-count", "campaign": False},
    },
    "exports": False,
}
INCREMENTS = (0, 30, 100, 365)
SECONDS_A_CALL = 0.1


@dataclass
class Counter:
    """The calls of Personalize in each invocation."""

    functions: list[str] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)

    def __call__(self, boundary: Boundary) -> None:
        """Count an invocation of a function, or a call of a service."""
        if boundary.when == "before" and boundary.kind == "function":
            self.functions.append(boundary.name)
            self.calls.append(0)
        elif boundary.when == "before" and boundary.name.startswith("personalize:"):
            self.calls[-1] += 1

    def most(self, function: str) -> int:
        """The maximum number of calls in an invocation of a function."""
        return max(calls for name, calls in zip(self.functions, self.calls, strict=True) if function in name)


def interactions(day: int, users: int = 50) -> str:
    """A file of 1,000 interactions."""
    rows = ((user, turn) for user in range(users) for turn in range(20))
    lines = (f"u{user},i{(user * turn + turn) % 40},{1_600_000_000 + day * 100_000 + turn}" for user, turn in rows)
    return "\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *lines]) + "\n"


def put(stack: Stack, day: int) -> str:
    """Put a day's increment into the bucket. Returns its key."""
    key = f"{GROUP}/interactions/incremental/{day:03}.csv"
    stack.put(key, interactions(day))
    return key


def drop(stack: Stack, key: str) -> tuple[Execution, Counter]:
    """A run, and its calls. RuntimeError if it fails."""
    stack.disturb = counter = Counter()
    execution = stack.drop(key)
    if execution.status != "SUCCEEDED":
        raise RuntimeError(execution.output)
    return execution, counter


def rows(stack: Stack, numbers: Sequence[int]) -> Iterator[Row]:
    """The figures of a run on all increments at once, and of one on the next increment."""
    for increments in numbers:
        stack.reset()
        stack.put(f"{GROUP}/usher.yaml", json.dumps(CONFIG))
        stack.put(f"{GROUP}/interactions.csv", interactions(0))
        for day in range(1, increments + 1):
            put(stack, day)
        for run in ("all at once", "one more"):
            key = f"{GROUP}/interactions.csv" if run == "all at once" else put(stack, increments + 1)
            execution, counter = drop(stack, key)
            yield {
                "increments": increments,
                "run": run,
                "hours": round(execution.seconds / 3600, 1),
                "passes": sum("Reconcile" in name for name in counter.functions),
                "transitions": execution.transitions,
                "calls a pass, most": counter.most("Reconcile"),
                "calls of Plan, most": counter.most("Plan"),
                "s at 100 ms a call, most": round(max(counter.calls) * SECONDS_A_CALL, 1),
            }


if __name__ == "__main__":
    with deployed() as deployed_stack:
        measured = list(rows(deployed_stack, INCREMENTS))
    report("passes", measured)  # the date is the real one, not the stack's
