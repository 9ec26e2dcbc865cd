"""Drops, stops, promotions, removals and edits in random orders: the number of correct final states.

Run it with `python -m benchmarks.interleavings [number] [first seed]`; by default, 1,000 from seed 0. Real template,
state machine and handlers on a simulated clock. `usher_local/simulation/interleavings.py` describes the requests and
the checks.
"""

import sys
from collections import Counter

from benchmarks.report import report
from usher_local.simulation.deployment import deployed
from usher_local.simulation.interleavings import Interleaving, faults_of
from usher_local.simulation.stack import Stack


def row(stack: Stack, seeds: range) -> dict[str, float | str]:
    """The numbers of interleavings, of those without a fault, and of their events."""
    right, happened, executions = 0, Counter[str](), 0
    for seed in seeds:
        one = Interleaving(stack, seed)
        one.run()
        faults = faults_of(one)
        right += not faults
        executions += len(stack.executions)
        happened.update(line.split()[1] for line in one.log)
        if faults:
            print(f"seed {seed}:", *faults, sep="\n  ", flush=True)
        elif seed % 50 == 49:
            print(f"{seed + 1 - seeds.start} made, {right} right", flush=True)
    return {
        "interleavings": len(seeds),
        "right": right,
        "executions": executions,
        "files put": happened["put"],
        "stops": happened["stop"],
        "promotions": happened["promote"],
        "removals": happened["remove"],
        "inside a function": happened["inside"],
    }


if __name__ == "__main__":
    number, first = (*map(int, sys.argv[1:]), *(1000, 0)[len(sys.argv) - 1 :])
    with deployed() as deployed_stack:
        measured = row(deployed_stack, range(first, first + number))
    report("interleavings", [measured])  # the date is the real one, not the stack's
