"""The profile of data files, with any size of blocks."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.datasets import profile
from usher.datasets.profile import DUPLICATE, Occurrences
from usher.datasets.read_limits import ReadLimits

from tests.unit.usher.world import interactions, scanned

HEADER = "USER_ID,ITEM_ID,TIMESTAMP\n"
GOOD = interactions()


@pytest.mark.parametrize("block", [100, 1000, 1 << 20])
def test_rows_lines_and_users_are_the_same_in_blocks_of_any_size(block: int) -> None:
    lines = GOOD.splitlines()
    lines[699], lines[799], lines[899] = "u1,i1,x", "u1,i1", ""
    table = scanned("\n".join(lines), HEADER + "u1,i1,x\n", limits=ReadLimits(block_bytes=block))
    assert (table.rows, len(table.ids), table.ids.recurring) == (1199, 60, 60)
    assert table.columns["TIMESTAMP"].facts["not a number"] == Occurrences(2, {"1.csv": [700], "2.csv": [2]}, "x")
    assert table.row_errors["fewer values"] == Occurrences(1, {"1.csv": [800]})
    assert table.row_errors["empty line"] == Occurrences(1, {"1.csv": [900]})


def test_a_hundred_rows_are_named_and_all_counted() -> None:
    bad = "u1,i1,x\n" * 70
    table = scanned(HEADER + bad, HEADER + bad)
    fact = table.columns["TIMESTAMP"].facts["not a number"]
    assert fact == Occurrences(140, {"1.csv": list(range(2, 72)), "2.csv": list(range(2, 32))}, "x")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", ""], "long"),
        (["1", "2.5"], "float"),
        (["-3", "1e3"], "long"),
        (["", ""], "categorical"),
        (["a", "b", "a", "b"], "categorical"),
        (["a|b", "c", "d"], "categorical"),
        (["one text", "another text", "a third"], "string"),
        (["1", "two", "3"], "string"),
        (["nan", "inf", "0x10"], "string"),
        (["9" * 30, "8" * 30, "7" * 30], "string"),
    ],
)
def test_a_columns_kind_follows_from_its_values(values: list[str], kind: str) -> None:
    rows = "".join(f"i{number},{value}\n" for number, value in enumerate(values))
    table = scanned("ITEM_ID,X\n" + rows, dataset="items")
    assert table.columns["X"].suggested_type(table.rows) == kind


def test_many_different_texts_are_no_categories() -> None:
    rows = "".join(f"i{number},text {number % 1001}\n" for number in range(4000))
    assert scanned("ITEM_ID,X\n" + rows, dataset="items").columns["X"].suggested_type(4000) == "string"


def test_long_texts_are_no_categories_and_are_forgotten() -> None:
    rows = "".join(f"i{number},{number % 8}{'x' * 20_000}\n" for number in range(40))
    column = scanned("ITEM_ID,X\n" + rows, dataset="items").columns["X"]
    assert column.values is None
    assert column.suggested_type(40) == "string"


@given(rows=st.lists(st.sampled_from(["a,1", "b", "c,1,2", '"d', "", "e,\r"]), max_size=12), most=st.integers(1, 4))
def test_findings_do_not_depend_on_the_number_of_lines_parsed_at_once(rows: list[str], most: int) -> None:
    content = "ITEM_ID,X\n" + "\n".join(rows)
    few = scanned(content, dataset="items", limits=ReadLimits(lines=most))
    whole = scanned(content, dataset="items")
    assert (few.rows, few.row_errors, few.columns) == (whole.rows, whole.row_errors, whole.columns)


HOSTILE = {"too few": b"1\n", "open quotes": b'"\n', "empty lines": b"\n"}
"""Lines that take much more memory than their bytes."""
MEASURED = """
import sys
from benchmarks.memory import peak_megabytes
from usher.datasets.csv_reader import read_csv
from usher.datasets.profile import profile_blocks
from usher.datasets.read_limits import ReadLimits
line = eval(sys.argv[1])
content = b"USER_ID,ITEM_ID,TIMESTAMP\\n" + line * ((1 << 21) // len(line))
before = peak_megabytes()
limits = ReadLimits(row_errors=1 << 21)
table = profile_blocks("interactions", "1.csv", read_csv("1.csv", [content], limits=limits), limits)
assert table.rows + sum(error.rows for error in table.row_errors.values()) >= content.count(b"\\n") - 1
print(peak_megabytes() - before)
"""


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_no_lines_take_much_memory(name: str) -> None:
    """Megabytes in addition to those before: the libraries, and 2 MB of such lines."""
    layer = Path(profile.__file__).parents[2]
    path = os.pathsep.join([str(layer), str(layer.parents[2])])
    command = [sys.executable, "-c", MEASURED, repr(HOSTILE[name])]
    done = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert 0 < float(done.stdout) < 200


@pytest.mark.parametrize("block", [10, 1 << 20])
def test_an_id_that_was_there_is_named_in_metadata(block: int) -> None:
    table = scanned(
        "ITEM_ID,X\na,1\nb,2\na,3\na,4\n",
        "ITEM_ID,X\nc,1\nb,2\n",
        dataset="items",
        limits=ReadLimits(block_bytes=block),
    )
    assert table.row_errors[DUPLICATE] == Occurrences(3, {"1.csv": [4, 5], "2.csv": [3]})
    assert table.rows == 6


@pytest.mark.parametrize(("most", "many", "again"), [(10, False, 990), (9, True, 0)])
def test_duplicates_are_reported_within_the_limit_of_ids(most: int, many: bool, again: int) -> None:
    table = scanned(
        "ITEM_ID,X\n" + "".join(f"i{number % 10},1\n" for number in range(1000)),
        dataset="items",
        limits=ReadLimits(ids=most),
    )
    assert (table.rows, table.ids.overflowed, table.row_errors[DUPLICATE].rows) == (1000, many, again)


def test_quotes_may_be_escaped_as_the_service_says() -> None:
    rows = "".join(f'i{number},"a \\"b\\", c"\n' for number in range(9))
    table = scanned("ITEM_ID,TITLE\n" + rows, dataset="items")
    assert table.read_errors == []
    assert set(table.columns["TITLE"].values or ()) == {'a "b", c'}


cells = st.text(st.characters(codec="utf-8", exclude_characters='\n\r"\\\x00'), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=30), st.integers(1, 200))
def test_findings_do_not_depend_on_the_blocks(rows: list[tuple[str, str]], block: int) -> None:
    text = "ITEM_ID,X\n" + "".join(f'"{one}","{other}"\n' for one, other in rows)
    whole = scanned(text, dataset="items")
    pieces = scanned(text, dataset="items", limits=ReadLimits(block_bytes=block))
    assert (pieces.rows, pieces.row_errors, pieces.columns) == (whole.rows, whole.row_errors, whole.columns)
    assert (pieces.columns["X"].values or Counter()).total() == len(rows)
