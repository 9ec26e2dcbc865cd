"""Counts by key are equal for any order and parts, and within their cap."""

import json

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.datasets.hash_sample import Sample
from usher.datasets.hashing import hashes

ROWS = st.lists(st.tuples(st.integers(0, 40), st.integers(-3, 3), st.integers(1, 5)), max_size=60)
Row = tuple[int, int, int]


def counted(rows: list[Row], cap: int = 8) -> Sample:
    one = Sample(cap)
    keys = hashes(pa.array([str(key) for key, _, _ in rows], pa.string()))
    one.add(keys, np.array([row[1] for row in rows], np.int64), np.array([row[2] for row in rows], np.int64))
    return one


@given(ROWS, st.data())
@settings(deadline=None)
def test_it_is_the_same_in_any_order_and_parts(rows: list[Row], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    parts = Sample(8)
    for begin, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        part = Sample.from_dict(json.loads(json.dumps(counted(shuffled[begin:end]).as_dict())), 8, 60)
        parts.merge(part)
    assert parts.as_dict() == counted(rows).as_dict()


@given(ROWS)
@settings(deadline=None)
def test_sampled_keys_are_counted_in_full(rows: list[Row]) -> None:
    one = counted(rows)
    expected: dict[int, int] = {}
    for key, _, count in rows:
        expected[key] = expected.get(key, 0) + count
    keys, counts = one.totals()
    assert len(keys) <= 8
    names = dict(zip(hashes(pa.array([str(key) for key in expected], pa.string())).tolist(), expected, strict=True))
    assert {names[key]: count for key, count in zip(keys.tolist(), counts.tolist(), strict=True)} == {
        key: count for hashed, key in names.items() for count in [expected[key]] if hashed % one.rate == 0
    }


@given(ROWS)
@settings(deadline=None)
def test_the_sample_is_no_smaller_than_it_must_be(rows: list[Row]) -> None:
    one = counted(rows)
    one.rows()
    if one.level:
        keys = np.unique(hashes(pa.array([str(key) for key, _, _ in rows], pa.string())))
        assert (keys % np.uint64(one.rate // 2) == 0).sum() > 8


def test_new_rows_are_sorted_in_when_there_are_many() -> None:
    one = Sample(1000, max_new_rows=10)
    for number in range(100):
        one.add(*(np.array([value], kind) for value, kind in ((number % 7, "u8"), (0, "i8"), (1, "i8"))))
    assert sum(map(len, one.new)) <= 10
    assert one.totals()[1].tolist() == [15, 15, 14, 14, 14, 14, 14]


def test_coarser_numbers_are_added_up() -> None:
    one = counted([(1, 0, 1), (1, 1, 2), (1, 2, 4), (1, -1, 8)])
    one.divide(2)
    assert (one.rows().numbers.tolist(), one.rows().counts.tolist()) == ([-1, 0, 1], [8, 3, 4])
