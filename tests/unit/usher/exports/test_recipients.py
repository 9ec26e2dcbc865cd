"""The recipients of an export: from the data, from the config, or from the group's own lines."""

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.batch.job_input import encoded_line
from usher.batch.lines import example, read_line, read_lines
from usher.datasets.dataset_files import read_files
from usher.errors import InputError
from usher.exports.recipients import MAX_REPORTED, Recipients, distinct, have_value
from usher.recipes import BY_ITEM, BY_USER, RANKING, SEGMENT_BY_ATTRIBUTES, SEGMENT_BY_ITEM, BatchShape

from tests.unit.usher.world import World

HEADER = "USER_ID,ITEM_ID,TIMESTAMP\n"


def source(shape: BatchShape = BY_USER, **spec: Any) -> Recipients:
    defaults: Any = {"users": {}, "items": [], "attributes": [], "filterValues": {}, "needs": [], **spec}
    return Recipients("s", defaults, shape)


def lines(world: World, shape: BatchShape = BY_USER, **spec: Any) -> list[Any]:
    """The recipients of an export, without their key if they have no other member."""
    found = source(shape, **spec).lines(world.bucket, "films")
    return [line[shape.key] if len(line) == 1 else line for line in found]


def test_an_export_has_one_line_for_each_user_in_order_of_appearance(world: World) -> None:
    world.put("films/interactions/1.csv", HEADER + "b,i,1\na,j,1\nb,k,1\n")
    world.put("films/interactions/2.csv", HEADER + "b,i,1\né,l,1\n")
    world.put("films/interactions/incremental/3.csv", HEADER + "new,i,1\n")
    world.put("films/items.csv", "ITEM_ID,GENRES\ni,x\ncold,x\n")
    assert lines(world) == ["b", "a", "é", "new"]
    assert lines(world, BY_ITEM) == ["i", "j", "k", "l", "cold"]


def test_users_are_chosen_by_their_columns(world: World) -> None:
    world.put("films/users.csv", "USER_ID,COUNTRY,LIKES\na,DE,x\nb,AT,y|x\nc,US,x\nd,DE,xx\ne,D,x\n")
    assert lines(world, users={"COUNTRY": ["DE", "AT"]}) == ["a", "b", "d"]
    assert lines(world, users={"COUNTRY": ["DE", "AT"], "LIKES": ["x"]}) == ["a", "b"], "one of several counts"
    assert lines(world, users={"COUNTRY": ["."]}) == [], "values are not patterns"


def test_the_last_row_of_a_user_counts_also_one_that_was_added(world: World) -> None:
    world.put("films/users.csv", "USER_ID,COUNTRY\nleft,DE\nstayed,DE\nstayed,DE\nmoved,US\n")
    world.put("films/users/incremental/1.csv", "COUNTRY,USER_ID\nUS,left\nDE,moved\nDE,new\n")
    assert lines(world, users={"COUNTRY": ["DE"]}) == ["stayed", "moved", "new"]


def test_a_column_that_added_users_lack_is_reported_with_their_file(world: World) -> None:
    world.put("films/users.csv", "USER_ID,COUNTRY\na,DE\n")
    world.put("films/users/incremental/1.csv", "USER_ID,AGE\na,1\n")
    with pytest.raises(InputError, match=r"films/users/incremental/1.csv: lacks the column COUNTRY"):
        lines(world, users={"COUNTRY": ["DE"]})


plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="|\x00"), min_size=1, max_size=4)


@given(
    st.lists(st.lists(plain, min_size=1, max_size=3), min_size=1, max_size=4), st.lists(plain, min_size=1, max_size=3)
)
def test_a_cell_has_a_value_if_it_is_one_of_its_own(cells: list[list[str]], values: list[str]) -> None:
    values = [*values, cells[0][-1]]
    found = have_value(pa.array(["|".join(cell) for cell in cells]), values)
    assert found.to_pylist() == [bool({*cell} & {*values}) for cell in cells]


def test_users_may_be_chosen_by_many_values() -> None:
    values = [f"{number}{'x' * 20}" for number in range(10_000)]
    assert have_value(pa.array([values[-1], f"a|{values[0]}", "x"]), values).to_pylist() == [True, True, False]


def test_a_value_may_be_a_whole_cell_with_several() -> None:
    assert have_value(pa.array(["a|b", "a|b|c", "b|a"]), ["a|b"]).to_pylist() == [True, False, False]


def test_no_line_fills_the_memory(world: World) -> None:
    """A line of 30 MB comes cut; the next one is whole, and has its number."""
    world.put("films/export/s/1.jsonl", '{"userId": "a"}\n' + "x" * 30_000_000 + '\n\n{"userId": "b"}')
    found = list(world.bucket.lines("films/export/s/1.jsonl"))
    assert [len(line) for line in found] == [15, (1 << 20) + 1, 0, 15]
    this = source(BY_USER)
    assert list(this.lines(world.bucket, "films")) == [{"userId": "a"}, {"userId": "b"}]
    (problem,) = this.problems
    assert str(problem).startswith("films/export/s/1.jsonl line 2: is longer than 1 MB.")


def test_a_column_that_the_users_lack_is_reported_with_the_existing_ones(world: World) -> None:
    world.put("films/users.csv", "USER_ID,COUNTRY\na,DE\n")
    with pytest.raises(InputError, match=r"lacks the column LAND, .* Use one of: USER_ID, COUNTRY"):
        lines(world, users={"LAND": ["DE"]})


def test_users_without_a_file_of_users_are_reported(world: World) -> None:
    with pytest.raises(InputError, match=r"films/users.csv: does not exist, but exports.s.users asks for it."):
        lines(world, users={"COUNTRY": ["DE"]})


def test_items_and_attributes_stand_in_the_config(world: World) -> None:
    assert lines(world, SEGMENT_BY_ITEM, items=["i1", "i2"]) == ["i1", "i2"]
    assert lines(world, SEGMENT_BY_ATTRIBUTES, attributes=['ITEMS.G = "a"']) == ['ITEMS.G = "a"']


@pytest.mark.parametrize("shape", [RANKING, SEGMENT_BY_ITEM, SEGMENT_BY_ATTRIBUTES])
def test_solutions_without_recipients_need_lines_of_the_groups_own(world: World, shape: BatchShape) -> None:
    with pytest.raises(InputError) as caught:
        lines(world, shape)
    (said,) = caught.value.problems
    assert (said.place, said.message) == ("films/export/s/*.jsonl", "has no recipients.")
    assert example(shape) in said.remedy


def test_a_groups_own_lines_are_taken_from_all_of_its_files(world: World) -> None:
    world.put("films/export/s/users.jsonl", '{"userId": "a"}\n\n{"userId": "b", "filterValues": {"X": "\\"y\\""}}')
    world.put("films/export/s/more.jsonl", '{"userId": "c"}\n')
    world.put("films/export/other/users.jsonl", '{"userId": "d"}\n')
    assert lines(world) == ["c", "a", {"userId": "b", "filterValues": {"X": '"y"'}}]


def test_lines_beside_a_choice_in_the_config_are_refused(world: World) -> None:
    world.put("films/export/s/users.jsonl", '{"userId": "a"}\n')
    with pytest.raises(InputError, match=r"users.jsonl: conflicts with exports.s.users. Keep one of the two."):
        lines(world, users={"COUNTRY": ["DE"]})


def test_lines_that_cannot_be_sent_are_reported_by_file_and_line_and_the_others_sent(world: World) -> None:
    bad = '{"user": "b"}\n{"userId": 7}\n{"userId": "\\ud800"}\n' * MAX_REPORTED
    world.put("films/export/s/users.jsonl", f'nonsense\n{{"userId": "a"}}\n{bad}{{"userId": "z"}}\n')
    this = source()
    assert list(this.lines(world.bucket, "films")) == [{"userId": "a"}, {"userId": "z"}]
    assert (this.refused, len(this.problems)) == (1 + 3 * MAX_REPORTED, MAX_REPORTED)
    assert list(map(str, this.problems[:2])) == [
        'films/export/s/users.jsonl line 1: is not a JSON object. Write {"userId": "u1"}.',
        "films/export/s/users.jsonl line 3: has no userId that is a text of 1 to 256 characters. "
        'Write {"userId": "u1"}.',
    ]


def test_an_export_without_a_value_that_its_filter_needs_is_refused_before_it_is_paid_for(world: World) -> None:
    world.put("films/interactions.csv", HEADER + "a,i,1\n")
    with pytest.raises(InputError) as caught:
        lines(world, needs=["G"])
    assert str(caught.value).startswith("usher.yaml: exports.s.filterValues: has no value for $G. Give it one, or put")
    assert lines(world, needs=["G"], filterValues={"G": '"x"'}) == ["a"]


def test_a_line_of_the_groups_own_has_its_values_or_is_reported(world: World) -> None:
    own = {"userId": "a", "filterValues": {"G": '"x"'}}
    world.put("films/export/s/1.jsonl", json.dumps(own) + '\n{"userId":"b"}\n{"userId":"c","filterValues":{}}\n')
    this = source(needs=["G"])
    assert list(this.lines(world.bucket, "films")) == [own]
    assert [f"{one.place}: {one.message}" for one in this.problems] == [
        f"films/export/s/1.jsonl line {number}: has no value for $G." for number in (2, 3)
    ]
    assert lines(world, needs=["G"], filterValues={"G": '"y"'}) == [own, "b"], "a line's values are not completed"


@pytest.mark.parametrize(
    ("shape", "text", "said"),
    [
        (BY_USER, '{"userId": ""}', "has no userId"),
        (BY_USER, json.dumps({"userId": "u" * 257}), "has no userId"),
        (BY_USER, "[]", "is not a JSON object"),
        (BY_USER, "\xff", "is not a JSON object"),
        (BY_USER, '{"userId": "u", "itemList": ["i"]}', "has itemList, which lines of this recipe can't have."),
        (
            BY_USER,
            '{"userId": "u", "context": {"DEVICE": "tv"}}',
            "has a context, which Personalize's batch jobs don't",
        ),
        (BY_USER, '{"userId": "u", "filterValues": {"X": ["y"]}}', "has filterValues that are not texts"),
        (BY_USER, '{"userId": "u", "filterValues": "y"}', "has filterValues that are not texts"),
        (BY_USER, r'{"userId": "\ud800"}', r"contains an unpaired surrogate, such as \ud800."),
        (BY_USER, '{"userId": "\xed\xa0\x80"}', "contains an unpaired surrogate"),
        (BY_USER, r'{"userId": "u", "filterValues": {"\udc00": "y"}}', "contains an unpaired surrogate"),
        (BY_USER, '{"userId": ' + "[" * 100_000, "is not a JSON object"),
        (BY_USER, '{"userId": ' + "9" * 5000 + "}", "is not a JSON object"),
        (BY_USER, '{"userId": NaN}', "has no userId"),
        (BY_USER, '{"userId": "a"' + " " * (1 << 20) + "}", "is longer than 1 MB."),
        (BY_ITEM, '{"userId": "u"}', "has no itemId"),
        (RANKING, '{"userId": "u"}', "has no itemList of texts"),
        (RANKING, '{"userId": "u", "itemList": []}', "has no itemList of texts"),
        (RANKING, '{"userId": "u", "itemList": ["a", 1]}', "has no itemList of texts"),
        (SEGMENT_BY_ATTRIBUTES, '{"itemId": "i"}', "has no itemAttributes"),
    ],
)
def test_the_faults_of_a_line_are_reported(shape: BatchShape, text: str, said: str) -> None:
    _, message, remedy = read_line(text.encode("latin-1"), shape)
    assert message.startswith(said)
    assert remedy


@pytest.mark.parametrize("shape", [BY_USER, BY_ITEM, RANKING, SEGMENT_BY_ITEM, SEGMENT_BY_ATTRIBUTES])
def test_the_examples_can_be_sent(shape: BatchShape) -> None:
    assert read_line(example(shape).encode(), shape) == (json.loads(example(shape)), "", "")


@given(st.binary(max_size=60) | st.text(max_size=30).map(str.encode))
def test_no_line_crashes_the_check(text: bytes) -> None:
    line, message, _ = read_line(text, BY_USER)
    assert bool(message) != (isinstance(line.get("userId"), str) and message == "")


@given(st.text(st.characters(), max_size=9))
def test_a_line_that_is_taken_can_be_written(user: str) -> None:
    line, message, _ = read_line(json.dumps({"userId": user}).encode(), BY_USER)
    if not message:
        assert json.loads(encoded_line(line)) == {"userId": user}


def test_ids_are_reported_once_over_all_files(world: World) -> None:
    world.put("1.csv", HEADER + "a,i,1\n")
    world.put("2.csv", HEADER + "a,j,1\nb,j,1\n")
    assert list(distinct(read_files(world.bucket, world.bucket.files("")), "USER_ID")) == ["a", "b"]


def test_lines_are_numbered_as_in_the_file_and_need_a_value_of_their_own_or_the_configs() -> None:
    texts = [b"", b'{"userId": "a"}', b" ", b'{"userId": "b", "filterValues": {}}', b"[]"]
    assert [(number, message) for number, _, message, _ in read_lines(texts, BY_USER, ["G"], {"G": '"x"'})] == [
        (2, ""),
        (4, "has no value for $G."),
        (5, "is not a JSON object."),
    ]
    assert list(read_lines([b"", b" "], BY_USER, [], {})) == []
