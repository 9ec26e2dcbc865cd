"""IAM's policy evaluation: whether a principal may take an action on a resource, and by which statements.

Pure. Source: the IAM user guide, "Policy evaluation logic" and "IAM JSON policy element reference" (Principal, Action,
Resource, Condition, condition operators, set operators, variables). Not evaluated: permission boundaries, session
policies and the policies of an organisation.
"""

import ipaddress
import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

VARIABLES = "2012-10-17"
"""The policy version that has variables (`${...}`); in the older version `${...}` is text."""

Context = frozenset[tuple[str, tuple[str, ...]]]
Test = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Principal:
    """The principal of a request; `kind` is the key of a policy's Principal element, `AWS` or `Service`."""

    kind: Literal["AWS", "Service"]
    names: frozenset[str]
    """All names by which a policy can mean it: for a role's session, the ARNs of the session and of the role."""
    account: frozenset[str] = frozenset()
    """The account's number and root ARN. A Deny of them denies all its principals; an Allow leaves the decision to IAM.
    """


@dataclass(frozen=True, slots=True)
class Request:
    """One action on one resource (an ARN, or `*`), with the values of its condition keys."""

    principal: Principal
    action: str
    resource: str
    context: Context = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A statement, with its policy's name and its place there."""

    body: Mapping[str, Any]
    policy: str
    number: int
    """The place in the policy, from 1."""
    variables: bool = True

    def __str__(self) -> str:
        sid = self.body.get("Sid")
        return f"{self.policy}, statement {self.number}" + (f" ({sid})" if sid else "")


@dataclass(frozen=True, slots=True)
class Decision:
    """`Allow`, an explicit `Deny` or None (an implicit deny), and the statements that decided."""

    effect: Literal["Allow", "Deny"] | None
    statements: tuple[Statement, ...] = ()

    def __bool__(self) -> bool:
        return self.effect == "Allow"


def context(values: Mapping[str, str | Iterable[str]]) -> Context:
    """The condition keys of a request, in lower case, with one or several values each."""
    return frozenset(
        (key.lower(), (value,) if isinstance(value, str) else tuple(value)) for key, value in values.items()
    )


def statements(document: str | bytes | Mapping[str, Any], policy: str) -> list[Statement]:
    """The statements of a policy document, which is given as JSON or as an object."""
    parsed = document if isinstance(document, Mapping) else json.loads(document)
    variables = parsed.get("Version") == VARIABLES
    return [
        Statement(body, policy, number, variables)
        for number, body in enumerate(listed(parsed.get("Statement", [])), start=1)
    ]


def decide(policy: Iterable[Statement], request: Request) -> Decision:
    """The decision that the statements of all policies make together."""
    found = [statement for statement in policy if applies(statement, request)]
    effects: tuple[Literal["Deny"], Literal["Allow"]] = ("Deny", "Allow")
    for effect in effects:
        if deciding := tuple(one for one in found if one.body["Effect"] == effect):
            return Decision(effect, deciding)
    return Decision(None)


def applies(statement: Statement, request: Request) -> bool:
    """Whether a statement applies to a request. A statement without Principal applies to the owner of its policy."""
    body, values = statement.body, dict(request.context)
    variables = values if statement.variables else None
    return (
        _names_principal(body, request.principal)
        and _matches_element(body, "Action", lambda one: matches(one.lower(), request.action.lower()))
        and _matches_element(body, "Resource", lambda one: _fits(matches, one, request.resource, variables))
        and all(
            _holds(name, key, listed(wanted), values, variables)
            for name, keys in body.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _matches_element(body: Mapping[str, Any], element: str, matching: Callable[[str], bool]) -> bool:
    """Whether Action and Resource (or NotAction and NotResource) match. A trust policy has no Resource: its role is
    meant."""
    if f"Not{element}" in body:
        return not any(map(matching, listed(body[f"Not{element}"])))
    return element not in body or any(map(matching, listed(body[element])))


def _names_principal(body: Mapping[str, Any], principal: Principal) -> bool:
    denies = body["Effect"] == "Deny"
    if "NotPrincipal" in body:
        # A Deny spares a session only if NotPrincipal lists the session's ARN, its role's and its account's.
        named = _named(body["NotPrincipal"], principal)
        left_out = named >= principal.names and (not principal.account or bool(named & principal.account))
        return not left_out if denies else not named
    if "Principal" not in body:
        return True
    if body["Principal"] == "*" or "*" in listed(body["Principal"].get("AWS", [])):
        return True
    named = _named(body["Principal"], principal)
    return bool(named & principal.names) or (denies and bool(named & principal.account))


def _named(element: Any, principal: Principal) -> set[str]:
    """The names of a principal that a Principal element lists."""
    if element == "*":
        return set(principal.names | principal.account)
    return set(listed(element.get(principal.kind, []))) & (principal.names | principal.account)


# Wildcards that match only themselves: those in a variable's value, and `${*}`, `${?}`.
LITERAL = str.maketrans("*?", "\ue000\ue001")
PLAIN = str.maketrans("\ue000\ue001", "*?")


def matches(pattern: str, value: str) -> bool:
    """Whether a value matches a pattern of `*` (any characters, also `/` and `:`) and `?` (one character), in its
    case."""
    return _compiled(pattern).fullmatch(value) is not None


@lru_cache(4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (
        {"*": ".*", "?": "."}.get(part) or re.escape(part.translate(PLAIN)) for part in re.split(r"([*?])", pattern)
    )
    return re.compile("".join(parts), re.DOTALL)


def _fits(test: Test, wanted: str, value: str, variables: Mapping[str, Sequence[str]] | None) -> bool:
    """Whether a value passes a test once the variables of `wanted` are filled in; False if a variable has no value."""

    def fill(found: re.Match[str]) -> str:
        name, _, default = (part.strip() for part in found[1].partition(","))
        if name in ("*", "?", "$"):
            return name.translate(LITERAL)
        values = (variables or {}).get(name.lower(), ())
        if len(values) != 1 and not default:
            raise LookupError(name)
        return (values[0] if len(values) == 1 else default.strip("'")).translate(LITERAL)

    try:
        return test(wanted if variables is None else re.sub(r"\$\{([^}]*)\}", fill, wanted), value)
    except LookupError:
        return False


def _holds(
    name: str,
    key: str,
    wanted: Sequence[Any],
    values: Mapping[str, Sequence[str]],
    variables: Mapping[str, Sequence[str]] | None,
) -> bool:
    """Whether one line of a Condition holds. Without the key, only negated, IfExists and ForAllValues conditions
    hold."""
    quantifier, _, operation = name.rpartition(":")
    optional = operation.endswith("IfExists")
    operation = operation.removesuffix("IfExists")
    present = values.get(key.lower())
    if operation == "Null":
        return (present is None) == (_text(wanted[0]) == "true")
    negated = operation in NEGATED
    test = TESTS.get(NEGATED.get(operation, operation))
    if test is None:
        raise ValueError(f"{name} is not a condition operator of IAM")
    if present is None:
        return optional or quantifier == "ForAllValues" or (negated and not quantifier)
    fits = [any(_fits(test, _text(one), value, variables) for one in wanted) != negated for value in present]
    every = quantifier == "ForAllValues" or (negated and not quantifier)
    return all(fits) if every else any(fits)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _literally(compare: Callable[[str, str], bool]) -> Test:
    """A comparison that reads wildcards as plain characters."""
    return lambda wanted, value: compare(wanted.translate(PLAIN), value)


def _ordered(convert: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> Test:
    """A comparison of numbers or dates; False for a value that is neither."""

    def test(wanted: str, value: str) -> bool:
        try:
            return compare(convert(value), convert(wanted))
        except ValueError:
            return False

    return test


def _moment(text: str) -> datetime:
    """The time of a text in ISO 8601, or in seconds of the Unix epoch."""
    if re.fullmatch(r"\d{5,}(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), UTC)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _arn(wanted: str, value: str) -> bool:
    """Whether an ARN matches a pattern part by part: no wildcard but one in the last part spans a colon."""
    patterns, parts = wanted.split(":", 5), value.split(":", 5)
    return len(patterns) == len(parts) and all(map(matches, patterns, parts))


def _address(wanted: str, value: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


COMPARISONS = MappingProxyType(
    {
        "Equals": operator.eq,
        "LessThan": operator.lt,
        "LessThanEquals": operator.le,
        "GreaterThan": operator.gt,
        "GreaterThanEquals": operator.ge,
    }
)
TESTS: Mapping[str, Test] = MappingProxyType(
    {
        "StringEquals": _literally(operator.eq),
        "StringEqualsIgnoreCase": _literally(lambda wanted, value: wanted.lower() == value.lower()),
        "StringLike": matches,
        **{f"Numeric{name}": _ordered(float, compare) for name, compare in COMPARISONS.items()},
        **{f"Date{name}": _ordered(_moment, compare) for name, compare in COMPARISONS.items()},
        "Bool": _literally(lambda wanted, value: wanted.lower() == value.lower()),
        "BinaryEquals": _literally(operator.eq),
        "IpAddress": _address,
        "ArnEquals": _arn,
        "ArnLike": _arn,
    }
)
NEGATED: Mapping[str, str] = MappingProxyType(
    {
        "StringNotEquals": "StringEquals",
        "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
        "StringNotLike": "StringLike",
        "NumericNotEquals": "NumericEquals",
        "DateNotEquals": "DateEquals",
        "NotIpAddress": "IpAddress",
        "ArnNotEquals": "ArnEquals",
        "ArnNotLike": "ArnLike",
    }
)


def listed(value: Any) -> list[Any]:
    """The value as a list: policies may write a list of one without brackets."""
    return value if isinstance(value, list) else [value]
