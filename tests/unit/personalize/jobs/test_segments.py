"""Batch segment jobs: users for items and for attributes."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.personalize.conftest import Served, service, trained
from tests.unit.personalize.world import BUCKET
from usher_local.personalize.core.errors import InvalidInputError
from usher_local.personalize.filters.checks import parse_attributes


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory, trainer: ThreadPoolExecutor) -> Iterator[Served]:
    with service(tmp_path_factory.mktemp("models"), trainer):
        yield trained("item-affinity", "item-attribute-affinity")


def run(crowd: Served, recipe: str, text: str, **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    name = next(crowd.world.names)
    made = crowd.world.personalize.create_batch_segment_job(
        jobName=name,
        solutionVersionArn=crowd.versions[recipe],
        roleArn=crowd.world.role,
        jobInput={"s3DataSource": {"path": crowd.world.put(f"in/{name}.json", text)}},
        jobOutput={"s3DataDestination": {"path": f"s3://{BUCKET}/out/"}},
        **more,
    )
    job = crowd.world.settled("batchSegmentJob", made["batchSegmentJobArn"])
    if job["status"] != "ACTIVE":
        return job, []
    return job, [json.loads(line) for line in crowd.world.text(f"out/{name}.json.out").splitlines()]


def taste(line: dict[str, Any]) -> list[int]:
    return [int(user[1:]) % 4 for user in line["output"]["usersList"]]


def test_an_item_gets_the_users_who_like_similar_ones(crowd: Served) -> None:
    _, (line,) = run(crowd, "item-affinity", '{"itemId":"i1"}', numResults=10)
    assert (line["input"], line["error"]) == ({"itemId": "i1"}, None)
    assert taste(line).count(1) >= 7


def test_attributes_get_the_users_who_like_their_items(crowd: Served) -> None:
    text = json.dumps({"itemAttributes": 'ITEMS.genres = "Comedy" AND ITEMS.genres = "Classic"'})
    _, (line,) = run(crowd, "item-attribute-affinity", text, numResults=10)
    assert taste(line).count(1) >= 7


def test_a_bad_line_has_its_own_error(crowd: Served) -> None:
    _, lines = run(crowd, "item-affinity", '{"itemId":"i1"}\n{}\n{"itemId":"new"}\n{"itemId":1}\n[\n')
    assert [line["output"] is None for line in lines] == [False, True, True, True, True]
    _, lines = run(crowd, "item-attribute-affinity", '{}\n{"itemAttributes":"x"}\n{"itemAttributes":"ITEMS.X = 1"}\n')
    assert "itemAttributes is required" in lines[0]["error"]
    assert "unexpected input at line 1 column 1" in lines[1]["error"]
    assert "no field ITEMS.X" in lines[2]["error"]


def test_users_are_filtered_by_their_fields_and_by_their_events(crowd: Served) -> None:
    gold = crowd.world.make_filter(
        crowd.group, 'INCLUDE UserID WHERE Users.PLAN IN ("gold") | EXCLUDE UserID WHERE Users.AGE > 40'
    )
    _, (line,) = run(crowd, "item-affinity", '{"itemId":"i1"}', filterArn=gold)
    numbers = {int(user[1:]) for user in line["output"]["usersList"]}
    assert numbers == set(range(1, 23, 2))
    met = crowd.world.make_filter(crowd.group, 'EXCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("watch")')
    _, (line,) = run(crowd, "item-affinity", '{"itemId":"i1"}', filterArn=met, numResults=60)
    assert 0 < len(line["output"]["usersList"]) < 60


def test_a_filter_on_items_selects_no_users(crowd: Served) -> None:
    arn = crowd.world.make_filter(crowd.group, "INCLUDE ItemID WHERE Items.YEAR > 1990")
    _, (line,) = run(crowd, "item-affinity", '{"itemId":"i1"}', filterArn=arn)
    assert "A filter on ItemID cannot be used here" in line["error"]


def test_attributes_take_ten_lines_at_most(crowd: Served) -> None:
    job, _ = run(crowd, "item-attribute-affinity", '{"itemAttributes":"ITEMS.YEAR = 1990"}\n' * 11)
    assert job["failureReason"] == "The input has more than 10 lines."


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
values = st.text("abc \"'\\", max_size=5) | st.integers(-99, 99).map(float)


@given(st.lists(st.tuples(names, values), min_size=1, max_size=4))
def test_written_files_can_be_read_back(pairs: list[tuple[str, str | float]]) -> None:
    def literal(value: str | float) -> str:
        return str(value) if isinstance(value, float) else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    text = " AND ".join(f"ITEMS.{name} = {literal(value)}" for name, value in pairs)
    found = [(test.field.name, *test.operand) for test in parse_attributes(text) if isinstance(test.operand, tuple)]
    assert found == pairs


@pytest.mark.parametrize("text", ["", "ITEMS.A", 'ITEMS.A > "x"', 'ITEMS.A = "x" OR ITEMS.B = "y"', 'USERS.A = "x"'])
def test_only_equality_and_and_are_known(text: str) -> None:
    with pytest.raises(InvalidInputError, match="Invalid itemAttributes"):
        parse_attributes(text)
