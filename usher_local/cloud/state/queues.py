"""Saved messages in queues that stacks make.

A message that was received and not deleted is visible at once, as after the visibility timeout on AWS.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from moto.core import DEFAULT_ACCOUNT_ID
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends

from usher_local.cloud.access.credentials import REGION
from usher_local.cloud.core.patching import replaced
from usher_local.cloud.state.changes import Changes
from usher_local.store import Store

MEMBERS = (
    "body",
    "message_attributes",
    "sender_id",
    "sent_timestamp",
    "approximate_first_receive_timestamp",
    "approximate_receive_count",
    "deduplication_id",
    "group_id",
    "sequence_number",
    "delayed_until",
    "system_attributes",
)
"""The saved members of a message, besides its ID."""


class Subject(NamedTuple):
    """A queue."""

    name: str


class Queues:
    """The saved queues of the account.

    While `restoring`, a new queue is filled, and nothing is deleted from the store.
    """

    def __init__(self, store: Store) -> None:
        self.restoring = True
        self._store = store
        self._changes = Changes(self._keep)
        self._kept: dict[str, dict[str, int]] = {}
        """The receive count of each message at its last write, by queue and message."""

    @property
    def _queues(self) -> dict[str, Queue]:
        queues: dict[str, Queue] = sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues
        return queues

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Save every change before its request is answered."""
        with ExitStack() as stack:
            for owner, name, touched in (
                (Queue, "add_message", lambda call: Subject(call["self"].name)),
                (Queue, "delete_message", lambda call: Subject(call["self"].name)),
                (SQSBackend, "create_queue", lambda call: Subject(call["name"])),
                (SQSBackend, "delete_queue", lambda call: Subject(call["queue_name"])),
                (SQSBackend, "purge_queue", lambda call: Subject(call["queue_name"])),
                (SQSBackend, "receive_message", lambda call: Subject(call["queue_name"])),
            ):
                stack.enter_context(replaced(owner, name, self._changes.of(vars(owner)[name], touched)))
            yield

    def restore(self) -> dict[str, int]:
        """End `restoring`. Returns the number of restored messages."""
        self.restoring = False
        return {"messages in queues": sum(len(self._store.rows(kind_of(name))) for name in self._queues)}

    def _keep(self, subject: Subject) -> None:
        name, queue = subject.name, self._queues.get(subject.name)
        if queue is None:
            self._kept.pop(name, None)
            if not self.restoring:
                self._store.replace(kind_of(name), ())
        elif name not in self._kept:
            self._fill(queue)
        else:
            self._write(queue, self._kept[name])

    def _fill(self, queue: Queue) -> None:
        """Put the saved messages into a queue."""
        for key, row in self._store.rows(kind_of(queue.name)):
            message = Message(key, row["body"])
            vars(message).update(row)
            queue._messages.append(message)
        self._kept[queue.name] = {one.id: one.approximate_receive_count for one in queue._messages}

    def _write(self, queue: Queue, kept: dict[str, int]) -> None:
        """Save the messages that have changed since the last write."""
        there = {one.id: one for one in list(queue._messages)}
        for key, message in there.items():
            if kept.get(key) != message.approximate_receive_count:
                kept[key] = message.approximate_receive_count
                self._store.put(kind_of(queue.name), key, {name: getattr(message, name) for name in MEMBERS})
        if gone := kept.keys() - there.keys():
            self._store.delete(kind_of(queue.name), *gone)
            for key in gone:
                del kept[key]


def kind_of(queue: str) -> str:
    """The kind of the documents of a queue's messages."""
    return f"message/{queue}"
