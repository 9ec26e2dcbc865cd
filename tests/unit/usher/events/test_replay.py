"""Pending events are sent in the order of their session, or set aside with a reason; nothing is lost or overtaken."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
import time_machine
from botocore.exceptions import ClientError, ConnectTimeoutError
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from usher.events.arrivals import Arrivals
from usher.events.messages import Message, decode, encode, ordering
from usher.events.replay import MAX_AGE_SECONDS, MAX_PAUSE_SECONDS, Queues, Replay
from usher.events.sessions import Sessions

from tests.quick_aws import quick_aws
from tests.unit.usher.events.conftest import make_table
from usher_local.cloud.aws_lambda.event_source_mappings import checking
from usher_local.cloud.aws_lambda.triggers import record_of

NOW = 1_700_000_000.0


@dataclass
class Personalize:
    """boto3's client: the accepted calls, and the errors that it still has to raise."""

    taken: list[str] = field(default_factory=list)
    errors: Iterator[str] = field(default_factory=lambda: itertools.repeat(""))

    def put_events(self, **members: Any) -> None:
        code = next(self.errors)
        if code == "timeout":
            raise ConnectTimeoutError(endpoint_url="https://personalize-events")
        if code:
            raise ClientError({"Error": {"Code": code, "Message": f"{code}!"}}, "PutEvents")
        self.taken += [event["eventId"] for event in members["eventList"]]


@dataclass
class Site:
    """The queues, the table, and Lambda's part."""

    clock: Any
    personalize: Personalize
    replay: Replay
    sqs: Any

    def wait(self, session: str, *event_ids: str) -> Message:
        """Queue events of a session, as an accepted request does."""
        events: Any = [{"eventId": one, "eventType": "watch", "itemId": "i", "sentAt": NOW} for one in event_ids]
        message: Message = {
            "kind": "events",
            "group": "g",
            "trackingId": "t",
            "sessionId": session,
            "arrived": time.time(),
            "events": events,
        }
        self.replay.sessions.start_waiting(message)
        self.sqs.send_message(QueueUrl=self.replay.queues.pending_url, MessageBody=encode(message), **ordering(message))
        self.replay.arrivals.write(message, "pending")
        return message

    def run(self, *, loses_answer: bool = False) -> int:
        """Invoke the function with a batch as Lambda does. Returns the number of its messages."""
        backend = queue_backend()
        queue = next(one for one in backend.queues.values() if one.name == "pending.fifo")
        batch = backend.receive_message(queue.name, 10, 0, 180, ["All"])
        if batch:
            again, _ = self.replay.run([record_of(message, queue) for message in batch])
            come_again = {record["messageId"] for record in again}
            for message in batch:
                if message.id not in come_again and not loses_answer:
                    queue.delete_message(str(message.receipt_handle))
        return len(batch)

    def until_empty(self) -> None:
        while self.left:
            self.run()
            self.clock.shift(MAX_PAUSE_SECONDS + 1)

    @property
    def left(self) -> int:
        return len(queue_backend().queues["pending.fifo"]._messages)

    def bodies(self, name: str) -> list[tuple[Message, str]]:
        """The messages of another queue, with their reasons."""
        return [
            (decode(one.body), one.message_attributes.get("reason", {}).get("StringValue", ""))
            for one in queue_backend().queues[name]._messages
        ]

    def outcomes(self, session: str) -> dict[str, tuple[str, str]]:
        arrivals = self.replay.arrivals.newest("g", session)
        return {one["event"]["eventId"]: (one["outcome"], one.get("reason", "")) for one in arrivals}


def queue_backend() -> Any:
    from moto.sqs.models import sqs_backends

    return sqs_backends["123456789012"]["us-east-1"]


def make_site(clock: Any) -> Site:
    sqs = boto3.client("sqs", region_name="us-east-1")
    fifo: Any = {"FifoQueue": "true", "VisibilityTimeout": "180"}
    pending = sqs.create_queue(QueueName="pending.fifo", Attributes=fifo)["QueueUrl"]
    refused = sqs.create_queue(QueueName="refused.fifo", Attributes=fifo)["QueueUrl"]
    kept = sqs.create_queue(QueueName="kept")["QueueUrl"]
    table = make_table()
    personalize: Any = Personalize()
    queues = Queues(sqs, pending, refused, kept)
    return Site(clock, personalize, Replay(queues, Sessions(table), Arrivals(table), personalize), sqs)


@pytest.fixture
def site() -> Iterator[Site]:
    with time_machine.travel(NOW, tick=False) as clock, quick_aws(), checking():
        yield make_site(clock)


def test_pending_events_are_sent_in_order_and_noted(site: Site) -> None:
    site.wait("s", "a", "b")
    site.wait("s", "c")
    site.run()
    assert site.personalize.taken == ["a", "b", "c"]
    assert site.outcomes("s") == dict.fromkeys("abc", ("sent", ""))
    assert site.left == 0


def test_a_session_waits_until_its_last_message_is_through(site: Site) -> None:
    site.personalize.errors = iter(["", "ThrottlingException", ""])
    for name in "ab":
        site.wait("s", name)
    site.run()
    assert site.replay.sessions.read("g", "s").is_pending
    site.clock.shift(3)
    site.run()
    assert not site.replay.sessions.read("g", "s").is_pending


def test_a_session_waits_for_a_later_message_also_if_an_earlier_one_is_sent_twice(site: Site) -> None:
    site.wait("s", "a")
    site.run(loses_answer=True)
    site.clock.shift(181)
    site.wait("s", "b")
    site.personalize.errors = iter(["", "timeout"])
    site.run()
    assert site.replay.sessions.read("g", "s").is_pending
    assert site.personalize.taken == ["a", "a"]


@pytest.mark.parametrize("code", ["timeout", "ThrottlingException", "InternalServerException", "AccessDeniedException"])
def test_temporarily_refused_calls_are_repeated_with_growing_pauses(site: Site, code: str) -> None:
    site.personalize.errors = itertools.repeat(code)
    site.wait("s", "a")
    pauses, last = [], 0.0
    for _ in range(11):
        while not site.run():
            site.clock.shift(1)
        pauses.append(round(time.time() - last) if last else 0)
        last = time.time()
    assert pauses == [0, 3, 5, 9, 17, 33, 65, 129, 257, 301, 301], "a second more than the pause: SQS shows it after it"
    assert site.outcomes("s") == {"a": ("pending", "")}


def test_personalize_gets_one_call_per_batch_while_it_does_not_answer(site: Site) -> None:
    errors = ["timeout"] * 10
    site.personalize.errors = iter(errors)
    for number in range(10):
        site.wait(f"s{number}", f"e{number}")
    site.run()
    assert len(list(site.personalize.errors)) == 9


@pytest.mark.parametrize("code", ["InvalidInputException", "ResourceNotFoundException"])
def test_permanently_refused_events_are_set_aside_with_the_reason_and_the_others_pass(site: Site, code: str) -> None:
    site.personalize.errors = iter([code, ""])
    first = site.wait("s", "a")
    site.wait("s", "b")
    site.run()
    assert site.bodies("refused.fifo") == [(first, f"{code}!")]
    assert site.bodies("kept") == [({**first, "refused": f"{code}!"}, "")]
    assert site.personalize.taken == ["b"]
    assert site.outcomes("s") == {"a": ("refused", f"{code}!"), "b": ("sent", "")}
    assert not site.replay.sessions.read("g", "s").is_pending


@pytest.mark.slow
def test_events_that_have_waited_for_a_day_are_set_aside_with_the_reason(site: Site) -> None:
    site.personalize.errors = itertools.repeat("ThrottlingException")
    site.wait("s", "a")
    site.until_empty()
    assert MAX_AGE_SECONDS <= time.time() - NOW < MAX_AGE_SECONDS + 2 * MAX_PAUSE_SECONDS + 2
    [(_, reason)] = site.bodies("refused.fifo")
    assert reason == "Personalize has not taken it within a day: ThrottlingException"
    assert site.outcomes("s") == {"a": ("refused", reason)}


CODES = st.sampled_from(["", "", "", "timeout", "ThrottlingException", "InvalidInputException"])
SESSIONS = st.lists(st.sampled_from("xyz"), max_size=12)


@pytest.mark.slow
@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(sessions=SESSIONS, codes=st.lists(CODES, max_size=60), lost=st.sets(st.integers(0, 20), max_size=3))
def test_after_any_failure_no_event_is_lost_or_overtakes_one_of_its_session(
    sessions: list[str], codes: list[str], lost: set[int]
) -> None:
    with time_machine.travel(NOW, tick=False) as clock, quick_aws(), checking():
        site = make_site(clock)
        site.personalize.errors = itertools.chain(codes, itertools.repeat(""))
        for number, session in enumerate(sessions):
            site.wait(session, f"{session}{number:02}")
        for turn in itertools.count():
            if not site.left:
                break
            site.run(loses_answer=turn in lost)
            clock.shift(MAX_PAUSE_SECONDS + 1)
        refused = {event["eventId"] for message, _ in site.bodies("refused.fifo") for event in message["events"]}
        assert set(site.personalize.taken) | refused == {f"{one}{number:02}" for number, one in enumerate(sessions)}
        for session in set(sessions):
            # a refused call, or one whose answer was lost, may succeed at the second attempt
            own = (one for one in site.personalize.taken if one[0] == session and one not in refused)
            first = list(dict.fromkeys(own))
            assert first == sorted(first)
            assert not site.replay.sessions.read("g", session).is_pending
