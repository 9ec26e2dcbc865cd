"""A snapshot of the entries that runs have written to the table: a Parquet file in the bucket.

It has a digest for each entry. The digest 0 stands for an entry of unknown content, which may also be missing: a run
was interrupted while writing it. The next run writes or deletes it.
"""

import hashlib
import io
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import parquet

from usher.aws import error_code
from usher.datasets.hashing import HASHED_BYTES, Hashes, hashes
from usher.errors import UsherError
from usher.storage.bucket import Bucket

UNKNOWN = np.uint64(0)
COLUMNS: Mapping[str, pa.DataType] = {"id": pa.string(), "digest": pa.uint64()}
SCHEMA = pa.schema(COLUMNS)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Entries by the hashes of their IDs: a million take about 40 MB."""

    ids: pa.StringArray
    digests: Hashes
    hashes: Hashes
    """The hashes of the IDs, sorted."""

    @classmethod
    def of(cls, ids: pa.StringArray, digests: Hashes) -> "Snapshot":
        """A snapshot of entries in any order."""
        hashed = hashes(ids)
        order = np.argsort(hashed)
        return cls(ids.take(pa.array(order)), digests[order], hashed[order])

    def places(self, wanted: Hashes) -> NDArray[np.int64]:
        """The positions of the entries with these hashes; -1 for a missing one."""
        if not len(self.hashes):
            return np.full(len(wanted), -1)
        found = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        return np.where(self.hashes[found] == wanted, found, -1)

    def replaced(self, ids: pa.StringArray, digests: Hashes) -> "Snapshot":
        """The snapshot with these entries in place of those with the same IDs."""
        kept = np.ones(len(self.ids), np.bool_)
        places = self.places(hashes(ids))
        kept[places[places >= 0]] = False
        rest = self.ids.filter(pa.array(kept))
        return Snapshot.of(pa.concat_arrays([rest, ids]), np.concatenate([self.digests[kept], digests]))

    def without(self, ids: pa.StringArray) -> "Snapshot":
        """The snapshot without some of its entries."""
        kept = np.ones(len(self.ids), np.bool_)
        kept[self.places(hashes(ids))] = False
        return Snapshot(self.ids.filter(pa.array(kept)), self.digests[kept], self.hashes[kept])

    def write(self, bucket: Bucket, key: str) -> None:
        """Write the snapshot to the bucket."""
        file = io.BytesIO()
        parquet.write_table(pa.table([self.ids, pa.array(self.digests)], schema=SCHEMA), file)
        bucket.write(key, file.getvalue())


def empty_snapshot() -> Snapshot:
    """The snapshot before the first load."""
    return Snapshot(text_column([]), np.empty(0, np.uint64), np.empty(0, np.uint64))


def text_column(values: list[str]) -> pa.StringArray:
    """An Arrow column of texts."""
    return pa.array(values, pa.string())


def read_snapshot(bucket: Bucket, key: str) -> Snapshot:
    """The snapshot at a key; an empty one if there is none. Raises UsherError for a file that is not a snapshot."""
    try:
        with closing(bucket.open(key)) as stream:
            table = parquet.read_table(io.BytesIO(stream.read()))
        if table.schema != SCHEMA:
            raise pa.ArrowInvalid("it has other columns")
    except bucket.s3.exceptions.ClientError as error:
        if error_code(error) != "NoSuchKey":
            raise
        return empty_snapshot()
    except pa.ArrowException as error:
        message = f"{bucket.url(key)} is not as Usher wrote it: {str(error)[:99]}."
        raise UsherError(f"{message} Delete it, and start the run again, which writes all of it anew.") from None
    return Snapshot.of(cast(pa.StringArray, table["id"].combine_chunks()), table["digest"].to_numpy())


def content_hashes(cells: pa.StringArray) -> Hashes:
    """64-bit hashes of texts of any length."""
    hashed = hashes(cells)
    for row in np.flatnonzero(pc.binary_length(cells).to_numpy(zero_copy_only=False) > HASHED_BYTES):
        whole = hashlib.blake2b(cells[int(row)].as_py().encode(), digest_size=8)
        hashed[row] = int.from_bytes(whole.digest())
    return hashed
