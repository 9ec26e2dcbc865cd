"""Hashes are equal on all machines, depend on the text alone, and are spread evenly."""

import string

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.datasets.hashing import HASHED_BYTES, Coded, hashes


def slow_hash(text: str) -> int:
    """The definition of the hash: SplitMix64 over the length and the words of eight bytes, the last one padded."""

    def mix(value: int) -> int:
        value = (value + 0x9E3779B97F4A7C15) % 2**64
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
        return value ^ value >> 31

    content = text.encode()
    found = mix(len(content))
    for begin in range(0, min(len(content), HASHED_BYTES), 8):
        found = mix(found ^ int.from_bytes(content[begin : begin + 8].rjust(8, b"\0"), "little"))
    return found


@given(st.lists(st.text(max_size=30) | st.text("ü", min_size=500, max_size=600)))
@settings(deadline=None)
def test_hashes_are_the_same_everywhere(texts: list[str]) -> None:
    assert hashes(pa.array(texts, pa.string())).tolist() == [slow_hash(text) for text in texts]


@given(st.lists(st.text(max_size=30), min_size=1), st.data())
@settings(deadline=None)
def test_a_hash_is_of_the_text_alone(texts: list[str], data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(texts) - 1))
    alone = [hashes(pa.array([text]))[0] for text in texts[begin:]]
    assert hashes(pa.array(texts)[begin:]).tolist() == alone
    assert len(set(alone)) == len(set(texts[begin:]))


def test_different_texts_have_different_hashes_and_spread_evenly() -> None:
    texts = [f"{letter}{number}" for letter in string.ascii_letters for number in range(2000)]
    found = hashes(pa.array(texts))
    assert len(np.unique(found)) == len(texts)
    shares = np.bincount((found % np.uint64(16)).astype(np.int64)) / len(texts)
    assert abs(shares - 1 / 16).max() < 0.003


@given(st.lists(st.tuples(st.text(max_size=2), st.booleans())))
def test_a_column_has_a_key_for_each_of_its_texts_and_no_other(rows: list[tuple[str, bool]]) -> None:
    texts = pa.array([text for text, _ in rows], pa.string())
    kept = np.array([is_kept for _, is_kept in rows], np.bool_)
    whole = Coded.of(texts).hashed()
    for one, its in ((whole, texts), (whole.where(kept), texts.filter(pa.array(kept)))):
        assert one.keys[one.places].tolist() == hashes(its).tolist()
        assert one.keys.tolist() == sorted(set(hashes(its).tolist()))
