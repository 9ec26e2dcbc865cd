"""The evaluator, rule by rule after the IAM user guide, and against a simple oracle."""

import re
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher_local.iam_policy import NEGATED, TESTS, Principal, Request, Statement, context, decide, matches, statements

ACCOUNT = frozenset({"1", "arn:aws:iam::1:root"})
ROLE, SESSION = "arn:aws:iam::1:role/r", "arn:aws:sts::1:assumed-role/r/s"
CALLER = Principal("AWS", frozenset({ROLE, SESSION}), ACCOUNT)
SERVICE = Principal("Service", frozenset({"personalize.amazonaws.com"}))
TABLE = "arn:aws:dynamodb:us-east-1:1:table/t"


def policy(*bodies: dict[str, Any], version: str = "2012-10-17") -> list[Statement]:
    return statements({"Version": version, "Statement": list(bodies)}, "policy")


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "*", "Resource": "*"} | more


def deny(**more: Any) -> dict[str, Any]:
    return allow(**more) | {"Effect": "Deny"}


def effect(
    *bodies: dict[str, Any], by: Principal = CALLER, version: str = "2012-10-17", says: Any = MappingProxyType({})
) -> str | None:
    request = Request(by, "dynamodb:GetItem", TABLE, context(says))
    return decide(policy(*bodies, version=version), request).effect


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([], None),
        ([allow(Action="dynamodb:GetItem", Resource=TABLE)], "Allow"),
        ([allow(Action=["DynamoDB:get*"], Resource=[TABLE])], "Allow"),
        ([allow(Resource=TABLE + "2")], None),
        ([allow(Resource=TABLE.upper())], None),
        ([allow(Action="dynamodb:PutItem")], None),
        ([allow(Action="dynamodb:Ge?Item", Resource="arn:aws:dynamodb:*:*:table/*")], "Allow"),
        ([allow(Action="dynamodb:[G]etItem")], None),
        ([allow(), deny(Action="dynamodb:*", Resource=TABLE)], "Deny"),
        ([allow(), deny(Action="dynamodb:Put*")], "Allow"),
        ([{"Effect": "Allow", "NotAction": "dynamodb:Put*", "Resource": "*"}], "Allow"),
        ([{"Effect": "Allow", "NotAction": ["iam:*", "dynamodb:*"], "Resource": "*"}], None),
        ([{"Effect": "Allow", "Action": "*", "NotResource": f"{TABLE}2"}], "Allow"),
        ([{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:dynamodb:*"}], None),
    ],
)
def test_a_policy_decides(bodies: list[dict[str, Any]], expected: str | None) -> None:
    assert effect(*bodies) == expected


def test_the_statements_that_decided_are_reported() -> None:
    request = Request(CALLER, "dynamodb:GetItem", TABLE)
    decision = decide(policy(allow(Action="s3:*"), allow(Sid="All"), allow()), request)
    assert [str(one) for one in decision.statements] == ["policy, statement 2 (All)", "policy, statement 3"]
    denied = decide(policy(allow(), deny(), allow()), request)
    assert (denied.effect, [one.number for one in denied.statements]) == ("Deny", [2])


@pytest.mark.parametrize(
    ("principal", "by", "allowed", "denied"),
    [
        ("*", CALLER, "Allow", "Deny"),
        ({"AWS": "*"}, SERVICE, "Allow", "Deny"),
        ({"AWS": ROLE}, CALLER, "Allow", "Deny"),
        ({"AWS": [SESSION, "arn:aws:iam::2:root"]}, CALLER, "Allow", "Deny"),
        ({"AWS": f"{ROLE}2"}, CALLER, None, None),
        ({"AWS": "arn:aws:iam::1:role/*"}, CALLER, None, None),
        ({"AWS": "arn:aws:iam::1:root"}, CALLER, None, "Deny"),
        ({"AWS": "1"}, CALLER, None, "Deny"),
        ({"Service": "personalize.amazonaws.com"}, SERVICE, "Allow", "Deny"),
        ({"Service": ["states.amazonaws.com"]}, SERVICE, None, None),
        ({"Service": "personalize.amazonaws.com"}, CALLER, None, None),
    ],
)
def test_a_principal_is_named(principal: Any, by: Principal, allowed: str | None, denied: str | None) -> None:
    assert effect(allow(Principal=principal), by=by) == allowed
    assert effect(deny(Principal=principal), by=by) == denied


@pytest.mark.parametrize(
    ("left_out", "expected"),
    [
        ({"AWS": [ROLE, SESSION, "arn:aws:iam::1:root"]}, None),
        ({"AWS": [ROLE, SESSION]}, "Deny"),
        ({"AWS": ROLE}, "Deny"),
        ({"Service": "personalize.amazonaws.com"}, "Deny"),
    ],
)
def test_a_session_is_spared_a_deny_by_all_of_its_names_only(left_out: Any, expected: str | None) -> None:
    assert effect(deny(NotPrincipal=left_out)) == expected


CONDITIONS = [
    ("StringEquals", "a*", "a*", "ab"),
    ("StringEqualsIgnoreCase", "Ab", "aB", "abc"),
    ("StringLike", "a?*", "ab/c", "a"),
    ("NumericEquals", "10", "10.0", "11"),
    ("NumericLessThan", "10", "9", "10"),
    ("NumericLessThanEquals", "10", "10", "11"),
    ("NumericGreaterThan", "10", "11", "ten"),
    ("NumericGreaterThanEquals", "10", "10", "9"),
    ("DateEquals", "2026-01-01T00:00:00Z", "1767225600", "2026-01-02"),
    ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", "2026-01-01T00:00:00+00:00"),
    ("DateLessThanEquals", "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"),
    ("DateGreaterThan", "2026-01-01", "2026-06-01", "yesterday"),
    ("DateGreaterThanEquals", "2026-01-01", "2026-01-01", "2025-01-01"),
    ("Bool", "false", "false", "true"),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", "QmluYXJ6"),
    ("IpAddress", "203.0.113.0/24", "203.0.113.9", "203.0.114.9"),
    ("ArnLike", "arn:aws:s3:*:*:b*", "arn:aws:s3:::bucket", "arn:aws:s3:::a"),
    ("ArnEquals", "arn:aws:*:us-east-1:1:*", "arn:aws:sns:us-east-1:1:a:b", "arn:aws:sns:us-east-1:12:a"),
]


@pytest.mark.parametrize(("name", "wanted", "right", "wrong"), CONDITIONS)
def test_a_condition_holds_with_the_right_value_and_by_the_rules_for_an_absent_key(
    name: str, wanted: str, right: str, wrong: str
) -> None:
    def holds(operation: str, *values: str) -> bool:
        says = {"aws:key": values} if values else {}
        return effect(allow(Condition={operation: {"AWS:Key": ["zzz", wanted]}}), says=says) == "Allow"

    assert holds(name, right)
    assert not holds(name, wrong)
    assert not holds(name)
    assert holds(f"{name}IfExists")
    assert not holds(f"{name}IfExists", wrong)
    assert holds(f"ForAllValues:{name}")
    assert not holds(f"ForAllValues:{name}", right, wrong)
    assert not holds(f"ForAnyValue:{name}")
    assert holds(f"ForAnyValue:{name}", right, wrong)
    for negation in (one for one, positive in NEGATED.items() if positive == name):
        assert not holds(negation, right)
        assert holds(negation, wrong)
        assert holds(negation)
        assert holds(f"{negation}IfExists")
        assert not holds(f"ForAnyValue:{negation}")
        assert holds(f"ForAnyValue:{negation}", right, wrong)
        assert not holds(f"ForAllValues:{negation}", right, wrong)


def test_every_condition_operator_is_tried() -> None:
    assert {name for name, *_ in CONDITIONS} == TESTS.keys()


def test_null_asks_whether_a_key_is_there() -> None:
    for wanted, absent, present in (("true", "Allow", None), (False, None, "Allow")):
        body = allow(Condition={"Null": {"aws:Key": wanted}})
        assert (effect(body), effect(body, says={"aws:key": "x"})) == (absent, present)


def test_all_lines_of_a_condition_must_hold() -> None:
    condition = {"StringEquals": {"aws:a": "1", "aws:b": "1"}, "Bool": {"aws:c": False}}
    says = {"aws:a": "1", "aws:b": "1", "aws:c": "false"}
    assert effect(allow(Condition=condition), says=says) == "Allow"
    for key in says:
        assert effect(allow(Condition=condition), says=says | {key: "2"}) is None


def test_an_operator_that_iam_does_not_have_is_no_condition() -> None:
    with pytest.raises(ValueError, match="StringAlike is not a condition operator"):
        effect(allow(Condition={"StringAlike": {"aws:a": "1"}}))


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("arn:aws:dynamodb:us-east-1:1:table/${aws:username}", "Allow"),
        ("arn:aws:dynamodb:us-east-1:1:table/${aws:unknown}", None),
        ("arn:aws:dynamodb:us-east-1:1:table/${aws:unknown, 't'}", "Allow"),
        ("arn:aws:dynamodb:us-east-1:1:table/${*}", None),
    ],
)
def test_a_variable_has_the_requests_value(resource: str, expected: str | None) -> None:
    assert effect(allow(Resource=resource), says={"aws:username": "t"}) == expected
    assert effect(allow(Resource=resource), says={"aws:username": "t"}, version="2008-10-17") is None


def test_wildcards_in_the_value_of_a_variable_stand_for_themselves() -> None:
    body = allow(Resource="arn:aws:dynamodb:us-east-1:1:table/${aws:username}")
    assert effect(body, says={"aws:username": "*"}) is None
    same = allow(Condition={"StringEquals": {"aws:a": "${aws:username}"}})
    assert effect(same, says={"aws:username": "*", "aws:a": "*"}) == "Allow"


def fits(pattern: str, value: str) -> bool:
    """The oracle: the definition of `*` and `?`, letter by letter."""
    if not pattern:
        return not value
    if pattern[0] == "*":
        return fits(pattern[1:], value) or (bool(value) and fits(pattern, value[1:]))
    return bool(value) and pattern[0] in ("?", value[0]) and fits(pattern[1:], value[1:])


LETTERS = st.text(r"ab*?[]!-.^\:/", max_size=8)


@given(LETTERS, LETTERS)
def test_patterns_know_two_wildcards_and_nothing_else(pattern: str, value: str) -> None:
    assert matches(pattern, value) == fits(pattern, value)


@given(LETTERS)
def test_a_text_without_wildcards_fits_itself_alone(text: str) -> None:
    plain = re.sub(r"[*?]", "x", text)
    assert matches(plain, plain)
    assert not matches(plain, plain + "x")
    assert matches("*", text)


EFFECTS = st.lists(st.tuples(st.sampled_from(["Allow", "Deny"]), st.booleans()), max_size=6)


@given(EFFECTS)
def test_one_deny_outweighs_every_allow_in_any_order(drawn: list[tuple[str, bool]]) -> None:
    bodies = [allow(Effect=one, Resource=TABLE if concerned else "arn:other") for one, concerned in drawn]
    concerning = {one for one, concerned in drawn if concerned}
    expected = "Deny" if "Deny" in concerning else "Allow" if concerning else None
    assert effect(*bodies) == effect(*reversed(bodies)) == expected
