"""AWS's eventual consistency: old reads of DynamoDB, events that come twice and in any order."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from usher_local.clock import Clock
from usher_local.cloud.services.consistency import Disorder, Draws, Replicas, arrivals, eventual

READS = 20


@given(st.integers(), st.lists(st.sampled_from(["a", "b"]), max_size=20))
def test_the_nth_draw_for_a_subject_is_the_same_with_any_draws_between(seed: int, subjects: list[str]) -> None:
    def drawn(order: list[str]) -> dict[str, list[float]]:
        draws = Draws(seed)
        numbers = [(subject, draws.draw(subject).random()) for subject in order]
        return {name: [number for subject, number in numbers if subject == name] for name in "ab"}

    assert drawn(subjects) == drawn(sorted(subjects))


def test_other_seeds_draw_otherwise() -> None:
    assert len({Draws(seed).draw("a").random() for seed in range(9)}) == 9


def test_most_events_arrive_once_within_seconds_some_twice_and_some_a_minute_later() -> None:
    draws = Draws()
    drawn = [arrivals(draws.draw("a")) for _ in range(1000)]
    times = Counter(len(one) for one in drawn)
    assert 50 < times[2] < 150 and times[1] + times[2] == 1000
    seconds = [number for one in drawn for number in one]
    assert 0.85 < sum(number <= 2 for number in seconds) / len(seconds) < 0.97
    assert 30 < max(seconds) <= 60


def test_events_come_in_any_order_and_some_of_them_twice() -> None:
    came, done = list[int](), threading.Event()
    count = 60
    expected = sum(len(arrivals(draw)) for draw in [Draws(7).draw(str(number)) for number in range(count)])

    def come(number: int) -> None:
        came.append(number)
        if len(came) == expected:
            done.set()

    with Disorder(Draws(7), Clock(100)) as disorder:
        for number in range(count):
            disorder.arrive(str(number), lambda number=number: come(number))  # type: ignore[misc]
        assert done.wait(60)
    assert set(came) == set(range(count))
    assert count < len(came) < 2 * count
    assert came != sorted(came)


def test_events_pending_at_the_end_never_arrive() -> None:
    came = list[int]()
    with Disorder(Draws(), Clock(1e-3)) as disorder:
        disorder.arrive("a", lambda: came.append(1))
    assert came == []


@pytest.fixture(params=[False, True], ids=["without a range key", "with a range key"])
def table(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A table whose replicas lag for longer than a test."""
    with mock_aws(), eventual(Draws(3), Clock(1e-6)):
        keys: Any = [("id", "HASH"), ("part", "RANGE")] if request.param else [("id", "HASH")]
        yield boto3.resource("dynamodb", region_name="us-east-1").create_table(
            TableName="t",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        )


KEY = {"id": "a", "part": "b"}


def key(table: Any) -> dict[str, str]:
    return {one["AttributeName"]: KEY[one["AttributeName"]] for one in table.key_schema}


def gotten(table: Any, **how: Any) -> Any:
    return table.get_item(Key=key(table), **how).get("Item", {}).get("n")


def batched(table: Any, **how: Any) -> Any:
    client = table.meta.client
    found = client.batch_get_item(RequestItems={"t": {"Keys": [key(table)], **how}})["Responses"]["t"]
    return found[0]["n"] if found else None


def queried(table: Any, **how: Any) -> Any:
    condition = {"KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": "a"}}
    found = table.query(**condition, **how)["Items"]
    return found[0]["n"] if found else None


def scanned(table: Any, **how: Any) -> Any:
    found = table.scan(**how)["Items"]
    return found[0]["n"] if found else None


@pytest.mark.parametrize("read", [gotten, batched, queried, scanned])
def test_a_read_may_be_old_unless_it_asks_for_consistency(table: Any, read: Callable[..., Any]) -> None:
    values = [None, 1, 2, None]
    writes: list[Callable[[], Any]] = [
        lambda: table.put_item(Item={**key(table), "n": 1}),
        lambda: table.update_item(Key=key(table), UpdateExpression="SET n = :n", ExpressionAttributeValues={":n": 2}),
        lambda: table.delete_item(Key=key(table)),
    ]
    for number, write in enumerate(writes, 1):
        write()
        assert {read(table, ConsistentRead=True) for _ in range(READS)} == {values[number]}
        seen = {read(table) for _ in range(READS)}
        assert seen <= set(values[: number + 1])
        assert values[number] in seen
        if values[0] != values[number]:
            assert values[0] in seen


def test_an_old_read_takes_nothing_from_the_table(table: Any) -> None:
    table.put_item(Item={**key(table), "n": 1})
    other = {name: f"{value}2" for name, value in key(table).items()}
    table.put_item(Item={**other, "n": 2})
    for _ in range(READS):
        scanned(table)
    assert len(table.scan(ConsistentRead=True)["Items"]) == 2


class Stored:
    """A table in the form that `Replicas` uses."""

    table_arn = "t"
    hash_key_attr = "id"

    def __init__(self) -> None:
        self.items: dict[str, int] = {}

    def get_item(self, hash_key: str, _: None) -> int | None:
        return self.items.get(hash_key)


def test_a_replica_catches_up_when_its_lag_is_over() -> None:
    now, table = [0.0], Stored()
    replicas = Replicas(Draws(), 1.0, lambda: now[0])
    for moment, value in ((0.0, 1), (0.6, 2), (1.2, 3)):
        now[0] = moment
        replicas.written(table, ("a", None))
        table.items["a"] = value

    def seen() -> set[int | None]:
        values = set()
        for _ in range(READS):
            with replicas.read("get", {}):
                values.add(replicas.seen("t", table).items.get("a"))
        return values

    assert seen() == {1, 3}
    now[0] = 1.7
    assert seen() == {2, 3}
    now[0] = 2.3
    assert seen() == {3}


def test_the_reading_of_one_key_does_not_depend_on_others() -> None:
    def read(order: list[str]) -> list[int | None]:
        table, replicas = Stored(), Replicas(Draws(), 1e9)
        values = []
        replicas.written(table, ("a", None))
        table.items["a"] = 1
        for key in order:
            with replicas.read("get", {"t": {"Key": key}}):
                value = replicas.seen("t", table).items.get("a")
            if key == "a":
                values.append(value)
        return values

    alone = read(["a"] * READS)
    assert set(alone) == {None, 1}
    assert read(["b", "a"] * READS) == alone


def test_a_table_that_is_only_written_keeps_what_a_replica_may_show_and_no_more() -> None:
    now, table = [0.0], Stored()
    replicas = Replicas(Draws(), 1.0, lambda: now[0])
    for moment in range(100):
        now[0] = moment / 2
        replicas.written(table, (str(moment), None))
    assert len(replicas._writes["t"]) == 3


def test_all_reads_of_one_request_see_the_same() -> None:
    table = Stored()
    replicas = Replicas(Draws(), 1e9)
    replicas.written(table, ("a", None))
    table.items["a"] = 1
    for _ in range(READS):
        with replicas.read("get", {}):
            assert replicas.seen("t", table) is replicas.seen("t", table)
