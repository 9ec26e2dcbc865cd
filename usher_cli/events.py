"""Shows, counts, replays and converts kept events."""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, cast

from usher.clients import SQSClient
from usher.errors import UsherError
from usher.events.compaction import merged
from usher.events.kept import KeptEvent, folder_of, read_messages
from usher.events.messages import MAX_EVENTS, Event, Message, encode, ordering
from usher.storage.bucket import Bucket

FOLLOW_SECONDS = 5.0
OF_MESSAGE = frozenset({"kind", "userId", "sessionId", "arrived", "refused"})
"""The members of a kept event that come from its message."""
COLUMNS = ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE")


@dataclass(frozen=True, slots=True)
class Days:
    """Days in UTC, both included."""

    first: date
    last: date

    def __iter__(self) -> Iterator[str]:
        days = range((self.last - self.first).days + 1)
        return ((self.first + timedelta(number)).isoformat() for number in days)

    def __str__(self) -> str:
        return f"{self.first} to {self.last}" if self.first != self.last else str(self.first)


def today() -> date:
    """Today, in UTC."""
    return datetime.now(UTC).date()


def events_of_day(bucket: Bucket, group: str, day: str) -> Iterator[KeptEvent]:
    """The events of a day, each once, by session and time."""
    return merged(event for key in bucket.keys(folder_of(group, day)) for event in read_messages(bucket, key))


class Count(NamedTuple):
    """Events of a day and type."""

    day: str
    event_type: str
    events: int
    refused: int


def counted(bucket: Bucket, group: str, days: Iterable[str]) -> Iterator[Count]:
    """The number of events by day and type."""
    for day in days:
        events, refused = Counter[str](), Counter[str]()
        for event in events_of_day(bucket, group, day):
            events[event["eventType"]] += 1
            refused[event["eventType"]] += "refused" in event
        yield from (Count(day, name, number, refused[name]) for name, number in sorted(events.items()))


def arriving(bucket: Bucket, group: str, sleep: Callable[[float], None]) -> Iterator[KeptEvent]:
    """Today's events in the order in which their files were written, then new ones as they are kept.

    `sleep`: waits for a number of seconds.
    """
    seen, yielded = set[str](), set[tuple[str, str]]()
    while True:
        days = (today() - timedelta(1), today())
        keys = [key for day in days for key in bucket.keys(folder_of(group, day.isoformat()))]
        if not seen:
            seen.update(key for key in keys if f"date={days[0]}" in key)
        new = [event for key in keys if key not in seen for event in read_messages(bucket, key)]
        seen.update(keys)
        for event in sorted(new, key=lambda event: event["arrived"]):
            if (place := (event["sessionId"], event["eventId"])) not in yielded:
                yielded.add(place)
                yield event
        sleep(FOLLOW_SECONDS)


def messages(events: Iterable[KeptEvent], group: str, tracking_ids: Mapping[str, str], now: float) -> Iterator[Message]:
    """Events, by session and time, as messages to a group; `tracking_ids` by the kind of events."""
    for (session, kind), some in groupby(events, lambda event: (event["sessionId"], event["kind"])):
        if kind not in tracking_ids:
            raise UsherError(f"{group} takes no {kind} yet. Run its pipeline with their data first.")
        of_session = list(some)
        for start in range(0, len(of_session), MAX_EVENTS):
            part = of_session[start : start + MAX_EVENTS]
            users = [event["userId"] for event in part if "userId" in event]
            sent: Any = [{name: value for name, value in event.items() if name not in OF_MESSAGE} for event in part]
            message = Message(
                kind=cast(Any, kind),
                group=group,
                trackingId=tracking_ids[kind],
                sessionId=session,
                arrived=now,
                events=cast(list[Event], sent),
            )
            if users:
                message["userId"] = users[-1]
            yield message


def queue(sqs: SQSClient, url: str, some: Iterable[Message]) -> int:
    """Put messages into the queue from which the stack sends them in order; return the number of events."""
    sent = 0
    for message in some:
        sqs.send_message(QueueUrl=url, MessageBody=encode(message), **ordering(message))
        sent += len(message["events"])
    return sent


def write_interactions(path: Path, events: Callable[[], Iterable[KeptEvent]]) -> tuple[int, int]:
    """Write events as a file of interactions; return the number of rows, and of events without user or item.

    `events` is called twice: a CSV begins with the names of its columns.
    """
    names = dict.fromkeys(name for event in events() for name in properties_of(event))
    written = left_out = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, [*COLUMNS, *(name for name in names if name not in COLUMNS)], restval="")
        rows.writeheader()
        for event in events():
            if "userId" not in event or "itemId" not in event:
                left_out += 1
                continue
            written += 1
            row = {
                "USER_ID": event["userId"],
                "ITEM_ID": event["itemId"],
                "TIMESTAMP": int(event["sentAt"]),
                "EVENT_TYPE": event["eventType"],
                "EVENT_VALUE": event.get("eventValue", ""),
            }
            rows.writerow({**properties_of(event), **row})
    return written, left_out


def properties_of(event: KeptEvent) -> dict[str, Any]:
    """An event's properties by the names of columns: `deviceType` is DEVICE_TYPE."""
    found: dict[str, Any] = {}
    with suppress(ValueError):
        found = json.loads(event.get("properties", "{}"))
    return {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper(): value for name, value in found.items()}
