"""Accepts posted events: an accepted event is never lost, and never counted twice.

Every event is kept first and then sent to Personalize, with a short deadline. Events that Personalize can't take now
wait in a queue, and later events of the same session wait behind them.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from usher.aws import error_kind
from usher.clients import PersonalizeEventsClient, SQSClient
from usher.embedded_metrics import Metrics, put_metrics
from usher.errors import RequestError, UsherError
from usher.events.arrivals import Arrivals
from usher.events.checks import KINDS, check_request
from usher.events.counting import Counting, Reason, columns_of, warnings
from usher.events.messages import MAX_EVENTS, Event, Message, encode, ordering
from usher.events.sending import send
from usher.events.sessions import Sessions
from usher.serving.breaker import Breakers
from usher.serving.campaigns import PARSING, outage_reason
from usher.serving.serving_map import ServingMap

logger = Logger()
EventKind = Literal["events", "action-interactions"]
TRACKING: Mapping[EventKind, Literal["trackingId", "actionTrackingId"]] = {
    "events": "trackingId",
    "action-interactions": "actionTrackingId",
}
"""The member of the serving map with the tracking ID of a call, by kind of events."""


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues of messages. `sqs` is a boto3 client."""

    sqs: SQSClient
    kept_url: str
    pending_url: str

    def send_to_bucket(self, message: Message) -> None:
        """Queue a message to be written to the bucket."""
        self.sqs.send_message(QueueUrl=self.kept_url, MessageBody=encode(message))

    def send_later(self, message: Message) -> None:
        """Queue a message to be sent to Personalize after the waiting messages of its session."""
        self.sqs.send_message(QueueUrl=self.pending_url, MessageBody=encode(message), **ordering(message))


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Accepts events."""

    queues: Queues
    sessions: Sessions
    arrivals: Arrivals
    personalize_events: PersonalizeEventsClient
    """A boto3 client that does not retry, with a short deadline."""
    unknown_items: Callable[[str, set[str]], set[str]] = lambda _group, _items: set()
    """The items that are missing in a group's catalogue, of some items."""
    breakers: Breakers = field(default_factory=Breakers)
    """The circuit breakers by tracking ID."""
    clock: Callable[[], float] = time.time

    def accept(self, group: str, kind: EventKind, content: ServingMap, body: Mapping[str, Any]) -> dict[str, Any]:
        """Accept the posted events, and count them in metrics; return the answer.

        `content`: the group's serving map. Raises RequestError before anything is sent if any event is invalid, and
        afterwards if Personalize refuses all events.
        """
        try:
            answer = self._accept(group, kind, content, body)
        except RequestError as error:
            put_metrics(Metrics({"EventRequestsRefused": 1}, {"Group": group, "Code": error.code}))
            raise
        unknown = sum(len(one["events"]) for one in answer["warnings"] if one["code"] == "UnknownItem")
        values = {
            "EventsAccepted": answer["accepted"],
            "EventsQueued": answer["queued"],
            "EventsRepeated": answer["duplicates"],
            "UnknownItems": unknown,
        }
        put_metrics(Metrics(values, {"Group": group}))
        return answer

    def _accept(self, group: str, kind: EventKind, content: ServingMap, body: Mapping[str, Any]) -> dict[str, Any]:
        arrived = self.clock()
        tracking_id = content.get(TRACKING[kind])
        if not tracking_id:
            raise _not_live(kind)
        posted = check_request(body, KINDS[kind], columns_of(content, kind), arrived)
        session = self.sessions.read(group, posted.session)
        user = posted.user or session.user
        repeated = self.arrivals.known_ids(group, user, posted.session, posted.given_ids)
        fresh = _new_events(posted.events, repeated)
        message = Message(
            kind=kind, group=group, trackingId=tracking_id, sessionId=posted.session, arrived=arrived, events=fresh
        )
        if user:
            message["userId"] = user
        for part in _parts_of(message):
            self.queues.send_to_bucket(part)
        if posted.user:
            before = self.arrivals.newest(group, posted.session)
            self.sessions.remember(group, posted.session, posted.user, session, before)
        queued, refused = self._send(message, posted.given_ids, is_pending=session.is_pending)
        self.arrivals.count_repeated(repeated.values())
        lost = sum(event["eventId"] in refused for event in posted.events)
        if lost == len(posted.events):
            raise RequestError(400, "InvalidInput", f"Personalize refuses these events: {next(iter(refused.values()))}")
        return {
            "accepted": len(posted.events) - lost,
            "queued": queued,
            "duplicates": len(posted.events) - len(fresh),
            **({"refused": lost} if lost else {}),
            "warnings": warnings(self._reasons(group, kind, content, posted.events, refused)),
        }

    def _send(self, message: Message, given: Collection[str], *, is_pending: bool) -> tuple[int, dict[str, str]]:
        """Send a request's message; queue it from the first part that must wait.

        Returns the number of queued events and, by eventId, the reasons why Personalize refuses some for good.
        """
        queued, refused = 0, dict[str, str]()
        for part in _parts_of(message):
            reason = "" if queued or is_pending else self._ask(part)
            if reason is None or queued or is_pending:
                self._queue(part, given)
                queued += len(part["events"])
            else:
                if reason:
                    self.queues.send_to_bucket({**part, "refused": reason})
                self.arrivals.write(part, "refused" if reason else "sent", reason, given)
                refused |= {event["eventId"]: reason for event in part["events"] if reason}
        return queued, refused

    def _ask(self, message: Message) -> str | None:
        """Send a message; return the reason for a lasting refusal, "" if it was taken, or None if it may be taken
        later.
        """
        tracker = message["trackingId"]
        if not self.breakers.allow(tracker):
            return None
        try:
            reason = send(self.personalize_events, message)
        except (BotoCoreError, ClientError, *PARSING) as error:
            self.breakers.failed(tracker, outage_reason(error))
            logger.warning("Personalize did not take events", group=message["group"], reason=error_kind(error))
            return None
        self.breakers.succeeded(tracker)
        return reason

    def _queue(self, message: Message, given: Collection[str]) -> None:
        """Queue a message. The session is marked as waiting first, so that no later event of it overtakes
        the message.
        """
        self.sessions.start_waiting(message)
        try:
            self.queues.send_later(message)
        except (ClientError, BotoCoreError):
            self.sessions.stop_waiting(message)
            raise
        self.arrivals.write_pending(message, given)

    def _reasons(
        self, group: str, kind: EventKind, content: ServingMap, events: Sequence[Event], refused: Mapping[str, str]
    ) -> list[list[Reason]]:
        """The reasons why events do not count as their sender may expect, by event."""
        items = {event["itemId"] for event in events if "itemId" in event}
        try:
            unknown = self.unknown_items(group, items)
        except (BotoCoreError, ClientError, UsherError):  # the events are accepted already: only warnings are lost
            unknown = set()
        counting = Counting(kind, content, unknown)
        return [
            [
                *([Reason("Refused", refused[event["eventId"]])] if event["eventId"] in refused else []),
                *counting.reasons(event),
            ]
            for event in events
        ]


def _parts_of(message: Message) -> Iterator[Message]:
    """A message in parts of the size of a call."""
    for start in range(0, len(message["events"]), MAX_EVENTS):
        yield {**message, "events": message["events"][start : start + MAX_EVENTS]}


def _new_events(events: Sequence[Event], repeated: Collection[str]) -> list[Event]:
    """The new events, each once."""
    first = dict[str, Event]()
    for event in events:
        first.setdefault(event["eventId"], event)
    return [event for event_id, event in first.items() if event_id not in repeated]


def _not_live(kind: EventKind) -> RequestError:
    if kind == "events":
        return RequestError(503, "NotLive", "The group's event tracker is not live yet.")
    remedy = "Add action_interactions.csv and actions.csv, and run the pipeline"
    return RequestError(404, "NoActionInteractions", f"The group has no dataset of action interactions. {remedy}.")
