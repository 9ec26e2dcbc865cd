"""The evaluation of filters, for all candidates at once."""

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
"""The number of a user's newest interactions of each event type that filters consider, with items and with actions."""
MASKS = 256
"""The maximum number of cached conditions for a set of candidates: the values in requests are unlimited."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The input of an expression: the candidates, and the user and item of the request."""

    target: str
    """The type of the candidates: ITEM, ACTION or USER."""
    index: Mapping[str, int]
    """The position of each candidate by its ID."""
    table: Table
    rows: NDArray[np.intp]
    """The row of each candidate in `table`; -1 without one."""
    users: Table
    user: str | None
    history: History
    """The user's events with candidates or, for segments, the events of candidates with the requested items."""
    item: str | None = None
    window: int = WINDOW
    masks: dict[object, Mask] = field(default_factory=dict)
    """A cache of the masks of conditions on `table` alone; kept with the candidates."""


def select(expression: Expression, scope: Scope, values: Mapping[str, str]) -> Mask:
    """The mask (n,) of the candidates that the expression allows; `values` are the request's filterValues.

    InvalidInputError if an INCLUDE clause lacks a value, a value cannot be read, or the filter is for another target.
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
    """The mask of any part; None if no part remains because an EXCLUDE lacks a value."""
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
        return _in_events(test, operand, scope)
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
    """The mask of the candidates whose field in the table matches."""
    if test.field.plain == f"{scope.target}ID":
        return _by_id(test, values, scope)
    column = scope.table.column(test.field.name)
    if test.operator in LISTS:
        found = column.having(values)
        return _aligned(found if test.operator == "IN" else ~found, scope, test.operator == "NOT IN")
    return _aligned(column.compared(test.operator, _number(next(iter(values), None))), scope, False)


def _by_id(test: Condition, values: tuple[Literal, ...], scope: Scope) -> Mask:
    """The mask of the candidates whose ID matches; they need no row in the table."""
    mask = np.full(len(scope.index), test.operator == "NOT IN")
    for position in (scope.index.get(id_of(value)) for value in values):
        if position is not None:
            mask[position] = test.operator == "IN"
    return mask


def _aligned(mask: Mask, scope: Scope, unknown: bool) -> Mask:
    """A mask of the table's rows as a mask of the candidates; `unknown` for candidates without a row."""
    return np.append(mask, unknown)[scope.rows]


def _in_events(test: Condition, operand: object, scope: Scope) -> Mask:
    """The mask of the candidates in events of these types (in any case), among the newest of each type."""
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
    """The value as a number; NaN, which fails every comparison, for None."""
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
    """The items that fulfil all attributes. InvalidInputError for a field that no item has."""
    for test in attributes:
        if not table.has(test.field.name):
            raise InvalidInputError(f"Invalid itemAttributes: there is no field {test.field}")
    found = np.logical_and.reduce([table.column(t.field.name).having(_values(t)) for t in attributes])
    return [item for item, place in table.index.items() if found[place]]


def _values(test: Condition) -> tuple[Literal, ...]:
    return test.operand if isinstance(test.operand, tuple) else ()
