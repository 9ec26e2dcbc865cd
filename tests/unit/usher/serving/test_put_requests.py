"""A request of single records is refused as a whole, with the reason, before any part of it is sent."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.errors import RequestError
from usher.serving.put_requests import KINDS, MAX_RECORDS, put_calls, read_records
from usher.serving.serving_map import ServedDataset

FIELDS: list[dict[str, Any]] = [
    {"name": "ITEM_ID", "type": "string"},
    {"name": "GENRES", "type": "string", "categorical": True},
    {"name": "DISCOUNT_PCT", "type": ["null", "float"]},
    {"name": "YEAR", "type": ["null", "int"]},
    {"name": "ADULT", "type": ["null", "boolean"]},
    {"name": "DESCRIPTION", "type": ["null", "string"], "textual": True},
    {"name": "CREATION_TIMESTAMP", "type": ["null", "long"]},
]
ITEMS = ServedDataset(arn="arn", fields=FIELDS)
KIND = KINDS["items"]


def read(*properties: Any) -> list[Any]:
    body = {"items": [{"itemId": f"i{place}", "properties": one} for place, one in enumerate(properties)]}
    return read_records(body, KIND, ITEMS)


def refusal(body: Any) -> str:
    with pytest.raises(RequestError) as refused:
        read_records(body, KIND, ITEMS)
    assert refused.value.status == 400
    return f"{refused.value.code}: {refused.value}"


def test_columns_may_be_spelled_as_in_the_schema_or_as_in_personalizes_calls() -> None:
    spelled = {"GENRES": ["Horror", "Drama"], "DISCOUNT_PCT": 5, "YEAR": 1979, "ADULT": True}
    camel = {"genres": "Horror|Drama", "discountPct": 5, "year": 1979, "adult": True}
    first, second, third = read(spelled, camel, json.dumps(camel))
    assert first.values == second.values == third.values
    [(_, call)] = put_calls([first], KIND, ITEMS)
    assert json.loads(call["items"][0]["properties"]) == camel
    assert call["datasetArn"] == "arn"


def test_ten_records_go_into_a_call() -> None:
    calls = list(put_calls(read(*[{"GENRES": "x"}] * 25), KIND, ITEMS))
    assert [len(members["items"]) for _, members in calls] == [10, 10, 5]


def test_null_and_blank_values_are_left_out() -> None:
    assert read({"GENRES": "x", "YEAR": None, "DESCRIPTION": ""})[0].values == {"GENRES": "x"}
    assert read({"GENRES": ["x", "", " "], "DESCRIPTION": " "})[0].values == {"GENRES": "x"}


@pytest.mark.parametrize(
    ("properties", "complaint"),
    [
        ({}, "Item 1 has no GENRES, which the schema requires."),
        ({"GENRES": ""}, "Item 1 has no GENRES, which the schema requires."),
        ({"GENRES": ["", " "]}, "Item 1 has no GENRES, which the schema requires."),
        ({"GENRES": "x", "GENRE": "x"}, "Item 1 has GENRE, which is not a column of items; the nearest is GENRES."),
        ({"GENRES": "x", "COLOUR_OF_IT": "x"}, "these are: GENRES, DISCOUNT_PCT, YEAR"),
        ({"GENRES": "x", "itemId": "i9"}, "Item 1 has itemId among its properties; the ID is itemId."),
        ({"GENRES": "x", "genres": "y"}, "Item 1 has GENRES twice."),
        ({"GENRES": 5}, "GENRES of item 1 must be a text, or a list of texts, not 5."),
        ({"GENRES": ["x", 5]}, 'GENRES of item 1 must be a text, or a list of texts, not ["x", 5].'),
        ({"GENRES": "x" * 1001}, "GENRES of item 1 has 1001 characters; 1000 are allowed."),
        ({"GENRES": "x", "DESCRIPTION": "x" * 20_001}, "has 20001 characters; 20000 are allowed."),
        ({"GENRES": "x", "DISCOUNT_PCT": "5"}, "DISCOUNT_PCT of item 1 must be a number from"),
        ({"GENRES": "x", "DISCOUNT_PCT": 1e39}, "DISCOUNT_PCT of item 1 must be a number from"),
        ({"GENRES": "x", "YEAR": 1979.5}, "YEAR of item 1 must be a whole number of 32 bits, not 1979.5."),
        ({"GENRES": "x", "YEAR": 2**31}, "YEAR of item 1 must be a whole number of 32 bits"),
        ({"GENRES": "x", "YEAR": True}, "YEAR of item 1 must be a whole number of 32 bits, not true."),
        ({"GENRES": "x", "ADULT": "yes"}, 'ADULT of item 1 must be true or false, not "yes".'),
        ({"GENRES": "x", "CREATION_TIMESTAMP": 1_700_000_000_000}, "must be Unix time in seconds, not 1700000000000."),
        ("{GENRES: x}", "Properties of item 1 must be an object, or one as JSON text: "),
        ([], "Properties of item 1 must be an object, or one as JSON text."),
    ],
)
def test_each_mistake_in_properties_is_named(properties: Any, complaint: str) -> None:
    said = refusal({"items": [{"itemId": "i1", "properties": properties}]})
    assert said.startswith("BadRecord: ")
    assert complaint in said


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({}, "BadBody: The body must be {items: [{itemId, properties}, ...]}, with 1 to 100 items."),
        ({"items": []}, "BadBody"),
        ({"items": {}}, "BadBody"),
        ({"items": [{}] * (MAX_RECORDS + 1)}, "BadList: There are 101 items; send at most 100 at a time."),
        ({"items": [{"itemId": "i"}], "users": []}, "[{itemId, properties}, ...]}; it has the unknown member 'users'."),
        ({"items": ["i1"]}, "BadRecord: Item 1 must be an object with itemId and properties, and nothing else."),
        ({"items": [{"properties": {}}]}, "BadRecord: Item 1 must be an object"),
        ({"items": [{"itemId": "i", "properties": {}, "more": 1}]}, "BadRecord: Item 1 must be an object"),
        ({"items": [{"itemId": ""}]}, "BadId: itemId of item 1 must be a text of 1 to 256 characters."),
        ({"items": [{"itemId": "undefined"}]}, "BadId: itemId of item 1 is 'undefined', a placeholder for a missing"),
        ({"items": [{"itemId": " i"}]}, "BadId: itemId of item 1 is ' i', an ID with a blank at its beginning or end."),
        (
            {"items": [{"itemId": "i", "properties": {"GENRES": "x"}}] * 2},
            "BadRecord: The itemId i occurs twice. Keep one of the two.",
        ),
    ],
)
def test_each_mistake_in_a_body_is_named(body: Any, complaint: str) -> None:
    assert complaint in refusal(body)


def test_properties_are_no_longer_than_the_service_takes() -> None:
    many = [{"name": f"C{number}", "type": ["null", "string"]} for number in range(60)]
    users = ServedDataset(arn="arn", fields=[{"name": "USER_ID", "type": "string"}, *many])
    body = {"users": [{"userId": "u", "properties": {f"C{number}": "x" * 999 for number in range(24)}}]}
    with pytest.raises(RequestError, match="of user 1 have 24183 characters as JSON; 24000 are allowed"):
        read_records(body, KINDS["users"], users)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["GENRES", "YEAR", "itemId"]), inner),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(JSON, JSON)
def test_any_put_is_read_or_refused_with_a_reason(item: Any, properties: Any) -> None:
    for body in ({"items": item}, {"items": [item]}, {"items": [{"itemId": "i", "properties": properties}]}):
        try:
            [record] = read_records(body, KIND, ITEMS)
        except RequestError as refused:
            assert refused.status == 400
        else:
            assert record.values["GENRES"]
