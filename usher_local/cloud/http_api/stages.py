"""A stage of an HTTP API: its throttling, access log and metrics."""

import math
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from moto.logs.models import logs_backends

from usher_local.cloud.cloudwatch.metrics import Dimensions, milliseconds, put

# An account's default: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
REQUESTS_PER_SECOND, BURST = 10_000.0, 5_000


@dataclass(frozen=True, slots=True)
class Stage:
    """`rate` requests a second and `burst` at once for each route; ARN and format of the access log, or ""."""

    rate: float = REQUESTS_PER_SECOND
    burst: int = BURST
    log_group: str = ""
    log_format: str = ""

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> Self:
        """The stage of an AWS::ApiGatewayV2::Stage's properties, with functions and references resolved."""
        limits = properties.get("DefaultRouteSettings", {})
        logs = properties.get("AccessLogSettings", {})
        return cls(
            float(limits.get("ThrottlingRateLimit", REQUESTS_PER_SECOND)),
            int(limits.get("ThrottlingBurstLimit", BURST)),
            logs.get("DestinationArn", ""),
            logs.get("Format", ""),
        )


class Throttle:
    """A token bucket for each route. Thread-safe.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
    """

    def __init__(self, stage: Stage, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._now = stage.rate, stage.burst, now
        self._buckets: defaultdict[str, tuple[float, float]] = defaultdict(lambda: (float(self._burst), -math.inf))
        self._lock = threading.Lock()

    def admits(self, route: str) -> bool:
        """Whether one more request may pass now; if so, it is counted."""
        with self._lock:
            tokens, counted = self._buckets[route]
            now = self._now()
            tokens = min(float(self._burst), tokens + (now - counted) * self._rate)
            admitted = tokens >= 1
            self._buckets[route] = (tokens - admitted, now)
            return admitted


def write_access_log(stage: Stage, context: Mapping[str, Any]) -> None:
    """Write a line to the stage's log group, if it has one. `context`: values of `$context` variables by name."""
    if not stage.log_group:
        return
    _, _, _, region, account, _, group = stage.log_group.removesuffix(":*").split(":", 6)
    backend, stream = logs_backends[account][region], f"{context['apiId']}/{context['stage']}"
    backend.ensure_log_group(group)
    if stream not in backend.groups[group].streams:
        backend.create_log_stream(group, stream)
    line = access_log_line(stage.log_format, context)
    backend.put_log_events(group, stream, [{"timestamp": int(time.time() * 1000), "message": line}])


def access_log_line(log_format: str, context: Mapping[str, Any]) -> str:
    """A format with its `$context` variables filled in; `-` for unknown ones, as on AWS.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
    """

    def value(match: re.Match[str]) -> str:
        found = context.get(match[1])
        return "-" if found in (None, "") else str(found)

    return re.sub(r"\$context\.([A-Za-z]+(?:\.[A-Za-z]+)*)", value, log_format)


def metered(app: Any, api: str) -> Any:
    """A WSGI application whose requests are measured as those of an HTTP API.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
    """

    def measured(environ: Any, start_response: Any) -> Any:
        began, statuses = time.monotonic(), []

        def start(status: str, *arguments: Any) -> Any:
            statuses.append(int(status.split()[0]))
            return start_response(status, *arguments)

        answer = app(environ, start)
        kind = statuses[-1] // 100
        values = {"Count": 1.0, "4xx": float(kind == 4), "5xx": float(kind == 5), "Latency": milliseconds(began)}
        put("AWS/ApiGateway", values, api_sets(api))
        return answer

    return measured


def api_sets(api: str) -> list[Dimensions]:
    """The sets of dimensions of an HTTP API with one stage and without detailed metrics."""
    return [{"ApiId": api}, {"ApiId": api, "Stage": "$default"}]
