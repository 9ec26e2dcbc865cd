"""Decides whether a filter includes a candidate: true, false, or None if the known facts don't decide it. Pure and
light.

Three-valued logic as in SQL (Kleene): an unknown value is neither true nor false, and may still not matter. A verdict
of true or false also holds for Personalize, whatever the unknown values are.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from usher.filters.compiled import Node, Rule, Rules, Test
from usher.filters.expressions import ANY, EQUALITY, EVENT_DATASETS, LISTS, FilterError, Literal, id_of

Verdict = bool | None
COMPARE: Mapping[str, Callable[[float, float], bool]] = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


@dataclass(slots=True)
class Knowledge:
    """The known facts about a request and its candidates."""

    columns: Mapping[str, str]
    """The known fields of each item, by their plain names (expressions.plain)."""
    user: str = ""
    """The request's user; empty: it has none."""
    item: str = ""
    """The request's item; empty: it has none."""
    met: Mapping[str, Collection[str]] | None = None
    """The items or actions of the user's sent events, by event type in lower case; None: not known."""
    is_history_whole: bool = False
    """Whether the sent events are the user's whole history: the group's files have none."""
    records: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """The known items: their values by field, by ID."""
    user_columns: Mapping[str, str] = field(default_factory=dict)
    """The known fields of each user, by their plain names."""
    user_values: Mapping[str, Any] | None = None
    """The user's values by field; None: not known."""


def lets_through(rules: Rules, candidate: str, known: Knowledge) -> Verdict:
    """Whether a filter includes a candidate. `rules`: bound to the request (compiled.bound).

    Raises FilterError for a value that must be a number, and is not.
    """
    clauses = [(rule["effect"], _all(_guard(guard, known) for guard in rule["guards"]), rule) for rule in rules]
    included = _included(
        [(applies, _condition(rule, candidate, known)) for effect, applies, rule in clauses if effect == "INCLUDE"]
    )
    excluded = _any(
        _all([applies, _condition(rule, candidate, known)]) for effect, applies, rule in clauses if effect == "EXCLUDE"
    )
    return _all([included, _not(excluded)])


def _included(clauses: Sequence[tuple[Verdict, Verdict]]) -> Verdict:
    """Whether the INCLUDE clauses include the candidate; if no clause applies, they do. `clauses`: whether each
    applies, and is true.
    """
    sure = [where for applies, where in clauses if applies]
    perhaps = [where for applies, where in clauses if applies is None]
    if sure:
        return _any([*sure, *(where and None for where in perhaps)])
    return True if all(perhaps) else None


def _condition(rule: Rule, candidate: str, known: Knowledge) -> Verdict:
    def verdict_of(node: Node) -> Verdict:
        if "parts" not in node:
            return _test(node, f"{rule['target']}ID", candidate, known)
        return JOIN[node["joined"]](map(verdict_of, node["parts"]))

    return verdict_of(rule["where"])


def _test(test: Test, id_field: str, candidate: str, known: Knowledge) -> Verdict:
    if test["dataset"] in EVENT_DATASETS:
        return _has_met(test, candidate, known)
    values = _values(test, id_field, known)
    if values is None:
        return None
    if test["field"] == id_field:
        return (candidate in map(id_of, values)) == (test["operator"] == "IN")
    if test["dataset"] != "ITEMS" or test["field"] not in known.columns or candidate not in known.records:
        return None
    return _compared(known.records[candidate].get(known.columns[test["field"]]), test["operator"], values)


def _compared(cell: object, operator: str, values: Sequence[Literal]) -> Verdict:
    """Whether a comparison of a cell with values is true."""
    if cell in {None, ""}:
        return None if operator in {"NOT IN", "!="} else False  # the service guide does not mention blanks
    if operator in LISTS:
        return _has_any(cell, values, operator)
    number, other = _number(cell), _value_as_number(values)
    if math.isnan(number) or math.isnan(other):
        return None if operator == "!=" else False
    return COMPARE[operator](number, other)


def _has_any(cell: object, values: Collection[Literal], operator: str) -> bool:
    """Whether any of a cell's values, which bars separate, is among `values`; for NOT IN, whether none is."""
    members = str(cell).split("|")
    found = any(value in members if isinstance(value, str) else _number(cell) == value for value in values)
    return found == (operator == "IN")


def _values(test: Test, id_field: str, known: Knowledge) -> Sequence[Literal] | None:
    """The values on the other side of a comparison; None if they are not known: a field of the request's item."""
    if "current" not in test:
        return test["values"]
    if not known.item:
        return None
    if test["current"] == id_field:
        return [known.item]
    if test["current"] not in known.columns or known.item not in known.records:
        return None
    cell = known.records[known.item].get(known.columns[test["current"]])
    return [] if cell in {None, ""} else str(cell).split("|")


def _has_met(test: Test, candidate: str, known: Knowledge) -> Verdict:
    """Whether the request's user has an event with a candidate, of certain types in any case of letters."""
    if not known.user or known.met is None:
        return False if not known.user else None
    types, is_in = {str(value).lower() for value in test["values"]}, test["operator"] == "IN"
    met = (some for kind, some in known.met.items() if (ANY in types or kind in types) == is_in)
    if any(candidate in some for some in met):
        return True
    return False if known.is_history_whole or test.get("notInFiles") else None


def _guard(guard: Test, known: Knowledge) -> Verdict:
    """Whether the request's user meets a condition after IF."""
    values, operator = guard["values"], guard["operator"]
    if not values or not known.user:
        return operator == "NOT IN"
    if guard["field"] == "USERID":
        return (known.user in map(id_of, values)) == (operator == "IN") if operator in LISTS else None
    if guard["field"] not in known.user_columns or known.user_values is None:
        return None
    cell, first = known.user_values.get(known.user_columns[guard["field"]]), values[0]
    if operator in EQUALITY and isinstance(first, str) and cell and math.isnan(_number(cell)):
        return bool(first == cell) == (operator == "=")
    return _compared(cell, operator, values)


def _any(verdicts: Iterable[Verdict]) -> Verdict:
    found = list(verdicts)
    return True if True in found else None if None in found else False


def _all(verdicts: Iterable[Verdict]) -> Verdict:
    found = list(verdicts)
    return False if False in found else None if None in found else True


def _not(verdict: Verdict) -> Verdict:
    return None if verdict is None else not verdict


def _number(value: object) -> float:
    """The number of a value; NaN, which makes every comparison false, if it is none."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan


def _value_as_number(values: Sequence[Literal]) -> float:
    """The first of some values; NaN without any. Raises FilterError."""
    if not values:
        return math.nan
    try:
        return float(values[0])
    except ValueError:
        raise FilterError(f"{values[0]} is not a number", "Give a number.") from None


JOIN: Mapping[str, Callable[[Iterable[Verdict]], Verdict]] = {"any": _any, "all": _all}
