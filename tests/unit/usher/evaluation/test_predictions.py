"""The output of batch jobs becomes the lists of the requested users."""

import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.evaluation.predictions import MAX_RESULTS, RecommendationLists, read_predictions

from tests.unit.usher.world import streams


def line(items: list[str] | None, error: Any = None, **query: Any) -> str:
    output = None if items is None else {"recommendedItems": items, "scores": [0.5 for _ in items]}
    return json.dumps({"input": query, "output": output, "error": error}) + "\n"


def shown(lists: RecommendationLists, users: list[str], newest: list[str | None]) -> list[list[str]]:
    """The list of each user."""
    every = pa.array([*"abcdefgh", *lists.item_ids.to_pylist()]).unique()
    codes, whose = lists.codes(every), lists.rows_of(pa.array(users), pa.array(newest, pa.string()))
    return [[every[code].as_py() for code in codes[place].tolist() if code >= 0] for place in whose]


def test_lines_answer_for_users_and_some_are_missing() -> None:
    first = line(["a", "new"], userId="1") + line(None, "no such user", userId="2") + line([], userId="4")
    lists = read_predictions(streams(one__out=first, two__out=line(["b"], userId="3", itemList=["b", "c"])))
    assert shown(lists, ["1", "2", "3", "4", "5"], [None] * 5) == [["a", "new"], [], ["b"], [], []]
    assert (lists.by, lists.errors) == ("user", 1)


def test_lines_about_items_answer_for_everyone_who_met_the_item_last() -> None:
    lists = read_predictions(streams(one__out=line(["a", "b"], itemId="x") + line(["c"], itemId="y", extra=1)))
    assert shown(lists, ["1", "2", "3", "4"], ["x", "y", "x", None]) == [["a", "b"], ["c"], ["a", "b"], []]


def test_other_members_of_a_line_are_unchanged() -> None:
    whole = {
        "input": {"userId": "1"},
        "output": {"recommendedItems": ["a"], "reasons": [["popular"]]},
        "error": {"c": 1},
    }
    assert shown(read_predictions(streams(one__out=json.dumps(whole))), ["1"], [None]) == [["a"]]


def test_the_first_answer_counts_and_an_item_is_in_a_list_once() -> None:
    lists = RecommendationLists.of([("1", ["a", "b", "a", "b", "c"]), ("1", ["d"])])
    assert shown(lists, ["1"], [None]) == [["a", "b", "c"]]


@pytest.mark.parametrize("files", [{}, {"one__out": ""}, {"one__out": line(None, "no", userId="1")}])
def test_there_may_be_no_answer_at_all(files: dict[str, str]) -> None:
    lists = read_predictions(streams(**{name: text for name, text in files.items() if text}))
    assert shown(lists, ["1"], ["a"]) == [[]]


ODD = (
    '{"input": "{broken", "output": null, "error": "no JSON"}\n',
    '{"input": {"userId": 7}, "output": {"recommendedItems": ["a"]}, "error": null}\n',
    '{"input": {"userId": "7"}, "output": "none", "error": "no"}\n',
    "[]\n",
    "no json\n",
    "\xff\n",
)


@given(st.lists(st.sampled_from(ODD) | st.just("\n") | st.integers(0, 4), max_size=20), st.integers(50, 900))
def test_a_line_that_is_odd_costs_no_other(lines: list[str | int], size: int) -> None:
    content = "".join(one if isinstance(one, str) else line([f"i{one}"], userId=f"u{one}") for one in lines)
    lists = read_predictions([("one.out", io.BytesIO(content.encode("latin-1")))], block_bytes=size)
    assert lists.errors == sum(one in ODD for one in lines)
    users = [f"u{number}" for number in range(5)]
    assert shown(lists, users, [None] * 5) == [[f"i{number}"] if number in lines else [] for number in range(5)]


def test_a_file_that_was_cut_is_read_up_to_there() -> None:
    lists = read_predictions(streams(one__out=line(["a"], userId="1") + line(["b"], userId="2")[:20]))
    assert (shown(lists, ["1", "2"], [None] * 2), lists.errors) == ([["a"], []], 1)


def test_no_more_of_a_list_is_kept_than_is_needed() -> None:
    lists = RecommendationLists.of([("1", [f"i{number}" for number in range(MAX_RESULTS + 9)]), ("2", ["i0"])])
    assert lists.items.shape == (2, MAX_RESULTS)
    assert len(shown(lists, ["1"], [None])[0]) == MAX_RESULTS


@given(st.dictionaries(st.sampled_from("12345"), st.lists(st.sampled_from("abcde"), max_size=8)), st.integers(200, 900))
def test_lists_come_back_as_they_were_written(wanted: dict[str, list[str]], block: int) -> None:
    content = "".join(line(items, userId=user) for user, items in wanted.items())
    lists = read_predictions([("one.out", io.BytesIO(content.encode()))] if content else [], block_bytes=block)
    assert shown(lists, list("123456"), [None] * 6) == [list(dict.fromkeys(wanted.get(user, []))) for user in "123456"]


def test_lists_for_anyone_are_everyone_s() -> None:
    lists = RecommendationLists.of([("", ["a", "b"])], by="anyone")
    assert shown(lists, ["1", "2"], [None, "a"]) == [["a", "b"], ["a", "b"]]
    assert np.array_equal(lists.codes(pa.array(["b", "a"])), [[1, 0], [-1, -1]])


def test_items_that_are_not_allowed_leave_no_gap_and_others_take_their_places() -> None:
    many = [f"{name}{number}" for number in range(MAX_RESULTS) for name in ("new", "old")]
    text = line(many, userId="1") + line(["new0", "b", "new1", "b", "a"], userId="2") + line(["new0"], userId="3")
    allowed = pa.array(["a", "b", *(f"old{number}" for number in range(MAX_RESULTS))])
    first, second, third = shown(read_predictions(streams(one__out=text), allowed), ["1", "2", "3"], [None] * 3)
    assert first == [f"old{number}" for number in range(MAX_RESULTS)]
    assert (second, third) == (["b", "a"], [])
