"""Personalize's rules for filters on the data of a dataset group.

Service guide: "Filter expressions" and "Guidelines and requirements for filters".
"""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol

from usher.filters.expressions import (
    ANY,
    EQUALITY,
    EVENT_DATASETS,
    LISTS,
    Clause,
    Condition,
    Expression,
    Field,
    FilterError,
    conditions,
    plain,
    tests,
)

MAX_FIELDS, MAX_GROUP_FIELDS = 10, 20
"""Distinct fields of one filter, and of all filters of a dataset group."""
TARGETS = {
    "ITEM": ("ITEMS", "INTERACTIONS"),
    "ACTION": ("ACTIONS", "ACTION_INTERACTIONS"),
    "USER": ("USERS", "INTERACTIONS"),
}
"""The targets of filters, and the datasets that each may name."""
TIMING = frozenset({"REPEATFREQUENCY", "EXPIRATIONTIMESTAMP", "ACTIONEXPIRATIONTIMESTAMP"})
"""Fields of actions that the service applies by itself and that no filter may name."""


class Column(Protocol):
    """A column of a dataset."""

    @property
    def name(self) -> str:
        """The name, as in the schema."""
        ...

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        ...

    @property
    def filterable(self) -> bool:
        """Whether filters may name it: it is neither textual nor boolean."""
        ...


Columns = Mapping[str, Collection[Column]]
"""The columns of a dataset, by its name such as ACTION_INTERACTIONS."""


def filter_errors(expression: Expression, columns: Columns) -> Iterator[FilterError]:
    """The errors of a filter, for a group with these columns."""
    targets = sorted({clause.target for clause in expression.clauses})
    if len(targets) > 1:
        names = " and ".join(f"{target.title()}ID" for target in targets)
        yield FilterError(f"one filter cannot be about {names}", "Make a filter of each.")
    for clause in expression.clauses:
        yield from _clause_errors(clause, columns)
    if len(fields_of([expression])) > MAX_FIELDS:
        yield FilterError(f"more than {MAX_FIELDS} fields", "Leave some out.")


def group_errors(expressions: Iterable[Expression]) -> Iterator[FilterError]:
    """Errors of all filters of a group together."""
    if len(fields_of(expressions)) > MAX_GROUP_FIELDS:
        message = f"more than {MAX_GROUP_FIELDS} distinct fields in all filters of the dataset group"
        yield FilterError(message, "Leave some out.")


def attribute_errors(attributes: Iterable[Condition], columns: Columns) -> Iterator[FilterError]:
    """Errors of the attributes of a user segment."""
    for test in attributes:
        yield from _field_errors(test, test.field, "ITEMS", columns, ordered=False)


def fields_of(expressions: Iterable[Expression]) -> set[str]:
    """The fields that filters name."""
    clauses = (clause for expression in expressions for clause in expression.clauses)
    return {plain(str(test.field)) for clause in clauses for test in tests(clause)}


def _clause_errors(clause: Clause, columns: Columns) -> Iterator[FilterError]:
    named = list(conditions(clause.where))
    for test in named:
        yield from _condition_errors(test, clause, columns)
    if len({test.field.dataset.upper() for test in named}) > 1:
        message = "the conditions of one clause must be on one dataset; join clauses with |"
        yield FilterError(message, "Write a clause for each dataset: INCLUDE ... | EXCLUDE ...", named[-1].field.place)
    for guard in clause.guards:
        if guard.field.dataset.upper() != "CURRENTUSER":
            message, remedy = f"{guard.field} may not follow IF, only CurrentUser may", "Move it before IF."
            yield FilterError(message, remedy, guard.field.place)
        elif isinstance(guard.operand, Field):
            message, remedy = f"{guard.operand} may not follow IF", "Compare with a value or a placeholder."
            yield FilterError(message, remedy, guard.operand.place)
        else:
            yield from _field_errors(guard, guard.field, "USERS", columns, ordered=guard.operator not in EQUALITY)


def _condition_errors(test: Condition, clause: Clause, columns: Columns) -> Iterator[FilterError]:
    dataset, operand, place = test.field.dataset.upper(), test.operand, test.field.place
    if dataset == "CURRENTUSER":
        remedy = "Move it to the end of the clause: ... IF CurrentUser.FIELD ..."
        yield FilterError(f"{test.field} is allowed only after IF", remedy, place)
        return
    targets = [target for target, datasets in TARGETS.items() if dataset in datasets]
    if targets and clause.target not in targets:
        names = " and ".join(f"{target.title()}ID" for target in targets)
        remedy = f"Use fields of {' and '.join(map(str.title, TARGETS[clause.target]))}."
        yield FilterError(f"{test.field} is allowed only with {names}", remedy, place)
        return
    if dataset in EVENT_DATASETS and (
        test.field.plain != "EVENTTYPE" or test.operator not in LISTS or isinstance(operand, Field)
    ):
        message = f"of {test.field.dataset} only EVENT_TYPE can be filtered, with IN or NOT IN values"
        yield FilterError(message, f'Write {test.field.dataset}.EVENT_TYPE IN ("*"), or name types.', place)
        return
    if dataset not in EVENT_DATASETS and isinstance(operand, tuple) and ANY in operand:
        message = f'"*" is allowed only with EVENT_TYPE, not {test.field}'
        yield FilterError(message, "Name the values.", place)
    yield from _field_errors(test, test.field, dataset, columns)
    if isinstance(operand, Field) and (operand.dataset.upper() != "CURRENTITEM" or clause.target != "ITEM"):
        message = f"{operand} cannot be compared with; only CurrentItem can, for ItemID"
        yield FilterError(message, "Compare with a value or a placeholder.", operand.place)
    elif isinstance(operand, Field):
        yield from _field_errors(test, operand, "ITEMS", columns)


def _field_errors(
    test: Condition, named: Field, dataset: str, columns: Columns, *, ordered: bool = True
) -> Iterator[FilterError]:
    """The errors of a field that a condition names. Not `ordered`: texts may be compared, too."""
    if dataset not in columns:
        near = difflib.get_close_matches(dataset, columns, 1)
        remedy = f"Did you mean {near[0].title()}?" if near else f"Use one of: {', '.join(map(str.title, columns))}."
        yield FilterError(f"the dataset group has no dataset {named.dataset}", remedy, named.place)
        return
    found = next((column for column in columns[dataset] if plain(column.name) == named.plain), None)
    if found is None:
        # A filter may name events of any type even if the dataset has no event types.
        if dataset not in EVENT_DATASETS:
            yield FilterError(f"there is no field {named}", _nearest(named, columns[dataset]), named.place)
        return
    if not found.filterable or (dataset == "ACTIONS" and plain(found.name) in TIMING):
        message = f"{named} is textual or boolean or of the service's own use and cannot be filtered"
        yield FilterError(message, _others(named, columns[dataset]), named.place)
        return
    literal = test.operand[0] if isinstance(test.operand, tuple) else 0.0
    if test.operator in LISTS or not ordered:
        return
    if not found.numeric:
        message = f"{named} is not numeric and cannot be compared with {test.operator}"
        yield FilterError(message, "Use IN or NOT IN, or make it a number in the schema.", named.place)
    elif isinstance(literal, str):
        message = f'{named} is numeric and cannot be compared with "{literal}"'
        yield FilterError(message, "Write a number, without quotes.", named.place)


def _nearest(named: Field, columns: Collection[Column]) -> str:
    """A remedy with the name of the most similar field."""
    near = difflib.get_close_matches(named.plain, {plain(column.name): column for column in columns}, 1)
    found = [column.name for column in columns if plain(column.name) in near]
    return f"Did you mean {named.dataset}.{found[0]}?" if found else _others(named, columns)


def _others(named: Field, columns: Collection[Column]) -> str:
    names = ", ".join(f"{named.dataset}.{column.name}" for column in columns if column.filterable)
    return f"Use one of: {names or 'none can be filtered'}."
