"""No two of Usher's resources share a name, for any names of people and groups."""

import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from usher.limits import SERVICE_NAME_LENGTH
from usher.names import (
    LABEL_LENGTH,
    MAX_NAME_LENGTH,
    SERVICE_NAME,
    cut,
    family_of,
    fingerprint,
    job_family,
    label,
    label_of,
    unique_name,
)
from usher.runs.naming import AGAIN, run_name
from usher.storage.layout import DATASETS, GROUP_NAME

GROUPS = st.from_regex(GROUP_NAME.pattern, fullmatch=True)
NAMES = st.from_regex(rf"[a-zA-Z0-9][a-zA-Z0-9\-_]{{0,{MAX_NAME_LENGTH - 1}}}", fullmatch=True)
PAIRS = st.tuples(GROUPS, NAMES)
RUN = run_name("execution-ab12", AGAIN)


@settings(max_examples=300)
@given(PAIRS, PAIRS)
@example(("store", "eu-best"), ("store-eu", "best"))
@example(("g" * 35, "n" * MAX_NAME_LENGTH), ("g" * 35, "n" * (MAX_NAME_LENGTH - 1)))
def test_different_pairs_of_group_and_name_have_different_names(one: tuple[str, str], other: tuple[str, str]) -> None:
    assume(one != other)
    for made in (unique_name, lambda *pair: f"{job_family(*pair)}{RUN}"):
        names = made(*one), made(*other)
        assert names[0] != names[1]
        assert all(SERVICE_NAME.fullmatch(name) for name in names)


@pytest.mark.slow
@settings(max_examples=300)
@given(PAIRS, PAIRS)
def test_a_job_is_of_one_family_only(one: tuple[str, str], other: tuple[str, str]) -> None:
    assume(one != other)
    assert family_of(f"{job_family(*one)}{RUN}") == job_family(*one) != job_family(*other)


@given(GROUPS, st.text(max_size=200))
def test_a_file_of_any_name_has_a_family(group: str, name: str) -> None:
    assert SERVICE_NAME.fullmatch(f"{job_family(group, name)}{RUN}")


@given(GROUPS, NAMES, st.integers())
def test_a_name_contains_its_label_and_foreign_names_have_none(group: str, name: str, content: int) -> None:
    made = unique_name(group, name, content)
    assert label_of(made) == label(group, name)
    assert len(label(group, name)) <= LABEL_LENGTH
    assert not label_of(made[:-1])


@given(GROUPS, GROUPS)
def test_a_schemas_label_names_group_and_dataset(one: str, other: str) -> None:
    assume(one != other)
    assert {label(one, dataset) for dataset in DATASETS}.isdisjoint(label(other, dataset) for dataset in DATASETS)


def test_a_digest_has_80_bits_and_counts_everything() -> None:
    assert re.fullmatch("[a-z2-7]{16}", fingerprint("a"))
    made_from = (("a",), ("b",), ("a", "b"), ("ab",), ("a", ["b"]), (["a", "b"],), ())
    assert len({fingerprint(*one) for one in made_from}) == len(made_from)


@given(st.text(max_size=80), st.integers(9, SERVICE_NAME_LENGTH))
def test_cut_names_fit_and_are_distinguished(text: str, length: int) -> None:
    assert len(cut(text, length)) <= length
    assert cut(text + "x" * length, length) != cut(text + "x" * length + "y", length)
