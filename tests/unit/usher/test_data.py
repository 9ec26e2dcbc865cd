"""The rules for the CSVs: what is refused, with which file, line and remedy; and that nothing crashes the check."""

import hashlib
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher import data
from usher.schemas import Schema, make_schema

from tests.unit.usher.world import interactions

HEADER = "USER_ID,ITEM_ID,TIMESTAMP\n"
GOOD = interactions()


def scan(*files: str | bytes, dataset: str = "interactions") -> data.Table:
    """Scan files that are called 1.csv, 2.csv and so on."""
    contents = [file.encode() if isinstance(file, str) else file for file in files]
    return data.scan(dataset, ((f"{number}.csv", io.BytesIO(file)) for number, file in enumerate(contents, start=1)))


def inferred(table: data.Table) -> Schema:
    """The schema that a run would infer."""
    required = dict.fromkeys(data.missing_columns(table), "string")
    return make_schema(table.dataset, required | {name: one.kind(table.rows) for name, one in table.columns.items()})


def said(*files: str | bytes, dataset: str = "interactions", schema: Schema | None = None) -> list[str]:
    """What is wrong with files, one text per problem; `g/` is the place of what has no line."""
    table = scan(*files, dataset=dataset)
    return [str(problem) for problem in data.check(table, schema or inferred(table), "g/")]


def with_row(row: str, line: int = 700) -> str:
    """Good interactions whose given line (the header is line 1) is replaced by a row."""
    lines = GOOD.splitlines()
    lines[line - 1] = row
    return "\n".join(lines) + "\n"


def test_good_interactions_have_no_problems() -> None:
    assert said(GOOD) == []


def test_lines_may_end_as_on_windows_and_the_last_one_not_at_all() -> None:
    assert said(GOOD.replace("\n", "\r\n")) == []
    assert said(GOOD.rstrip("\n")) == []


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("u1,i1,1600000000000", "has a TIMESTAMP in milliseconds. Divide by 1000: Unix seconds."),
        ("u1,i1,yesterday", "has a TIMESTAMP that is not a number. Write plain numbers."),
        ("u1,i1,nan", "has a TIMESTAMP that is not a number. Write plain numbers."),
        ("u1,i1,1600000000.5", "has a TIMESTAMP that is not a whole number. Round it, "
         "or make the schema's type float."),
        ("u1,i1,", "has no TIMESTAMP. Fill it in."),
        ("u1,,1600000000", "has no ITEM_ID. Fill it in."),
        (",i1,1600000000", "has no USER_ID. Fill it in."),
        ("u1,i1", "has no TIMESTAMP. Fill it in."),
        (f"{'u' * 257},i1,1600000000", "has a USER_ID of more than 256 characters. Shorten it."),
        ('"u\n1",i1,1600000000', "has a USER_ID that spans several lines. Balance the quotes: one record per line."),
        ("u1,i1,1600000000,x", "has 4 values where the header has 3. Quote values that hold a comma."),
        ('"u1,i1,1600000000', "opens a quote that is never closed. Balance the quotes."),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_by_file_and_line(row: str, problem: str) -> None:
    assert said(with_row(row)) == [f"1.csv line 700: {problem}"]
    assert said(GOOD, with_row(row)) == [f"2.csv line 700: {problem}"]


def test_a_quote_that_swallows_rows_until_the_next_quote_is_named_where_it_opens() -> None:
    lines = GOOD.splitlines()
    lines[9], lines[19] = '"' + lines[9], lines[19] + '"'
    assert said("\n".join(lines))[0].startswith("1.csv line 10: has a USER_ID that spans several lines")


def test_the_first_bad_row_is_named_and_the_others_counted() -> None:
    lines = GOOD.splitlines()
    lines[9] = lines[19] = lines[29] = ",i1,1600000000"
    assert said("\n".join(lines)) == ["1.csv line 10: has no USER_ID (and 2 more). Fill it in."]


def test_a_first_row_with_too_many_values_is_not_taken_for_an_index() -> None:
    assert said(HEADER + "u1,i1,1,x\n") == [
        "1.csv line 2: has more values than the header. Quote values that hold a comma."
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "1.csv: is empty. Drop a CSV with a header and rows."),
        ("\n\n", "1.csv: is empty. Drop a CSV with a header and rows."),
        (HEADER, "1.csv: has a header, but no rows. Add rows, or remove the file."),
        (HEADER.strip(), "1.csv: has a header, but no rows. Add rows, or remove the file."),
        ("\ufeff" + GOOD, "1.csv line 1: starts with a byte order mark. Save it as UTF-8 without one."),
        ('"USER_ID",ITEM_ID\na,b\n', "1.csv line 1: has quotes in the header. Write the column names without quotes."),
        ("USER_ID,USER_ID\na,b\n", "1.csv line 1: names a column twice. Rename one of them."),
        ("USER_ID,ITEM_ID,\na,b,\n", "1.csv line 1: has a column without a name. Name it, or"),
        ("USER_ID,ITEM_ID\ra,b\r", "1.csv line 1: has control characters in the header."),
        ("USER_ID,\x00\na,b\n", "1.csv line 1: has control characters in the header."),
        (GOOD.encode("utf-16"), "1.csv line 1: has control characters in the header."),
        (GOOD.encode() + "ü,i1,1600000000\n".encode("latin-1"), "1.csv: is not UTF-8: "),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_named(content: str | bytes, problem: str) -> None:
    (one,) = said(content)
    assert one.startswith(problem)


def test_files_with_different_headers_are_refused() -> None:
    assert said(GOOD, "ITEM_ID,USER_ID,TIMESTAMP\ni,u,1\n") == [
        "2.csv line 1: has other columns than the files before it: USER_ID, ITEM_ID, TIMESTAMP. "
        "Give all files one header."
    ]


def test_every_unreadable_file_is_reported() -> None:
    assert [problem.split(":")[0] for problem in said("", HEADER, GOOD)] == ["1.csv", "2.csv"]


@pytest.mark.parametrize(
    ("column", "remedy"),
    [
        ("userId", "Rename the column userId to USER_ID."),
        ("user", "Rename the column user to USER_ID."),
        ("who", "Add it; the header has who, ITEM_ID, TIMESTAMP."),
    ],
)
def test_a_missing_column_is_named_with_the_one_that_may_be_meant(column: str, remedy: str) -> None:
    assert f"g/: lacks the column USER_ID. {remedy}" in said(GOOD.replace("USER_ID", column))


def test_a_column_that_the_schema_lacks_is_refused() -> None:
    schema = make_schema("interactions", dict.fromkeys(("USER_ID", "ITEM_ID"), "string"))
    assert said(GOOD, schema=schema) == [
        "g/: has the column TIMESTAMP, which its schema does not know. Remove it, or add it to the schema."
    ]


def test_a_column_that_may_not_be_null_must_be_filled() -> None:
    schema: dict[str, Any] = {"fields": [{"name": "ITEM_ID", "type": "string"}, {"name": "YEAR", "type": "int"}]}
    assert said("ITEM_ID,YEAR\ni,\n", dataset="items", schema=schema) == [
        "1.csv line 2: has no YEAR. Fill it in, or allow null in the schema."
    ]
    schema["fields"][1]["type"] = ["null", "int"]
    assert said("ITEM_ID,YEAR\ni,\n", dataset="items", schema=schema) == []


@pytest.mark.parametrize(("rows", "short"), [(999, True), (1000, False)])
def test_a_thousand_interactions_are_needed(rows: int, short: bool) -> None:
    found = said("\n".join(GOOD.splitlines()[: rows + 1]))
    assert bool(found) == short
    if short:
        assert found == ["g/: has 999 interactions; Personalize trains on 1000 or more. Add more history."]


@pytest.mark.parametrize(("active", "short"), [(24, True), (25, False)])
def test_twenty_five_users_with_two_interactions_are_needed(active: int, short: bool) -> None:
    often = [f"u{number},i{turn},1600000000" for number in range(active) for turn in range(2)]
    once = [f"once{number},i1,1600000000" for number in range(1000)]
    found = said(HEADER + "\n".join([*often, *once]))
    assert bool(found) == short
    if short:
        assert found == [
            "g/: has 24 users with two interactions or more; Personalize needs 25. "
            "Add more users, or more of their history."
        ]


def test_two_interactions_of_a_user_may_be_in_two_files() -> None:
    rows = [f"u{number},i1,1600000000" for number in range(500)]
    assert said(HEADER + "\n".join(rows), HEADER + "\n".join(rows)) == []


@pytest.mark.parametrize(("dataset", "column"), [("items", "ITEM_ID"), ("users", "USER_ID")])
def test_a_dataset_of_mere_ids_is_refused(dataset: str, column: str) -> None:
    assert said(f"{column}\na\n", dataset=dataset) == [
        "g/: has no column but the ID. Add at least one column that describes them."
    ]


def test_lines_and_users_are_counted_across_chunks() -> None:
    rows = [f"u{number},i1,1600000000" for number in range(data.CHUNK_ROWS + 10)]
    rows[data.CHUNK_ROWS + 4] = "u1,i1,1600000000000"
    table = scan(HEADER + "\n".join(rows), HEADER + "\n".join(rows[:30]))
    assert table.rows == data.CHUNK_ROWS + 40
    assert len(table.active_users) >= data.MIN_USERS
    assert [str(problem) for problem in data.check(table, inferred(table), "g/")] == [
        f"1.csv line {data.CHUNK_ROWS + 6}: has a TIMESTAMP in milliseconds. Divide by 1000: Unix seconds."
    ]


def test_the_digest_is_the_sha_256_of_the_bytes() -> None:
    assert scan(GOOD, GOOD).digest == hashlib.sha256((GOOD * 2).encode()).hexdigest()


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
    ],
)
def test_a_columns_kind_follows_from_its_values(values: list[str], kind: str) -> None:
    rows = "".join(f"i{number},{value}\n" for number, value in enumerate(values))
    table = scan("ITEM_ID,X\n" + rows, dataset="items")
    assert table.columns["X"].kind(table.rows) == kind
    assert data.check(table, inferred(table), "g/") == []


def test_many_different_texts_are_no_categories() -> None:
    rows = "".join(f"i{number},text {number % 1001}\n" for number in range(4000))
    assert scan("ITEM_ID,X\n" + rows, dataset="items").columns["X"].kind(4000) == "string"


def test_users_are_listed_once_in_order_of_appearance() -> None:
    files = [HEADER + "b,i,1\na,i,1\nb,i,2\n", HEADER + "c,i,1\na,i,1\n"]
    assert list(data.user_ids((str(file), io.BytesIO(file.encode())) for file in files)) == ["b", "a", "c"]


pieces = st.sampled_from(
    [b"USER_ID", b"ITEM_ID", b"TIMESTAMP", b",", b",", b"\n", b"\n", b"\r", b'"', b"1", b"-1.5", b"9" * 30, b"1e999",
     b"True", b"0x10", b" ", b"|", b"\x00", b"\xff", b"\xef\xbb\xbf", "é".encode()]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.binary(max_size=60) | st.lists(pieces, max_size=30).map(b"".join), min_size=1, max_size=3),
    st.sampled_from(["interactions", "items", "users"]),
)
def test_no_bytes_crash_the_check(files: list[bytes], dataset: str) -> None:
    table = scan(*files, dataset=dataset)
    problems = data.check(table, inferred(table), "g/")
    assert problems or dataset != "interactions", "so few bytes can't be enough to train on"


texts = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=20).map(
    lambda text: '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'
)


def test_semicolons_are_named_as_such() -> None:
    assert said("USER_ID;ITEM_ID;TIMESTAMP\na;b;1\n")[0].endswith(
        "line 1: is separated by semicolons. Separate by commas."
    )


def test_quotes_may_be_escaped_as_the_service_says() -> None:
    rows = "".join(f'i{number},"a \\"b\\", c"\n' for number in range(9))
    table = scan("ITEM_ID,TITLE\n" + rows, dataset="items")
    assert table.problems == []
    assert table.columns["TITLE"].values == {'a "b", c'}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(texts, st.integers(1, 2**33), texts | st.just("")), min_size=10, max_size=20))
def test_any_table_that_keeps_the_rules_has_no_problems(rows: list[tuple[str, int, str]]) -> None:
    lines = [f"u{n % 50},{item},{time},{label}" for n in range(100) for item, time, label in rows]
    text = "USER_ID,ITEM_ID,TIMESTAMP,LABEL\n" + "\n".join(lines) + "\n"
    assert said(text) == []
    assert scan(text).rows == len(lines)
