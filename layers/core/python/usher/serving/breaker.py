"""A circuit breaker for each campaign, and a budget of retries. Pure.

A breaker prevents that each request waits for a failing campaign until its deadline (Nygard, "Release It!", "Circuit
Breaker"); a budget prevents that retries multiply the load of a failing service (Amazon Builders' Library, "Timeouts,
retries, and backoff with jitter"). Both use only the results of this process.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

MAX_FAILURES = 2
"""The number of consecutive failures that open a breaker."""
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 1.0, 30.0
"""The pause before the first probe of an open breaker, and the longest before a later one; each failed probe doubles
the pause.
"""
REQUESTS_PER_RETRY = 10
MAX_SAVED_RETRIES = 10
State = Literal["closed", "open", "half-open"]


@dataclass(frozen=True, slots=True)
class Failing:
    """The failures since the last success."""

    failures: int
    """The number of consecutive failures."""
    reason: str
    """The reason of the last failure."""
    retry_at: float
    """The time on the clock from which a probe is allowed."""
    opened: float
    """The time on the clock at which the breaker opened; the time of the last failure if it did not."""

    @property
    def is_open(self) -> bool:
        """Whether only probes are allowed."""
        return self.failures >= MAX_FAILURES

    @property
    def pause(self) -> float:
        """Seconds from a failure to the next probe."""
        doublings = min(self.failures - MAX_FAILURES, 30)
        return float(min(MIN_PAUSE_SECONDS * 2**doublings, MAX_PAUSE_SECONDS))


@dataclass(slots=True)
class Breakers:
    """A breaker for each name, such as a campaign's ARN. A breaker without failures takes no memory."""

    clock: Callable[[], float] = time.monotonic
    _failing: dict[str, Failing] = field(default_factory=dict)

    def allow(self, name: str) -> bool:
        """Whether a call is allowed. While the breaker is open: once after each pause, as a probe. Until its
        outcome is reported, each pause allows another one.
        """
        failing, now = self._failing.get(name), self.clock()
        if not failing or not failing.is_open:
            return True
        if now < failing.retry_at:
            return False
        self._failing[name] = replace(failing, retry_at=now + failing.pause)  # no other request probes meanwhile
        return True

    def succeeded(self, name: str) -> None:
        """Close the breaker."""
        self._failing.pop(name, None)

    def failed(self, name: str, reason: str) -> None:
        """Count a failure, which may open the breaker."""
        before, now = self._failing.get(name), self.clock()
        opened = before.opened if before and before.is_open else now
        failing = Failing(before.failures + 1 if before else 1, reason, 0.0, opened)
        self._failing[name] = replace(failing, retry_at=now + failing.pause if failing.is_open else 0.0)

    def state(self, name: str) -> State:
        """`half-open`: the next request is a probe."""
        failing = self._failing.get(name)
        if not failing or not failing.is_open:
            return "closed"
        return "open" if self.seconds_until_call(name) else "half-open"

    def reason(self, name: str) -> str:
        """The reason of the last call's failure; empty if it did not fail."""
        failing = self._failing.get(name)
        return failing.reason if failing else ""

    def open_seconds(self, name: str) -> float:
        """The seconds since the breaker opened; 0 if it is closed."""
        failing = self._failing.get(name)
        return self.clock() - failing.opened if failing and failing.is_open else 0.0

    def seconds_until_call(self, name: str) -> float:
        """Seconds until the next call is allowed."""
        failing = self._failing.get(name)
        return max(failing.retry_at - self.clock(), 0.0) if failing and failing.is_open else 0.0


@dataclass(slots=True)
class RetryBudget:
    """At most one retry for REQUESTS_PER_RETRY requests; at most MAX_SAVED_RETRIES of them at once."""

    _saved: int = 0
    """The budget, in requests."""

    def count_request(self) -> None:
        """Count a request."""
        self._saved = min(self._saved + 1, REQUESTS_PER_RETRY * MAX_SAVED_RETRIES)

    def take_retry(self) -> bool:
        """Take one retry off the budget, if it has one; return whether it had."""
        if self._saved < REQUESTS_PER_RETRY:
            return False
        self._saved -= REQUESTS_PER_RETRY
        return True
