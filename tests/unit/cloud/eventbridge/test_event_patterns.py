"""EventBridge's measure of wildcards: the numbers are event-ruler's own, from its tests and from running it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher_local.cloud.eventbridge.patterns import complexity

INTERACTIONS, ITEMS, USERS = "*/interactions*.csv", "*/items*.csv", "*/users*.csv"
STACKS = [f"*:stack/{name}/*" for name in ("network", "storage", "compute", "edge")]


def of_key(*wildcards: str) -> int:
    return complexity({"detail": {"object": {"key": [{"wildcard": one} for one in wildcards]}}})


@pytest.mark.parametrize(
    ("wildcards", "expected"),
    [
        # https://github.com/aws/event-ruler, MachineComplexityEvaluatorTest
        (["*"], 1),
        (["*", "ab*c"], 3),
        (["abc"], 1),
        (["*ab"], 2),
        (["*aa"], 3),
        (["aa*"], 2),
        (["a*bcb"], 3),
        (["*ab*ad"], 4),
        (["*aba*"], 4),
        (["a*b*bb"], 5),
        (["a*b*cb"], 4),
        (["ab*c", "ab*c"], 2),
        (["*abc", "*abcde"], 4),
        (["abc*", "abcde*"], 3),
        (["a*aaa", "aa*aa"], 7),
        (["ab*cd", "ab*wx", "ab*yz"], 6),
        (["*ab*b*b*"], 7),
        (["F*eatureFeature", "Fe*atureFeature", "Fea*tureFeature"], 10),
        (["*a*a*a*a*a*a*a*a*"], 17),
        # Measured with event-ruler itself, at 337e8d9
        ([INTERACTIONS, ITEMS, USERS, "train/*/*.json"], 12),
        ([INTERACTIONS, ITEMS, USERS, "train/*.json"], 11),
        ([INTERACTIONS, ITEMS, USERS], 9),
        ([INTERACTIONS, ITEMS], 6),
        ([USERS, "*/action*.csv"], 6),
        (["train/*/*.json"], 3),
        (STACKS, 12),
        (STACKS[:3], 9),
    ],
)
def test_wildcards_are_as_complex_as_event_ruler_finds_them(wildcards: list[str], expected: int) -> None:
    assert of_key(*wildcards) == expected


def test_a_pattern_without_wildcards_is_not_complex() -> None:
    assert complexity({"source": ["aws.s3"], "detail": {"key": [{"suffix": "/usher.yaml"}, {"prefix": "a"}]}}) == 0


def test_fields_are_measured_separately_and_alternatives_of_one_together() -> None:
    assert complexity({"a": [{"wildcard": "*ab"}], "b": [{"wildcard": "*aa"}]}) == 3
    assert complexity({"$or": [{"a": [{"wildcard": "*ab"}]}, {"a": [{"wildcard": "*aa"}]}]}) == 5


def test_an_escaped_asterisk_is_a_character() -> None:
    assert of_key(r"\*\*") == of_key("ab") == 1
    assert of_key(r"*\*\\") == of_key("*ab") == 2


# EventBridge refuses `**`.
WILDCARDS = st.text("ab*", min_size=1, max_size=4).filter(lambda text: "**" not in text)


@given(st.lists(WILDCARDS, min_size=1, max_size=3), st.text("ab", min_size=1, max_size=5))
def test_no_value_matches_more_prefixes_than_were_counted(wildcards: list[str], value: str) -> None:
    def matches(prefix: str) -> bool:
        return re.fullmatch(prefix.replace("*", ".*"), value) is not None

    prefixes = [one[:length] for one in set(wildcards) for length in range(1, len(one) + 1)]
    assert sum(map(matches, prefixes)) <= of_key(*wildcards)
