"""The grammar of filter expressions, and of the attributes of user segments.

It follows the service's guide, "Filter expression structure and elements". Where the guide says nothing, AND binds
closer than OR and parentheses group.
"""

import re
from collections.abc import Collection
from functools import cache, lru_cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

from usher.filters.expressions import (
    Both,
    Clause,
    Condition,
    Either,
    Expression,
    Field,
    FilterError,
    Literal,
    Operand,
    Placeholder,
)
from usher.filters.values import unquote

QUOTED = r"""("|')(\\.|(?!\1).)*\1"""
GRAMMAR = r"""
expression: clause ("|" clause)*
clause: EFFECT TARGET _WHERE either [_IF guard]
either: both (_OR both)*
both: test (_AND test)*
?test: condition | "(" either ")"
guard: condition (_AND condition)*
condition: field IN operand_list       -> contains
         | field NOT IN operand_list   -> lacks
         | field OPERATOR operand      -> compares
field: NAME "." NAME
current: CURRENT "." NAME
?operand_list: "(" values ")" | "(" current ")" | "(" placeholder ")" | current
?operand: scalar | "(" scalar ")"
?scalar: value | placeholder | current
values: value ("," value)*
?value: STRING -> string | NUMBER -> number
placeholder: "$" NAME

attributes: attribute (_AND attribute)*
attribute: _ITEMS "." NAME "=" value

EFFECT.2: /(INCLUDE|EXCLUDE)\b/i
TARGET.2: /(Item|Action|User)ID\b/i
CURRENT.2: /Current(Item|User)\b/i
_ITEMS.2: /Items\b/i
_WHERE.2: /WHERE\b/i
_IF.2: /IF\b/i
_AND.2: /AND\b/i
_OR.2: /OR\b/i
NOT.2: /NOT\b/i
IN.2: /IN\b/i
OPERATOR: "<=" | ">=" | "!=" | "=" | "<" | ">"
NAME: /[A-Za-z_][A-Za-z0-9_]*/
STRING: /"(\\.|[^"\\])*"/ | /'(\\.|[^'\\])*'/
NUMBER: /[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?/
%ignore /\s+/
"""
SYMBOLS = {
    "EFFECT": "INCLUDE or EXCLUDE",
    "TARGET": "ItemID, ActionID or UserID",
    "_WHERE": "WHERE",
    "_IF": "IF",
    "_AND": "AND",
    "_OR": "OR",
    "NOT": "NOT IN",
    "IN": "IN",
    "OPERATOR": "one of = != < <= > >=",
    "EQUAL": "=",
    "LPAR": "an opening parenthesis",
    "STRING": 'a text in quotes, such as "Comedy"',
    "NUMBER": "a number",
    "DOLLAR": "a placeholder, such as $GENRE",
    "CURRENT": "CurrentItem",
    "_ITEMS": "ITEMS",
    "NAME": "a name",
    "DOT": "a dot and the name of a field, such as Items.GENRE",
    "COMMA": "a comma",
    "RPAR": "a closing parenthesis",
    "VBAR": "| and another clause",
}
"""The names of the grammar's terminals in remedies, in this order."""
CACHED = 4096
"""The number of texts of each kind whose parsed form is cached."""
SHOWN = 20
"""The number of characters that a message shows of an unreadable text."""


@v_args(inline=True)
class _Build(Transformer[Token, Any]):
    def expression(self, *clauses: Clause) -> Expression:
        return Expression(clauses)

    def clause(self, effect: Token, target: Token, where: Either, guards: tuple[Condition, ...] | None) -> Clause:
        return Clause(effect.upper(), target.upper()[:-2], where, guards or ())

    def either(self, *parts: Both) -> Either:
        return Either(parts)

    def both(self, *parts: Condition | Either) -> Both:
        return Both(parts)

    def guard(self, *conditions: Condition) -> tuple[Condition, ...]:
        return conditions

    def contains(self, field: Field, _in: Token, operand: Operand) -> Condition:
        return Condition(field, "IN", operand)

    def lacks(self, field: Field, _not: Token, _in: Token, operand: Operand) -> Condition:
        if isinstance(operand, Placeholder):
            message = f"Invalid input symbol: {operand}. Placeholders are not allowed with NOT_IN operator"
            raise FilterError(message, "Swap INCLUDE and EXCLUDE, and write IN.", field.place)
        if isinstance(operand, Field):
            message = f"{operand} is not allowed with NOT IN"
            raise FilterError(message, "Swap INCLUDE and EXCLUDE, and write IN.", operand.place)
        return Condition(field, "NOT IN", operand)

    def compares(self, field: Field, operator: Token, operand: Literal | Field | Placeholder) -> Condition:
        return Condition(field, str(operator), (operand,) if isinstance(operand, str | float) else operand)

    def field(self, dataset: Token, name: Token) -> Field:
        return Field(str(dataset), str(name), (dataset.line or 1, dataset.column or 1))

    current = field

    def values(self, *values: Literal) -> tuple[Literal, ...]:
        return values

    def string(self, token: Token) -> str:
        return unquote(token)

    def number(self, token: Token) -> float:
        return float(token)

    def placeholder(self, name: Token) -> Placeholder:
        return Placeholder(str(name))

    def attributes(self, *conditions: Condition) -> tuple[Condition, ...]:
        return conditions

    def attribute(self, name: Token, value: Literal) -> Condition:
        return Condition(Field("ITEMS", str(name), (name.line or 1, name.column or 1)), "=", (value,))


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", start=["expression", "attributes"], maybe_placeholders=True)


@lru_cache(CACHED)
def parse_filter(text: str) -> Expression:
    """Parse an expression. Raises FilterError with the place of the first error."""
    expression: Expression = _parse(text, "expression")
    return expression


@lru_cache(CACHED)
def parse_attributes(text: str) -> tuple[Condition, ...]:
    """Parse the attributes of a user segment: `ITEMS.GENRES = "Comedy" AND ITEMS.AUDIENCE = "teen"`."""
    attributes: tuple[Condition, ...] = _parse(text, "attributes")
    return attributes


def _parse(text: str, start: str) -> Any:
    try:
        return _Build().transform(_parser().parse(text, start=start))
    except VisitError as error:
        raise error.orig_exc from None
    except UnexpectedInput as error:
        expected = set(getattr(error, "expected", None) or getattr(error, "allowed", None) or ())
        if isinstance(error, UnexpectedToken) and error.token.type == "$END":
            raise FilterError("unexpected end", _remedy("", expected)) from None
        rest = text[error.pos_in_stream :].split("\n")[0] if error.pos_in_stream is not None else ""
        message = f"unexpected input at line {error.line} column {error.column}: {rest[:SHOWN]}"
        raise FilterError(message, _remedy(rest, expected), (error.line, error.column)) from None


def _remedy(rest: str, expected: Collection[str]) -> str:
    """The text to write in place of the rest."""
    word = re.match(r"[\w.-]+|\*", rest)
    if "STRING" in expected and word:
        return f'Put texts in quotes: "{word[0]}".'
    if rest[:1] and rest[0] in "\"'" and not re.match(QUOTED, rest):
        return "Close the quote, and put a backslash before quotes inside a text. In YAML, ` #` begins a comment."
    if rest[:1] and rest[0] in "\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb":
        return 'Use straight quotes: "Comedy".'
    if "VBAR" in expected and rest[:7].upper() in {"INCLUDE", "EXCLUDE"}:
        return "Join clauses with |."
    return f"Write {', or '.join(words for name, words in SYMBOLS.items() if name in expected)} there."
