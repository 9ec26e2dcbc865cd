"""Texts of any content are shown with all that is in them, cut to the available space."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.texts import HIDDEN, clean, enumeration, listing, number_of, visible

anything = st.text(st.characters(codec=None, exclude_categories=[]))  # lone surrogates, too


@given(anything, st.integers(3, 60))
def test_a_clean_text_can_be_seen_encoded_and_fits(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert json.loads(json.dumps(shown).encode()) == shown
    assert shown.encode().decode() == shown
    assert not {unicodedata.category(one) for one in shown} & HIDDEN
    assert clean(shown, limit) == shown


@given(anything)
def test_visible_characters_are_unchanged(text: str) -> None:
    assert (visible(text) == text) == (not {unicodedata.category(one) for one in text} & HIDDEN)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("été 東京 😀", "été 東京 😀"),
        ("a\nb\tc\x00", r"a\nb\tc\x00"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\ufeffid", r"\ufeffid"),
        ("\ud800", r"\ud800"),
        ("\u2028\u2029\x85", r"\u2028\u2029\x85"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_hidden_characters_become_escapes(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert clean(text, 99) == shown


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("abcdefghij", 10, "abcdefghij"),
        ("abcdefghijk", 10, "abcd...ijk"),
        ("abcdefghijk", 9, "abc...ijk"),
        ("abcdefghijk", 3, "..."),
        ("a" + "\n" * 10**7 + "z", 9, r"a\n...\nz"),
    ],
)
def test_a_long_text_is_cut_in_its_middle(text: str, limit: int, shown: str) -> None:
    assert clean(text, limit) == shown


def test_whole_lines_are_shown_and_the_rest_is_counted() -> None:
    assert listing(["one", "two"], 8, "there") == "one\ntwo"
    assert listing(["one", "two", "three"], 8, "there") == "one\ntwo\n1 more: see there."
    assert listing(["x" * 9], 8, "there") == "1 more: see there."
    assert listing([], 8, "there") == ""


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2000, "2,000 rows")])
def test_a_number_of_things_is_written_as_people_write_it(number: int, text: str) -> None:
    assert number_of(number, "row") == text


@pytest.mark.parametrize(("names", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_names_are_listed_as_people_list_them(names: list[str], text: str) -> None:
    assert enumeration(names) == text
