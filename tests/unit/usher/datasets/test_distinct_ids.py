"""Duplicate IDs are found in any order of rows, in bounded memory."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.datasets import distinct_ids
from usher.datasets.distinct_ids import DistinctIds
from usher.datasets.hashing import Coded
from usher.datasets.read_limits import LIMITS

texts = st.lists(st.text(st.sampled_from("abü"), max_size=4), max_size=40)


def noted(
    rows: list[str], start: int = 1, max_ids: int = LIMITS.ids, batch_size: int = distinct_ids.BATCH_SIZE
) -> DistinctIds:
    found = DistinctIds(max_ids=max_ids, batch_size=batch_size)
    found.add_rows(Coded.of(pa.array(rows, pa.string())).hashed(), np.arange(start, start + len(rows)))
    return found


@given(st.lists(texts, max_size=6), st.integers(1, 20))
def test_duplicates_are_equal_for_any_parts(parts: list[list[str]], least: int) -> None:
    rows = [text for part in parts for text in part]
    together, before = DistinctIds(batch_size=least), 0
    for part in parts:
        together.add(noted(part, batch_size=least), before)
        before += len(part)
    together.merge_batch()
    again = [line for line, text in enumerate(rows, start=1) if text in rows[: line - 1]]
    assert (len(together), together.recurring) == (len(set(rows)), len({text for text in rows if rows.count(text) > 1}))
    assert (together.duplicates, together.first_duplicates.tolist()) == (len(again), again[: distinct_ids.MAX_REPORTED])


@pytest.mark.parametrize("most", [2, 3])
def test_beyond_the_most_nothing_is_known_wherever_they_are(most: int) -> None:
    whole, parted = noted(["a", "b", "a", "c", "d", "d"], 1, most, 1), noted(["a", "b", "a"], 1, most, 1)
    parted.add(noted(["c", "d", "d"], 1, most, 1), 3)
    parted.add_rows(Coded.of(pa.array(["a"])).hashed(), np.array([7]))
    for found in (whole, parted):
        found.merge_batch()
        assert (found.overflowed, len(found), found.duplicates, found.recurring) == (True, 0, 0, 0)


def test_batch_rows_are_looked_at_before_they_fill_the_memory() -> None:
    found = DistinctIds(batch_size=100)
    for start in range(0, 10_000, 10):
        users = pa.array([f"u{number % 50}" for number in range(start, start + 10)])
        found.add_rows(Coded.of(users).hashed(), np.arange(start, start + 10))
        assert sum(len(part) for part in found._batch) <= 100
    found.merge_batch()
    assert (len(found), found.duplicates) == (50, 9950)
