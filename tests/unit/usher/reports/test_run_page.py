"""A run's page: complete, self-contained, and safe for any record."""

import html
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.reports.run_page import render_run_page

BEGUN_AT = "2026-11-22T10:00:00+00:00"
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "b", "span", "code", "div"),
    *("table", "tr", "th", "td", "dl", "dt", "dd", "wbr"),
}
CHART_TAGS = {"svg", "text", "title", "rect", "line", "path", "circle"}
ATTRIBUTES = {
    *(
        "lang",
        "charset",
        "name",
        "content",
        "http-equiv",
        "class",
        "xmlns",
        "viewbox",
        "width",
        "height",
        "role",
        "aria-label",
        "data-label",
        "d",
    ),
    *(
        "x",
        "y",
        "x1",
        "x2",
        "y1",
        "y2",
        "cx",
        "cy",
        "r",
        "rx",
        "fill",
        "fill-opacity",
        "stroke",
        "stroke-width",
        "stroke-linejoin",
    ),
    *("font-family", "font-size", "font-weight", "text-anchor", "http-equiv"),
}
DIAGNOSIS = {
    "events": 3, "from": BEGUN_AT, "to": BEGUN_AT, "sampled": {"users": 2}, "repeats": 0.6, "duplicates": 0.0,
    **{
        name: {
            "number": 2, "mean": 1.5, "median": 1.5, "most": 2, "single": 0.5, "top1": 0.7, "top10": 0.7,
            "points": [[1, 2], [2, 1]], "slope": -1.0, "fit": 1.0,
        }
        for name in ("users", "items")
    },
    "periods": {
        "seconds": 604_800, "starts": [BEGUN_AT], "events": [3], "newUsers": [1.0], "newItems": [1.0],
        "likeBefore": [None], "likeLast": [1.0],
    },
}  # fmt: skip
BEGUN: Any = {
    "group": "films",
    "run": "r1",
    "execution": "arn:e",
    "startedAt": BEGUN_AT,
    "outcome": "RUNNING",
}


class Reader(HTMLParser):
    """Records the contents of a page."""

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
        if tag not in {"meta", "wbr"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def record(text: str, number: float = 1.5) -> Any:
    """A record with every member, and text in every place for text."""
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
    planned = {"action": text, "reason": text, "minutes": number, "cost": None, "monthlyCost": None}
    return {
        "group": text, "run": text, "execution": text, "outcome": text, "note": text,
        "startedAt": BEGUN["startedAt"], "endedAt": "2026-11-22T11:00:00+00:00",
        "problems": [{"place": text, "message": text, "remedy": text}],
        "resources": [state, {**state, "status": "HELD", "remedy": text}],
        "versions": [
            {**version, "metrics": {text: number, "precision_at_25": number}}, {**version, "live": False, "metrics": {}}
        ],
        "live": [{"name": text, "version": f"{text}/v1", "trainedAt": BEGUN["startedAt"], "since": BEGUN["startedAt"],
                  "by": text, "why": text, "answeredBy": text}],
        "pins": {text: {"version": text, "who": text, "why": text, "at": BEGUN["startedAt"], "supersedes": text}},
        "data": {text: {"files": [text], "columns": [text], "rows": 12345, "findings": [finding]},
                 "interactions": {"diagnosis": DIAGNOSIS | {"types": {text: 3}}}},
        "unmanaged": [{"id": text, "arn": text, "reason": text, "deleted": True}],
        "deletions": [{**state, "arn": text}],
        "export": export,
        "estimate": {
            "minutes": number, "cost": number, "monthlyCost": number, "unpriced": [text], "resources": {text: planned},
            "prices": {"source": text, "date": text, "own": {text: number}},
        },
        "cost": {"cost": number, "monthlyCost": number},
        "ceilings": {"run": number, "runCeiling": number, "month": number, "monthCeiling": number},
    }  # fmt: skip


@given(
    st.text()
    | st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title>", "&lt;", "#"])
)
@settings(deadline=None)
def test_any_content_of_the_record_is_shown_as_text(text: str) -> None:
    shown = Reader(render_run_page(record(text)))
    assert shown.tags == TAGS | CHART_TAGS
    assert shown.attributes <= ATTRIBUTES
    assert shown.open == []
    assert html.unescape(html.escape(text)) == text


def test_the_page_fetches_nothing() -> None:
    text = render_run_page(record("x")).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "://" not in text
    assert "url(" not in text
    assert "@import" not in text


def test_the_page_shows_all_that_the_record_holds() -> None:
    text = "\n".join(Reader(render_run_page(record("a<b>c"))).texts)
    for expected in ("a<b>c", "12,345", "not known", "$1.50", "1:00:00", "1.5000", "2, 3", "2026-11-22 10:00:00 UTC"):
        assert expected in text


def test_the_page_has_the_diagnosis_of_the_interactions() -> None:
    text = "\n".join(Reader(render_run_page(record("view"))).texts)
    for expected in (
        "Diagnosis of the interactions",
        "about 2",
        "one user in 2",
        "50% of the users have a single event.",
    ):
        assert expected in text
    for expected in ("Power law of items and users", "items: slope -1.00, R² 1.00", "start of each week", "view"):
        assert expected in text
    assert "Diagnosis of the interactions" not in render_run_page(BEGUN | {"data": {"interactions": {"rows": 3}}})


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
    shown = Reader(render_run_page(BEGUN | more))
    assert shown.open == []
    assert (BEGUN | more)["outcome"] in shown.texts


def test_an_empty_section_has_no_table() -> None:
    assert "table" not in Reader(render_run_page(BEGUN)).tags
