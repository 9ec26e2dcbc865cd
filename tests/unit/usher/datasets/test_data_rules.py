"""The rules for data files: refusals and findings, with file, line and remedy."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.datasets import data_rules
from usher.datasets.cell_facts import FACTS
from usher.datasets.profile import DatasetProfile
from usher.datasets.schemas import Schema, make_schema

from tests.unit.usher.world import interactions, scanned

HEADER = "USER_ID,ITEM_ID,TIMESTAMP\n"
GOOD = interactions()
SMALL = (
    "g/: has 1200 interactions, and 60 users with two or more. "
    "It is enough to train; AWS advises 50000 interactions of 1000 users."
)


def inferred(table: DatasetProfile) -> Schema:
    """The schema that a run would infer."""
    required = dict.fromkeys(table.missing_columns, "string")
    return make_schema(
        table.dataset, required | {name: one.suggested_type(table.rows) for name, one in table.columns.items()}
    )


def said(
    *files: str | bytes, dataset: str = "interactions", schema: Schema | None = None, severity: str = "error"
) -> list[str]:
    """The findings about files, one text each; `g/` is the place of findings without a line."""
    table = scanned(*files, dataset=dataset)
    found = data_rules.check_dataset(table, schema or inferred(table), "g/")
    return [str(one.problem) for one in found if one.severity == severity]


def with_row(row: str, line: int = 700) -> str:
    """Good interactions whose given line (the header is line 1) is replaced by a row."""
    lines = GOOD.splitlines()
    lines[line - 1] = row
    return "\n".join(lines) + "\n"


def schema_of(**types: Any) -> Schema:
    """A schema with columns of these types, or with these members."""
    return {
        "fields": [
            {"name": name, **(kind if isinstance(kind, dict) else {"type": kind})} for name, kind in types.items()
        ]
    }


def test_good_interactions_have_no_problems() -> None:
    assert said(GOOD) == []
    assert said(GOOD, severity="warning") == [SMALL]


def increment(table: DatasetProfile) -> list[str]:
    """The findings about a file that is added to a dataset."""
    found = data_rules.check_dataset(table, inferred(table), "g/incremental/1.csv", whole=False)
    return [str(one.problem) for one in found if one.severity == "error"]


@pytest.mark.parametrize("dataset", ["interactions", "action_interactions"])
def test_an_increment_of_few_interactions_is_refused_before_personalize_does(dataset: str) -> None:
    header = "USER_ID,ACTION_ID,TIMESTAMP,EVENT_TYPE\n" if dataset == "action_interactions" else HEADER
    row = "u1,a1,1700000000,taken\n" if dataset == "action_interactions" else "u1,i1,1700000000\n"
    assert increment(scanned(header + row * 999, dataset=dataset)) == [
        f"g/incremental/1.csv: has 999 rows; Personalize imports 1000 or more of {dataset} at a time. "
        "Collect more in one file."
    ]
    assert increment(scanned(header + row * 1000, dataset=dataset)) == []


def test_few_items_may_be_added() -> None:
    assert increment(scanned("ITEM_ID\ni1\n", dataset="items")) == []


def test_few_action_interactions_are_refused_as_a_whole_too() -> None:
    rows = "USER_ID,ACTION_ID,TIMESTAMP,EVENT_TYPE\n" + "u1,a1,1700000000,taken\n" * 999
    assert said(rows, dataset="action_interactions") == [
        "g/: has 999 rows; Personalize imports 1000 or more of action_interactions at a time. Add more."
    ]


def test_an_increment_above_a_gigabyte_is_refused() -> None:
    table = replace(scanned("ITEM_ID\ni1\n", dataset="items"), size=1_400_000_000)
    assert increment(table) == ["g/incremental/1.csv: has 1.4 GB; Personalize imports 1. Split it into several files."]


def test_lines_may_end_as_on_windows_and_the_last_one_not_at_all() -> None:
    assert said(GOOD.replace("\n", "\r\n")) == []
    assert said(GOOD.rstrip("\n")) == []


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("u1,i1,1600000000000", "TIMESTAMP is in milliseconds. Divide by 1000: Unix seconds."),
        ("u1,i1,-1", "TIMESTAMP is below zero. Write Unix seconds."),
        ("u1,i1,yesterday", "TIMESTAMP is neither a number nor a date. Write Unix seconds, or dates like 2026-11-27 "
         "with `timestamps: iso` in usher.yaml; or remove the line."),
        ("u1,i1,nan", "TIMESTAMP is neither a number nor a date. Write Unix seconds, or dates like 2026-11-27 "
         "with `timestamps: iso` in usher.yaml; or remove the line."),
        ("u1,i1,1600000000.5", "TIMESTAMP is not a whole number. Write whole seconds."),
        ("u1,i1,", "has no TIMESTAMP. Fill it in, or remove the line."),
        ("u1,,1600000000", "has no ITEM_ID. Fill it in, or remove the line."),
        (",i1,1600000000", "has no USER_ID. Fill it in, or remove the line."),
        ("u1,i1", "has fewer values than the header. Write a comma for each that is missing, or remove the line."),
        (f"{'u' * 257},i1,1600000000", "USER_ID is longer than 256 characters. Shorten it."),
        ("u1,i1,1\r600000000", "has a carriage return inside. End lines with \\n or \\r\\n."),
        ("u1,i1,1600000000,x", "has more values than the header. "
         "Quote values that hold a comma, or remove those without a column."),
        ('"u1,i1,1600000000', "opens a quote that its line does not close. Balance the quotes, "
         "write a backslash twice, and end no line inside a value: one record per line."),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_by_file_and_line(row: str, problem: str) -> None:
    assert said(with_row(row)) == [f"1.csv line 700: {problem}"]
    assert said(GOOD, with_row(row)) == [f"2.csv line 700: {problem}"]
    assert said(GOOD, with_row(row, line=2)) == [f"2.csv line 2: {problem}"]


def test_skipped_rows_are_reported_without_an_error() -> None:
    assert said(with_row("")) == []
    assert said(with_row(""), severity="warning")[0] == "1.csv line 700: is an empty line. Personalize skips it."


def test_a_quote_that_swallows_rows_until_the_next_quote_is_named_where_it_opens() -> None:
    lines = GOOD.splitlines()
    lines[9], lines[19] = '"' + lines[9], lines[19] + '"'
    assert said("\n".join(lines))[0].startswith("1.csv line 10: opens a quote that its line does not close.")


def test_the_first_bad_row_is_named_and_the_others_counted() -> None:
    lines = GOOD.splitlines()
    lines[9] = lines[19] = lines[29] = ",i1,1600000000"
    assert said("\n".join(lines)) == ["1.csv line 10: has no USER_ID (and 2 more). Fill it in, or remove the line."]
    table = scanned("\n".join(lines))
    (found,) = (one for one in data_rules.check_dataset(table, inferred(table), "g/") if one.severity == "error")
    assert (found.rows, found.lines) == (3, {"1.csv": [10, 20, 30]})


def test_every_unreadable_file_is_reported() -> None:
    assert said("", HEADER, GOOD) == [
        "1.csv: is empty. Drop a CSV with a header and rows.",
        "2.csv: has a header, but no rows. Add rows, or remove the file.",
    ]


@pytest.mark.parametrize(
    ("column", "remedy"),
    [
        ("userId", "Rename the column userId to USER_ID, or map it in usher.yaml: `columns: {userId: USER_ID}`."),
        ("user", "Rename the column user to USER_ID, or map it in usher.yaml: `columns: {user: USER_ID}`."),
        ("who", "Add it; the header has who, ITEM_ID, TIMESTAMP."),
    ],
)
def test_a_missing_column_is_named_with_the_one_that_may_be_meant(column: str, remedy: str) -> None:
    assert f"g/: lacks the column USER_ID. {remedy}" in said(GOOD.replace("USER_ID", column))


def test_a_column_that_the_schema_lacks_is_refused() -> None:
    schema = make_schema("interactions", dict.fromkeys(("USER_ID", "ITEM_ID"), "string"))
    assert said(GOOD, schema=schema) == [
        "g/: has the column TIMESTAMP, which its schema lacks. Remove it, or add it to the schema."
    ]


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        ("int", "", "has no X. Fill it in, or allow null in the schema."),
        (["null", "int"], "", ""),
        ("int", "2147483647", ""),
        ("int", "2147483648", "X is too large for an int. Make its type long."),
        ("int", "-2147483648", ""),
        ("int", "-2147483649", "X is too large for an int. Make its type long."),
        ("long", "2147483648", ""),
        ("long", "9" * 20, "X is too large for a long. Make it smaller."),
        ("float", "-1.5e3", ""),
        ("double", "1.5", ""),
        ("float", "1e", "X is not a number. Write a plain number, or remove the line."),
        ("boolean", "true", ""),
        ("boolean", "yes", "X is neither true nor false. Write true or false."),
        ("string", "x" * 1000, ""),
        ("string", "x" * 1001, "X is longer than 1000 characters. Shorten it."),
        ({"type": "string", "categorical": True}, "x|" * 501, "X is longer than 1000 characters. Shorten it."),
        ({"type": "string", "textual": True}, "é" * 20_001, ""),
    ],
)  # fmt: skip
def test_cells_are_as_the_schema_says(kind: Any, value: str, problem: str) -> None:
    found = said(f'ITEM_ID,X\ni,"{value}"\n', dataset="items", schema=schema_of(ITEM_ID="string", X=kind))
    assert found == [f"1.csv line 2: {problem}"] * bool(problem)


@pytest.mark.parametrize(
    ("header", "row", "schema", "warning"),
    [
        ("ITEM_ID,X", f"i,{'x' * 20_001}", {"X": {"type": "string", "textual": True}},
         "1.csv line 2: X is longer than 20000 characters. Personalize cuts it there."),
        ("ITEM_ID,X", "i,true", {"X": "boolean"},
         "g/: has X as a boolean. Personalize neither trains nor filters by it: make it a string to do so."),
        ("X,ITEM_ID", "x,i", {"X": "string"},
         "g/: has its columns in another order than its schema. Personalize's guide asks for: ITEM_ID, X."),
        ("ITEM_ID,CREATION_TIMESTAMP", "i,", {"CREATION_TIMESTAMP": ["null", "long"]},
         "1.csv line 2: has no CREATION_TIMESTAMP. Personalize takes the item for as old as its first interaction."),
        ("ITEM_ID,X", "i,1\ni,2", {"X": "int"},
         "1.csv line 3: has the ID of an earlier row. Personalize keeps the last one."),
    ],
)  # fmt: skip
def test_automatic_actions_of_personalize_are_only_reported(
    header: str, row: str, schema: Mapping[str, Any], warning: str
) -> None:
    given_schema = schema_of(ITEM_ID="string", **schema)
    assert said(f"{header}\n{row}\n", dataset="items", schema=given_schema) == []
    assert said(f"{header}\n{row}\n", dataset="items", schema=given_schema, severity="warning") == [warning]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a,10,30", ""),
        ("a,11,30", "VALUE is not from 1 to 10. Scale it."),
        ("a,0,30", "VALUE is not from 1 to 10. Scale it."),
        ("a,1,31", "REPEAT_FREQUENCY is more than 30 days. Write 30 at most."),
        ("a,,", ""),
    ],
)
def test_actions_have_rules_of_their_own(row: str, problem: str) -> None:
    found = said(f"ACTION_ID,VALUE,REPEAT_FREQUENCY\n{row}\n", dataset="actions")
    assert found == [f"1.csv line 2: {problem}"] * bool(problem)


@pytest.mark.parametrize(("event", "right"), [("Taken", True), ("NOT_TAKEN", True), ("viewed", True), ("click", False)])
def test_events_of_actions_are_three(event: str, right: bool) -> None:
    rows = f"USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP\nu,a,{event},1\n" + "u,a,viewed,1\n" * 999
    found = said(rows, dataset="action_interactions")
    problem = "1.csv line 2: EVENT_TYPE is not an action's event. Use TAKEN, NOT_TAKEN, VIEWED."
    assert found == ([] if right else [problem])


@pytest.mark.parametrize(("rows", "short"), [(999, True), (1000, False)])
def test_a_thousand_interactions_are_needed(rows: int, short: bool) -> None:
    found = said("\n".join(GOOD.splitlines()[: rows + 1]))
    expected = ["g/: has 999 interactions; Personalize trains on 1000 or more. Add more history."]
    assert found == (expected if short else [])


@pytest.mark.parametrize(("active", "short"), [(24, True), (25, False)])
def test_twenty_five_users_with_two_interactions_are_needed(active: int, short: bool) -> None:
    often = [f"u{number},i{turn},1600000000" for number in range(active) for turn in range(2)]
    once = [f"once{number},i1,1600000000" for number in range(1000)]
    expected = [
        "g/: has 24 users with two interactions or more; Personalize needs 25. "
        "Add more users, or more of their history."
    ]
    assert said(HEADER + "\n".join([*often, *once])) == (expected if short else [])


@pytest.mark.parametrize(("once", "few"), [(2470, False), (2476, True)])
def test_a_hundredth_of_the_users_must_have_two_interactions(once: int, few: bool) -> None:
    rows = [f"u{number % 25},i,1" for number in range(50)] + [f"once{number},i,1" for number in range(once)]
    found = said(HEADER + "\n".join(rows))
    expected = "g/: has 25 users with two interactions or more, of 2501; Personalize needs a hundredth of them. "
    assert found == ([f"{expected}Add more of their history."] if few else [])


def test_two_interactions_of_a_user_may_be_in_two_files() -> None:
    rows = [f"u{number},i1,1600000000" for number in range(500)]
    assert said(HEADER + "\n".join(rows), HEADER + "\n".join(rows)) == []


def with_events(events: int, column: str = "") -> str:
    """Good interactions with so many event types, and optionally another column."""
    header, *rows = GOOD.splitlines()
    lines = [f"{row},e{number % events},{column}" for number, row in enumerate(rows)]
    return "\n".join([f"{header},EVENT_TYPE,{column or 'X'}", *lines]) + "\n"


@pytest.mark.parametrize(("events", "many"), [(9, False), (10, True)])
def test_event_types_and_optional_columns_are_ten_together(events: int, many: bool) -> None:
    expected = ["g/: has 10 event types and 1 optional columns; Personalize takes 10 together. Leave some out."]
    assert said(with_events(events)) == (expected if many else [])


def test_event_types_that_are_all_missing_are_refused() -> None:
    schema = schema_of(USER_ID="string", ITEM_ID="string", TIMESTAMP="long", EVENT_TYPE=["null", "string"])
    text = GOOD.replace("\n", ",\n").replace("TIMESTAMP,", "TIMESTAMP,EVENT_TYPE")
    assert said(text, schema=schema) == ["g/: has no EVENT_TYPE in any row. Fill it in, or remove the column."]


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ("e0", ""),
        (
            "e1",
            "names 'e1', which 600 interactions have; Personalize trains on 1000 or more. The event types are: e0, e1.",
        ),
    ],
)
def test_a_solutions_event_type_has_interactions_enough(wanted: str, problem: str) -> None:
    header, *rows = GOOD.splitlines()
    lines = [f"{row},e{turn % 2 if turn < 1200 else 0}" for turn, row in enumerate([*rows, *rows])]
    table = scanned("\n".join([f"{header},EVENT_TYPE", *lines]))
    found = [str(one) for one in data_rules.check_event_type(table, wanted, "here")]
    assert found == [f"here: {problem}"] * bool(problem)


def test_an_event_type_needs_its_column() -> None:
    (found,) = data_rules.check_event_type(scanned(GOOD), "watch", "here")
    assert found.remedy == "The event types are: none, as there is no column EVENT_TYPE."


def test_more_than_personalize_takes_is_reported() -> None:
    table = replace(
        scanned(GOOD),
        size=100_500_000_000,
    )
    errors = [one for one in data_rules.check_dataset(table, inferred(table), "g/") if one.severity == "error"]
    assert [str(one.problem) for one in errors] == ["g/: has 100.5 GB; Personalize imports 100. Leave out old data."]


def test_every_fact_that_a_rule_names_is_looked_for() -> None:
    named = {rule.fact for table in (data_rules.RULES, *data_rules.MORE_RULES.values()) for rule in table}
    assert set(FACTS) == named | {"several values"}


pieces = st.sampled_from(
    [b"USER_ID", b"ITEM_ID", b"TIMESTAMP", b",", b",", b"\n", b"\n", b"\r", b'"', b"1", b"-1.5", b"9" * 30, b"1e999",
     b"True", b"0x10", b" ", b"|", b"\\", b"\x00", b"\xff", b"\xef\xbb\xbf", "é".encode()]
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.binary(max_size=60) | st.lists(pieces, max_size=30).map(b"".join), min_size=1, max_size=3),
    st.sampled_from(["interactions", "items", "users", "actions", "action_interactions"]),
    st.booleans(),
)
def test_no_bytes_crash_the_check(files: list[bytes], dataset: str, with_header: bool) -> None:
    header = b"USER_ID,ITEM_ID,TIMESTAMP\n" if with_header else b""
    table = scanned(*(header + file for file in files), dataset=dataset)
    problems = [one for one in data_rules.check_dataset(table, inferred(table), "g/") if one.severity == "error"]
    assert problems or dataset != "interactions", "so few bytes can't be enough to train on"


texts = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=20).map(
    lambda text: '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'
)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(texts, st.integers(1, 2**33), texts | st.just("")), min_size=10, max_size=20))
def test_a_table_that_follows_the_rules_has_no_problems(rows: list[tuple[str, int, str]]) -> None:
    lines = [f"u{n % 50},{item},{time},{label}" for n in range(100) for item, time, label in rows]
    text = "USER_ID,ITEM_ID,TIMESTAMP,LABEL\n" + "\n".join(lines) + "\n"
    assert said(text) == []
    assert scanned(text).rows == len(lines)
