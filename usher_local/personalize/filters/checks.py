"""Checks of filter expressions, values and attributes in requests, with the service's error messages.

The grammar is that of Usher, which checks filters before it creates any.
"""

from collections.abc import Iterable, Mapping
from typing import Never

from usher.filters import grammar, values
from usher.filters.expressions import Condition, Expression, FilterError, Literal
from usher.filters.rules import filter_errors, group_errors

from usher_local.personalize.core.errors import InvalidInputError
from usher_local.personalize.core.schemas import Schema

NO_FILTER = "Could not create filter. Invalid Expression"


def parse_filter(text: str) -> Expression:
    """Parse an expression. InvalidInputError names the place of an error."""
    try:
        return grammar.parse_filter(text)
    except FilterError as error:
        _refuse(NO_FILTER, error)


def parse_values(text: str) -> tuple[Literal, ...]:
    """Parse the value of a placeholder. Raises InvalidInputError."""
    try:
        return values.parse_values(text)
    except FilterError as error:
        _refuse("Invalid filter values", error)


def parse_attributes(text: str) -> tuple[Condition, ...]:
    """Parse the attributes of a user segment. Raises InvalidInputError."""
    try:
        return grammar.parse_attributes(text)
    except FilterError as error:
        _refuse("Invalid itemAttributes", error)


def check_filter(expression: Expression, schemas: Mapping[str, Schema], others: Iterable[Expression] = ()) -> None:
    """Raise InvalidInputError unless the expression makes sense.

    `schemas`: those of the group's datasets, by type; `others`: the expressions of its other filters.
    """
    columns = {kind: schema.fields for kind, schema in schemas.items()}
    for error in (*filter_errors(expression, columns), *group_errors([expression, *others])):
        _refuse(NO_FILTER, error)


def _refuse(what: str, error: FilterError) -> Never:
    line, column = error.place or (0, 0)
    place = f" (line {line} column {column})" if line and " column " not in str(error) else ""
    raise InvalidInputError(f"{what}: {error}{place}") from None
