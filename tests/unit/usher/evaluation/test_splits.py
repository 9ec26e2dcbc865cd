"""The splits equal slower definitions, and the files are divided row by row."""

import io
from collections import defaultdict

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.datasets import csv_reader
from usher.datasets.columns import texts_of
from usher.errors import InputError
from usher.evaluation.interactions import Files, Interactions, read_interactions, read_items, write_parts
from usher.evaluation.splits import SPLITS, Split, hold_out

from tests.unit.usher.world import interactions, streams

Row = tuple[str, str, int]
HEADER = "USER_ID,ITEM_ID,TIMESTAMP\n"
rows = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 30)), min_size=1, max_size=60)
shares = st.sampled_from([0.05, 0.1, 0.2, 0.25, 0.3, 0.5])


def read(*found: Row) -> Interactions:
    text = HEADER + "".join(f"{user},{item},{time}\n" for user, item, time in found)
    (events,) = read_interactions(streams(one__csv=text))
    return events


class Dripping(io.BytesIO):
    """A stream that gives `most` bytes at a time."""

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)
        self.most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self.most if size is None or size < 0 else min(size, self.most))


def dripping(most: int, **files: str) -> list[tuple[str, io.BytesIO]]:
    return [(key, Dripping(stream.getvalue(), most)) for key, stream in streams(**files)]


def held(found: list[Row], split: Split) -> list[bool]:
    mask: list[bool] = SPLITS[split.kind](read(*found), split).tolist()
    return mask


@settings(deadline=None)
@given(rows, shares)
def test_the_last_tenth_is_that_of_pandas_ranks(found: list[Row], share: float) -> None:
    frame = pd.DataFrame(found, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
    ranks = frame.groupby("USER_ID").TIMESTAMP.rank(pct=True, method="first")
    assert held(found, Split("last-tenth", share)) == (ranks > 1 - share).tolist()


@pytest.mark.parametrize(
    ("events", "expected"), [(1, 1), (2, 1), (9, 1), (10, 1), (11, 2), (20, 2), (21, 3), (165, 17)]
)
def test_a_tenth_is_rounded_up(events: int, expected: int) -> None:
    assert sum(held([("u", "i", time) for time in range(events)], Split())) == expected


def test_equal_times_are_in_the_order_of_the_file() -> None:
    assert held([("u", "i", 5), ("u", "j", 5), ("u", "k", 4)], Split()) == [False, True, False]
    assert held([("u", "i", 5), ("u", "j", 5), ("u", "k", 4)], Split("last-one")) == [False, True, False]


@given(rows)
def test_the_last_one_is_everyone_s_newest_if_something_is_left(found: list[Row]) -> None:
    newest: dict[str, list[int]] = defaultdict(list)
    for number, (user, _, _) in enumerate(found):
        newest[user].append(number)
    last = {max(mine, key=lambda number: (found[number][2], number)) for mine in newest.values() if len(mine) > 1}
    assert held(found, Split("last-one")) == [number in last for number in range(len(found))]


@given(rows, shares)
def test_a_global_cut_is_the_first_second_of_the_newest_share(found: list[Row], share: float) -> None:
    times = [time for _, _, time in found]
    cut = min(at for at in times if sum(time <= at for time in times) / len(times) > 1 - share)
    assert held(found, Split("global", share)) == [time >= cut for time in times]


@given(rows, st.integers(0, 31))
def test_a_global_cut_lets_nothing_of_the_future_into_the_training(found: list[Row], cut: int) -> None:
    assert held(found, Split("global", cut=cut)) == [time >= cut for _, _, time in found]


@pytest.mark.parametrize(
    ("found", "split", "said"),
    [
        ([], Split(), "nothing to train on"),
        ([("u", "i", 1)], Split(), "nothing to train on"),
        ([("u", "i", 1), ("v", "i", 1)], Split("global"), "nothing to train on"),
        ([("u", "i", 1), ("v", "i", 2)], Split("last-one"), "holds nothing out"),
        ([("u", "i", 1), ("v", "i", 2)], Split("global", cut=3), "holds nothing out"),
    ],
)
def test_a_split_that_leaves_one_part_empty_is_refused(found: list[Row], split: Split, said: str) -> None:
    with pytest.raises(InputError, match=said):
        hold_out(read(*found), split)


def test_a_user_with_one_event_is_held_back_and_unknown_to_the_training() -> None:
    events = read(("u", "i", 1), ("v", "i", 1), ("v", "j", 2))
    mask = hold_out(events, Split())
    assert mask.tolist() == [True, False, True]
    train = events.where(~mask)
    assert (train.user.tolist(), train.user_ids.to_pylist()) == ([1], ["u", "v"])


@pytest.mark.parametrize("block", [10, 1 << 20])
def test_ids_have_one_code_in_all_files_and_parts(block: int) -> None:
    first = dripping(block, one__csv=HEADER + "b,x,1\na,y,2\n", two__csv=HEADER + "b,z,3\n")
    events, others, none = read_interactions(first, dripping(block, three__csv=HEADER + "c,x,1e3\na,x,5\n"), [])
    assert events.user_ids.to_pylist() == ["b", "a", "c"]
    assert events.item_ids.to_pylist() == ["x", "y", "z"]
    assert (events.user.tolist(), events.item.tolist(), events.time.tolist()) == ([0, 1, 0], [0, 1, 2], [1, 2, 3])
    assert (others.user.tolist(), others.item.tolist(), others.time.tolist()) == ([2, 1], [0, 0], [1000, 5])
    assert (len(none.user), none.item_ids) == (0, events.item_ids)


def test_a_sample_of_users_is_read_with_all_their_events() -> None:
    def parts() -> list[Files]:
        return [streams(one__csv=interactions(3000, 2)), streams(two__csv=interactions(3000, 1))]

    whole, some = read_interactions(*parts()), read_interactions(*parts(), one_in=10)
    assert 200 < len(some[0].user_ids) < 400
    for every, few in zip(whole, some, strict=True):
        users = np.array(every.user_ids)[every.user]
        kept = np.isin(users, few.user_ids)
        assert np.array(few.user_ids)[few.user].tolist() == users[kept].tolist()
        assert few.time.tolist() == every.time[kept].tolist()


def test_the_items_of_all_users_are_read() -> None:
    files = {"one__csv": HEADER + "a,x,1\nb,y,2\n", "two__csv": HEADER + "c,z,3\na,x,5\n"}
    assert read_items(streams(**files)).to_pylist() == ["x", "y", "z"]
    assert read_items([]).to_pylist() == []


def test_files_must_have_one_header() -> None:
    with pytest.raises(InputError, match="other columns than the files before"):
        read_interactions(streams(one__csv=HEADER + "b,x,1\n", two__csv="ITEM_ID,USER_ID,TIMESTAMP\nx,b,1\n"))


def test_files_are_parted_by_rows() -> None:
    files = {"one__csv": interactions(users=5), "two__csv": HEADER + 'z,"a ""b"", \\\\c\\"",7\n\nz,d,8'}
    (events,) = read_interactions(streams(**files))
    mask = hold_out(events, Split())
    train, rest = io.BytesIO(), io.BytesIO()
    write_parts(streams(**files), mask, train, rest)
    assert train.getvalue().endswith(b'\nz,"a \\"b\\", \\\\c\\"",7\n')
    assert rest.getvalue().endswith(b"\nz,d,8\n")
    learnt, back = read_interactions(
        [("train.csv", io.BytesIO(train.getvalue()))], [("rest.csv", io.BytesIO(rest.getvalue()))]
    )
    for part, kept in ((learnt, ~mask), (back, mask)):
        expected = events.where(kept)
        assert part.user_ids.take(pa.array(part.user)) == expected.user_ids.take(pa.array(expected.user))
        assert part.item_ids.take(pa.array(part.item)) == expected.item_ids.take(pa.array(expected.item))
        assert part.time.tolist() == expected.time.tolist()


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\n"), min_size=1, max_size=9)


@settings(deadline=None)
@given(st.lists(st.tuples(cells, cells, st.booleans()), min_size=1, max_size=20), st.integers(3, 60))
def test_every_cell_survives(table: list[tuple[str, str, bool]], block: int) -> None:
    escaped = [[cell.replace("\\", "\\\\").replace('"', '""') for cell in row[:2]] for row in table]
    content = "A,B\n" + "\n".join(f'"{one}","{other}"' for one, other in escaped)
    parts = io.BytesIO(), io.BytesIO()
    write_parts(dripping(block, one__csv=content), np.array([back for _, _, back in table]), *parts)
    for part, wanted in zip(parts, (False, True), strict=True):
        columns: dict[str, list[str]] = {"A": [], "B": []}
        for found in csv_reader.read_csv("part.csv", [part.getvalue()]):
            for name, column in found.columns.items():
                columns[name] += texts_of(column)
        assert columns["A"] == [one for one, _, back in table if back == wanted]
        assert columns["B"] == [other for _, other, back in table if back == wanted]
