"""Which items a filter lets through, computed for all candidates at once."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from usher.filters.expressions import (
    ANY,
    EQUALITY,
    EVENT_DATASETS,
    LISTS,
    Both,
    Condition,
    Either,
    Expression,
    Field,
    Literal,
    Placeholder,
    id_of,
    needed,
)

from usher_local.personalize.core.errors import InvalidInputError
from usher_local.personalize.data.datasets import COMPARE, Mask, Table, members
from usher_local.personalize.data.interactions import History
from usher_local.personalize.filters.checks import parse_values

WINDOW, ACTION_WINDOW = 100, 300
"""The latest interactions of each event type, with items and with actions, that filters look at."""
MASKS = 256
"""Conditions kept for a set of candidates; values of requests make them unlimited."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression is evaluated on: the candidates, and the user and item of the request."""

    target: str
    """What the candidates are: ITEM, ACTION or USER."""
    index: Mapping[str, int]
    """Position of each id among the candidates."""
    table: Table
    rows: NDArray[np.intp]
    """Of each candidate, its row in `table`; -1 if it has none."""
    users: Table
    user: str | None
    history: History
    """Events of the user with candidates or, for segments, of candidates with the items asked about."""
    item: str | None = None
    window: int = WINDOW
    masks: dict[object, Mask] = field(default_factory=dict)
    """What conditions on `table` alone let through, as far as that is known; kept with the candidates."""


def select(expression: Expression, scope: Scope, values: Mapping[str, str]) -> Mask:
    """The mask (n,) of what the expression allows; `values` are the request's filterValues.

    InvalidInputError when an INCLUDE clause lacks a value, a value cannot be read, or the filter is about other things.
    """
    given = {name: parse_values(text) for name, text in values.items()}
    for name in needed(expression):
        if name not in given:
            raise InvalidInputError(f"Missing filter value for parameter {name}")
    included: Mask | None = None
    excluded = np.zeros(len(scope.index), np.bool_)
    for clause in expression.clauses:
        if clause.target != scope.target:
            raise InvalidInputError(f"A filter on {clause.target.title()}ID cannot be used here")
        if not all(_user_is(guard, scope, given) for guard in clause.guards):
            continue
        mask = _either(clause.where, scope, given)
        if mask is not None and clause.effect == "INCLUDE":
            included = mask if included is None else included | mask
        elif mask is not None:
            excluded |= mask
    return ~excluded if included is None else included & ~excluded


Given = Mapping[str, tuple[Literal, ...]]


def _either(node: Either, scope: Scope, given: Given) -> Mask | None:
    """None where nothing is left, because the request gave no value for an EXCLUDE."""
    masks = [mask for part in node.parts if (mask := _both(part, scope, given)) is not None]
    return np.logical_or.reduce(masks) if masks else None


def _both(node: Both, scope: Scope, given: Given) -> Mask | None:
    parts = (
        _either(part, scope, given) if isinstance(part, Either) else _mask(part, scope, given) for part in node.parts
    )
    masks = [mask for mask in parts if mask is not None]
    return np.logical_and.reduce(masks) if masks else None


def _mask(test: Condition, scope: Scope, given: Given) -> Mask | None:
    operand = test.operand
    if isinstance(operand, Placeholder):
        if operand.name not in given:
            return None
        operand = given[operand.name]
    if test.field.dataset.upper() in EVENT_DATASETS:
        return _met(test, operand, scope)
    if isinstance(operand, Field) and scope.item is None:
        raise InvalidInputError(f"{operand} needs an itemId")
    if isinstance(operand, Field):
        return _by_record(test, _current_item(scope, operand), scope)
    known = test.field, test.operator, operand
    mask = scope.masks.get(known)
    if mask is None:
        if len(scope.masks) >= MASKS:
            scope.masks.clear()
        mask = scope.masks[known] = _by_record(test, operand, scope)
    return mask


def _current_item(scope: Scope, field: Field) -> tuple[Literal, ...]:
    """The values of a field of the request's item."""
    return (scope.item or "",) if field.plain == "ITEMID" else tuple(members(scope.table.cell(scope.item, field.name)))


def _by_record(test: Condition, values: tuple[Literal, ...], scope: Scope) -> Mask:
    """By the field of each member."""
    if test.field.plain == f"{scope.target}ID":
        return _by_id(test, values, scope)
    column = scope.table.column(test.field.name)
    if test.operator in LISTS:
        found = column.having(values)
        return _aligned(found if test.operator == "IN" else ~found, scope, test.operator == "NOT IN")
    return _aligned(column.compared(test.operator, _number(next(iter(values), None))), scope, False)


def _by_id(test: Condition, values: tuple[Literal, ...], scope: Scope) -> Mask:
    """By the IDs of the candidates, which need no rows."""
    mask = np.full(len(scope.index), test.operator == "NOT IN")
    for position in (scope.index.get(id_of(value)) for value in values):
        if position is not None:
            mask[position] = test.operator == "IN"
    return mask


def _aligned(mask: Mask, scope: Scope, unknown: bool) -> Mask:
    """A mask of the table as one of the candidates; `unknown` for those without a row."""
    return np.append(mask, unknown)[scope.rows]


def _met(test: Condition, operand: object, scope: Scope) -> Mask:
    """Members that were met by events of these types, among the latest of each type; types in any case."""
    types = {str(value).lower() for value in operand} if isinstance(operand, tuple) else set()
    wanted = test.operator == "IN"
    mask = np.zeros(len(scope.index), np.bool_)
    looked: Counter[str] = Counter()
    for item, type_ in zip(reversed(scope.history.items), reversed(scope.history.types), strict=True):
        kind = (type_ or "").lower()
        looked[kind] += 1
        position = scope.index.get(item)
        if position is not None and looked[kind] <= scope.window and ((ANY in types or kind in types) == wanted):
            mask[position] = True
    return mask


def _user_is(guard: Condition, scope: Scope, given: Given) -> bool:
    is_id = guard.field.plain == "USERID"
    cell = scope.user if is_id else scope.users.cell(scope.user, guard.field.name)
    operand = given.get(guard.operand.name, ()) if isinstance(guard.operand, Placeholder) else guard.operand
    wanted: Collection[Literal] = operand if isinstance(operand, tuple) else ()
    if guard.operator in LISTS:
        texts = {id_of(value) for value in wanted}
        return bool(texts.intersection([cell] if is_id else members(cell))) == (guard.operator == "IN")
    if not wanted or cell is None:
        return False
    value = next(iter(wanted))
    if guard.operator in EQUALITY and isinstance(value, str) and not _is_number(cell):
        return (value == cell) == (guard.operator == "=")
    numbers = _number(cell), _number(value)
    return bool(COMPARE[guard.operator](*numbers)) and not np.isnan(numbers).any()


def _number(value: Literal | None) -> float:
    """NaN, of which nothing is true, for no value."""
    try:
        return float(value) if value is not None else np.nan
    except ValueError:
        raise InvalidInputError(f"Invalid filter values: {value} is not a number") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def matching(table: Table, attributes: Sequence[Condition]) -> list[str]:
    """Items of which all attributes are true. InvalidInputError for a field that no item has."""
    for test in attributes:
        if not table.has(test.field.name):
            raise InvalidInputError(f"Invalid itemAttributes: there is no field {test.field}")
    found = np.logical_and.reduce([table.column(t.field.name).having(_values(t)) for t in attributes])
    return [item for item, place in table.index.items() if found[place]]


def _values(test: Condition) -> tuple[Literal, ...]:
    return test.operand if isinstance(test.operand, tuple) else ()
