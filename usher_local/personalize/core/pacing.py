"""Latency and throttling like AWS's, off by default.

Both count real seconds, whatever the service's clock. Without them, all calls are answered at once.
"""

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from usher_local.personalize.core.resources import Backend


@dataclass(frozen=True, slots=True)
class Limit:
    """A token bucket: `rate` calls per second, and `burst` at once after a pause."""

    rate: float
    burst: float
    per: str = ""
    """The member whose values have a bucket each; without one, all calls of an account and region share a bucket."""


LIMITS = {
    "PutEvents": Limit(1000, 1000, "trackingId"),
    "PutActionInteractions": Limit(1000, 1000, "trackingId"),
    "PutItems": Limit(10, 10, "datasetArn"),
    "PutUsers": Limit(10, 10, "datasetArn"),
    "PutActions": Limit(10, 10, "datasetArn"),
    "personalize": Limit(10, 100),
}
"""The limits of operations, from the quotas page (there per dataset group), and of whole APIs. AWS publishes no figures
for the control plane: ours is an assumption."""
BURST_SECONDS = 10
"""The seconds for which a rested campaign answers twice its provisioned rate. Assumed: AWS scales it up in minutes."""
MAX_PROVISIONED = 500
"""The maximum of a campaign's requests per second, from the quotas page."""


@dataclass
class Pacing:
    """Latency and throttling of the three APIs. Tests replace `now` and `sleep`."""

    latency: float = 0.0
    """The minimum seconds of a call of the control plane."""
    serving_latency: float | None = None
    """The minimum seconds of a call of the other two APIs; by default, `latency`."""
    throttled: bool = False
    limits: Mapping[str, Limit] = field(default_factory=lambda: LIMITS)
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _buckets: dict[Hashable, tuple[float, float]] = field(default_factory=dict)
    """For each bucket, the calls that it allows at once, and the time of its last call."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def delay(self, service: str) -> None:
        """Sleep for the latency of a call. Hold no lock meanwhile, so that calls are slow in parallel."""
        own = self.latency if service == "personalize" or self.serving_latency is None else self.serving_latency
        if own:
            self.sleep(own)

    def throttles(self, backend: Backend, service: str, operation: str, params: Mapping[str, Any]) -> bool:
        """Whether a call exceeds its limit. `params` are the request's members, under the model's names."""
        if not self.throttled:
            return False
        limit = self.limits.get(operation) or self.limits.get(service) or _provisioned(backend, params)
        return limit is not None and not self._takes((backend.account_id, backend.region_name, limit), limit, params)

    def _takes(self, place: Hashable, limit: Limit, params: Mapping[str, Any]) -> bool:
        bucket = place, params.get(limit.per)
        with self._lock:
            now = self.now()
            left, before = self._buckets.get(bucket, (limit.burst, now))
            left = min(limit.burst, left + (now - before) * limit.rate)
            taken = left >= 1
            self._buckets[bucket] = left - taken, now
        return taken


def _provisioned(backend: Backend, params: Mapping[str, Any]) -> Limit | None:
    """The limit of the campaign or recommender in a request, by its provisioned rate."""
    resource = backend.resources.get(params.get("campaignArn") or params.get("recommenderArn", ""))
    if resource is None:
        return None
    config = resource.values.get("recommenderConfig", {})
    provisioned = config.get("minRecommendationRequestsPerSecond") or resource.values["minProvisionedTPS"]
    rate = min(provisioned, MAX_PROVISIONED)
    return Limit(rate, rate * BURST_SECONDS, resource.kind.arn_member)
