"""What AWS does not promise, by seed: events of S3 that come twice and in any order, reads of DynamoDB that are old.

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
"""Real time: the code of a function that reads what it wrote does not run on the clock."""


class Draws:
    """Random numbers by seed: those of the n-th draw for a subject are always the same, whatever threads do."""

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
    """After how many seconds an event arrives: once for each time that it does."""
    times = 2 if draw.random() < TWICE_SHARE else 1
    return [draw.uniform(0, SLOW_SECONDS if draw.random() < SLOW_SHARE else USUAL_SECONDS) for _ in range(times)]


class Disorder:
    """Lets things happen later, on `clock`, perhaps twice; what has not happened at the end of the block never does."""

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
    """What the items of tables were before their last writes. Thread-safe."""

    def __init__(self, draws: Draws, lag: float, now: Callable[[], float] = time.monotonic) -> None:
        self._draws, self._lag, self._now = draws, lag, now
        # table -> when an item was written, its key, and what it was before; oldest first
        self._writes: defaultdict[str, deque[tuple[float, Any, Any]]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._reading = threading.local()

    def written(self, table: Any, key: tuple[Any, Any]) -> None:
        """Remember an item before it is written."""
        old = copy.deepcopy(table.get_item(*key))
        with self._lock:
            self._recent(table.table_arn).append((self._now(), key, old))

    @contextmanager
    def read(self, operation: str, requests: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
        """An operation that reads; `requests` are its parameters by the name of the table that they are about."""
        self._reading.request = (operation, requests, {})
        try:
            yield
        finally:
            del self._reading.request

    def seen(self, name: str, table: Any) -> Any:
        """A table as the current request sees it: as it is, or as it was up to `lag` seconds ago."""
        if not hasattr(self._reading, "request"):
            return table
        operation, requests, seen = self._reading.request
        if name not in seen:
            seen[name] = self._replica(table) if self._is_old(operation, name, requests.get(name, {})) else table
        return seen[name]

    def _is_old(self, operation: str, table: str, request: Mapping[str, Any]) -> bool:
        if request.get("ConsistentRead"):
            return False
        # With the key that is read: reads of other keys, in other threads, draw for themselves.
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
    """Set an item, or take it away where it was not there yet."""
    if item is None:
        items.pop(key, None)
    else:
        items[key] = item


@contextmanager
def eventual(draws: Draws, clock: Clock) -> Iterator[None]:
    """Let reads of DynamoDB that do not ask for consistency be old, for up to a second of `clock`."""
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
