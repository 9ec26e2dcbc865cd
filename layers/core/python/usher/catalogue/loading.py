"""Brings the table up to date with a group's items and users: writes changed entries and deletes missing ones.

Each call handles a chunk: it records which entries it is about to change, changes them, and records that they are
changed. After an interruption, the next call writes only the entries that may be missing.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np

from usher.aws import error_code
from usher.catalogue.changes import MAX_CHANGES, Chunk, next_chunk
from usher.catalogue.entries import KINDS, Catalogues, Entry, Kind
from usher.catalogue.load_plan import LoadPlan, loaded_digests, note_loaded, read_load_plan, snapshot_key
from usher.catalogue.snapshot import UNKNOWN, Snapshot, read_snapshot
from usher.datasets.columns import texts_of
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.runs.record import Run
from usher.storage.bucket import REPLACED, Bucket

CONCURRENCY = 10
"""Concurrent writes with conditions, which BatchWriteItem does not take, and connections of the boto3 client."""
WRITES_PER_SECOND = 1000
SLICE = WRITES_PER_SECOND
"""The number of writes between two checks of the time and of the run's end."""
WORK_SECONDS = 540.0
"""The seconds for which a call that does nothing else writes."""
QUICK_SECONDS = 60.0
"""A call that has taken fewer seconds goes on with the next chunk: reading one may take minutes."""

Change = Callable[[str, Sequence[Entry], int], None]
"""Changes entries of a group; its last argument is the time of the data in milliseconds."""


class Progress(TypedDict):
    """The result of a call."""

    more: bool
    """Whether another call must follow."""
    written: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads the table."""

    bucket: Bucket
    catalogues: Catalogues
    limits: ReadLimits = field(default_factory=lambda: LIMITS)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    max_changes: int = MAX_CHANGES
    slice_size: int = SLICE

    def load(self, run: Run, seconds: float = WORK_SECONDS) -> Progress:
        """Load as many chunks of a run's load plan as there is time for, and at least one.

        `seconds`: the time after which no further slice is begun. If a file has been replaced since the run was
        planned, the load ends: the new file has started another run.
        """
        run.require_open()
        plan, begun = read_load_plan(run), self.clock()
        written = deleted = 0
        try:
            while kind := _next_kind(plan, loaded_digests(self.bucket, run.group)):
                change = self._load_chunk(run, plan, kind, begun + seconds)
                written, deleted = written + change[0], deleted + change[1]
                if self.clock() - begun >= QUICK_SECONDS:
                    return Progress(more=True, written=written, deleted=deleted)
        except self.bucket.s3.exceptions.ClientError as error:
            if error_code(error) not in REPLACED:
                raise
            return Progress(more=False, written=written, deleted=deleted)
        self.catalogues.set_facts(run.group, plan.facts)
        note_loaded(self.bucket, run.group, plan.digests)
        return Progress(more=False, written=written, deleted=deleted)

    def _load_chunk(self, run: Run, plan: LoadPlan, kind: Kind, until: float) -> tuple[int, int]:
        """Load the next chunk of a kind, and record the kind after its last; return the numbers of entries written and
        deleted.

        `until`: the clock's time after which no further slice is begun.
        """
        key = snapshot_key(run.group, kind)
        snapshot = read_snapshot(self.bucket, key)
        chunk = next_chunk(self.bucket, plan, kind, snapshot, self.limits, self.max_changes)
        gone = [Entry(kind, id_) for id_ in texts_of(chunk.gone)]
        written = deleted = 0
        if chunk.entries or gone:
            snapshot = _marked(snapshot, chunk)
            snapshot.write(self.bucket, key)
            is_first = not self.catalogues.facts(run.group, consistent=True)[kind]
            put = self.catalogues.put_all if is_first else _one_by_one(self.catalogues.put)
            written = self._change(run, plan, until, put, chunk.entries)
            deleted = self._change(run, plan, until, _one_by_one(self.catalogues.remove), gone)
            _confirmed(snapshot, chunk, written, deleted).write(self.bucket, key)
        if chunk.is_last and (written, deleted) == (len(chunk.entries), len(gone)):
            note_loaded(self.bucket, run.group, {**loaded_digests(self.bucket, run.group), kind: plan.digests[kind]})
        return written, deleted

    def _change(self, run: Run, plan: LoadPlan, until: float, change: Change, entries: Sequence[Entry]) -> int:
        """Change entries in the table until a time on the clock; return the number of changed ones."""
        done = 0
        while done < len(entries) and self.clock() < until:
            run.require_open()
            started, some = self.clock(), entries[done : done + self.slice_size]
            change(run.group, some, plan.planned)
            done += len(some)
            rest = len(some) / WRITES_PER_SECOND - (self.clock() - started)
            if done < len(entries) and rest > 0:
                self.sleep(rest)
        return done


def _one_by_one(change: Callable[[str, Entry, int], bool]) -> Change:
    """Change entries one by one, many at a time."""

    def change_each(group: str, entries: Sequence[Entry], at: int) -> None:
        with ThreadPoolExecutor(CONCURRENCY) as executor:
            list(executor.map(lambda entry: change(group, entry, at), entries))

    return change_each


def _next_kind(plan: LoadPlan, loaded: Mapping[str, str]) -> Kind | None:
    """The first kind of entries that is not loaded as planned."""
    return next((kind for kind in KINDS if plan.digests.get(kind, loaded.get(kind)) != loaded.get(kind)), None)


def _marked(snapshot: Snapshot, chunk: Chunk) -> Snapshot:
    """The snapshot in which the content of a chunk's entries is unknown."""
    snapshot = snapshot.replaced(chunk.ids, np.full(len(chunk.entries), UNKNOWN))
    return snapshot.replaced(chunk.gone, np.full(len(chunk.gone), UNKNOWN))


def _confirmed(snapshot: Snapshot, chunk: Chunk, written: int, deleted: int) -> Snapshot:
    """The snapshot after the first entries of a chunk were changed. `written`, `deleted`: their numbers."""
    snapshot = snapshot.replaced(chunk.ids[:written], np.array(chunk.digests[:written], np.uint64))
    return snapshot.without(chunk.gone[:deleted])
