"""Lambda's event source mappings of SQS: what Lambda refuses, and the batches that it hands to functions.

Gaps upstream (moto 5.2.5): each message invokes the function within the request that sends it, and alone; windows,
partial failures, concurrency and rights do not count. SQS forgets a deduplication ID with its message, loses a message
that is sent while another one is deleted, hides no message again that is 12 hours old, and hands out a FIFO group's
messages in another order once their visibility timeout is over.
https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend, lambda_backends
from moto.core.exceptions import JsonRESTError
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import DEDUPLICATION_TIME_IN_SECONDS, Message, Queue, SQSBackend, sqs_backends

from usher_local.clock import Clock
from usher_local.cloud.access import iam
from usher_local.cloud.aws_lambda.functions import Answer
from usher_local.cloud.aws_lambda.limits import ThrottledError
from usher_local.cloud.core import backends
from usher_local.cloud.core.patching import replaced

log = logging.getLogger(__name__)

TICK_SECONDS = 0.05
RIGHTS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
"""That the function's role must have."""
BATCH_SIZE = 10
MAX_BATCH_SIZE = 10_000
MAX_WINDOW_SECONDS = 300
MIN_CONCURRENCY, MAX_CONCURRENCY = 2, 1000
CONCURRENCY = 5
"""Batches at once with which Lambda begins."""
RECEIVED_AT_ONCE = 10
MAX_BYTES = 3_000_000
"""From which on a batch takes no more, as ten messages of 256 KB must still fit into the 6 MB of an event."""
REPORTING = "ReportBatchItemFailures"


@contextmanager
def checking() -> Iterator[None]:
    """Let Lambda refuse the mappings that it refuses on AWS, and SQS keep every message, once."""
    with ExitStack() as stack:
        for owner, name, repair in (
            (LambdaBackend, "create_event_source_mapping", creating),
            (LambdaBackend, "update_event_source_mapping", updating),
            (Queue, "add_message", adding),
            (Queue, "delete_message", deleting),
            (SQSBackend, "receive_message", receiving),
            (SQSBackend, "change_message_visibility", lambda _: change_visibility),
        ):
            stack.enter_context(replaced(owner, name, repair(vars(owner)[name])))
        yield


def creating(stock: Any) -> Any:
    """CreateEventSourceMapping, for queues that are the function's only once, and rights that suffice."""

    @wraps(stock)
    def create(backend: LambdaBackend, spec: dict[str, Any]) -> Any:
        queue = queue_of(spec["EventSourceArn"])
        if queue is None:
            return stock(backend, spec)
        function = backend.get_function(spec["FunctionName"])
        for other in backend._event_source_mappings.values():
            if (other.event_source_arn, other.function_arn) == (queue.queue_arn, function.function_arn):
                raise JsonRESTError(
                    "ResourceConflictException",
                    f'An event source mapping with SQS arn (" {queue.queue_arn} ") and function (" '
                    f'{function.function_name} ") already exists. Please update or delete the existing mapping with '
                    f"UUID {other.uuid}",
                )
        check(spec, function, queue)
        made = stock(backend, spec)
        queue.lambda_event_source_mappings.clear()  # else moto would invoke it, too
        return made

    return create


def updating(stock: Any) -> Any:
    """UpdateEventSourceMapping, checked with what it leaves as it is."""

    @wraps(stock)
    def update(backend: LambdaBackend, uuid: str, spec: dict[str, Any]) -> Any:
        made = backend.get_event_source_mapping(uuid)
        if made and (queue := queue_of(made.event_source_arn)):
            function = backend.get_function(spec.get("FunctionName", made.function_name))
            check({**made.get_configuration(), **spec}, function, queue)
            made.function_name = spec.get("FunctionName", made.function_name)
        return stock(backend, uuid, spec)

    return update


def check(spec: Mapping[str, Any], function: Any, queue: Queue) -> None:
    """Raise InvalidParameterValueException for a mapping that Lambda refuses.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html; the words about limits are ours.
    """
    size, window = int(spec.get("BatchSize") or BATCH_SIZE), int(spec.get("MaximumBatchingWindowInSeconds") or 0)
    most = RECEIVED_AT_ONCE if queue.fifo_queue else MAX_BATCH_SIZE
    if not 1 <= size <= most:
        raise InvalidParameterValueException(f"BatchSize must be from 1 to {most} for {queue.queue_arn}.")
    if window and queue.fifo_queue:
        raise InvalidParameterValueException("Batching window is not supported for FIFO queues.")
    if not 0 <= window <= MAX_WINDOW_SECONDS:
        raise InvalidParameterValueException(f"MaximumBatchingWindowInSeconds must be at most {MAX_WINDOW_SECONDS}.")
    if size > RECEIVED_AT_ONCE and not window:
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
    concurrency = (spec.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if concurrency is not None and not MIN_CONCURRENCY <= int(concurrency) <= MAX_CONCURRENCY:
        raise InvalidParameterValueException(f"MaximumConcurrency must be from {MIN_CONCURRENCY} to {MAX_CONCURRENCY}.")
    visibility: int = queue.visibility_timeout
    if visibility < int(function.timeout):
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {function.timeout} seconds"
        )
    for action in RIGHTS:
        try:
            check_right(function, action, queue)
        except PermissionError:
            raise InvalidParameterValueException(
                f"The provided execution role does not have permissions to call {action} on SQS"
            ) from None


def check_right(function: Any, action: str, queue: Queue) -> None:
    """Raise PermissionError unless a function's role may do something with a queue."""
    iam.check_role(function.role, "lambda.amazonaws.com", "", f"sqs:{action}", queue.queue_arn)


def queue_of(arn: str) -> Queue | None:
    """The queue of an ARN; None for what is not a queue, or not there."""
    _, _, service, region, account, name = arn.split(":", 5)
    return sqs_backends[account][region].queues.get(name) if service == "sqs" else None


def adding(stock: Any) -> Any:
    """A FIFO queue takes a deduplication ID once in five minutes, also when its message has been deleted.

    That is once in the queue, or in each group, as its DeduplicationScope says.
    """

    @wraps(stock)
    def add(queue: Queue, message: Message) -> None:
        with queue._messages_lock:
            sent: int = message.sent_timestamp or 0
            taken: dict[tuple[str, str], int] = vars(queue).setdefault("taken", {})
            if queue.fifo_queue and message.deduplication_id:
                for old in [one for one, then in taken.items() if sent - then >= DEDUPLICATION_TIME_IN_SECONDS * 1000]:
                    del taken[old]
                scope = message.group_id if vars(queue)["deduplication_scope"] == "messageGroup" else None
                if (place := (scope or "", message.deduplication_id)) in taken:
                    return
                taken[place] = sent
            queue._messages.append(message)
            queue._messages_lock.notify_all()

    return add


def deleting(stock: Any) -> Any:
    """A message is deleted while none is added."""

    @wraps(stock)
    def delete(queue: Queue, receipt_handle: str) -> None:
        with queue._messages_lock:
            stock(queue, receipt_handle)

    return delete


def receiving(stock: Any) -> Any:
    """ReceiveMessage that waits for a message without a lock, and takes it under one."""

    @wraps(stock)
    def receive(
        backend: SQSBackend,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        queue, until = backend.get_queue(queue_name), time.monotonic() + wait_seconds_timeout
        while True:
            with queue._messages_lock:
                # moto does so message by message, and lets the second one of a group pass the first one
                queue._pending_messages -= {one for one in queue._pending_messages if one.visible}
                found: list[Message] = stock(backend, queue_name, count, 0, visibility_timeout, message_attribute_names)
            if found or time.monotonic() >= until:
                return found
            time.sleep(TICK_SECONDS)

    return receive


def change_visibility(backend: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
    """ChangeMessageVisibility of a message of any age: moto counts its limit of 12 hours from when it was sent."""
    queue = backend.get_queue(queue_name)
    with queue._messages_lock:
        for message in queue._messages:
            if message.had_receipt_handle(receipt_handle):
                message.change_visibility(visibility_timeout)
                if message.visible:
                    queue._pending_messages.discard(message)
                return
    raise ReceiptHandleIsInvalid


@dataclass
class Batch:
    """Messages that have been received for a function."""

    until: float
    """Unix seconds until which it waits for more."""
    messages: list[Message] = field(default_factory=list)

    def is_full(self, size: int) -> bool:
        """Whether it goes, however long it could wait."""
        return len(self.messages) >= size or sum(len(one.body) for one in self.messages) >= MAX_BYTES


Invoke = Callable[[Any, str, str], Answer]


class Triggers:
    """Receives what is in the queues of mappings, and lets functions run with it, whenever `tick` is called.

    A message stays hidden as long as its function works on it. What fails then comes again after what is left of the
    visibility timeout, or of what the function has set it to, on `clock`.
    """

    def __init__(self, invoke: Invoke, clock: Clock, executor: Executor | None = None) -> None:
        self._invoke = invoke
        self._clock = clock
        self._executor = executor or ThreadPoolExecutor(thread_name_prefix="trigger")
        self._open: dict[str, Batch] = {}
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    def tick(self) -> int:
        """Look at every queue once; how many batches went to functions."""
        there = [one for _, _, backend in backends.every(lambda_backends) for one in mappings(backend)]
        for gone in self._open.keys() - {mapping.uuid for mapping, _ in there}:
            del self._open[gone]  # its messages are visible again when their time is over
        return sum(self._look(mapping, queue) for mapping, queue in there)

    def close(self) -> None:
        """Take no more; batches under way go on."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _look(self, mapping: Any, queue: Queue) -> int:
        gone, most = 0, concurrency_of(mapping)
        while self._running[mapping.uuid] < most and (batch := self._gathered(mapping, queue)):
            with self._lock:
                self._running[mapping.uuid] += 1
            self._executor.submit(self._run, mapping, queue, batch)
            gone += 1
        return gone

    def _gathered(self, mapping: Any, queue: Queue) -> Batch | None:
        """A batch that is full, or whose time is over."""
        batch, size = self._open.get(mapping.uuid), int(mapping.batch_size)
        while not (batch and batch.is_full(size)) and queue.messages:
            function = function_of(mapping)
            for action in ("GetQueueAttributes", "ReceiveMessage"):
                check_right(function, action, queue)
            room = min(RECEIVED_AT_ONCE, size - len(batch.messages) if batch else size)
            backend = sqs_backends[queue.account_id][queue.region]
            received = backend.receive_message(queue.name, room, 0, visibility_of(queue), ["All"])
            if not received:  # what is visible belongs to groups that are at work
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
            self._hurry(queue, failed)
        except Exception:
            log.exception("a batch of %s can't be handed to %s", queue.name, mapping.function_name)
        finally:
            with self._lock:
                self._running[mapping.uuid] -= 1

    def _hurry(self, queue: Queue, failed: set[str]) -> None:
        """Shorten the time until messages are visible again, as the clock shortens it."""
        now = time.time() * 1000
        for message in list(queue._messages):
            if message.id in failed and message.visible_at > now:
                message.visible_at = now + self._clock.real_seconds(message.visible_at - now)


def mappings(backend: LambdaBackend) -> list[tuple[Any, Queue]]:
    """The enabled mappings of queues that are there."""
    enabled = [one for one in list(backend._event_source_mappings.values()) if one.enabled]
    return [(one, queue) for one in enabled if (queue := queue_of(one.event_source_arn)) is not None]


def function_of(mapping: Any) -> Any:
    """The function of a mapping, as the version that its alias names now."""
    return lambda_backends[mapping.account_id][mapping.region].get_function(mapping.function_name)


def visibility_of(queue: Queue) -> int:
    """For how many seconds the queue hides what is received."""
    return int(queue.visibility_timeout)


def concurrency_of(mapping: Any) -> int:
    """How many batches of a mapping are under way at most."""
    return min(CONCURRENCY, int((mapping.scaling_config or {}).get("MaximumConcurrency", CONCURRENCY)))


def failures(mapping: Any, batch: Batch, answer: Answer) -> set[str]:
    """The IDs of the messages that come again: all of them where the function fails, or reports what can't be read.

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
    """A message as a function sees it."""
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
