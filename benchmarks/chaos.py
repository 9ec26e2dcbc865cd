"""Every fault at every boundary of a run: the number of runs that end as if nothing had happened.

Run it with `python -m benchmarks.chaos`. One dataset, solution, campaign, filter and tracker; the real template, state
machine and handlers on a simulated clock. `usher_local/simulation/chaos.py` describes the faults and the comparison.
"""

from collections.abc import Iterator, Mapping

from benchmarks.report import report
from usher_local.simulation.chaos import FAULTS, NO_VARIABLES, SMALL_PARTS, boundaries, disturbed
from usher_local.simulation.deployment import deployed
from usher_local.simulation.stack import Stack


def rows(stack: Stack) -> Iterator[dict[str, float | str]]:
    """The numbers of injected and survived faults."""
    yield from _rows(stack, "small", NO_VARIABLES)
    yield from _rows(stack, "in parts", SMALL_PARTS)


def _rows(stack: Stack, data: str, variables: Mapping[str, str]) -> Iterator[dict[str, float | str]]:
    found, world = boundaries(stack, variables)
    for fault in FAULTS.values():
        moments = fault.moments(found)
        failed = [moment for moment in moments if disturbed(stack, fault, moment, variables) != world]
        print(*failed, sep="\n", end="\n" if failed else "")
        yield {"data": data, "fault": fault.name, "injected": len(moments), "survived": len(moments) - len(failed)}


if __name__ == "__main__":
    with deployed() as deployed_stack:
        measured = list(rows(deployed_stack))
    report("chaos", measured)  # the date is the real one, not the stack's
