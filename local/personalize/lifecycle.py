"""Statuses: computed whenever somebody looks, from the time that has passed and from the real work being done."""

import time
from concurrent.futures import Future
from dataclasses import dataclass, field

from local.clock import Clock

PENDING = ("CREATE PENDING", "CREATE IN_PROGRESS")
PENDING_SHARE = 0.1
"""The part of its time that a resource stands in line before it is worked on."""
DELETE_MINUTES = 1.0
STOP_MINUTES = 1.0


@dataclass(slots=True)
class Lifecycle:
    """The timeline of one resource or of one update of it.

    It starts at the real time `created` (Unix seconds) and runs as fast as `clock`: what takes `minutes` in the cloud
    is done after that duration has passed on the clock and `work`, if there is any, has ended.
    """

    clock: Clock
    minutes: float
    created: float = field(default_factory=time.time)
    work: "Future[str | None] | None" = None
    worked: float = 0.0
    """Real time at which the work ended."""
    stopped: float | None = None
    deleted: float | None = None

    def follow(self, work: "Future[str | None]") -> None:
        """Let the outcome depend on `work`, whose result is None or the reason of a failure."""
        self.work = work
        work.add_done_callback(self._note_end)

    def _note_end(self, _: "Future[str | None]") -> None:
        self.worked = time.time()

    @property
    def status(self) -> str:
        """The status now; `DELETED` is never shown: such a resource is gone."""
        if self.deleted is not None:
            return self._leaving(self.deleted, ("DELETE PENDING", "DELETE IN_PROGRESS", "DELETED"), DELETE_MINUTES)
        if self.stopped is not None:
            return self._leaving(self.stopped, ("CREATE STOPPING", "CREATE STOPPING", "CREATE STOPPED"), STOP_MINUTES)
        passed = time.time() - self.created
        if passed < self._real(self.minutes * PENDING_SHARE):
            return "CREATE PENDING"
        if passed < self._real(self.minutes) or not (self.work is None or self.work.done()):
            return "CREATE IN_PROGRESS"
        return "CREATE FAILED" if self.failure else "ACTIVE"

    @property
    def pending(self) -> bool:
        """Whether it is still being created."""
        return self.status in PENDING

    @property
    def failure(self) -> str | None:
        """Why the work failed, as far as it has ended."""
        if self.work is None or not self.work.done() or self.work.cancelled():
            return None
        return self.work.result()

    @property
    def updated(self) -> float:
        """The told time of the last change, in Unix seconds: real creation plus simulated duration."""
        if self.pending:
            passed = self.clock.told_seconds(time.time() - self.created)
            return self.created + min(passed, self.minutes * 60)
        return self.created + max(self.minutes * 60, self.clock.told_seconds(self.worked - self.created))

    def stop(self) -> None:
        """Give up the creation: at once if nothing has begun, else after a while."""
        waiting = self.status == "CREATE PENDING"
        self.stopped = time.time() - (self._real(STOP_MINUTES) if waiting else 0)
        if self.work is not None:
            self.work.cancel()

    def _leaving(self, since: float, names: tuple[str, str, str], minutes: float) -> str:
        passed = time.time() - since
        if passed >= self._real(minutes):
            return names[2]
        return names[passed >= self._real(minutes * PENDING_SHARE)]

    def _real(self, minutes: float) -> float:
        return self.clock.real_seconds(minutes * 60)
