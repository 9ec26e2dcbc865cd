"""Differences between a group's files and the table's entries of its items or users."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usher.aws import digest
from usher.catalogue.entries import Entry, Kind, entry_of
from usher.catalogue.load_plan import LoadPlan
from usher.catalogue.snapshot import UNKNOWN, Snapshot, content_hashes, text_column
from usher.datasets.byte_ranges import Part, parts_of, read_blocks
from usher.datasets.csv_reader import Block
from usher.datasets.duplicates import read_distinct
from usher.datasets.hashing import Hashes, hashes, mixed
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.datasets.schemas import UNIQUE
from usher.storage.bucket import Bucket

MAX_CHANGES = 200_000
"""The most entries of a chunk."""
MAX_BYTES = 1 << 28
"""The most bytes of a chunk's metadata, so that it fits into memory."""
NUMBERS = {"int": int, "long": int, "float": float, "double": float}


@dataclass(slots=True)
class Chunk:
    """A part of the differing entries."""

    entries: list[Entry] = field(default_factory=list)
    """The entries to write."""
    digests: list[int] = field(default_factory=list)
    """The digest of each entry."""
    gone: pa.StringArray = field(default_factory=lambda: text_column([]))
    """The IDs of the entries to delete."""
    is_last: bool = True
    """Whether this is the last chunk."""

    @property
    def ids(self) -> pa.StringArray:
        """The IDs of the entries to write."""
        return text_column([entry.id for entry in self.entries])


def next_chunk(
    bucket: Bucket,
    plan: LoadPlan,
    kind: Kind,
    snapshot: Snapshot,
    limits: ReadLimits = LIMITS,
    max_changes: int = MAX_CHANGES,
) -> Chunk:
    """The next differing entries, at most `max_changes`. The last chunk also has the entries to delete.

    Of several rows with one ID, the last one counts, as in Personalize. Raises UnreadableError, and S3's
    PreconditionFailed or NoSuchKey for a file that has changed since it was planned.
    """
    chunk, size, seen = Chunk(), 0, np.zeros(len(snapshot.ids), np.bool_)
    rows = _rows(bucket, plan, kind, limits) if kind == "items" else _users(bucket, plan, limits)
    for ids, digests, columns in rows:
        places = snapshot.places(hashes(ids))
        seen[places[places >= 0]] = True
        known = np.where(places >= 0, snapshot.digests[places], UNKNOWN) if len(seen) else np.zeros_like(digests)
        for row in np.flatnonzero(known != digests):
            if len(chunk.entries) >= max_changes or size >= MAX_BYTES:
                chunk.is_last = False
                return chunk
            entry = _entry(plan, kind, ids[int(row)].as_py(), columns, int(row))
            size += len(entry.values)
            chunk.entries.append(entry)
            chunk.digests.append(int(digests[row]))
    chunk.gone = snapshot.ids.filter(pa.array(~seen))
    return chunk


Rows = tuple[pa.StringArray, Hashes, dict[str, pa.StringArray]]
"""The IDs, the digests of the entries that the table is to have, and its columns."""


def _rows(bucket: Bucket, plan: LoadPlan, kind: Kind, limits: ReadLimits) -> Iterator[Rows]:
    """The rows of the items' files, or of the users'."""
    form = plan.form(kind)
    names = dict.fromkeys([*form.columns, *([form.available] if form.available else [])])
    begin = np.uint64(int(digest([form.columns, form.available, form.types], 16), 16))
    for block in read_distinct(bucket, _parts(plan, [kind], limits), limits):
        ids, blank = block.columns[UNIQUE[kind]], text_column([""] * len(block.lines))
        columns = {name: block.columns.get(name, blank) for name in names}
        digests = np.full(len(ids), begin)
        for cells in columns.values():
            digests = mixed(digests + content_hashes(cells))
        yield ids, np.maximum(digests, UNKNOWN + np.uint64(1)), columns


def _users(bucket: Bucket, plan: LoadPlan, limits: ReadLimits) -> Iterator[Rows]:
    """The users of all files. For a user without a row in the users' files, the table has the ID alone."""
    met, others = np.empty(0, np.uint64), ["users", "interactions"]
    if plan.form("users").columns:
        others = ["interactions"]
        for ids, digests, columns in _rows(bucket, plan, "users", limits):
            met = np.union1d(met, hashes(ids))
            yield ids, digests, columns
    for part in _parts(plan, others, limits):
        for block in read_blocks(bucket, part, limits):
            ids = _user_ids(block)
            hashed = hashes(ids)
            fresh = np.isin(hashed, met, invert=True)
            met = np.union1d(met, hashed)
            yield ids.filter(pa.array(fresh)), np.ones(int(fresh.sum()), np.uint64), {}


def _user_ids(block: Block) -> pa.StringArray:
    """The different users of a block."""
    ids: pa.StringArray = pc.unique(block.columns["USER_ID"])
    return ids.filter(pc.not_equal(ids, ""))


def _parts(plan: LoadPlan, datasets: Sequence[str], limits: ReadLimits) -> list[Part]:
    sources = [plan.sources[dataset] for dataset in datasets if dataset in plan.sources]
    return [part for source in sources for file in source.files for part in parts_of(file, limits, source.reading)]


def _entry(plan: LoadPlan, kind: Kind, id_: str, columns: dict[str, pa.StringArray], row: int) -> Entry:
    form = plan.form(kind)
    values = {name: _value(cells[row].as_py(), form.types.get(name, "string")) for name, cells in columns.items()}
    return entry_of(kind, id_, values, form.columns, form.available)


def _value(cell: str, kind: str) -> Any:
    """A cell as JSON; None for a blank one."""
    if not cell:
        return None
    try:
        return NUMBERS[kind](cell) if kind in NUMBERS else cell.lower() == "true" if kind == "boolean" else cell
    except ValueError:
        return cell
