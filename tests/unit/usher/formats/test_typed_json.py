"""JSON as dataclasses: valid values survive a round trip, and no other passes."""

import dataclasses
import json
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.formats.typed_json import UnfitError, as_type, parse_json


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """The peak of the bytes that Python has allocated inside the block."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@dataclass(frozen=True)
class Inner:
    name: str
    share: float = 0


@dataclass(frozen=True)
class Outer:
    id: str
    state: Literal["ON", "OFF"]
    count: int = 0
    sure: bool = False
    reason: str | None = None
    inner: Sequence[Inner] = ()
    by_name: Mapping[str, Inner] = field(default_factory=dict)
    pairs: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


TEXTS = st.text(max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63)
INNER = st.builds(Inner, TEXTS, NUMBERS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
OUTER = st.builds(
    Outer, TEXTS, st.sampled_from(["ON", "OFF"]), st.integers(), st.booleans(), st.none() | TEXTS,
    st.lists(INNER, max_size=3), st.dictionaries(TEXTS, INNER, max_size=3),
    st.lists(TEXTS, max_size=2).map(tuple), st.dictionaries(TEXTS, JSON, max_size=2),
)  # fmt: skip


@given(OUTER)
def test_written_documents_are_read_unchanged(value: Outer) -> None:
    assert repr(as_type(Outer, parse_json(json.dumps(asdict(value)).encode()))) == repr(value)  # NaN is in Any


@given(JSON)
def test_every_valid_value_has_the_types_of_its_dataclass(value: Any) -> None:
    try:
        found = as_type(Outer, value)
    except UnfitError as error:
        assert len(str(error)) < 300
        return
    assert type(found.id) is str
    assert found.state in ("ON", "OFF")
    assert type(found.count) is int


GOOD = {"id": "a", "state": "ON"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "it is 'None'"),
        ([], "it is '[]'"),
        ({"id": "a"}, "it has no state"),
        (GOOD | {"state": "on"}, "it.state is 'on'"),
        (GOOD | {"id": 1}, "it.id is '1'"),
        (GOOD | {"id": None}, "it.id is 'None'"),
        (GOOD | {"count": True}, "it.count is 'True'"),
        (GOOD | {"count": 1.0}, "it.count is '1.0'"),
        (GOOD | {"sure": 0}, "it.sure is '0'"),
        (GOOD | {"reason": []}, "it.reason is '[]'"),
        (GOOD | {"inner": {}}, "it.inner is '{}'"),
        (GOOD | {"inner": "ab"}, "it.inner is 'ab'"),
        (GOOD | {"inner": [{"name": "b"}, {}]}, "it.inner[1] has no name"),
        (GOOD | {"inner": [{"name": "b", "share": float("nan")}]}, "it.inner[0].share is 'nan'"),
        (GOOD | {"inner": [{"name": "b", "share": 10**400}]}, "it.inner[0].share is"),
        (GOOD | {"by_name": {"x": {"name": "b", "z": 1}}}, "it.by_name.x has z, which is unknown"),
        (GOOD | {"more": []}, "it.more is '[]'"),
        (GOOD | {"y": 1}, "it has y, which is unknown"),
    ],
)
def test_unfit_values_are_reported_with_their_place(value: Any, said: str) -> None:
    with pytest.raises(UnfitError) as error:
        as_type(Outer, value)
    assert str(error.value).startswith(said)


def test_unknown_members_are_passed_over_where_another_release_may_have_written_them() -> None:
    value = GOOD | {"new": 1, "inner": [{"name": "b", "new": 2}]}
    assert as_type(Outer, value, strict=False) == dataclasses.replace(Outer("a", "ON"), inner=[Inner("b")])


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"a": 1e}', b"9" * 9999, b"[" * 100_000, b'{"a":' * 100_000])
def test_invalid_json_is_reported(content: bytes) -> None:
    with pytest.raises(UnfitError, match="it is not JSON"):
        parse_json(content)


def test_too_deep_nesting_is_reported() -> None:
    assert parse_json(b"[" * 49 + b"]" * 49)
    for deep in (b"[" * 60 + b"]" * 60, b'{"a":' * 60 + b"1" + b"}" * 60):
        with pytest.raises(UnfitError, match="more than 50 nested lists and objects"):
            parse_json(deep)


@pytest.mark.slow
def test_a_document_of_many_values_takes_bounded_memory() -> None:
    content = b"[" + b"[]," * (1 << 19) + b"[]]"
    with traced() as most:
        parse_json(content)
    assert most() < 40 * len(content)
