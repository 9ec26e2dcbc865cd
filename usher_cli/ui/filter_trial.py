"""A trial of a filter that does not exist yet: its mistakes, and the items that it leaves. Pure.

The rules of `usher plan` check it, and the local Personalize's own code applies it.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from usher.datasets.schemas import Field, fields
from usher.errors import UsherError
from usher.filter_values import as_filter_value
from usher.filters.expressions import Expression, FilterError
from usher.filters.grammar import parse_filter
from usher.filters.rules import filter_errors
from usher.serving.serving_map import ServingMap

from usher_cli.ui.group_data import GroupData, Met, Records
from usher_local.personalize.core.errors import PersonalizeError
from usher_local.personalize.core.schemas import plain
from usher_local.personalize.data.datasets import Column, Table
from usher_local.personalize.data.interactions import History
from usher_local.personalize.filters.evaluation import Scope, select

Columns = Mapping[str, Sequence[Field]]
"""The columns, by dataset in upper case."""


def columns_of(serving: ServingMap) -> Columns:
    """The columns that filters of a group may name, by its datasets in Personalize."""
    of_events = serving.get("events", {}).get("columns", {})
    found = {
        name.upper(): list(fields({"fields": [{"name": one, "type": kind} for one, kind in columns.items()]}).values())
        for name, columns in of_events.items()
    }
    for name, dataset in serving.get("datasets", {}).items():
        found[name.upper()] = list(fields({"fields": dataset["fields"]}).values())
    return found


def mistakes(text: str, columns: Columns) -> list[FilterError]:
    """The mistakes of an expression: it can't be read, or does not fit the data."""
    try:
        return list(filter_errors(parse_filter(text), columns))
    except FilterError as error:
        return [error]


def marked(text: str, error: FilterError) -> Markup:
    """An expression with the token of a mistake marked; its end, if it ends too early."""
    line, column = error.place or (text.count("\n") + 1, len(text.rpartition("\n")[2]) + 1)
    lines = text.split("\n")
    start = sum(len(one) + 1 for one in lines[: line - 1]) + column - 1
    token = re.match(r"\"[^\"]*\"?|'[^']*'?|[\w.$]+|\S|\s*", text[start:])
    end = start + max(len(token[0]) if token else 0, 0)
    return Markup("<pre class='expression'>{}<mark>{}</mark>{}</pre>").format(
        text[:start], text[start:end] or " ", text[end:]
    )


def left_by(
    expression: Expression, data: GroupData, user: str, met: Sequence[Met], values: Mapping[str, Sequence[str]]
) -> NDArray[np.bool_]:
    """A mask of the items in `data.all_items` that a filter leaves for a user. `met`: the user's items, newest first.

    `values`: of placeholders. Raises UsherError for a value that is missing, or can't be read.
    """
    items, users = _table(data.items), _table(data.users)
    index = {item: place for place, item in enumerate(data.all_items)}
    rows = np.array([items.index.get(item, -1) for item in index], np.intp)
    oldest_first = list(reversed(met))
    history = History([one.item for one in oldest_first], [one.event_type or None for one in oldest_first])
    given = {name: as_filter_value(list(some)) for name, some in values.items() if some}
    try:
        return select(expression, Scope("ITEM", index, items, rows, users, user, history), given)
    except PersonalizeError as error:
        raise UsherError(str(error.message)) from None


def _table(records: Records) -> Table:
    columns = {
        plain(name): Column([text or None for text in cells.to_pylist()]) for name, cells in records.columns.items()
    }
    return Table(dict(records.places), columns)
