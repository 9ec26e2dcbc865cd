"""The language of filter expressions: text to a tree and back, and what an expression may say.

The grammar follows the service's guide. Where the guide is silent, AND binds closer than OR and parentheses group.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

from local.personalize.exceptions import InvalidInputError
from local.personalize.schemas import Schema, plain

MAX_FIELDS = 10
ANY = "*"
EVENT_DATASETS = ("INTERACTIONS", "ACTION_INTERACTIONS")

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

Literal = str | float


@dataclass(frozen=True, slots=True)
class Field:
    """`Items.GENRE`; on the right side of a condition, a field of CurrentItem."""

    dataset: str
    name: str

    def __str__(self) -> str:
        return f"{self.dataset}.{self.name}"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`$NAME`: the request says."""

    name: str

    def __str__(self) -> str:
        return f"${self.name}"


Operand = tuple[Literal, ...] | Field | Placeholder


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `operator` is IN, NOT IN or one of = != < <= > >=."""

    field: Field
    operator: str
    operand: Operand

    def __str__(self) -> str:
        shown = ", ".join(map(_literal, self.operand)) if isinstance(self.operand, tuple) else str(self.operand)
        return f"{self.field} {self.operator} " + (f"({shown})" if "IN" in self.operator else shown)


@dataclass(frozen=True, slots=True)
class Either:
    """True if any part is."""

    parts: "tuple[Both, ...]"

    def __str__(self) -> str:
        return " OR ".join(map(str, self.parts))


@dataclass(frozen=True, slots=True)
class Both:
    """True if every part is."""

    parts: "tuple[Condition | Either, ...]"

    def __str__(self) -> str:
        return " AND ".join(f"({part})" if isinstance(part, Either) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Clause:
    """`effect` is INCLUDE or EXCLUDE, `target` ITEM, ACTION or USER; it applies only if every guard is true."""

    effect: str
    target: str
    where: Either
    guards: tuple[Condition, ...] = ()

    def __str__(self) -> str:
        guard = f" IF {' AND '.join(map(str, self.guards))}" if self.guards else ""
        return f"{self.effect} {self.target.title()}ID WHERE {self.where}{guard}"


@dataclass(frozen=True, slots=True)
class Expression:
    """The union of its INCLUDE clauses without the union of its EXCLUDE clauses."""

    clauses: tuple[Clause, ...]

    def __str__(self) -> str:
        return " | ".join(map(str, self.clauses))


def _literal(value: Literal) -> str:
    if isinstance(value, float):
        return repr(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


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
            raise InvalidInputError(
                f"Invalid input symbol: {operand}. Placeholders are not allowed with NOT_IN operator."
            )
        return Condition(field, "NOT IN", operand)

    def compares(self, field: Field, operator: Token, operand: Literal | Field | Placeholder) -> Condition:
        return Condition(field, str(operator), (operand,) if isinstance(operand, str | float) else operand)

    def field(self, dataset: Token, name: Token) -> Field:
        return Field(str(dataset), str(name))

    def values(self, *values: Literal) -> tuple[Literal, ...]:
        return values

    def string(self, token: Token) -> str:
        body = str(token)[1:-1]
        return "".join(_unescape(body))

    def number(self, token: Token) -> float:
        return float(token)

    def placeholder(self, name: Token) -> Placeholder:
        return Placeholder(str(name))


def _unescape(body: str) -> Iterator[str]:
    letters = iter(body)
    for letter in letters:
        yield next(letters) if letter == "\\" else letter


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", start=["expression", "values"], maybe_placeholders=True)


@cache
def parse(text: str) -> Expression:
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
            raise InvalidInputError(f"{problem}: unexpected end") from None
        shown = error.get_context(text, 12).splitlines()[0].strip()
        raise InvalidInputError(
            f"{problem}: unexpected input at line {error.line} column {error.column}: {shown}"
        ) from None


def conditions(node: Either | Both | Condition) -> Iterator[Condition]:
    """Every condition below a node, from left to right."""
    if isinstance(node, Condition):
        yield node
    else:
        for part in node.parts:
            yield from conditions(part)


def check(expression: Expression, schemas: Mapping[str, Schema]) -> None:
    """Raise InvalidInputError unless the expression makes sense; `schemas` by type of dataset."""
    fields: set[str] = set()
    for clause in expression.clauses:
        tests = list(conditions(clause.where))
        if len({test.field.dataset.upper() for test in tests}) > 1:
            raise _invalid("the conditions of one clause must be on one dataset; join clauses with |")
        for test in tests:
            _check_condition(test, clause, schemas)
        for guard in clause.guards:
            if guard.field.dataset.upper() != "CURRENTUSER":
                raise _invalid(f"{guard.field} may not follow IF, only CurrentUser may")
            _check_field(guard, guard.field, "USERS", schemas)
        fields |= {plain(str(test.field)) for test in (*tests, *clause.guards)}
    if len(fields) > MAX_FIELDS:
        raise _invalid(f"more than {MAX_FIELDS} fields")


def _check_condition(test: Condition, clause: Clause, schemas: Mapping[str, Schema]) -> None:
    dataset = test.field.dataset.upper()
    if dataset == "CURRENTUSER":
        raise _invalid(f"{test.field} is allowed only after IF")
    if dataset == "USERS" and clause.target != "USER":
        raise _invalid(f"{test.field} is allowed only with UserID")
    if dataset in EVENT_DATASETS:
        if plain(test.field.name) != "EVENTTYPE" or test.operator not in ("IN", "NOT IN"):
            raise _invalid(f"of {test.field.dataset} only EVENT_TYPE can be filtered, with IN or NOT IN")
    elif test.operand == (ANY,):
        raise _invalid(f'"*" is allowed only with EVENT_TYPE, not {test.field}')
    _check_field(test, test.field, dataset, schemas)
    if isinstance(test.operand, Field):
        if test.operand.dataset.upper() != "CURRENTITEM":
            raise _invalid(f"{test.operand} cannot be compared with; only CurrentItem can")
        _check_field(test, test.operand, "ITEMS", schemas)


def _check_field(test: Condition, field: Field, dataset: str, schemas: Mapping[str, Schema]) -> None:
    if dataset not in schemas:
        raise _invalid(f"the dataset group has no dataset {field.dataset}")
    found = schemas[dataset].field(field.name)
    if found is None:
        # A dataset without event types may still be asked for events of any type.
        if dataset in EVENT_DATASETS:
            return
        raise _invalid(f"there is no field {field}")
    if not found.filterable:
        raise _invalid(f"{field} is textual or boolean and cannot be filtered")
    ordered = test.operator not in ("IN", "NOT IN")
    literal = test.operand[0] if isinstance(test.operand, tuple) else 0.0
    if ordered and not found.numeric:
        raise _invalid(f"{field} is not numeric and cannot be compared with {test.operator}")
    if ordered and isinstance(literal, str):
        raise _invalid(f'{field} is numeric and cannot be compared with "{literal}"')


def _invalid(detail: str) -> InvalidInputError:
    return InvalidInputError(f"Could not create filter. Invalid Expression: {detail}")
