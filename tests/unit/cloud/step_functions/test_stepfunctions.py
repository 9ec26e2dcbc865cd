from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.stepfunctions.parser.asl.antlr.runtime.ASLParser import ASLParser
from moto.stepfunctions.parser.asl.jsonata.jsonata import JSONataException
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException

from usher_local.cloud.step_functions.interpreter import declare, evaluate, parsing_once

# JSONata has no null inside sequences and folds lists of one, so only plain values under a name are reliable.
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


def test_a_definition_is_parsed_once_and_each_execution_has_a_program_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parses, stock = list[str](), ASLParser.state_machine

    def state_machine(parser: Any) -> Any:
        parses.append(parser.getTokenStream().getText())
        return stock(parser)

    monkeypatch.setattr(ASLParser, "state_machine", state_machine)
    parse = parsing_once(AmazonStateLanguageParser.parse)
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
    first, second = parse(definition)[0], parse(definition)[0]
    assert len(parses) == 1
    assert first is not second
    assert (first.start_at.start_at_name, second.start_at.start_at_name) == ("A", "A")
    for _ in range(2):
        with pytest.raises(ASLParserException):
            parse("{")
