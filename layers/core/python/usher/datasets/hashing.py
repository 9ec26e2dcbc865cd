"""64-bit hashes of IDs, for counting many of them: a hash takes 8 bytes, however long the ID is.

Among a million IDs, the chance that any two have the same hash is one in thirty million.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from usher.datasets.columns import texts_of

HASHED_BYTES = 1024
"""The bytes of an ID that are hashed; Personalize takes only shorter IDs."""

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Hashed:
    """A column, with the hash of every different text."""

    keys: Hashes
    """The hashes of the different texts, sorted: sorted ones are merged in a tenth of the time."""
    places: NDArray[np.int32]
    """The index in `keys`, by row."""

    @classmethod
    def of(cls, texts: pa.StringArray) -> "Hashed":
        """The hashes of a column without nulls."""
        keys, places = np.unique(hashes(texts), return_inverse=True)
        return cls(keys, places.astype(np.int32))

    def where(self, kept: NDArray[np.bool_]) -> "Hashed":
        """Some of the rows."""
        used, places = np.unique(self.places[kept], return_inverse=True)
        return Hashed(self.keys[used], places.astype(np.int32))


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as its different texts."""

    texts: pa.StringArray
    """The different texts, in order of appearance."""
    places: NDArray[np.int32]
    """The index in `texts`, by row."""

    @classmethod
    def of(cls, cells: pa.StringArray) -> "Coded":
        """The codes of a column without nulls."""
        coded = cells.dictionary_encode()
        return cls(cast(pa.StringArray, coded.dictionary), coded.indices.to_numpy())

    def counts(self) -> dict[str, int]:
        """The number of rows of each text."""
        counts = np.bincount(self.places, minlength=len(self.texts)).tolist()
        return dict(zip(texts_of(self.texts), counts, strict=True))

    def hashed(self) -> Hashed:
        """The column with the hash of every text: faster than hashing each row if few texts differ."""
        hashed_texts = Hashed.of(self.texts)
        return Hashed(hashed_texts.keys, hashed_texts.places[self.places])


def hashes(texts: "pa.Array[Any]") -> Hashes:
    """64-bit hashes of texts: the same on every machine, in every process."""
    _, ends, content = cast(Any, texts.buffers())
    offsets = np.frombuffer(ends, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    data = np.append(np.frombuffer(content or b"", np.uint8)[: offsets[-1]], np.zeros(8, np.uint8))
    words = np.ndarray(len(data) - 7, "<u8", data, strides=(1,))  # the eight bytes from each position on
    lengths = np.diff(offsets)
    hashed_texts = mixed(lengths.astype(np.uint64))
    for begin in range(0, min(lengths.max(initial=0), HASHED_BYTES), 8):
        rows = np.flatnonzero(lengths > begin)
        beyond = 8 * (8 - np.minimum(lengths[rows] - begin, 8)).astype(np.uint64)
        word = words[offsets[rows] + begin] << beyond  # without the bytes of the next text
        hashed_texts[rows] = mixed(hashed_texts[rows] ^ word)
    return hashed_texts


def mixed(values: Hashes) -> Hashes:
    """A bijection that spreads 64-bit values evenly: the finalizer of SplitMix64 (Steele et al., OOPSLA 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
