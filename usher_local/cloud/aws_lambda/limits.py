"""Lambda's quotas by account profile: `new` are those of a new AWS account, `raised` those that AWS grants with use.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; the messages have the service's words.
"""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError

MAX_LAYERS = 5
MAX_UNZIPPED_BYTES = 262_144_000
MAX_REQUEST_BYTES = 6 * 2**20
MAX_RESPONSE_BYTES = 6 * 2**20 + 100
MAX_EVENT_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an account and region: a function's memory (MB), concurrent and unreserved executions."""

    memory: int
    concurrency: int
    unreserved: int


NEW = Limits(memory=3008, concurrency=10, unreserved=10)
RAISED = Limits(memory=10_240, concurrency=1000, unreserved=100)
ACCOUNTS: Mapping[str, Limits] = MappingProxyType({"new": NEW, "raised": RAISED})


class TooLargeError(LambdaClientError):  # type: ignore[misc]
    """413 RequestEntityTooLargeException."""

    code = 413

    def __init__(self, message: str) -> None:
        super().__init__("RequestEntityTooLargeException", message)


class ThrottledError(LambdaClientError):  # type: ignore[misc]
    """429 TooManyRequestsException."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


def check_memory(megabytes: int, limits: Limits) -> None:
    """Refuse more memory than the account allows."""
    if megabytes > limits.memory:
        constraint = f"Member must have value less than or equal to {limits.memory}"
        raise InvalidParameterValueException(f"'MemorySize' value failed to satisfy constraint: {constraint}")


def check_packages(code: int, layers: list[int]) -> None:
    """Refuse too many layers, and code (bytes) that is too large together with its layers."""
    if len(layers) > MAX_LAYERS:
        raise InvalidParameterValueException(f"Cannot reference more than {MAX_LAYERS} layers.")
    if (size := code + sum(layers)) > MAX_UNZIPPED_BYTES:
        raise InvalidParameterValueException(
            "Function code combined with layers exceeds the maximum allowed size of "
            f"{MAX_UNZIPPED_BYTES} bytes. The actual size is {size} bytes."
        )


def check_reserved(reserved: int, limits: Limits) -> None:
    """Refuse a sum of reserved concurrency that leaves too little for other functions."""
    if reserved and limits.concurrency - reserved < limits.unreserved:
        raise InvalidParameterValueException(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{limits.unreserved}]."
        )


def check_request(payload: str, asynchronous: bool) -> None:
    """Refuse a payload that is too large for its type of invocation."""
    size = len(payload.encode())
    if asynchronous and size > MAX_EVENT_BYTES:
        raise TooLargeError(
            f"{size} byte payload is too large for the Event invocation type (limit {MAX_EVENT_BYTES} bytes)"
        )
    if size > MAX_REQUEST_BYTES:
        raise TooLargeError(f"Request must be smaller than {MAX_REQUEST_BYTES} bytes for the InvokeFunction operation")


class Concurrency:
    """Counts executions: those of functions with reserved concurrency by function, all others together.

    Functions take real time even if the clock is fast, so minutes of simulated retries could pass before any execution
    ends. An execution above the limit is therefore refused only after `patience` (real seconds).
    """

    def __init__(self, patience: float = 0.0) -> None:
        self._patience = patience
        self._running: Counter[str] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def execution(self, pool: str, most: int) -> Iterator[None]:
        """Count an execution of a pool inside the block. ThrottledError if `most` are running."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._running[pool] < most, self._patience if most else 0.0):
                raise ThrottledError
            self._running[pool] += 1
        try:
            yield
        finally:
            with self._changed:
                self._running[pool] -= 1
                self._changed.notify()
