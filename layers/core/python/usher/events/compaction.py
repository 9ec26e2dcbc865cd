"""Makes one file of each day's kept events: every event once, with the user of its session.

It may be interrupted anywhere without a loss. The new file is written before the old ones are deleted; if both exist,
the next compaction reads both, and drops the repeated events.
"""

import gzip
import io
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from usher.aws import digest
from usher.events.kept import SUFFIX, KeptEvent, day_of_key, folder_of, line_of, read_lines
from usher.storage.bucket import Bucket
from usher.storage.multipart import Upload

PARTS = 64
"""The number of parts into which a day's sessions are divided: one part at a time is in memory."""
LEVEL = 6
"""The compression level of gzip: the highest one takes longer than all other work, for hardly smaller files."""
BUFFER_BYTES = 1 << 16
MAX_BYTES = 1 << 30
"""The most compressed bytes of a day that one function can compact; the files of a larger day stay."""


def compact_all(bucket: Bucket, group: str, today: str, max_bytes: int = MAX_BYTES) -> list[str]:
    """Compact the finished days of a group, oldest first; return the days that are too large, whose files stay."""
    files = bucket.files(folder_of(group))
    too_large = []
    for day, some in groupby(files, lambda file: day_of_key(file.key)):
        of_day = list(some)
        if day >= today or len(of_day) < 2:
            continue
        if sum(file.size for file in of_day) > max_bytes:
            too_large.append(day)
        else:
            compact(bucket, [file.key for file in of_day])
    return too_large


def compact(bucket: Bucket, keys: Sequence[str], parts: int = PARTS) -> str:
    """Make one file of a day's files, and delete the latter; return its key."""
    made = f"{keys[0].rpartition('/')[0]}/{digest(list(keys), 32)}{SUFFIX}"
    with TemporaryDirectory() as folder:
        divided = _divided(bucket, keys, Path(folder), parts)
        with Upload(bucket, made) as upload, _packed(upload, LEVEL) as packed:
            for part in divided:
                packed.writelines(line_of(event).encode() for event in merged(_events(part)))
    bucket.delete([key for key in keys if key != made])
    return made


def _divided(bucket: Bucket, keys: Sequence[str], folder: Path, parts: int) -> list[Path]:
    """The lines of files, divided into files of whole sessions."""
    paths = [folder / str(number) for number in range(parts)]
    with ExitStack() as stack:
        files = [stack.enter_context(_packed(stack.enter_context(path.open("wb")), level=1)) for path in paths]
        for key in keys:
            for line in read_lines(bucket, key):
                files[zlib.crc32(json.loads(line)["sessionId"].encode()) % parts].write(line)
    return paths


def _packed(file: Any, level: int) -> io.BufferedWriter:
    """A gzip file: the same bytes for the same content."""
    return io.BufferedWriter(cast(Any, gzip.GzipFile("", "wb", level, file, mtime=0)), BUFFER_BYTES)


def _events(path: Path) -> Iterator[KeptEvent]:
    with gzip.open(path, "rb") as content:
        yield from map(json.loads, io.BufferedReader(cast(Any, content)))


def merged(events: Iterable[KeptEvent]) -> Iterator[KeptEvent]:
    """Every event once, by session and time, with the session's user: the next one, else the last one. Pure.

    If an event occurs several times, its refusal is kept, unless it arrived again later.
    """
    sessions = defaultdict[str, dict[str, KeptEvent]](dict)
    for event in events:
        session = sessions[event["sessionId"]]
        known = session.get(event["eventId"], event)
        if event["arrived"] >= known["arrived"]:
            is_same = event["arrived"] == known["arrived"]
            session[event["eventId"]] = cast(KeptEvent, {**event, **known}) if is_same else event
    for name in sorted(sessions):
        yield from _with_users(sorted(sessions[name].values(), key=_place))


def _with_users(events: list[KeptEvent]) -> list[KeptEvent]:
    """The events of a session, in order, each with the next user after it, or else the last one before it."""
    for several in (reversed(events), events):
        user = ""
        for event in several:
            if user := event.get("userId") or user:
                event["userId"] = user
    return events


def _place(event: KeptEvent) -> tuple[float, float, str]:
    return event["sentAt"], event["arrived"], event["eventId"]
