"""The CSV reader: every row keeps its line, and invalid records are reported."""

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.datasets import csv_reader
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.errors import InputError

from tests.unit.usher.world import interactions

HEADER = "USER_ID,ITEM_ID,TIMESTAMP\n"
GOOD = interactions()


def read(content: str | bytes, limits: ReadLimits = LIMITS) -> list[csv_reader.Block]:
    """The blocks of a small file."""
    return list(
        csv_reader.read_csv("1.csv", [content.encode() if isinstance(content, str) else content], limits=limits)
    )


def rows(blocks: list[csv_reader.Block]) -> list[tuple[int, ...]]:
    """(line, cell, cell, ...)"""
    return [
        row
        for block in blocks
        for row in zip(block.lines, *(column.to_pylist() for column in block.columns.values()), strict=True)
    ]


def faults(blocks: list[csv_reader.Block]) -> dict[str, list[int]]:
    """The lines with invalid records."""
    names = {name for block in blocks for name in block.row_errors}
    return {name: [line for block in blocks for line in block.row_errors.get(name, [])] for name in names}


@pytest.mark.parametrize(
    ("content", "expected", "odd"),
    [
        ("A,B\n1,2\n", [(2, "1", "2")], {}),
        ("A,B\r\n1,2\r\n", [(2, "1", "2")], {}),
        ("A,B\n1,2", [(2, "1", "2")], {}),
        ("A\n1\n", [(2, "1")], {}),
        ("A\n\n1\n", [(2, ""), (3, "1")], {}),
        ("A,B\n", [], {}),
        ("A,B", [], {}),
        ("A,B\n1\n2,3\n4,5,6\n7,8\n", [(3, "2", "3"), (5, "7", "8")], {"fewer values": [2], "more values": [4]}),
        ("A,B\n1,2\n\n3,4\n\r\n", [(2, "1", "2"), (4, "3", "4")], {"empty line": [3, 5]}),
        ("A,B\n,\n1,2\n", [(2, "", ""), (3, "1", "2")], {}),
        ('A,B\n1,"2\n2"\n3\n4,5\n', [(5, "4", "5")], {"open quote": [2], "fewer values": [3, 4]}),
        ('A,B\n"1,2\n3,4\n5",6,7\n8,9\n', [(3, "3", "4"), (5, "8", "9")], {"open quote": [2], "more values": [4]}),
        ('A,B\n1,2\n"3,4\n5,6\n', [(2, "1", "2"), (4, "5", "6")], {"open quote": [3]}),
        ('A,B\n1,2\n3,"4', [(2, "1", "2")], {"open quote": [3]}),
        ("A,B\n1,2\\\n3,4\n", [(3, "3", "4")], {"open quote": [2]}),
        ("A,B\n1,2\r3,4\n5,6\n", [(3, "5", "6")], {"stray return": [2]}),
        ('A,B\n1,2\r3,"4\n5,6\n7,8\n', [(3, "5", "6"), (4, "7", "8")], {"open quote": [2]}),
        ('A,B\n1,"2\r3"\n', [(2, "1", "2\r3")], {}),
        ('A,B\n1,"a, ""b"" \\"c\\""\n', [(2, "1", 'a, "b" "c"')], {}),
        ("A,B\n\ufeff1,2\n", [(2, "\ufeff1", "2")], {}),
        ("A,B\n\ufeff", [], {"fewer values": [2]}),
        ("A,B\n1,NULL\n2,nan\n", [(2, "1", "NULL"), (3, "2", "nan")], {}),
    ],
)
def test_rows_keep_their_lines(content: str, expected: list[tuple[int, ...]], odd: dict[str, list[int]]) -> None:
    blocks = read(content)
    assert rows(blocks) == expected
    assert faults(blocks) == odd


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "1.csv: is empty. Drop a CSV with a header and rows."),
        ("\n\n", "1.csv: is empty. Drop a CSV with a header and rows."),
        ("\ufeff" + GOOD, "1.csv line 1: starts with a byte order mark. Save it as UTF-8 without one."),
        ('"USER_ID",ITEM_ID\na,b\n', "1.csv line 1: has quotes in the header. Write the column names without quotes."),
        ("USER_ID;ITEM_ID;TIMESTAMP\na;b;1\n", "1.csv line 1: is separated by semicolons. Separate by commas."),
        ("USER_ID,USER_ID\na,b\n", "1.csv line 1: has two columns of the same name. Rename one of them."),
        ("USER_ID,ITEM_ID,\na,b,\n", "1.csv line 1: has a column without a name. Name it, or"),
        ("USER_ID,ITEM_ID\ra,b\r", "1.csv line 1: has control characters in the header."),
        ("USER_ID,\x00\na,b\n", "1.csv line 1: has control characters in the header."),
        ("USER_ID,\x1b\na,b\n", "1.csv line 1: has control characters in the header."),
        ("USER_ID\tITEM_ID\na\tb\n", "1.csv line 1: is separated by tabs. Separate by commas."),
        ("USER_ID|ITEM_ID\na|b\n", "1.csv line 1: is separated by bars. Separate by commas."),
        (GOOD.encode("utf-16"), "1.csv line 1: is UTF-16. Save it as"),
        (GOOD.encode("utf-16-be"), "1.csv line 1: is UTF-16. Save it as"),
        (gzip.compress(GOOD.encode(), mtime=0), "1.csv line 1: is packed by gzip. Unpack it"),
        ("<!doctype html>\n", "1.csv line 1: is a web page. Download the file itself."),
        (b"USER_ID,\xe9\na,b\n", "1.csv line 1: is not UTF-8: "),
        ("A" * 20_001, "1.csv line 1: has a header of more than 20000 bytes. End it with \\n, and use fewer"),
        (",".join(f"C{n}" for n in range(129)), "1.csv line 1: has 129 columns; no dataset has more than 128. Remove"),
        (GOOD.encode() + "ü,i1,1600000000\n".encode("latin-1"), "1.csv line 1202: is not UTF-8: "),
        (b"ITEM_ID,X\ni," + b"\xff\n1,2,3\n", "1.csv line 2: is not UTF-8: "),
        (b"ITEM_ID,X\n1,2\ni,2," + b"\xff\n", "1.csv line 3: is not UTF-8: "),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_named(content: str | bytes, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        read(content)
    (one,) = caught.value.problems
    assert str(one).startswith(problem)


def test_no_line_fills_the_memory() -> None:
    taken = []

    def chunks() -> Iterator[bytes]:
        for number in range(100):
            taken.append(number)
            yield b"x" * (1 << 19) if number else b'A,B\n1,2\n3,"'

    with pytest.raises(InputError, match=r"1.csv line 3: is longer than 1 MB"):
        list(csv_reader.read_csv("1.csv", chunks()))
    assert len(taken) == 3


def test_reading_ends_after_many_lines_that_are_no_records() -> None:
    limits = ReadLimits(row_errors=100, lines=64)
    assert len(faults(read(HEADER + GOOD + "x\n" * 100, limits))["fewer values"]) == 100
    with pytest.raises(
        InputError, match=r"line 151: is the last line that was read: more than 100 lines before it are malformed."
    ):
        read(HEADER + "x\n" * 200, limits)


cells = st.text(st.characters(codec="utf-8", exclude_characters='\n\r\\\x00"'), min_size=1, max_size=9)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(cells, min_size=1, max_size=5), min_size=1, max_size=20), st.integers(1, 60))
def test_every_line_is_a_row_or_a_fault(table: list[list[str]], cut: int) -> None:
    lines = [",".join(f'"{cell}"' for cell in row) for row in table]
    content = "A,B,C\n" + "\n".join(lines)
    pieces = [content.encode()[at : at + cut] for at in range(0, len(content.encode()), cut)]
    blocks = list(csv_reader.read_csv("1.csv", pieces))
    expected = [(number, *row) for number, row in enumerate(table, start=2) if len(row) == 3]
    assert rows(blocks) == expected
    odd = sorted(line for lines in faults(blocks).values() for line in lines)
    assert odd == [number for number, row in enumerate(table, start=2) if len(row) != 3]


def test_duckdb_reads_the_same_rows_and_rejects_the_same_lines(tmp_path: Path) -> None:
    chooser = random.Random(0)
    texts = [["".join(chooser.choices('ab ,;"üé|', k=chooser.randrange(1, 9))) for _ in range(3)] for _ in range(2000)]
    lines = [",".join('"{}"'.format(text.replace('"', '""')) for text in row) for row in texts]
    for number in range(0, 2000, 97):
        lines[number] = chooser.choice(["a,b", "a,b,c,d"])
    content = "\n".join(["A,B,C", *lines, ""])
    path = tmp_path / "1.csv"
    path.write_text(content)
    dialect = "delim = ',', quote = '\"', escape = '\"', header = true, auto_detect = false, store_rejects = true"
    columns = "columns = {'A': 'VARCHAR', 'B': 'VARCHAR', 'C': 'VARCHAR'}"
    database = duckdb.connect()
    expected = database.execute(f"SELECT * FROM read_csv('{path}', {dialect}, {columns})").fetchall()  # noqa: S608
    rejected = database.execute("SELECT DISTINCT line FROM reject_errors ORDER BY line").fetchall()
    blocks = read(content)
    assert [row[1:] for row in rows(blocks)] == expected
    assert sorted(line for lines in faults(blocks).values() for line in lines) == [line for (line,) in rejected]
