"""Erases users from the queues: events on their way into the bucket or to Personalize, and refused events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from usher.clients import SQSClient
from usher.erasure.erased_users import ErasedUsers
from usher.events.messages import decode

BATCH_SIZE = 10
"""The most messages of a ReceiveMessage response."""
HIDDEN_SECONDS = 60
"""The seconds for which other users' messages are hidden, so that the next call returns further ones."""
MAX_HELD = 5_000
"""The most messages that are hidden at a time."""
COUNTS: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, slots=True)
class WaitingEvents:
    """The queues of events. `sqs` is a boto3 client."""

    sqs: SQSClient
    pending_url: str
    other_urls: Sequence[str]

    def erase(self, erased: ErasedUsers) -> int:
        """Delete the messages of users that no function is processing; return their number."""
        return sum(self._erase(url, erased) for url in (self.pending_url, *self.other_urls))

    def wait_for_personalize(self) -> bool:
        """Whether events wait for Personalize: sending one would make a user known again after the deletion."""
        answer = self.sqs.get_queue_attributes(QueueUrl=self.pending_url, AttributeNames=COUNTS)
        return any(int(answer["Attributes"][name]) for name in COUNTS)

    def _erase(self, url: str, erased: ErasedUsers) -> int:
        held, deleted = list[str](), 0
        while len(held) < MAX_HELD:
            received = self.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=BATCH_SIZE, VisibilityTimeout=HIDDEN_SECONDS
            ).get("Messages", [])
            if not received:
                break
            for one in received:
                message = decode(one["Body"])
                if message["group"] == erased.group and erased.has(message):
                    self.sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
                    deleted += 1
                else:
                    held.append(one["ReceiptHandle"])
        for handle in held:
            self.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        return deleted
