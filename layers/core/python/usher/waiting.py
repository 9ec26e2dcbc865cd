"""When to look again: few looks, little overshoot."""

from collections.abc import Iterable

SHORTEST = 10
"""Seconds; looking more often than this only costs."""
SHARE = 0.1
"""Once something is overdue, wait this share of the time it has already taken."""


def seconds_until_next_look(pending: Iterable[tuple[float, float]]) -> int:
    """Seconds to wait, from (seconds waited so far, seconds it usually takes) of each thing that is pending."""
    waits = [usual - waited if waited < usual else waited * SHARE for waited, usual in pending]
    return max(SHORTEST, round(min(waits, default=SHORTEST)))
