"""Sends waiting events, in the order of each session.

A message stays in the queue until Personalize takes it. A message that it refuses for good, or has not taken within a
day, goes to a queue of its own, with the reason.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from usher.aws import error_kind
from usher.clients import ChangeMessageVisibilityBatchRequestEntryTypeDef, PersonalizeEventsClient, SQSClient
from usher.events.arrivals import Arrivals, Outcome
from usher.events.messages import Message, decode, encode, ordering
from usher.events.sending import send
from usher.events.sessions import Sessions
from usher.texts import clean

MAX_AGE_SECONDS = 86_400
MAX_PAUSE_SECONDS = 300
MAX_REASON_LENGTH = 500

Record = Mapping[str, Any]
"""A message of SQS in a Lambda event."""


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues of waiting and of refused messages. `sqs` is a boto3 client."""

    sqs: SQSClient
    pending_url: str
    refused_url: str
    kept_url: str

    def pause(self, records: Sequence[Record]) -> None:
        """Hide messages until the next attempt: for 2 s at first, twice as long after each attempt."""
        if not records:
            return
        entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
            {
                "Id": str(number),
                "ReceiptHandle": record["receiptHandle"],
                "VisibilityTimeout": min(2 ** min(attempts_of(record), 9), MAX_PAUSE_SECONDS),
            }
            for number, record in enumerate(records)
        ]
        self.sqs.change_message_visibility_batch(QueueUrl=self.pending_url, Entries=entries)

    def refuse(self, message: Message, reason: str) -> None:
        """Move a message to the queue of refused ones, and add the reason to its kept events."""
        self.sqs.send_message(
            QueueUrl=self.refused_url,
            MessageBody=encode(message),
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
            **ordering(message),
        )
        self.sqs.send_message(QueueUrl=self.kept_url, MessageBody=encode({**message, "refused": reason}))


class Settled(NamedTuple):
    """The outcome of a message."""

    message: Message
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Replay:
    """Sends messages, and records their outcomes. `personalize_events` is a boto3 client with a short deadline."""

    queues: Queues
    sessions: Sessions
    arrivals: Arrivals
    personalize_events: PersonalizeEventsClient
    clock: Callable[[], float] = time.time

    def run(self, records: Sequence[Record]) -> tuple[list[Record], list[Settled]]:
        """Send a batch; return the messages that remain, and every message's outcome.

        After a message that Personalize could not take, the rest of the batch is not sent: a batch thus takes one
        deadline at most, and no message overtakes an earlier one of its session.
        """
        again: list[Record] = []
        settled: list[Settled] = []
        for record in records:
            message = decode(record["body"])
            reason, is_taken = self._attempt(message, is_outage=bool(again))
            if reason:
                self.queues.refuse(message, reason)
            elif not is_taken:
                again.append(record)
                settled.append(Settled(message, "pending"))
                continue
            outcome: Outcome = "refused" if reason else "sent"
            self.arrivals.settle(message, outcome, reason)
            self.sessions.stop_waiting(message)
            settled.append(Settled(message, outcome))
        self.queues.pause(again)
        return again, settled

    def _attempt(self, message: Message, *, is_outage: bool) -> tuple[str, bool]:
        """Send a message; return the reason for its refusal, and whether it was taken. Neither: it remains in the
        queue.
        """
        why = "it does not answer"
        if not is_outage:
            try:
                reason = send(self.personalize_events, message)
                return clean(reason, MAX_REASON_LENGTH), not reason
            except (ClientError, BotoCoreError) as error:
                why = error_kind(error)
        is_too_old = self.clock() - message["arrived"] >= MAX_AGE_SECONDS
        return f"Personalize has not taken it within a day: {why}" if is_too_old else "", False


def attempts_of(record: Record) -> int:
    """The number of times that a message has been received."""
    return int(record["attributes"]["ApproximateReceiveCount"])
