"""The time and memory to compact a day's kept events into one file, by their size.

Run it with `python -m benchmarks.compaction`. The code is that of the function `Keep`; a local folder stands for S3.
Events are like those of web shops: sessions of some events, of guests and of users, a third with properties and a
recommendation ID. A tenth is in two files, as a queue may deliver twice. Processor time counts.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from usher.events.compaction import PARTS, compact
from usher.events.kept import keep_messages, read_messages
from usher.events.messages import Message
from usher.storage.bucket import Bucket

from benchmarks.memory import peak_megabytes
from benchmarks.report import report

DAYS = ((16, PARTS), (16, 1), (128, PARTS))
"""Packed megabytes, and the number of parts of the sessions: 16 MB in one part are a 64th of a gigabyte."""
DAY = 1_700_000_000.0
MESSAGES = 1000
"""The messages per file: the batch size of the function's queue."""
CATALOGUE = 30_000
TWICE = 0.1


class Folder:
    """An S3 client whose objects are files of a folder."""

    # ruff: noqa: D102, N803 - the methods and arguments of S3's client

    def __init__(self, root: Path) -> None:
        self.root = root
        self.size = 0
        """The bytes of PutObject requests."""

    def get_object(self, *, Key: str, **_: str) -> dict[str, Any]:
        return {"Body": self._path(Key).open("rb")}

    def put_object(self, *, Key: str, Body: bytes, **_: str) -> dict[str, str]:
        self.size += self._path(Key).write_bytes(Body)
        return {"ETag": ""}

    def create_multipart_upload(self, *, Key: str, **_: str) -> dict[str, str]:
        self._path(Key).write_bytes(b"")
        return {"UploadId": "1"}

    def upload_part(self, *, Key: str, Body: bytes, **_: Any) -> dict[str, str]:
        with self._path(Key).open("ab") as file:
            file.write(Body)
        return {"ETag": ""}

    def complete_multipart_upload(self, **_: Any) -> None:
        """Do nothing: the file is complete."""

    def delete_objects(self, *, Delete: dict[str, Any], **_: str) -> dict[str, Any]:
        for one in Delete["Objects"]:
            self._path(one["Key"]).unlink()
        return {}

    def _path(self, key: str) -> Path:
        return self.root / key.replace("/", "~")


def messages(chance: random.Random) -> Iterator[Message]:
    """The accepted requests of a day, without end."""
    while True:
        session, user = str(uuid.UUID(int=chance.getrandbits(128))), f"user-{chance.randrange(10**6)}"
        logs_in = chance.choice((0, 3, 10**9))
        for number in range(1 + int(chance.expovariate(0.1))):
            arrived = DAY + chance.random() * 80_000
            events: Any = [_event(chance, arrived) for _ in range(chance.choice((1, 1, 1, 3)))]
            message = Message(
                kind="events", group="g", trackingId="t", sessionId=session, arrived=arrived, events=events
            )
            if number >= logs_in:
                message["userId"] = user
            yield message


def _event(chance: random.Random, time: float) -> dict[str, Any]:
    more = {"properties": '{"discountPct":5,"device":"phone"}', "recommendationId": f"RID-{chance.getrandbits(64):x}"}
    return {
        "eventId": str(uuid.UUID(int=chance.getrandbits(128))),
        "eventType": chance.choice(("view", "view", "view", "cart", "purchase")),
        "itemId": f"item-{chance.randrange(CATALOGUE)}",
        "sentAt": round(time, 3),
        **(more if chance.random() < 1 / 3 else {}),
    }


def fill(folder: Path, megabytes: int) -> int:
    """Write the files of a day. Returns the number of events."""
    s3, chance, events = Folder(folder), random.Random(megabytes), 0
    bucket, made = Bucket(cast(Any, s3), ""), messages(chance)
    while s3.size < megabytes << 20:
        batch = [next(made) for _ in range(MESSAGES)]
        events += sum(len(message["events"]) for message in batch)
        again = [message for message in batch if chance.random() < TWICE]
        keep_messages(bucket, batch)
        keep_messages(bucket, again)
    return events


def keys(folder: Path) -> list[str]:
    """The keys of the objects."""
    return sorted(path.name.replace("~", "/") for path in folder.iterdir())


def measure(folder: Path, parts: int) -> dict[str, float]:
    """Compact the events in a folder."""
    bucket, before, start = Bucket(cast(Any, Folder(folder)), ""), peak_megabytes(), time.process_time()
    made = compact(bucket, keys(folder), parts)
    seconds, memory = time.process_time() - start, peak_megabytes()
    return {
        "CPU s": round(seconds, 1),
        "memory MB, before": round(before),
        "at most": round(memory),
        "one file, MB": (folder / made.replace("/", "~")).stat().st_size >> 20,
    }


def whole(folder: Path) -> dict[str, int]:
    """The number of events in the file, and of those that are out of order or duplicates."""
    bucket, [key] = Bucket(cast(Any, Folder(folder)), ""), keys(folder)
    events, disordered, before = 0, 0, ("", 0.0, "")
    for event in read_messages(bucket, key):
        here = event["sessionId"], event["sentAt"], event["eventId"]
        events, disordered = events + 1, disordered + (here[0] == before[0] and here <= before)
        before = here
    return {"events in it": events, "twice or out of order": disordered}


def row(megabytes: int, parts: int) -> dict[str, float | str]:
    """The row of a day of this size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events, files = fill(folder, megabytes), len(keys(folder))
        command = [sys.executable, "-m", "benchmarks.compaction", name, str(parts)]
        found = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)  # noqa: S603
        measured = json.loads(found.stdout)
        return {
            "packed MB": megabytes, "parts": parts, "files": files, "events": events, **measured,
            "events/CPU s": round(events / measured["CPU s"]), **whole(folder),
        }  # fmt: skip


if __name__ == "__main__":
    match sys.argv[1:]:
        case [folder, parts]:
            print(json.dumps(measure(Path(folder), int(parts))))
        case _:
            report("compaction", [row(*day) for day in DAYS])
