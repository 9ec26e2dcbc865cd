"""A run's page: complete, self-contained, and safe whatever the record holds."""

import html
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.page import page

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "b", "span", "code", "div"),
    *("table", "tr", "th", "td", "dl", "dt", "dd"),
}
BEGUN = {
    "group": "films",
    "run": "r1",
    "execution": "arn:e",
    "startedAt": "2026-11-22T10:00:00+00:00",
    "outcome": "RUNNING",
}


class Reader(HTMLParser):
    """Notes what a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def record(text: str, number: float = 1.5) -> dict[str, Any]:
    """A record with everything in it, a text wherever one can be."""
    version = {
        "solution": text,
        "arn": f"{text}/v1",
        "live": True,
        "trainedAt": BEGUN["startedAt"],
        "trainingHours": number,
    }
    export = {"files": [{"key": text, "rows": 7, "bytes": 9}]}
    finding = {"severity": text, "place": text, "message": text, "remedy": text, "lines": {text: [2, 3]}, "rows": 7}
    state = {"id": text, "action": text, "status": text, "reason": text}
    planned = {"action": text, "why": text, "minutes": number, "cost": None, "monthlyCost": number}
    return {
        "group": text, "run": text, "execution": text, "outcome": text, "note": text,
        "startedAt": BEGUN["startedAt"], "endedAt": "2026-11-22T11:00:00+00:00",
        "problems": [{"place": text, "message": text, "remedy": text}],
        "resources": [state, {**state, "status": "HELD", "remedy": text}],
        "versions": [{**version, "metrics": {text: number}}, {**version, "live": False, "metrics": {}}],
        "pins": {text: {"version": text, "who": text, "why": text, "at": BEGUN["startedAt"], "over": text}},
        "data": {text: {"files": [text], "columns": [text], "rows": 12345, "findings": [finding]}},
        "unmanaged": [{"id": text, "arn": text, "why": text, "deleted": True}],
        "retired": [{**state, "arn": text}],
        "export": export,
        "plan": {
            "minutes": number, "cost": number, "monthlyCost": number, "unpriced": [text], "resources": {text: planned},
            "prices": {"source": text, "date": text, "own": {text: number}},
        },
        "cost": {"cost": number, "monthlyCost": number},
    }  # fmt: skip


@given(
    st.text()
    | st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title>", "&lt;", "#"])
)
def test_whatever_the_record_holds_is_shown_as_text(text: str) -> None:
    shown = Reader(page(record(text)))
    assert shown.tags == TAGS
    assert shown.attributes <= {"lang", "charset", "name", "content", "class"}
    assert shown.open == []
    assert html.unescape(html.escape(text)) == text


def test_the_page_fetches_nothing() -> None:
    text = page(record("x"))
    assert "http" not in text
    assert "url(" not in text
    assert "@import" not in text


def test_the_page_tells_what_the_record_holds() -> None:
    text = "\n".join(Reader(page(record("a<b>c"))).texts)
    for expected in ("a<b>c", "12,345", "not known", "$1.50", "1:00:00", "1.5000", "2, 3", "2026-11-22 10:00:00 UTC"):
        assert expected in text


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"note": "Nothing to do yet."},
        {"problems": [{"place": "a.csv", "message": "is empty.", "remedy": "Fill it."}], "outcome": "FAILED"},
        {"cost": {}, "versions": [], "endedAt": "2026-11-22T10:00:01+00:00", "outcome": "FAILED"},
        {"data": {"items": {"findings": [{"severity": "error", "place": "a.csv", "message": "m", "remedy": "r"}]}}},
        {"data": {"items": {}}, "resources": [{"id": "filter/a", "action": "create", "status": "PENDING"}]},
    ],
)
def test_a_page_is_there_from_the_first_moment(more: dict[str, Any]) -> None:
    shown = Reader(page(BEGUN | more))
    assert shown.open == []
    assert (BEGUN | more)["outcome"] in shown.texts


def test_what_has_no_rows_has_no_table() -> None:
    assert "table" not in Reader(page(BEGUN)).tags
