"""Statuses, computed from the time and from the state of the real work."""

import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from usher_local.clock import Clock

PENDING = ("CREATE PENDING", "CREATE IN_PROGRESS")
PENDING_SHARE = 0.1
"""The share of its time for which a resource waits before its work starts."""


class Transition(NamedTuple):
    """A change of status: the two statuses on the way, the last one, and its minutes."""

    pending: str
    in_progress: str
    end: str
    minutes: float


TRANSITIONS = {
    "DELETE": Transition("DELETE PENDING", "DELETE IN_PROGRESS", "DELETED", 1),
    "GIVE UP": Transition("CREATE STOPPING", "CREATE STOPPING", "CREATE STOPPED", 1),
    "NOT BEGIN": Transition("CREATE STOPPED", "CREATE STOPPED", "CREATE STOPPED", 0),
    "STOP": Transition("STOP PENDING", "STOP IN_PROGRESS", "INACTIVE", 2),
    "START": Transition("START PENDING", "START IN_PROGRESS", "ACTIVE", 5),
}
"""A resource that is `DELETED` no longer exists, so this status is never shown."""


@dataclass(slots=True)
class Lifecycle:
    """The timeline of one resource or of one update of it.

    It starts at the real time `created` (Unix seconds). Creation ends when `minutes` have passed on `clock` and `work`,
    if there is any, has ended.
    """

    clock: Clock
    minutes: float
    created: float = field(default_factory=time.time)
    failure: str | None = None
    """The reason of the failure, or None. It may be known before the status shows it."""
    worked: float = 0.0
    """The real time at which the work ended."""
    transition: str | None = None
    """The last transition, a key of `TRANSITIONS`."""
    transition_start: float = 0.0
    work: "Future[str | None] | None" = None
    end: Callable[[], None] | None = None
    """Ends the work at once, wherever it runs."""

    def follow(self, work: "Future[str | None]") -> None:
        """Make the outcome depend on `work`, whose result is None or the reason of a failure."""
        self.work = work
        work.add_done_callback(self._note_end)

    def _note_end(self, work: "Future[str | None]") -> None:
        if not work.cancelled() and not work.exception():
            self.failure = work.result()
            self.worked = time.time()

    @property
    def working(self) -> bool:
        """Whether there is work that has neither ended nor been cancelled."""
        return self.work is not None and not self.work.cancelled() and not self.worked

    @property
    def status(self) -> str:
        """The current status."""
        if self.transition is not None:
            return self._in_transition(TRANSITIONS[self.transition])
        now = time.time()  # compared as in `updated`, whose sums are rounded
        if now < self.created + self._real(self.minutes * PENDING_SHARE):
            return "CREATE PENDING"
        if now < self.created + self._real(self.minutes) or self.working:
            return "CREATE IN_PROGRESS"
        return "CREATE FAILED" if self.failure else "ACTIVE"

    @property
    def pending(self) -> bool:
        """Whether the resource is still being created."""
        return self.status in PENDING

    @property
    def busy(self) -> bool:
        """Whether the status is going to change."""
        return self.status.endswith(("PENDING", "IN_PROGRESS", "STOPPING"))

    @property
    def leaving(self) -> bool:
        """Whether the resource is being deleted."""
        return self.transition == "DELETE"

    @property
    def updated(self) -> float:
        """The real time (Unix seconds) of the last change of status, never in the future."""
        if self.transition is None:
            begun, minutes = self.created, self.minutes
        else:
            begun, minutes = self.transition_start, TRANSITIONS[self.transition].minutes
        started, ended = begun + self._real(minutes * PENDING_SHARE), begun + self._real(minutes)
        if self.transition is None:
            ended = math.inf if self.working else max(ended, self.worked)
        now = time.time()
        return max([begun, *(change for change in (started, ended) if change <= now)])

    def begin(self, transition: str) -> None:
        """Begin a transition to another status. Work that has not started is cancelled at once."""
        given_up = transition == "GIVE UP"
        self.transition = "NOT BEGIN" if given_up and self.status == "CREATE PENDING" else transition
        self.transition_start = time.time()
        if given_up and self.work is not None:
            self.work.cancel()
        if given_up and self.end is not None:
            self.end()

    def saved(self) -> dict[str, Any]:
        """The fields for `restored`, as JSON."""
        return {name: getattr(self, name) for name in SAVED}

    @classmethod
    def restored(cls, clock: Clock, saved: Mapping[str, Any]) -> Self:
        """The timeline of the fields of `saved`, on this clock."""
        return cls(clock, **{name: saved[name] for name in SAVED})

    def _in_transition(self, transition: Transition) -> str:
        now, begun = time.time(), self.transition_start
        if now >= begun + self._real(transition.minutes):
            return transition.end
        worked_on = now >= begun + self._real(transition.minutes * PENDING_SHARE)
        return transition.in_progress if worked_on else transition.pending

    def _real(self, minutes: float) -> float:
        return self.clock.real_seconds(minutes * 60)


SAVED = ("minutes", "created", "failure", "worked", "transition", "transition_start")
