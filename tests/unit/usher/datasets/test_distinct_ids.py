"""Which IDs recur is the same however the rows come, and takes bounded memory."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.datasets import distinct_ids
from usher.datasets.distinct_ids import Ids
from usher.datasets.hashing import Hashed

texts = st.lists(st.text(st.sampled_from("abü"), max_size=4), max_size=40)


def noted(rows: list[str], start: int = 1) -> Ids:
    found = Ids()
    found.note(Hashed.of(pa.array(rows, pa.string())), np.arange(start, start + len(rows)))
    return found


@given(st.lists(texts, max_size=6), st.integers(1, 20))
def test_what_recurs_is_the_same_however_rows_are_parted(parts: list[list[str]], least: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct_ids, "LEAST", least)
        rows = [text for part in parts for text in part]
        together, before = Ids(), 0
        for part in parts:
            together.add(noted(part), before)
            before += len(part)
        together.settle()
        again = [line for line, text in enumerate(rows, start=1) if text in rows[: line - 1]]
    assert (len(together), together.recurring) == (len(set(rows)), len({text for text in rows if rows.count(text) > 1}))
    assert (together.again, together.first_again.tolist()) == (len(again), again[: distinct_ids.SHOWN])


@pytest.mark.parametrize("most", [2, 3])
def test_beyond_the_most_nothing_is_known_wherever_they_are(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct_ids, "MANY_IDS", most)
    monkeypatch.setattr(distinct_ids, "LEAST", 1)
    whole, parted = noted(["a", "b", "a", "c", "d", "d"]), noted(["a", "b", "a"])
    parted.add(noted(["c", "d", "d"]), 3)
    parted.note(Hashed.of(pa.array(["a"])), np.array([7]))
    for found in (whole, parted):
        found.settle()
        assert (found.many, len(found), found.again, found.recurring) == (True, 0, 0, 0)


def test_waiting_rows_are_looked_at_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct_ids, "LEAST", 100)
    found = Ids()
    for start in range(0, 10_000, 10):
        users = pa.array([f"u{number % 50}" for number in range(start, start + 10)])
        found.note(Hashed.of(users), np.arange(start, start + 10))
        assert sum(len(part) for part in found._waiting) <= 100
    found.settle()
    assert (len(found), found.again) == (50, 9950)
