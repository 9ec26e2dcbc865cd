"""When to look again: few looks, little overshoot.

A look costs state transitions, and the time until the next one is lost if all is done just after it. For steps that
follow on each other, both sums together are least when the time between looks grows with the square root of how long a
step takes (the rule by which checkpoints are spaced: Young, 1974). `python -m benchmarks.waiting` tells what it costs.
"""

import math
from collections.abc import Iterable

SHORTEST = 10
"""Seconds; looking more often than this only costs."""
EARLIEST = 0.7
"""The share of its usual time before which nothing is expected to be done."""
STRIDE = 3.5
"""Between two looks, in square roots of seconds: 105 s for what takes 15 minutes, 210 s for an hour."""

Pending = tuple[float, float]
"""Seconds waited so far, and seconds that it usually takes."""


def seconds_until_next_look(steps: Iterable[Iterable[Pending]]) -> int:
    """Seconds to wait, from what each next step waits for: until the first of them can probably be taken."""
    return max(SHORTEST, round(min(max(_seconds(*one) for one in step) for step in steps)))


def _seconds(waited: float, usual: float) -> float:
    """Looks come at the usual time, at whole strides before it, and at strides after it, which grow."""
    stride = STRIDE * math.sqrt(max(waited, usual))
    if waited >= usual:
        return stride
    soonest = max(waited + SHORTEST, EARLIEST * usual)
    return usual - waited - stride * max(0, (usual - soonest) // stride)
