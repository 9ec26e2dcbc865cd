"""Lambda's event source mappings of SQS, which invoke functions with batches of messages.

Gaps upstream (moto 5.2.5): each message invokes the function alone, within the request that sends it; windows, partial
failures and concurrency do not count. https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from moto.awslambda.models import LambdaBackend, lambda_backends
from moto.sqs.models import Message, Queue, sqs_backends

from usher_local.clock import Clock
from usher_local.cloud.aws_lambda.event_source_mappings import RECEIVED_AT_ONCE, check_right, queue_of
from usher_local.cloud.aws_lambda.functions import Answer
from usher_local.cloud.aws_lambda.limits import ThrottledError
from usher_local.cloud.core import backends

log = logging.getLogger(__name__)

TICK_SECONDS = 0.05
CONCURRENCY = 5
"""The number of concurrent batches that Lambda begins with."""
MAX_BYTES = 3_000_000
"""The size at which a batch is full: ten more messages of 256 KB must still fit into the 6 MB of an event."""
REPORTING = "ReportBatchItemFailures"


@dataclass
class Batch:
    """Messages that were received for a function."""

    until: float
    """The time, in Unix seconds, until which the batch waits for more."""
    messages: list[Message] = field(default_factory=list)

    def is_full(self, size: int) -> bool:
        """Whether the batch is sent before its time is over."""
        return len(self.messages) >= size or sum(len(one.body) for one in self.messages) >= MAX_BYTES


Invoke = Callable[[Any, str, str], Answer]


class Triggers:
    """Receives messages from the queues of mappings, and invokes their functions, on each `tick`.

    A message stays hidden while its function works on it. A failed message is visible again after the rest of its
    visibility timeout (or the time that the function set), on `clock`.
    """

    def __init__(self, invoke: Invoke, clock: Clock, executor: Executor | None = None) -> None:
        self._invoke = invoke
        self._clock = clock
        self._executor = executor or ThreadPoolExecutor(thread_name_prefix="trigger")
        self._open: dict[str, Batch] = {}
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    def tick(self) -> int:
        """Check every queue once. Returns the number of batches that went to functions."""
        there = [one for _, _, backend in backends.every(lambda_backends) for one in mappings(backend)]
        for gone in self._open.keys() - {mapping.uuid for mapping, _ in there}:
            del self._open[gone]  # its messages become visible again after their timeout
        return sum(self._start_batches(mapping, queue) for mapping, queue in there)

    def close(self) -> None:
        """Start no more batches; running ones continue."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _start_batches(self, mapping: Any, queue: Queue) -> int:
        gone, most = 0, concurrency_of(mapping)
        while self._running[mapping.uuid] < most and (batch := self._ready_batch(mapping, queue)):
            with self._lock:
                self._running[mapping.uuid] += 1
            self._executor.submit(self._run, mapping, queue, batch)
            gone += 1
        return gone

    def _ready_batch(self, mapping: Any, queue: Queue) -> Batch | None:
        """A batch that is full, or whose time is over; None without one."""
        batch, size = self._open.get(mapping.uuid), int(mapping.batch_size)
        while not (batch and batch.is_full(size)) and queue.messages:
            function = function_of(mapping)
            for action in ("GetQueueAttributes", "ReceiveMessage"):
                check_right(function, action, queue)
            room = min(RECEIVED_AT_ONCE, size - len(batch.messages) if batch else size)
            backend = sqs_backends[queue.account_id][queue.region]
            received = backend.receive_message(queue.name, room, 0, int(queue.visibility_timeout), ["All"])
            if not received:  # visible messages belong to groups in progress
                break
            window = self._clock.real_seconds(float(mapping.max_batch_window or 0))
            batch = self._open.setdefault(mapping.uuid, batch or Batch(time.time() + window))
            batch.messages.extend(received)
        if batch and (batch.is_full(size) or time.time() >= batch.until):
            return self._open.pop(mapping.uuid)
        return None

    def _run(self, mapping: Any, queue: Queue, batch: Batch) -> None:
        try:
            function = function_of(mapping)
            event = json.dumps({"Records": [record_of(message, queue) for message in batch.messages]})
            try:
                failed = failures(mapping, batch, self._invoke(function, event, mapping.function_name))
            except ThrottledError:
                failed = {message.id for message in batch.messages}
            check_right(function, "DeleteMessage", queue)
            for message in batch.messages:
                if message.id not in failed:
                    queue.delete_message(str(message.receipt_handle))
            self._shorten_timeouts(queue, failed)
        except Exception:
            log.exception("a batch of %s can't be handed to %s", queue.name, mapping.function_name)
        finally:
            with self._lock:
                self._running[mapping.uuid] -= 1

    def _shorten_timeouts(self, queue: Queue, failed: set[str]) -> None:
        """Shorten the time until messages are visible again by the clock's speed."""
        now = time.time() * 1000
        for message in list(queue._messages):
            if message.id in failed and message.visible_at > now:
                message.visible_at = now + self._clock.real_seconds(message.visible_at - now)


def mappings(backend: LambdaBackend) -> list[tuple[Any, Queue]]:
    """The enabled mappings of existing queues."""
    enabled = [one for one in list(backend._event_source_mappings.values()) if one.enabled]
    return [(one, queue) for one in enabled if (queue := queue_of(one.event_source_arn)) is not None]


def function_of(mapping: Any) -> Any:
    """The function of a mapping, in the version that its alias names now."""
    return lambda_backends[mapping.account_id][mapping.region].get_function(mapping.function_name)


def concurrency_of(mapping: Any) -> int:
    """The maximum number of a mapping's concurrent batches."""
    return min(CONCURRENCY, int((mapping.scaling_config or {}).get("MaximumConcurrency", CONCURRENCY)))


def failures(mapping: Any, batch: Batch, answer: Answer) -> set[str]:
    """The IDs of the failed messages: all of them if the function fails, or if its report can't be read.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    everything = {message.id for message in batch.messages}
    if answer.errored:
        return everything
    if REPORTING not in (mapping.function_response_types or []):
        return set()
    try:
        reported = (json.loads(answer.body) or {}).get("batchItemFailures") or []
        found = {one["itemIdentifier"] for one in reported}
    except (ValueError, AttributeError, TypeError, KeyError):
        return everything
    return found if found <= everything else everything


def record_of(message: Message, queue: Queue) -> dict[str, Any]:
    """A message in the form of a function's event."""
    in_order = {
        "SequenceNumber": message.sequence_number,
        "MessageGroupId": message.group_id,
        "MessageDeduplicationId": message.deduplication_id,
    }
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(message.sent_timestamp),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
            **(in_order if queue.fifo_queue else {}),
        },
        "messageAttributes": {
            name: {
                **{f"{kind}Value": value[f"{kind.capitalize()}Value"] for kind in ("string", "binary")
                   if value.get(f"{kind.capitalize()}Value") is not None},
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message.message_attributes.items()
        },
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.queue_arn,
        "awsRegion": queue.region,
    }  # fmt: skip
