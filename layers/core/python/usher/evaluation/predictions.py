"""What a contender recommended: the lines of a batch inference job, and whom each of them answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from usher.batch.job_output import read_output
from usher.storage.bucket import whole_lines

LONGEST = 100
"""So many items are asked for and kept, as in the samples' notebook: enough to fill up what a user has seen."""
BLOCK_BYTES = 1 << 23
TEXTS = pa.list_(pa.string())
LINE = pa.schema(
    {
        "input": pa.struct({"userId": pa.string(), "itemId": pa.string()}),
        "output": pa.struct({"recommendedItems": TEXTS}),
    }
)
"""What of a line counts. Lines of ranking also have the list that was to be ranked, some have scores or reasons."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Ranked lists, and whose they are: a user's, those of everyone who met an item last, or anyone's."""

    by: str
    """`user`, `item` or `anyone`."""
    asked: pa.StringArray
    """The user or item of each list; anything for the one that is anyone's."""
    item_ids: pa.StringArray
    """The different items that are recommended."""
    places: NDArray[np.int32]
    """Their positions in `item_ids`, best first, padded with -1 (lists, longest)."""
    errors: int = 0
    """Lines that are no answers."""

    @classmethod
    def of(cls, lists: Iterable[tuple[str, Sequence[str]]], by: str = "user") -> "Lists":
        """From pairs of who is asked for, and the items."""
        found = list(lists)
        asked = pa.array([asked for asked, _ in found], pa.string())
        return _lists(by, asked, pa.array([items for _, items in found], TEXTS), 0)

    def codes(self, item_ids: pa.StringArray) -> NDArray[np.int32]:
        """The lists as positions in IDs among which all are, and an empty one for nobody: (lists + 1, longest)."""
        code = pc.index_in(self.item_ids, item_ids).to_numpy()
        known = np.append(code, np.int32(-1))[self.places]  # the padding's -1 finds the last one, which is -1 again
        return np.concatenate((known, np.full((1, known.shape[1]), -1, np.int32)))

    def of_whom(self, users: pa.StringArray, newest: pa.StringArray) -> NDArray[np.int32]:
        """Which list is each user's (n,), the first that answers; -1 for none. `newest`: the items they met last."""
        if self.by == "anyone":
            return np.zeros(len(users), np.int32)
        found: NDArray[np.int32] = (
            pc.index_in(users if self.by == "user" else newest, self.asked, skip_nulls=True).fill_null(-1).to_numpy()
        )
        return found


@dataclass(frozen=True, slots=True)
class Contender:
    """Who is judged."""

    name: str
    kind: str
    """`baseline`, `trained` or `live`."""
    recipe: str
    lists: Lists
    notes: Sequence[str] = ()


def read(files: Iterable[tuple[str, IO[bytes]]]) -> Lists:
    """The lists of a batch inference job's output files, given as (key, stream).

    Lines without a list, or that are not as they should be, are counted as errors.
    """
    blocks = (block for _, stream in files for block in whole_lines(stream, BLOCK_BYTES))
    lines = pa.concat_tables([LINE.empty_table(), *(read_output(block, LINE) for block in blocks)])
    user, item = (pc.struct_field(lines["input"], name) for name in ("userId", "itemId"))
    lists = pc.struct_field(lines["output"], "recommendedItems")
    by, asked = ("item", item) if len(user) == user.null_count else ("user", user)
    answered = pc.and_(asked.is_valid(), lists.is_valid())
    kept = lists.filter(answered).combine_chunks()
    return _lists(by, asked.filter(answered).combine_chunks(), kept, len(asked) - len(kept))


def _lists(by: str, asked: pa.StringArray, lists: pa.ListArray, errors: int) -> Lists:
    coded = lists.flatten().dictionary_encode()
    lengths = pc.list_value_length(lists).to_numpy()
    place = np.arange(len(coded)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    line = np.repeat(np.arange(len(lengths)), lengths)
    kept = place < LONGEST
    places = np.full((len(lengths), min(max(lengths, default=0), LONGEST)), -1, np.int32)
    places[line[kept], place[kept]] = coded.indices.to_numpy()[kept]
    return Lists(by, asked, coded.dictionary, _distinct(places), errors)


def _distinct(places: NDArray[np.int32]) -> NDArray[np.int32]:
    """Lists without the later places of what is in them twice."""
    order = np.argsort(places, axis=1, kind="stable")
    ordered = np.take_along_axis(places, order, axis=1)
    again = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if again.any():
        row, column = np.nonzero(again)
        places[row, order[row, column + 1]] = -1
        places = np.take_along_axis(places, np.argsort(places < 0, axis=1, kind="stable"), axis=1)
    return places
