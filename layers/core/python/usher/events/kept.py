"""Accepted events in the bucket: `<group>/out/events/date=<day>/<name>.jsonl.gz`, one JSON object for each.

A file's name is derived from its content: a batch that is written again replaces itself. An event may be in several
files, as SQS delivers at least once; readers count each eventId of a session once.
"""

import gzip
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, cast

from usher.aws import digest
from usher.events.messages import Event, Message
from usher.storage.bucket import Bucket

FOLDER = "out/events"
SUFFIX = ".jsonl.gz"
ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


class KeptEvent(Event, total=False):
    """A line of a file."""

    kind: str
    userId: str  # noqa: N815 - the API's name
    """Absent in anonymous events. Compaction adds the session's user if it became known on that day."""
    sessionId: str  # noqa: N815
    arrived: float
    """The time of arrival, in Unix seconds."""
    refused: str
    """The reason why Personalize refuses it."""


def events_of(message: Message) -> Iterator[KeptEvent]:
    """The events of a message, each with the message's common members."""
    shared = {name: message[name] for name in ("kind", "userId", "sessionId", "arrived", "refused") if name in message}
    for event in message["events"]:
        yield cast(KeptEvent, {**event, **shared})


def keep_messages(bucket: Bucket, messages: Iterable[Message]) -> None:
    """Write messages to the files of their groups and days."""
    lines = defaultdict[str, set[str]](set)
    for message in messages:
        lines[folder_of(message["group"], day_of(message["arrived"]))].update(map(line_of, events_of(message)))
    for folder, some in lines.items():
        content = "".join(sorted(some)).encode()
        bucket.write(f"{folder}{digest(content.decode(), 32)}{SUFFIX}", gzip.compress(content, mtime=0))


def line_of(event: KeptEvent) -> str:
    """An event as a line."""
    return ENCODER.encode(event) + "\n"


def day_of(seconds: float) -> str:
    """The day of a moment (Unix seconds), in UTC."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def folder_of(group: str, day: str = "") -> str:
    """The folder of a group's kept events, or of those of one day."""
    return f"{group}/{FOLDER}/" + (f"date={day}/" if day else "")


def day_of_key(key: str) -> str:
    """The day of a file's key."""
    return key.split("/")[-2].removeprefix("date=")


def read_messages(bucket: Bucket, key: str) -> Iterator[KeptEvent]:
    """The events of a file, streamed."""
    return map(json.loads, read_lines(bucket, key))


def read_lines(bucket: Bucket, key: str) -> Iterator[bytes]:
    """The lines of a file, streamed."""
    with bucket.open(key) as stream, gzip.open(cast(Any, stream), "rb") as content:
        yield from io.BufferedReader(cast(Any, content))
