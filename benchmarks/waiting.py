"""The duration of a run in excess of its critical path, and the cost of the waiting, on a simulated clock.

Run it with `python -m benchmarks.waiting`. The real template, state machine and handlers do the reference run: three
datasets, three solutions with a campaign each, two filters, a tracker; an import takes 15 minutes, a training 60, a
campaign 15, whatever the pipeline expects. Then the same with other durations than expected.

The critical path is the longest chain of creations, each begun as soon as its dependencies exist.
"""

import json
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from benchmarks.report import Row, report
from usher_local.personalize.control.constraints import references
from usher_local.personalize.control.kinds import KINDS
from usher_local.personalize.core.resources import Resource
from usher_local.simulation.deployment import deployed
from usher_local.simulation.stack import Execution, Stack

GROUP = "films"
RECIPES = {"for-you": "aws-popularity-count", "similar": "aws-sims", "trending": "aws-popularity-count"}
CONFIG = {
    "solutions": {name: {"recipe": f"{recipe}"} for name, recipe in RECIPES.items()},
    "filters": {name: f'INCLUDE ItemID WHERE Items.GENRE IN ("{name}")' for name in ("drama", "comedy")},
    "exports": False,
}
MINUTES = {
    "DatasetGroup": 1.0,
    "EventTracker": 1.0,
    "Filter": 2.0,
    "DatasetImportJob": 15.0,
    "SolutionVersion": 60.0,
    "Campaign": 15.0,
}
"""The minutes of the reference run; other kinds take those of the local Personalize."""
AFTER = {
    "Solution": "Dataset",
    "Filter": "Dataset",
    "EventTracker": "Dataset",
    "SolutionVersion": "DatasetImportJob",
}
"""Dependencies of a kind that its Create request does not name."""
FACTORS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
TRIALS = 8


def put(stack: Stack, users: int) -> None:
    """Put config and data into the bucket."""
    rows = ((user, turn) for user in range(users) for turn in range(20))
    files = {
        "usher.yaml": [json.dumps(CONFIG)],
        "items.csv": ["ITEM_ID,GENRE", *(f"i{item},{('drama', 'comedy')[item % 2]}" for item in range(40))],
        "users.csv": ["USER_ID,AGE", *(f"u{user},{20 + user % 50}" for user in range(users))],
        "interactions.csv": [
            "USER_ID,ITEM_ID,TIMESTAMP",
            *(f"u{user},i{(user * turn + turn) % 40},{1_600_000_000 + user * 1000 + turn}" for user, turn in rows),
        ],
    }
    for name, lines in files.items():
        stack.put(f"{GROUP}/{name}", "\n".join(lines) + "\n")


def runs(stack: Stack, stretch: Callable[[], float]) -> Iterator[tuple[Execution, float]]:
    """A first run and one with new data, each with the seconds of its critical path."""
    stack.reset()
    stack.stretch = lambda kind: stretch() * MINUTES.get(kind, KINDS[kind].minutes) / (KINDS[kind].minutes or 1)
    for users in (50, 51):
        start = time.time()
        put(stack, users)
        execution = stack.drop(f"{GROUP}/interactions.csv")
        if execution.status != "SUCCEEDED":
            raise RuntimeError(execution.output)
        yield execution, 60 * critical_path(stack, start)


def critical_path(stack: Stack, start: float) -> float:
    """The minutes of the longest chain of creations and updates since `start`."""
    resources = stack.personalize.resources

    def end(resource: Resource) -> float:
        change = resource.update or resource
        if change.life.created < start:
            return 0
        also = [one for one in resources.values() if one.kind.name == AFTER.get(resource.kind.name)]
        needs = [resources[arn] for arn in references(change.values).values()]
        return change.life.minutes + max(map(end, [*needs, *also]), default=0)

    return max(map(end, resources.values()))


def rows(stack: Stack) -> Iterator[Row]:
    """The figures of the reference run, and of runs with shorter or longer durations."""
    for factor in FACTORS:
        yield from _rows(f"all {factor:.0%}", [list(runs(stack, lambda factor=factor: factor))])  # type: ignore[misc]
    chance = random.Random(0)
    yield from _rows("each 70 % to 130 %", [list(runs(stack, lambda: chance.uniform(0.7, 1.3))) for _ in range(TRIALS)])


def _rows(durations: str, trials: Sequence[Sequence[tuple[Execution, float]]]) -> Iterator[Row]:
    for name, ended in zip(("first", "repeat"), zip(*trials, strict=True), strict=True):
        ratios = [execution.seconds / path for execution, path in ended]
        yield {
            "durations": durations,
            "run": name,
            "critical path min": round(statistics.mean(path for _, path in ended) / 60, 1),
            "makespan / path": round(statistics.mean(ratios), 3),
            "worst": round(max(ratios), 3),
            "transitions, most": max(execution.transitions for execution, _ in ended),
            "invocations, most": max(execution.invocations for execution, _ in ended),
        }


if __name__ == "__main__":
    with deployed() as deployed_stack:
        measured = list(rows(deployed_stack))
    report("waiting", measured)  # the date is the real one, not the stack's
