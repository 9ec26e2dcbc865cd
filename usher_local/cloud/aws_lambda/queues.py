"""Repairs of SQS, so that a queue keeps every message exactly once.

Gaps upstream (moto 5.2.5): it forgets a deduplication ID with its message, loses a message that is sent while another
one is deleted, does not hide a message again that is 12 hours old, and returns a FIFO group's messages in another order
after their visibility timeout.
"""

import time
from functools import wraps
from typing import Any

from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import DEDUPLICATION_TIME_IN_SECONDS, Message, Queue, SQSBackend

POLL_SECONDS = 0.05
"""The seconds between two checks of a request that waits for a message."""


def adding(stock: Any) -> Any:
    """Adding to a FIFO queue: a deduplication ID counts once in five minutes, even if its message was deleted.

    It counts once in the queue, or in each group, by its DeduplicationScope.
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
    """Deletion of a message, with a lock against concurrent additions."""

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
            time.sleep(POLL_SECONDS)

    return receive


def change_visibility(backend: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
    """ChangeMessageVisibility of a message of any age: moto counts its limit of 12 hours from the sending."""
    queue = backend.get_queue(queue_name)
    with queue._messages_lock:
        for message in queue._messages:
            if message.had_receipt_handle(receipt_handle):
                message.change_visibility(visibility_timeout)
                if message.visible:
                    queue._pending_messages.discard(message)
                return
    raise ReceiptHandleIsInvalid


REPAIRS = (
    (Queue, "add_message", adding),
    (Queue, "delete_message", deleting),
    (SQSBackend, "receive_message", receiving),
    (SQSBackend, "change_message_visibility", lambda _: change_visibility),
)
"""The methods of moto that are replaced: the class, the name, and a function from the old method to the new one."""
