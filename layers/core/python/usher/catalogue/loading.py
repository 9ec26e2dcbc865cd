"""Brings the table up to date with a group's items and users: writes changed entries and deletes missing ones.

A call handles a chunk: it keeps which entries are about to change, changes them, and keeps that they have. So it can
break off anywhere, and the next call writes what may lack, and nothing else.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypedDict

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
"""Writes at a time: each has a condition, which DynamoDB takes for single writes alone (BatchWriteItem). A client of
boto3 keeps so many connections."""
WRITES_PER_SECOND = 1000
SLICE = 500
"""Writes between two looks at the clock, and at whether the run has ended."""
WORK_SECONDS = 540.0
"""The time for which a call that does nothing else writes."""
QUICK_SECONDS = 60.0
"""A call that has taken less goes on with the next chunk: reading one may take minutes."""


class Progress(TypedDict):
    """How a call has ended."""

    more: bool
    """Whether another call has to follow."""
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

        `seconds`: the time after which no further slice is written. A file that has been replaced since the run was
        planned ends the load: its arrival has started another run.
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
        """Load the next chunk of a kind, and note the kind after its last; return entries written and deleted.

        `until`: the time on the clock after which no further slice is written.
        """
        key = snapshot_key(run.group, kind)
        snapshot = read_snapshot(self.bucket, key)
        chunk = next_chunk(self.bucket, plan, kind, snapshot, self.limits, self.max_changes)
        gone = [Entry(kind, id_) for id_ in texts_of(chunk.gone)]
        written = deleted = 0
        if chunk.entries or gone:
            snapshot = _marked(snapshot, chunk)
            snapshot.write(self.bucket, key)
            written = self._change(run, plan, until, self.catalogues.put, chunk.entries)
            deleted = self._change(run, plan, until, self.catalogues.remove, gone)
            _confirmed(snapshot, chunk, written, deleted).write(self.bucket, key)
        if chunk.is_last and (written, deleted) == (len(chunk.entries), len(gone)):
            note_loaded(self.bucket, run.group, {**loaded_digests(self.bucket, run.group), kind: plan.digests[kind]})
        return written, deleted

    def _change(
        self, run: Run, plan: LoadPlan, until: float, change: Callable[..., Any], entries: Sequence[Entry]
    ) -> int:
        """Change entries in the table for as long as there is time; return how many were changed."""
        done = 0
        with ThreadPoolExecutor(CONCURRENCY) as executor:
            while done < len(entries) and self.clock() < until:
                run.require_open()
                started, some = self.clock(), entries[done : done + self.slice_size]
                list(executor.map(lambda entry: change(run.group, entry, plan.planned), some))
                done += len(some)
                rest = len(some) / WRITES_PER_SECOND - (self.clock() - started)
                if done < len(entries) and rest > 0:
                    self.sleep(rest)
        return done


def _next_kind(plan: LoadPlan, loaded: Mapping[str, str]) -> Kind | None:
    """The first kind of entries that is not loaded as planned."""
    return next((kind for kind in KINDS if plan.digests.get(kind, loaded.get(kind)) != loaded.get(kind)), None)


def _marked(snapshot: Snapshot, chunk: Chunk) -> Snapshot:
    """The snapshot in which it is unknown what the table holds of a chunk's entries."""
    snapshot = snapshot.replaced(chunk.ids, np.full(len(chunk.entries), UNKNOWN))
    return snapshot.replaced(chunk.gone, np.full(len(chunk.gone), UNKNOWN))


def _confirmed(snapshot: Snapshot, chunk: Chunk, written: int, deleted: int) -> Snapshot:
    """The snapshot once so many of a chunk's entries were written and deleted."""
    snapshot = snapshot.replaced(chunk.ids[:written], np.array(chunk.digests[:written], np.uint64))
    return snapshot.without(chunk.gone[:deleted])
