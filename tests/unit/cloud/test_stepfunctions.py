import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.stepfunctions.parser.asl.jsonata.jsonata import JSONataException

from usher_local.cloud.step_functions.interpreter import declare, evaluate

# JSONata has no null inside sequences and folds lists of one, so plain values under a name are what is promised.
texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = texts | st.integers(-(2**53), 2**53) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)


@given(scalars)
def test_every_value_survives_being_bound_to_a_variable(value: object) -> None:
    assert evaluate(f"({declare({'$x': {'y': value}})}$x.y)") == value


@given(st.lists(st.dictionaries(texts, scalars), max_size=3))
def test_lists_of_objects_keep_their_shape(value: object) -> None:
    assert evaluate(f"({declare({'$states': {'input': {'items': value}}})}$states.input.items)") == value


def test_a_broken_expression_is_the_interpreters_own_error() -> None:
    with pytest.raises(JSONataException):
        evaluate("$nothing(")
