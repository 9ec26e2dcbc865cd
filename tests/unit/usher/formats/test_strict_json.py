"""Strict JSON, equal to Python's reader for all that both accept."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.formats.strict_json import MAX_DEPTH, MAX_VALUES, parse_strict

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_written_interactions_can_be_read(value: Any) -> None:
    assert parse_strict(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ("1e999", "a number is too large"),
        ('{"a": [-1e999]}', "a number is too large"),
        (str(2**63), "a number is beyond 64 bits"),
        (str(-(2**63) - 1), "a number is beyond 64 bits"),
        ("9" * 100_000, "a number is beyond 64 bits"),
        ('"\\ud800"', "a text has an unpaired surrogate"),
        ('{"\\udfff": 1}', "a text has an unpaired surrogate"),
        ('{"a": 1, "\\u0061": 2}', "an object has the same name twice"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "it is nested too deeply"),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"a":' * 100_000, "it is nested too deeply"),
        ("", "it is empty"),
        (" \n", "it is empty"),
        (f"[{'[],' * MAX_VALUES}[]]", f"it has more than {MAX_VALUES} values"),
    ],
    ids=lambda text: text[:20],
)
def test_values_beyond_the_json_standard_are_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_strict(text)


def test_a_mark_of_the_byte_order_is_passed_over() -> None:
    assert parse_strict('\ufeff{"a": 1}') == {"a": 1}


def test_pairs_of_surrogates_and_the_largest_numbers_are_read() -> None:
    text = '["\\ud83c\\udfac", 9223372036854775807, -9223372036854775808, 1.7976931348623157e308]'
    assert parse_strict(text) == ["\U0001f3ac", 2**63 - 1, -(2**63), 1.7976931348623157e308]
    assert parse_strict("[" * MAX_DEPTH + "]" * MAX_DEPTH)
