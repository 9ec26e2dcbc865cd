"""The language of filter expressions: text to a tree and back, and what an expression may say.

The grammar follows the service's guide. Where the guide is silent, AND binds closer than OR and parentheses group.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

from usher_local.personalize.core.schemas import Schema, plain
from usher_local.personalize.filters.expressions import (
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
    conditions,
)

MAX_FIELDS, MAX_GROUP_FIELDS = 10, 20
"""Distinct fields of one filter, and of all filters of a dataset group."""
ANY = "*"
EVENT_DATASETS = ("INTERACTIONS", "ACTION_INTERACTIONS")
TARGETS = {
    "ITEM": ("ITEMS", "INTERACTIONS"),
    "ACTION": ("ACTIONS", "ACTION_INTERACTIONS"),
    "USER": ("USERS", "INTERACTIONS"),
}
"""What can be filtered by which datasets."""
TIMING = frozenset({"REPEATFREQUENCY", "EXPIRATIONTIMESTAMP", "ACTIONEXPIRATIONTIMESTAMP"})
"""Fields of actions that the service applies by itself and that no filter may name."""

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
?operand_list: "(" values ")" | "(" field ")" | "(" placeholder ")" | field
?operand: value | placeholder | field
values: value ("," value)*
?value: STRING -> string | NUMBER -> number
placeholder: "$" NAME

EFFECT.2: /(INCLUDE|EXCLUDE)\b/i
TARGET.2: /(Item|Action|User)ID\b/i
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
            raise FilterError(f"Invalid input symbol: {operand}. Placeholders are not allowed with NOT_IN operator.")
        if isinstance(operand, Field):
            raise _invalid(f"{operand} is not allowed with NOT IN", operand)
        return Condition(field, "NOT IN", operand)

    def compares(self, field: Field, operator: Token, operand: Literal | Field | Placeholder) -> Condition:
        return Condition(field, str(operator), (operand,) if isinstance(operand, str | float) else operand)

    def field(self, dataset: Token, name: Token) -> Field:
        return Field(str(dataset), str(name), dataset)

    def values(self, *values: Literal) -> tuple[Literal, ...]:
        return values

    def string(self, token: Token) -> str:
        return unquote(token)

    def number(self, token: Token) -> float:
        return float(token)

    def placeholder(self, name: Token) -> Placeholder:
        return Placeholder(str(name))


def unquote(text: str) -> str:
    """What stands between quotes, where a backslash takes the next letter as it is."""
    letters = iter(text[1:-1])
    return "".join(next(letters) if letter == "\\" else letter for letter in letters)


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", start=["expression", "values"], maybe_placeholders=True)


@cache
def parse_filter(text: str) -> Expression:
    """Parse an expression; InvalidInputError points at the offending token."""
    expression: Expression = _parse(text, "expression", "Could not create filter. Invalid Expression")
    return expression


@cache
def parse_values(text: str) -> tuple[Literal, ...]:
    """Parse what a request gives for a placeholder: `"\\"Action\\",\\"Comedy\\""` or numbers, bare or quoted."""
    values: tuple[Literal, ...] = _parse(text, "values", "Invalid filter values")
    return values


def _parse(text: str, start: str, problem: str) -> Any:
    try:
        return _Build().transform(_parser().parse(text, start=start))
    except VisitError as error:
        raise error.orig_exc from None
    except UnexpectedInput as error:
        if isinstance(error, UnexpectedToken) and error.token.type == "$END":
            raise FilterError(f"{problem}: unexpected end") from None
        shown = error.get_context(text, 12).splitlines()[0].strip()
        where = f"line {error.line} column {error.column}"
        raise FilterError(f"{problem}: unexpected input at {where}: {shown}", error.line, error.column) from None


def check_filter(expression: Expression, schemas: Mapping[str, Schema], others: Iterable[Expression] = ()) -> None:
    """Raise FilterError unless the expression makes sense.

    `schemas` are those of the group's datasets by type, `others` the expressions of its other filters.
    """
    targets = sorted({clause.target for clause in expression.clauses})
    if len(targets) > 1:
        raise _invalid(f"one filter cannot be about {' and '.join(f'{target.title()}ID' for target in targets)}")
    for clause in expression.clauses:
        tests = list(conditions(clause.where))
        for test in tests:
            _check_condition(test, clause, schemas)
        if len({test.field.dataset.upper() for test in tests}) > 1:
            raise _invalid("the conditions of one clause must be on one dataset; join clauses with |", tests[-1].field)
        for guard in clause.guards:
            if guard.field.dataset.upper() != "CURRENTUSER":
                raise _invalid(f"{guard.field} may not follow IF, only CurrentUser may", guard.field)
            if isinstance(guard.operand, Field):
                raise _invalid(f"{guard.operand} may not follow IF", guard.operand)
            _check_field(guard, guard.field, "USERS", schemas)
    own = _names(expression)
    if len(own) > MAX_FIELDS:
        raise _invalid(f"more than {MAX_FIELDS} fields")
    if len(own.union(*map(_names, others))) > MAX_GROUP_FIELDS:
        raise _invalid(f"more than {MAX_GROUP_FIELDS} distinct fields in all filters of the dataset group")


def _names(expression: Expression) -> set[str]:
    """The fields that a filter names."""
    tests = (test for clause in expression.clauses for test in (*conditions(clause.where), *clause.guards))
    return {plain(str(test.field)) for test in tests}


def _check_condition(test: Condition, clause: Clause, schemas: Mapping[str, Schema]) -> None:
    dataset, operand = test.field.dataset.upper(), test.operand
    if dataset == "CURRENTUSER":
        raise _invalid(f"{test.field} is allowed only after IF", test.field)
    targets = [target for target, datasets in TARGETS.items() if dataset in datasets]
    if targets and clause.target not in targets:
        names = " and ".join(f"{target.title()}ID" for target in targets)
        raise _invalid(f"{test.field} is allowed only with {names}", test.field)
    if dataset in EVENT_DATASETS:
        if plain(test.field.name) != "EVENTTYPE" or test.operator not in ("IN", "NOT IN") or isinstance(operand, Field):
            raise _invalid(
                f"of {test.field.dataset} only EVENT_TYPE can be filtered, with IN or NOT IN values", test.field
            )
    elif isinstance(operand, tuple) and ANY in operand:
        raise _invalid(f'"*" is allowed only with EVENT_TYPE, not {test.field}', test.field)
    _check_field(test, test.field, dataset, schemas)
    if isinstance(operand, Field):
        if operand.dataset.upper() != "CURRENTITEM" or clause.target != "ITEM":
            raise _invalid(f"{operand} cannot be compared with; only CurrentItem can, for ItemID", operand)
        _check_field(test, operand, "ITEMS", schemas)


def _check_field(test: Condition, named: Field, dataset: str, schemas: Mapping[str, Schema]) -> None:
    if dataset not in schemas:
        raise _invalid(f"the dataset group has no dataset {named.dataset}", named)
    found = schemas[dataset].field(named.name)
    if found is None:
        # A dataset without event types may still be asked for events of any type.
        if dataset in EVENT_DATASETS:
            return
        raise _invalid(f"there is no field {named}", named)
    if not found.filterable or (dataset == "ACTIONS" and plain(found.name) in TIMING):
        raise _invalid(f"{named} is textual or boolean or of the service's own use and cannot be filtered", named)
    ordered = test.operator not in ("IN", "NOT IN")
    literal = test.operand[0] if isinstance(test.operand, tuple) else 0.0
    if ordered and not found.numeric:
        raise _invalid(f"{named} is not numeric and cannot be compared with {test.operator}", named)
    if ordered and isinstance(literal, str):
        raise _invalid(f'{named} is numeric and cannot be compared with "{literal}"', named)


def _invalid(detail: str, at: Field | None = None) -> FilterError:
    place = (at.token.line, at.token.column, str(at)) if at and at.token else (None, None, None)
    return FilterError(f"Could not create filter. Invalid Expression: {detail}", *place)
