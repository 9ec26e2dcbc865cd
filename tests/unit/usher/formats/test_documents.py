"""Documents that people write: valid ones, refusals, and a fast end of both."""

import json
import tracemalloc
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from usher.errors import InputError
from usher.formats import documents
from usher.formats.documents import MAX_BYTES, MAX_DEPTH, MAX_VALUES


def read(text: str | bytes, file: str = "usher.yaml") -> Any:
    return documents.read_document(text if isinstance(text, bytes) else text.encode(), file)


def said(text: str | bytes, file: str = "usher.yaml") -> str:
    with pytest.raises(InputError) as caught:
        read(text, file)
    return str(caught.value)


numbers = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(-(2.0**62), 2.0**62)
texts = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=9)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@given(values)
def test_json_says_what_it_says(value: Any) -> None:
    assert read(json.dumps(value), "usher.json") == value
    assert read(json.dumps(value, indent="\t", ensure_ascii=False), "usher.json") == value


@given(values)
def test_written_yaml_is_read_back(value: Any) -> None:
    assert read(yaml.safe_dump(value, allow_unicode=True)) == value


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None), ("7", 7), ("-7", -7), ("1.5", 1.5),
        (".5", 0.5), ("1e3", 1000.0), ("+1", 1),
        *((text, text) for text in (
            "no", "NO", "yes", "on", "off", "0123", "007", "1:30", "1_000", "0x1F", "0o17", ".inf", ".nan",
            "2026-01-01", "-", "1.2.3", "1e", "=", "٣",
        )),
    ],
)  # fmt: skip
def test_plain_words_are_unchanged(plain: str, value: Any) -> None:
    assert read(f"a: {plain}" if plain != "-" else "a: '-'") == {"a": value}


def test_keys_are_texts_whatever_they_look_like() -> None:
    assert read("{1: a, true: b, no: c, null: d, '': e}") == {"1": "a", "true": "b", "no": "c", "null": "d", "": "e"}


@pytest.mark.parametrize("file", ["usher.yaml", "usher.json"])
@pytest.mark.parametrize("text", ["", " \n", "\ufeff", "\n\n"])
def test_an_empty_document_is_nothing(text: str, file: str) -> None:
    assert read(text, file) is None


def test_a_byte_order_mark_is_no_part_of_a_document() -> None:
    assert read("\ufeffa: 1") == read('\ufeff{"a": 1}', "usher.json") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: &x 1\nb: *x", "usher.yaml line 1 column 4: has an alias or an anchor (* or &). Write out"),
        ("b: *x", "usher.yaml line 1 column 4: has an alias or an anchor"),
        ("&x a: 1", "line 1 column 1: has an alias or an anchor"),
        ("<<: {a: 1}", "line 1 column 1: has a merge key (<<)."),
        ("a: !!python/object:os.system {}", "line 1 column 4: has a tag (!). Remove it"),
        ("a: !!str 5", "has a tag (!)."),
        ("a: ! 5", "has a tag (!)."),
        ("!!binary a: 5", "has a tag (!)."),
        ("%YAML 1.1\n---\na: 1", "has a directive (%)."),
        ("%TAG ! tag:a,2000:\n---\na: 1", "has a directive (%)."),
        ("a: 1\n---\nb: 2", "usher.yaml line 2 column 1: has a second document (---). Keep one."),
        ("{[a]: 1}", "has a key that is not a text."),
        ("? {a: b}\n: c", "has a key that is not a text."),
        ("{{a}}", "has a key that is not a text."),
        ("a: 1\na: 2", "line 2 column 1: is not readable: a occurs twice. Keep one"),
        ("a: 1\n'a': 2", "a occurs twice."),
        ("a: [1, 2", "is not readable: "),
        ("a:\n\t- b", "line 2 column 1: is not readable: "),
        ("a: 9223372036854775808", "line 1 column 4: has the number 9223372036854775808, which is out of range."),
        ("a: 1e999", "has the number 1e999, which is out of range."),
        (f"a: {'9' * 5000}", f"has the number {'9' * 40}, which is out of range."),
        ("a: \x07", "line 1 column 4: has the character U+0007, which is not allowed in texts. Remove it."),
        ('a: "\\0"', "has the character U+0000"),
        ('a: "\\ud800"', "line 1 column 4: has the character U+D800"),
        ('"\\ud800": a', "line 1 column 1: has the character U+D800"),
        (b"a: \xff", "line 1 column 4: is not UTF-8. Save it as UTF-8."),
        (b"\xef\xbb\xbf\na: \xff", "line 2 column 4: is not UTF-8."),
        ("a: 1".encode("utf-16"), "is UTF-16."),
        ("a: 1".encode("utf-16-be"), "is UTF-16."),
        ("a: 1".encode("utf-32"), "is UTF-32."),
        (b"\x1f\x8b\x08\x00", "is packed by gzip. Unpack it"),
        (b"PK\x03\x04", "is a ZIP archive or a spreadsheet."),
        (b"\n<!DOCTYPE html><html>", "is a web page."),
        (b"#" * (MAX_BYTES + 1), "usher.yaml: has more than 256 KB."),
        ("[" * (MAX_DEPTH + 1), f"line 1 column {MAX_DEPTH + 1}: has more than {MAX_DEPTH} nested lists and objects"),
        ("\n".join(" " * n + "a:" for n in range(MAX_DEPTH + 1)), f"line {MAX_DEPTH + 1} "),
        ("- a\n" * (MAX_VALUES + 1), f"line {MAX_VALUES} column 3: has more than {MAX_VALUES} values."),
    ],
)  # fmt: skip
def test_yaml_is_refused_with_its_place(text: str | bytes, complaint: str) -> None:
    assert complaint in said(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"a": 1, "a": 2}', "usher.json: is not readable: a occurs twice."),
        ('{\n"a": }', "usher.json line 2 column 6: is not readable: Expecting value. Correct the JSON there."),
        ("{'a': 1}", "is not readable: Expecting property name enclosed in double quotes."),
        ('{"a": NaN}', "has the number NaN, which is out of range."),
        ('{"a": -Infinity}', "has the number -Infinity, which is out of range."),
        ('{"a": 1e999}', "has the number 1e999"),
        (f'{{"a": {"9" * 5000}}}', "has the number 9999"),
        ('{"a": "\\ud800"}', "has the character U+D800"),
        ('{"\\u0000": 1}', "has the character U+0000"),
        ('["\\u0007"]', "has the character U+0007"),
        ("[" * 100_000, f"line 1 column {MAX_DEPTH + 1}: has more than {MAX_DEPTH} nested lists and objects"),
        (f"[{'0,' * MAX_VALUES}0]", f"has more than {MAX_VALUES} values."),
        ("a: 1", "is not readable: Expecting value."),
        ('{"a": 1} {}', "is not readable: Extra data."),
        ('"' + '\\"' * 120_000, "is not readable: Unterminated string"),
        ('"' + '\\"' * 120_000 + "\\", "is not readable: Unterminated string"),
    ],
)
def test_json_is_refused_with_its_place(text: str, complaint: str) -> None:
    assert complaint in said(text, "usher.json")


def test_brackets_in_a_text_are_no_depth() -> None:
    value = {"a": "[{" * 500, 'b"\\': ",[" * 500}
    assert read(json.dumps(value), "usher.json") == read(json.dumps(value)) == value


def test_the_maximum_length_is_read() -> None:
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert read(deep) == read(deep, "usher.json")
    assert len(read("- a\n" * (MAX_VALUES - 1))) == MAX_VALUES - 1
    assert len(read(f'"{"x" * (MAX_BYTES - 2)}"', "usher.json")) == MAX_BYTES - 2


SIZE = MAX_BYTES // 64
BULK = {
    "many texts": "- a\n",
    "folded text": "a: >\n" + " x\n" * 50,
    "brackets": "[",
    "braces": "{",
    "question marks": "? ",
    "dashes": "- ",
    "colons": ": ",
    "single quotes": "'",
    "double quotes": '"\\"',
    "an open quote": '"x\n',
    "comments": "#\n",
    "directives": "%TAG !a! x\n",
    "aliases": "a: &a [*a, *a]\n",
    "pipes": "|\n",
    "commas": "[,",
    "spaces": " ",
    "tabs": "\t",
    "line ends": "'\n",
    "returns": "\r",
    "numbers": "1e9,",
    "tags": "!%20",
    "escapes": "\\x41",
}


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("begin", ["", "a: ", '"', "["])
@pytest.mark.parametrize("file", ["usher.yaml", "usher.json"])
def test_no_document_takes_much_memory(file: str, begin: str) -> None:
    for name, text in BULK.items():
        content = (begin + text * SIZE).encode()[:SIZE]
        tracemalloc.start()
        try:
            read(content, file)
        except InputError as error:
            assert len(error.problems) == 1, name
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < 256 * SIZE, name
