"""The time of the next pass: few passes, little overshoot.

A pass costs state transitions, and time is lost between the end of all work and the next pass. For steps that follow
each other, the sum of both is least if the time between passes grows with the square root of a step's duration (the
rule by which checkpoints are spaced: Young, 1974). `python -m benchmarks.waiting` measures it.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

MIN_SECONDS = 10
"""The least seconds between two passes; more passes only cost money."""
EARLIEST = 0.7
"""The share of its expected time before which a step is unlikely to be done."""
STRIDE = 3.5
"""The time between two passes, in square roots of seconds: 105 s for a step of 15 minutes, 210 s for an hour."""


class Pending(NamedTuple):
    """A service's unfinished work, or a call that is repeated later."""

    waited: float
    """Seconds until now."""
    expected: float
    """The usual seconds."""


def seconds_until_next_pass(steps: Iterable[Iterable[Pending]]) -> int:
    """The seconds until the first of the next steps can probably be taken. `steps`: the work that each of them waits
    for.
    """
    return max(MIN_SECONDS, round(min(max(_seconds(*pending) for pending in step) for step in steps)))


def _seconds(waited: float, expected: float) -> float:
    """The seconds until the next pass: at the expected time, at whole strides before it, and at growing strides after
    it.
    """
    stride = STRIDE * math.sqrt(max(waited, expected))
    if waited >= expected:
        return stride
    earliest = max(waited + MIN_SECONDS, EARLIEST * expected)
    return expected - waited - stride * max(0, (expected - earliest) // stride)
