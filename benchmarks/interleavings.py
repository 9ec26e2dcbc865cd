"""Drops, stops, promotions, removals and edits in random orders: how many leave what was asked for last.

Run it with `python -m benchmarks.interleavings [number] [first seed]`; 1,000 from seed 0 by default. Real template,
state machine and handlers on a simulated clock; see `usher_local/simulation/interleavings.py` for what happens and for
what is held against the requests.
"""

import sys
from collections import Counter

from benchmarks.report import report
from usher_local.simulation.deployment import deployed
from usher_local.simulation.interleavings import Interleaving, faults_of
from usher_local.simulation.stack import Stack


def row(stack: Stack, seeds: range) -> dict[str, float | str]:
    """Interleavings made, those that left nothing wrong, and what happened in all of them together."""
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
    report("interleavings", [measured])  # by the day that it is, not the stack's
