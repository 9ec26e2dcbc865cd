"""The small language of batch segment jobs: `ITEMS.genres = "Comedy" AND ITEMS.audience = "teen"`."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from lark import Lark, Token, UnexpectedInput

from usher_local.personalize.core.errors import InvalidInputError
from usher_local.personalize.data.datasets import Table
from usher_local.personalize.filters.grammar import unquote

GRAMMAR = r"""
start: condition (_AND condition)*
condition: "ITEMS"i "." NAME "=" (STRING | NUMBER)
_AND.2: /AND\b/i
NAME: /[A-Za-z_][A-Za-z0-9_]*/
STRING: /"(\\.|[^"\\])*"/ | /'(\\.|[^'\\])*'/
NUMBER: /[+-]?(\d+(\.\d*)?|\.\d+)/
%ignore /\s+/
"""


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr")


def parse_conditions(text: str) -> list[tuple[str, str | float]]:
    """Fields and the values they must have; InvalidInputError points at what cannot be read."""
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise InvalidInputError(f"Invalid itemAttributes: unexpected input at column {error.column}: {text}") from None
    tokens = list(tree.scan_values(lambda value: isinstance(value, Token)))
    return [(str(name), _value(value)) for name, value in zip(tokens[::2], tokens[1::2], strict=True)]


def _value(token: Token) -> str | float:
    return unquote(token) if token.type == "STRING" else float(token)


def matching(table: Table, conditions: Sequence[tuple[str, str | float]]) -> list[str]:
    """Items of which all conditions are true; InvalidInputError for a field that no item has."""
    for name, _ in conditions:
        if not table.has(name):
            raise InvalidInputError(f"Invalid itemAttributes: there is no field ITEMS.{name}")
    found = np.logical_and.reduce([table.column(name).having([value]) for name, value in conditions])
    return [item for item, place in table.index.items() if found[place]]
