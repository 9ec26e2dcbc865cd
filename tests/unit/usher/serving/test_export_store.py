"""Exports in the table: the same after any number of loads, paced, and resumed after an interruption."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from usher.aws import now
from usher.errors import EndedError, UsherError
from usher.exports.group_cleanup import clean_up
from usher.serving import export_store
from usher.serving.export_store import LIFETIME, ExportStore
from usher.storage.table import Table

from tests.unit.usher.world import TABLE, World

KEY = {"group": "films", "solution": "s", "member": "userId"}
START = {"file": 0, "byte": 0}
BEGUN = now()


class Time:
    """A clock that only sleeping, or a table that takes its time, moves."""

    def __init__(self, per_look: float = 0) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []
        self.per_look = per_look

    def clock(self) -> float:
        self.seconds += self.per_look
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


def put(world: World, file: str, users: range, error: str | None = None) -> str:
    """A file of answers."""
    lines = [
        {
            "input": {"userId": f"é{user}"},
            "output": None if error else {"recommendedItems": [f"i{user}"]},
            "error": error,
        }
        for user in users
    ]
    world.put(file, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return file


def items(world: World) -> dict[str, Any]:
    """The table's items by key."""
    pages = world.dynamodb.get_paginator("scan").paginate(TableName=TABLE)
    return {item["group"]["S"]: item for page in pages for item in page["Items"]}


def table(world: World, time: Time | None = None) -> ExportStore:
    time = time or Time()
    return ExportStore(Table(world.dynamodb, TABLE), time.clock, time.sleep)


def test_every_answer_is_an_item_of_its_own(world: World) -> None:
    files = [put(world, "a.out", range(60)), put(world, "b.out", range(60, 63)), put(world, "c.out", range(9), "no")]
    assert table(world).load(world.bucket, files, BEGUN, START, KEY) is None
    assert set(items(world)) == {f"films#s#é{user}" for user in range(63)}
    assert table(world).look_up("films", "s", "é61") == {"recommendedItems": ["i61"]}
    assert table(world).look_up("films", "s", "é63") == table(world).look_up("films", "t", "é61") == {}


def test_an_answer_names_the_filter_that_it_was_made_with(world: World) -> None:
    files = [put(world, "a.out", range(1))]
    table(world).load(world.bucket, files, BEGUN, START, {**KEY, "filter": "arn:seen"})
    assert table(world).look_up("films", "s", "é0") == {"recommendedItems": ["i0"], "filterArn": "arn:seen"}


def test_loading_the_same_export_again_changes_nothing(world: World) -> None:
    files = [put(world, "a.out", range(30))]
    table(world).load(world.bucket, files, BEGUN, START, KEY)
    before = items(world)
    table(world).load(world.bucket, files, BEGUN, START, KEY)
    assert items(world) == before
    assert int(before["films#s#é0"]["expires"]["N"]) == int((BEGUN + LIFETIME).timestamp())


def test_a_subject_with_two_lines_is_written_once(world: World) -> None:
    files = [put(world, "a.out", range(3))]
    world.put("a.out", (world.bucket.read("a.out") or b"").decode() * 2)
    table(world).load(world.bucket, files, BEGUN, START, KEY)
    assert len(items(world)) == 3


def test_lines_that_are_no_answers_make_no_items(world: World) -> None:
    good = '{"input": {"userId": "u"}, "output": {"recommendedItems": ["i"]}, "error": null}'
    lines = [
        "",
        "x",
        "[]",
        "1",
        "[" * 99_999,
        '{"input": null, "output": {"a": 1}}',
        '{"input": {}, "output": {"a": 1}}',
        '{"input": {"userId": 1}, "output": {"a": 1}}',
        '{"input": {"userId": ""}, "output": {"a": 1}}',
        '{"input": {"userId": "v"}, "output": ["i"]}',
        '{"input": {"userId": "v"}, "output": {"a": 1}, "error": "failed"}',
        good,
    ]
    world.put("a.out", "\n".join(lines))
    assert table(world).load(world.bucket, ["a.out"], BEGUN, START, {**KEY, "member": "userId"}) is None
    assert set(items(world)) == {"films#s#u"}


@pytest.mark.parametrize("users", [(25, 25), (26, 0), (50, 1), (75, 60), (0, 0)])
def test_loading_goes_on_where_it_stopped(world: World, users: tuple[int, int]) -> None:
    first, second = users
    files = [put(world, "a.out", range(first)), put(world, "b.out", range(first, first + second))]
    place: dict[str, int] | None = START
    rounds = 0
    while place is not None:
        place = table(world, Time(export_store.WORK_SECONDS + 1)).load(world.bucket, files, BEGUN, place, KEY)
        rounds += 1
    assert len(items(world)) == first + second
    batches = -(-first // 25) + -(-second // 25)
    assert rounds in {batches, batches + 1}


def test_writing_keeps_its_pace(world: World) -> None:
    time = Time()
    table(world, time).load(world.bucket, [put(world, "a.out", range(100))], BEGUN, START, KEY)
    assert sum(time.slept) == pytest.approx(100 / export_store.WRITES_PER_SECOND)


def answering(answers: Callable[[int], dict[str, Any]]) -> Any:
    """A table that gives these answers to BatchWriteItem, by the number of the call."""

    class Refusing:
        calls = 0

        def batch_write_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
            self.calls += 1
            return {"UnprocessedItems": RequestItems if answers(self.calls) else {}}

    return Refusing()


def test_unprocessed_items_are_written_again_with_growing_pauses(world: World) -> None:
    time, refusing = Time(), answering(lambda calls: {"more": 1} if calls < 4 else {})
    ExportStore(Table(refusing, TABLE), time.clock, time.sleep).load(
        world.bucket, [put(world, "a.out", range(3))], BEGUN, START, KEY
    )
    assert refusing.calls == 4
    assert len([seconds for seconds in time.slept if seconds < 0.4]) >= 3


def test_a_table_that_takes_nothing_is_given_up(world: World) -> None:
    time, refusing = Time(), answering(lambda _: {"more": 1})
    with pytest.raises(UsherError, match="DynamoDB throttles the writes"):
        ExportStore(Table(refusing, TABLE), time.clock, time.sleep).load(
            world.bucket, [put(world, "a.out", range(3))], BEGUN, START, KEY
        )
    assert refusing.calls == export_store.MAX_ATTEMPTS


def test_an_export_that_is_made_monthly_answers_until_the_next_even_if_one_fails(world: World) -> None:
    files = [put(world, "a.out", range(3))]
    table(world).load(world.bucket, files, BEGUN - timedelta(days=31 + 30, hours=12), START, KEY)
    assert table(world).look_up("films", "s", "é1")


def test_an_expired_item_does_not_exist(world: World) -> None:
    files = [put(world, "a.out", range(3))]
    table(world).load(world.bucket, files, BEGUN - LIFETIME - timedelta(minutes=1), START, KEY)
    assert table(world).look_up("films", "s", "é1") == {}


def test_a_groups_own_partitions_are_deleted_and_no_others(world: World) -> None:
    files = [put(world, "a.out", range(60))]
    for group in ("films", "films-eu", "film"):
        table(world).load(world.bucket, files, BEGUN, START, {**KEY, "group": group})
    world.dynamodb.put_item(TableName=TABLE, Item={"group": {"S": "films"}, "item": {"S": "serving"}})
    for item in ("catalogue", "user", "session", "event#e1", "page"):
        world.dynamodb.put_item(TableName=TABLE, Item={"group": {"S": "films#i1"}, "item": {"S": item}})
    assert table(world).delete_group("films", None, lambda: None) is None
    left = [key.partition("#")[0] for key in items(world)]
    assert Counter(left) == {"films-eu": 60, "film": 60, "films": 1}


def test_a_deletion_continues_after_an_interruption(world: World) -> None:
    table(world).load(world.bucket, [put(world, "a.out", range(60))], BEGUN, START, KEY)
    pages = "provide-client-params.dynamodb.Scan"
    world.listen(world.dynamodb, pages, lambda params, **_: {**params, "Limit": 20})
    calls, place = 0, None
    while calls == 0 or place:
        place, calls = (
            table(world, Time(per_look=export_store.WORK_SECONDS + 1)).delete_group("films", place, lambda: None),
            calls + 1,
        )
    assert items(world) == {}
    assert calls >= 3


def test_a_run_that_has_ended_deletes_nothing_that_the_next_one_makes(world: World) -> None:
    """A function outlives its stopped execution: here, another run begins between its listings and its deletions."""

    def require_open() -> None:
        raise EndedError("The run has ended.")

    table(world).load(world.bucket, [put(world, "a.out", range(3))], BEGUN, START, KEY)
    world.bucket.write("films/out/input/copy.csv", b"ITEM_ID\n")
    before = items(world), world.bucket.keys("films/out/")
    with pytest.raises(EndedError):
        clean_up(world.bucket, table(world), "films", None, require_open)
    with pytest.raises(EndedError):
        table(world).delete_group("films", None, require_open)
    assert (items(world), world.bucket.keys("films/out/")) == before
    clean_up(world.bucket, table(world), "films", None, lambda: None)
    assert (items(world), world.bucket.keys("films/out/input/")) == ({}, [])
