"""Predictions of models: the output of batch inference jobs as arrays of recommendation lists."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from usher.batch.job_output import read_output
from usher.storage.bucket import whole_lines

MAX_RESULTS = 100
"""The most items that are requested and kept of a list, as in the samples' notebook: enough to replace known items."""
BLOCK_BYTES = 1 << 23
TEXTS = pa.list_(pa.string())
LINE = pa.schema(
    {
        "input": pa.struct([pa.field("userId", pa.string()), pa.field("itemId", pa.string())]),
        "output": pa.struct([pa.field("recommendedItems", TEXTS)]),
    }
)
"""The members of a line that are read. Lines of rankings also have their input list; some have scores."""


@dataclass(frozen=True, slots=True)
class RecommendationLists:
    """Ranked lists of items, each for a user, for all users with the same last item, or for all users."""

    by: str
    """`user`, `item` or `anyone`."""
    subject_ids: pa.StringArray
    """The user or item of each list; not used for the list that is for anyone."""
    item_ids: pa.StringArray
    """The distinct items that are recommended."""
    items: NDArray[np.int32]
    """Positions in `item_ids`, best first, padded with -1 (lists, longest)."""
    errors: int = 0
    """Lines of the output that hold no list."""

    @classmethod
    def of(cls, lists: Iterable[tuple[str, Sequence[str]]], by: str = "user") -> "RecommendationLists":
        """The lists in pairs of a subject's ID and its items."""
        pairs = list(lists)
        subject_ids = pa.array([subject for subject, _ in pairs], pa.string())
        return _to_lists(by, subject_ids, pa.array([items for _, items in pairs], TEXTS), 0)

    def codes(self, item_ids: pa.StringArray) -> NDArray[np.int32]:
        """The lists as positions in IDs that include all of theirs (lists + 1, longest). The last list is empty."""
        code = pc.index_in(self.item_ids, item_ids).to_numpy()
        codes = np.append(code, np.int32(-1))[self.items]  # the padding's -1 selects the last code, which is -1 again
        return np.concatenate((codes, np.full((1, codes.shape[1]), -1, np.int32)))

    def rows_of(self, users: pa.StringArray, newest: pa.StringArray) -> NDArray[np.int32]:
        """The row of each user's list (n,), the first if there are several; -1 for none.

        `newest`: each user's last item.
        """
        if self.by == "anyone":
            return np.zeros(len(users), np.int32)
        subjects = users if self.by == "user" else newest
        rows: NDArray[np.int32] = pc.index_in(subjects, self.subject_ids, skip_nulls=True).fill_null(-1).to_numpy()
        return rows


@dataclass(frozen=True, slots=True)
class Predictions:
    """A contender's recommendation lists."""

    contender: str
    kind: str
    """`baseline`, `trained` or `live`."""
    recipe: str
    lists: RecommendationLists
    notes: Sequence[str] = ()
    exploration: str = ""
    """A name of reports/evaluation_report.py; empty: the recipe does not explore."""
    known: float = 0
    """The share of the held-out events that the contender may have learnt from."""
    event_type: str = ""
    """The type of the events that it learns from; empty: all."""


def read_predictions(
    files: Iterable[tuple[str, IO[bytes]]],
    allowed: pa.StringArray | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> RecommendationLists:
    """The lists in a batch inference job's output files, given as (key, stream).

    `allowed`: the items that stay in the lists; None: all. Lines without a list, and malformed lines, count as errors.
    """
    blocks = (block for _, stream in files for block in whole_lines(stream, block_bytes))
    lines = pa.concat_tables([LINE.empty_table(), *(read_output(block, LINE) for block in blocks)])
    user, item = (pc.struct_field(lines["input"], name) for name in ("userId", "itemId"))
    lists = pc.struct_field(lines["output"], "recommendedItems")
    by, subjects = ("item", item) if len(user) == user.null_count else ("user", user)
    is_valid = pc.and_(subjects.is_valid(), lists.is_valid())
    valid = lists.filter(is_valid).combine_chunks()
    return _to_lists(by, subjects.filter(is_valid).combine_chunks(), valid, len(subjects) - len(valid), allowed)


def _to_lists(
    by: str, subject_ids: pa.StringArray, lists: Any, errors: int, allowed: pa.StringArray | None = None
) -> RecommendationLists:
    coded = lists.flatten().dictionary_encode()
    code, row = coded.indices.to_numpy(), np.repeat(np.arange(len(lists)), pc.list_value_length(lists).to_numpy())
    if allowed is not None:
        stays = pc.is_in(coded.dictionary, allowed).to_numpy(zero_copy_only=False)[code]
        code, row = code[stays], row[stays]
    lengths = np.bincount(row, minlength=len(lists))
    rank = np.arange(len(code)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    kept = rank < MAX_RESULTS
    items = np.full((len(lists), min(max(lengths, default=0), MAX_RESULTS)), -1, np.int32)
    items[row[kept], rank[kept]] = code[kept]
    return RecommendationLists(by, subject_ids, coded.dictionary, _without_duplicates(items), errors)


def _without_duplicates(items: NDArray[np.int32]) -> NDArray[np.int32]:
    """The lists with only the first place of each item."""
    order = np.argsort(items, axis=1, kind="stable")
    ordered = np.take_along_axis(items, order, axis=1)
    is_duplicate = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if is_duplicate.any():
        row, column = np.nonzero(is_duplicate)
        items[row, order[row, column + 1]] = -1
        items = np.take_along_axis(items, np.argsort(items < 0, axis=1, kind="stable"), axis=1)
    return items
