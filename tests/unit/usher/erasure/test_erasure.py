"""The data of a user in a file, a table, a queue; and data that only looks like it."""

import gzip
import io
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from usher.erasure.contents import clean
from usher.erasure.erased_users import ErasedUsers, checked_users, read_list, written_list
from usher.erasure.items import is_theirs
from usher.errors import UsherError
from usher.planning.tasks import MAX_ERASURES, Tasks
from usher.storage.table import Table

from tests.unit.usher.world import TABLE, World

WHO = ErasedUsers("films", frozenset({"ann", "42"}), frozenset({"phone"}))


def cleaned(key: str, content: bytes, erased: ErasedUsers = WHO, columns: tuple[str, ...] = ()) -> tuple[int, bytes]:
    target = io.BytesIO()
    removed = clean(key, io.BytesIO(content), target, erased, columns)
    return removed, target.getvalue()


@pytest.mark.parametrize(
    ("key", "content", "rest"),
    [
        ("a.csv", "USER_ID,ITEM_ID\nann,42\nben,42\n42,x\n", "USER_ID,ITEM_ID\nben,42\n"),
        ("a.csv", "itemId,rank,userId\r\n42,1,ben\r\ni,2,ann\r\n", "itemId,rank,userId\r\n42,1,ben\r\n"),
        ("a.csv", '\ufeffuser_id,T\n"ann","a ""b"", c"\nben,"x\\"y"\n', '\ufeffuser_id,T\nben,"x\\"y"\n'),
        ("a.csv", "ITEM_ID,TITLE\n42,ann\n", None),
        ("a.csv", "who,ITEM_ID\nann,1\n", "who,ITEM_ID\n"),
        ("a.jsonl", '{"userId": "ann"}\n{"userId": "ben", "n": 42}\nno\n', '{"userId": "ben", "n": 42}\nno\n'),
        ("a.jsonl", '{"user_id": 42}\n{"userId": "annette"}', '{"userId": "annette"}'),
        ("b.json.out", '{"input":{"userId":"ann"},"output":{"recommendedItems":["42"]}}\n', ""),
        ("b.json.out", '{"input":{"userId":"ben"},"output":{"recommendedItems":["42"]}}\n', None),
        (
            "s.json.out",
            '{"input":{"itemId":"42"},"output":{"usersList":["ben","ann","42"]}}\n',
            '{"input":{"itemId":"42"},"output":{"usersList":["ben"]}}\n',
        ),
        ("part-0001.json", '{"userId":"ann"}\n{"userId":"ben"}\n', '{"userId":"ben"}\n'),
        ("part-0001.json", '{"userId":"ann"}\n', ""),
        ("e.jsonl", '{"sessionId":"phone","eventId":"1"}\n{"sessionId":"phone","userId":"ben"}\n',
         '{"sessionId":"phone","userId":"ben"}\n'),
        ("e.jsonl", '{"sessionId":"ann","userId":"ben"}\n', ""),
        ("page.html", "<p>ann</p>", None),
    ],
)  # fmt: skip
def test_the_users_data_is_deleted_and_the_rest_is_unchanged(key: str, content: str, rest: str | None) -> None:
    removed, left = cleaned(key, content.encode(), columns=("who",))
    assert (removed > 0) == (rest is not None)
    if rest is not None:
        assert left.decode() == rest
        packed = cleaned(f"{key}.gz", gzip.compress(content.encode()), columns=("who",))
        assert (packed[0], gzip.decompress(packed[1]).decode()) == (removed, rest)


def test_a_document_loses_samples_and_names_in_messages() -> None:
    report = {
        "samples": [{"user": "ann", "history": [{"id": "42"}]}, {"user": "ben", "history": [{"id": "42"}]}],
        "problems": [{"place": "films/ann.csv", "message": "ann is in 42 rows; '42' too; annette stays."}],
        "users": 42,
    }
    removed, left = cleaned("films/out/evaluation/r/report.json", json.dumps(report, indent=2).encode())
    assert removed == 2
    found = json.loads(left)
    assert found["samples"] == report["samples"][1:]  # type: ignore[index]
    assert found["problems"][0]["message"] == "(erased) is in 42 rows; '(erased)' too; annette stays."
    assert found["users"] == 42


def test_rows_of_parquet_are_removed_for_any_type_of_the_column() -> None:
    table = pa.table({"USER_ID": pa.array([41, 42, None]), "ITEM_ID": pa.array(["42", "x", "y"])})
    file = io.BytesIO()
    parquet.write_table(table, file)
    removed, left = cleaned("users.parquet", file.getvalue())
    assert removed == 1
    assert parquet.read_table(io.BytesIO(left)).to_pydict() == {"USER_ID": [41, None], "ITEM_ID": ["42", "y"]}


IDS = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1, max_size=20).filter(str.strip)


@given(st.lists(IDS, min_size=1, max_size=5, unique=True), IDS)
def test_no_file_names_a_user_who_was_taken_out_of_it(users: list[str], other: str) -> None:
    erased = ErasedUsers("films", frozenset({*users} - {other}))
    rows = [*users, other]
    _, left = cleaned("a.csv", written_list(rows).encode(), erased)
    kept = read_list(left.decode()) if left else rows
    assert set(kept) == {other}
    lines = "".join(json.dumps({"userId": user}, ensure_ascii=False) + "\n" for user in rows)
    _, left = cleaned("a.jsonl", lines.encode(), erased)
    assert {json.loads(line)["userId"] for line in left.decode().split("\n") if line} == {other}


@given(st.lists(IDS, min_size=1, max_size=9, unique=True))
def test_a_list_is_read_as_it_was_written(users: list[str]) -> None:
    assert read_list(written_list(users)) == users


@pytest.mark.parametrize("users", [[], [""], [" "], ["a\nb"], ["x" * 257], [str(one) for one in range(10_001)]])
def test_a_list_that_personalize_can_not_have_is_refused(users: list[str]) -> None:
    with pytest.raises(UsherError):
        checked_users(users)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"group": "films#popular#ann", "item": "export"}, True),
        ({"group": "films#similar#42", "item": "export"}, False),
        ({"group": "films#popular#annette", "item": "export"}, False),
        ({"group": "films#42", "item": "catalogue"}, False),
        ({"group": "films#42", "item": "user"}, True),
        ({"group": "films#42", "item": "page"}, False),
        ({"group": "films#ann", "item": "session#1", "session": "phone"}, True),
        ({"group": "films#phone", "item": "session", "user": "ann"}, True),
        ({"group": "films#phone", "item": "session", "user": "ben"}, False),
        ({"group": "films#phone", "item": "event#1"}, True),
        ({"group": "films#phone", "item": "event#2", "userId": "ben"}, False),
        ({"group": "films#phone", "item": "eventid#1", "event": "event#1"}, True),
        ({"group": "films#ann", "item": "eventid#3", "event": "event#3"}, True),
        ({"group": "films#ben", "item": "eventid#2", "event": "event#2"}, False),
        ({"group": "films#other", "item": "event#3", "userId": "ann"}, True),
        ({"group": "films#other", "item": "event#4"}, False),
    ],
)
def test_an_item_of_the_table_is_theirs_or_not(item: dict[str, Any], expected: bool) -> None:
    assert is_theirs(item, WHO, ["similar"]) is expected


def test_an_endless_erasure_is_given_up_and_does_not_block_the_group(world: World) -> None:
    tasks = Tasks(Table(world.dynamodb, TABLE))
    for number in (2, 1):
        tasks.request("films", {"task": "erase", "list": f"list-{number}"}, f"2026-11-27T0{number}:00:00Z")
    tasks.request("films", {"task": "import"}, "2026-11-27T00:00:00Z")
    assert tasks.of("films").keys() == {"import"}, "a plan is made without them"
    assert [tasks.next_erasure("films") for _ in range(MAX_ERASURES)] == ["list-1"] * MAX_ERASURES, "the oldest first"
    assert tasks.next_erasure("films") == "list-2"
    tasks.forget("films", "erase#list-2")
    assert tasks.next_erasure("films") == ""
    assert tasks.of("films").keys() == {"import"}


def test_an_erasure_without_a_list_is_refused(world: World) -> None:
    with pytest.raises(UsherError, match="usher erase"):
        Tasks(Table(world.dynamodb, TABLE)).request("films", {"task": "erase"}, "2026-11-27T00:00:00Z")
