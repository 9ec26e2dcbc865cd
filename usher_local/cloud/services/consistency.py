"""AWS's eventual consistency, by seed: S3's events arrive twice and in any order, DynamoDB's reads are old.

The gap upstream: moto (5.2.5) sends each event once, in order, and every read of `DynamoDBBackend` is consistent.
"""

import copy
import itertools
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from random import Random
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.responses import DynamoHandler

from usher_local.clock import Clock
from usher_local.cloud.core.patching import replaced

SEED = 1

# "Typically delivered in seconds but can sometimes take a minute or longer", and "at least once":
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
USUAL_SECONDS, SLOW_SECONDS = 2.0, 60.0
SLOW_SHARE = TWICE_SHARE = 0.1

# "Usually within one second or less", from one of three replicas:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html
LAG_SECONDS, OLD_SHARE = 1.0, 1 / 3
MIN_LAG_SECONDS = 0.05
"""Real time, since a function that reads its own write does not run on the clock."""


class Draws:
    """Random numbers by seed: the n-th draw for a subject is always the same, in any order of threads."""

    def __init__(self, seed: int = SEED) -> None:
        self._seed = seed
        self._counts: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)
        self._lock = threading.Lock()

    def draw(self, subject: str) -> Random:
        """The next draw for a subject."""
        with self._lock:
            number = next(self._counts[subject])
        return Random(f"{self._seed}/{subject}/{number}")


def arrivals(draw: Random) -> list[float]:
    """The seconds after which an event arrives, once or twice."""
    times = 2 if draw.random() < TWICE_SHARE else 1
    return [draw.uniform(0, SLOW_SECONDS if draw.random() < SLOW_SHARE else USUAL_SECONDS) for _ in range(times)]


class Disorder:
    """Calls functions later, on `clock`, perhaps twice; calls that are due after the block are dropped."""

    def __init__(self, draws: Draws, clock: Clock) -> None:
        self._draws, self._clock = draws, clock
        self._ended = False

    def __enter__(self) -> "Disorder":
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True

    def arrive(self, subject: str, happen: Callable[[], None]) -> None:
        """Call `happen`, soon, in other threads."""

        def once() -> None:
            if not self._ended:
                happen()

        for seconds in arrivals(self._draws.draw(subject)):
            timer = threading.Timer(self._clock.real_seconds(seconds), once)
            timer.daemon = True
            timer.start()


class Replicas:
    """The items of tables before their last writes. Thread-safe."""

    def __init__(self, draws: Draws, lag: float, now: Callable[[], float] = time.monotonic) -> None:
        self._draws, self._lag, self._now = draws, lag, now
        # table -> time of a write, key of the item, and the item before; oldest first
        self._writes: defaultdict[str, deque[tuple[float, Any, Any]]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._reading = threading.local()

    def written(self, table: Any, key: tuple[Any, Any]) -> None:
        """Store an item before a write replaces it."""
        old = copy.deepcopy(table.get_item(*key))
        with self._lock:
            self._recent(table.table_arn).append((self._now(), key, old))

    @contextmanager
    def read(self, operation: str, requests: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
        """An operation that reads; `requests` are its parameters by the name of their table."""
        self._reading.request = (operation, requests, {})
        try:
            yield
        finally:
            del self._reading.request

    def seen(self, name: str, table: Any) -> Any:
        """A table for the current request: the current one, or the one of up to `lag` seconds ago."""
        if not hasattr(self._reading, "request"):
            return table
        operation, requests, seen = self._reading.request
        if name not in seen:
            seen[name] = self._replica(table) if self._is_old(operation, name, requests.get(name, {})) else table
        return seen[name]

    def _is_old(self, operation: str, table: str, request: Mapping[str, Any]) -> bool:
        if request.get("ConsistentRead"):
            return False
        # The subject contains the key, so that reads of other keys, in other threads, have their own draws.
        subject = f"{operation}/{table}/{json.dumps(request, sort_keys=True)}"
        return self._draws.draw(subject).random() < OLD_SHARE

    def _replica(self, table: Any) -> Any:
        old = self._old(table.table_arn)
        replica = copy.copy(table)
        replica.items = defaultdict(dict, table.items)
        for (hash_key, range_key), item in old.items():
            if range_key is None:
                put(replica.items, hash_key, item)
            else:
                replica.items[hash_key] = dict(replica.items[hash_key])
                put(replica.items[hash_key], range_key, item)
        return replica

    def _old(self, table: str) -> Mapping[Any, Any]:
        with self._lock:
            return {key: old for _, key, old in reversed(self._recent(table))}  # of a key's writes, the oldest stays

    def _recent(self, table: str) -> deque[tuple[float, Any, Any]]:
        writes, oldest = self._writes[table], self._now() - self._lag
        while writes and writes[0][0] < oldest:
            writes.popleft()
        return writes


def put(items: Any, key: Any, item: Any) -> None:
    """Set an item, or remove it if it did not exist."""
    if item is None:
        items.pop(key, None)
    else:
        items[key] = item


@contextmanager
def eventual(draws: Draws, clock: Clock) -> Iterator[None]:
    """Make reads of DynamoDB without ConsistentRead old, by up to a second of `clock`."""
    replicas = Replicas(draws, max(clock.real_seconds(LAG_SECONDS), MIN_LAG_SECONDS))
    get_table = DynamoDBBackend.get_table

    def writing(write: Any) -> Any:
        @wraps(write)
        def remember(backend: Any, table_name: str, item: Any, *rest: Any, **named: Any) -> Any:
            table = get_table(backend, table_name)
            if table.hash_key_attr in item:
                replicas.written(table, backend.get_keys_value(table, item))
            return write(backend, table_name, item, *rest, **named)

        return remember

    def reading(operation: Any) -> Any:
        @wraps(operation)
        def read(response: Any) -> Any:
            requests = response.body.get("RequestItems", {response.body.get("TableName"): response.body})
            with replicas.read(operation.__name__, requests):
                return operation(response)

        return read

    with ExitStack() as stack:
        for name in ("put_item", "update_item", "delete_item"):
            stack.enter_context(replaced(DynamoDBBackend, name, writing(vars(DynamoDBBackend)[name])))
        for name in ("get_item", "batch_get_item", "query", "scan"):
            stack.enter_context(replaced(DynamoHandler, name, reading(vars(DynamoHandler)[name])))
        seen = wraps(get_table)(lambda backend, table_name: replicas.seen(table_name, get_table(backend, table_name)))
        stack.enter_context(replaced(DynamoDBBackend, "get_table", seen))
        yield
