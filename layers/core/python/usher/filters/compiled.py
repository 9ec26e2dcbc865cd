"""Filter expressions as JSON, for the API's functions, which have no parser. Light."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict, final

from usher.filters.expressions import ANY, Both, Condition, Either, Expression, FilterError, Placeholder
from usher.filters.expressions import Literal as Value

Values = Mapping[str, Sequence[Value]]
"""The values that a request gives, by placeholder."""


@final
class Test(TypedDict):
    """A comparison. It has one of `values`, `placeholder` and `current`."""

    name: str
    """The field's name as the expression spells it, such as Items.GENRES."""
    dataset: str
    """The dataset in upper case, such as ITEMS."""
    field: str
    """The field's name as Personalize compares it (expressions.plain)."""
    operator: str
    values: NotRequired[Sequence[Value]]
    placeholder: NotRequired[str]
    current: NotRequired[str]
    """The field of the request's item that is the other side of the comparison."""
    notInFiles: NotRequired[bool]
    """Whether the group's files have no events that a test needs, so that the sent ones decide it."""


@final
class Group(TypedDict):
    """Parts that are joined by OR (any), or by AND (all)."""

    joined: Literal["any", "all"]
    parts: Sequence[Any]
    """Nodes."""


Node = Test | Group


class Rule(TypedDict):
    """A clause."""

    effect: str
    target: str
    where: Node
    guards: Sequence[Test]
    """The conditions after IF."""


Rules = Sequence[Rule]


def compiled(expression: Expression, event_types: Mapping[str, Collection[str] | None] = {}) -> Rules:
    """An expression as JSON. `event_types`: the types in the group's files, by dataset of events; None: any."""
    return [
        Rule(
            effect=clause.effect,
            target=clause.target,
            where=_node(clause.where, event_types),
            guards=[_test(guard, event_types) for guard in clause.guards],
        )
        for clause in expression.clauses
    ]


def _node(node: Condition | Either | Both, event_types: Mapping[str, Collection[str] | None]) -> Node:
    if isinstance(node, Condition):
        return _test(node, event_types)
    parts = [_node(part, event_types) for part in node.parts]
    return Group(joined="any" if isinstance(node, Either) else "all", parts=parts)


def _test(test: Condition, event_types: Mapping[str, Collection[str] | None]) -> Test:
    dataset, field = test.field.dataset.upper(), test.field.plain
    made = Test(name=str(test.field), dataset=dataset, field=field, operator=test.operator)
    if isinstance(test.operand, Placeholder):
        return {**made, "placeholder": test.operand.name}
    if isinstance(test.operand, tuple):
        known, wanted = event_types.get(dataset), {str(value).lower() for value in test.operand}
        if known is not None and test.operator == "IN" and not wanted & {ANY, *known}:
            made["notInFiles"] = True
        return {**made, "values": list(test.operand)}
    return {**made, "current": test.operand.plain}


def bound(rules: Rules, target: str, given: Values) -> Rules:
    """The rules for a request, with its values for placeholders. `target`: the kind of its answers, such as ITEM.

    A part of an EXCLUDE without a value is left out, as by Personalize. Raises FilterError if an INCLUDE lacks a value,
    or if the rules are for another target.
    """
    return [made for rule in rules if (made := _bound_rule(rule, target, given))]


def _bound_rule(rule: Rule, target: str, given: Values) -> Rule | None:
    if rule["target"] != target:
        raise FilterError(f"a filter on {rule['target'].title()}ID cannot be used here", "Use another filter.")
    named = [test["placeholder"] for test in tests([rule]) if "placeholder" in test]
    if rule["effect"] == "INCLUDE" and (lacking := [name for name in named if name not in given]):
        raise FilterError(f"missing filter value for parameter {lacking[0]}", "Give it in filterValues.")
    # An IF without a value has nothing to compare with.
    guards = [_bound_test(guard, given) or Test(**{**guard, "values": ()}) for guard in rule["guards"]]
    where = _bound_node(rule["where"], given)
    return {**rule, "where": where, "guards": guards} if where else None


def _bound_node(node: Node, given: Values) -> Node | None:
    if "parts" not in node:
        return _bound_test(node, given)
    parts = [made for part in node["parts"] if (made := _bound_node(part, given))]
    return {**node, "parts": parts} if parts else None


def _bound_test(test: Test, given: Values) -> Test | None:
    if "placeholder" not in test:
        return test
    return {**test, "values": given[test["placeholder"]]} if test["placeholder"] in given else None


def tests(rules: Rules) -> Iterator[Test]:
    """Every comparison, including those after IF."""

    def below(node: Node) -> Iterator[Test]:
        if "parts" in node:
            for part in node["parts"]:
                yield from below(part)
        else:
            yield node

    for rule in rules:
        yield from below(rule["where"])
        yield from rule["guards"]
