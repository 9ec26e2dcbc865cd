"""Pages of a list: it does not change, has no item twice, and a token belongs to its request."""

import random
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from time_machine import travel
from usher.aws import now
from usher.errors import RequestError
from usher.serving.answers import Answer
from usher.serving.pages import LIFETIME_SECONDS, Pages
from usher.storage.table import Table

from tests.unit.usher.world import TABLE, World


class Shuffled:
    """A source with another list each time, as Personalize may have."""

    def __init__(self, length: int = 500) -> None:
        self.items, self.lengths = [f"i{n}" for n in range(length)], list[int]()

    def __call__(self, results: int) -> Answer:
        self.lengths.append(results)
        items = random.sample(self.items, min(results, len(self.items)))
        return {
            "itemList": [{"itemId": item} for item in items],
            "solution": "for-you",
            "recommendationId": f"RID-{len(self.lengths)}",
        }


@pytest.fixture
def pages(world: World) -> Pages:
    return Pages(Table(world.dynamodb, TABLE))


def walk(pages: Pages, source: Callable[[int], Answer], results: int, most: int = 500) -> list[list[str]]:
    """The parts of a list, one after another."""
    parts, token = [], None
    while True:
        answer = pages.answer("films", "about", token, results, most, source)
        parts.append([item["itemId"] for item in answer["itemList"]])
        token = answer.get("next")
        if not token:
            return parts


@pytest.mark.parametrize(("results", "length"), [(25, 500), (7, 100), (100, 130), (500, 500), (250, 500), (3, 4)])
def test_all_items_come_once_and_take_only_one_more_list(pages: Pages, results: int, length: int) -> None:
    source = Shuffled(length)
    parts = walk(pages, source, results)
    items = [item for part in parts for item in part]
    assert sorted(items) == sorted(source.items)
    assert all(len(part) == results for part in parts[:-1])
    assert source.lengths == [results, 500][: len(parts)]


def test_a_page_may_be_requested_again(pages: Pages) -> None:
    source = Shuffled()
    first = pages.answer("films", "about", None, 25, 500, source)
    second = pages.answer("films", "about", first["next"], 25, 500, source)
    assert pages.answer("films", "about", first["next"], 25, 500, source) == second
    third = pages.answer("films", "about", second["next"], 25, 500, source)
    assert pages.answer("films", "about", second["next"], 25, 500, source) == third
    assert len(source.lengths) == 2


def test_nothing_is_written_unless_a_list_goes_on(pages: Pages, world: World) -> None:
    pages.answer("films", "about", None, 25, 500, Shuffled())
    assert world.dynamodb.scan(TableName=TABLE)["Count"] == 0


def test_a_token_belongs_to_its_request_and_its_group(pages: Pages) -> None:
    source = Shuffled()
    first = pages.answer("films", "about", None, 25, 500, source)["next"]
    second = pages.answer("films", "about", first, 25, 500, source)["next"]
    for token in (first, second):
        with pytest.raises(RequestError, match="next belongs to another request"):
            pages.answer("films", "about another", token, 25, 500, source)
        with pytest.raises(RequestError, match="next belongs to another request"):
            pages.answer("art", "about", token, 25, 500, source)


def test_a_list_is_kept_for_an_hour(pages: Pages) -> None:
    source, begun = Shuffled(), now().replace(microsecond=0)
    with travel(begun, tick=False):
        first = pages.answer("films", "about", None, 25, 500, source)["next"]
        second = pages.answer("films", "about", first, 25, 500, source)["next"]
    with travel(begun + timedelta(seconds=LIFETIME_SECONDS), tick=False):
        pages.answer("films", "about", second, 25, 500, source)
    with travel(begun + timedelta(seconds=LIFETIME_SECONDS + 1), tick=False), pytest.raises(RequestError) as caught:
        pages.answer("films", "about", second, 25, 500, source)
    assert (caught.value.status, caught.value.code) == (400, "BadNext")
    assert "Request the list again" in str(caught.value)


def test_long_ids_are_kept_as_far_as_an_item_of_the_table_holds_them(pages: Pages) -> None:
    source = Shuffled()
    source.items = ["".join(chr(random.randrange(0x20000, 0x2A000)) for _ in range(256)) for _ in range(500)]
    parts = walk(pages, source, 100)
    items = [item for part in parts for item in part]
    assert len(items) == len(set(items)) > 200


@given(st.text(max_size=40) | st.binary(max_size=80).map(lambda content: urlsafe_b64encode(content).decode()))
def test_an_invalid_token_is_refused(token: str) -> None:
    dynamodb: Any = None
    pages: Any = Pages(Table(dynamodb, TABLE))
    with pytest.raises(RequestError) as caught:
        pages.answer("films", "about", token, 25, 500, Shuffled())
    assert (caught.value.status, caught.value.code) == (400, "BadNext")
