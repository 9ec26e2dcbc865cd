"""An evaluation's page: complete, self-contained, and safe whatever the report holds and lacks."""

from typing import Any
from xml.etree import ElementTree as ET

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.datasets.diagnosis import ID_COLUMNS, Diagnosis, diagnosis_report
from usher.datasets.hashing import hashed
from usher.reports.evaluation_page import evaluation_charts, render_evaluation_page, short_name, verdict

from tests.unit.usher.reports.test_run_page import ATTRIBUTES, CHART_TAGS, TAGS, Reader

METRICS = (
    "mean_reciprocal_rank", "mean_reciprocal_rank_over_hits",
    *(f"{name}_at_{k}" for name in ("precision", "normalized_discounted_cumulative_gain") for k in (5, 10, 25)),
    *(f"legacy_ndcg_at_{k}" for k in (5, 10, 25)), "average_precision", *(f"recall_at_{k}" for k in (5, 10, 25)),
    "coverage", "novelty",
)  # fmt: skip
MANY = [f"a very long name of contender number {number}" * 3 for number in range(15)]
KINDS = {"popularity": "baseline", "for-you": "trained", "for-you (live)": "live"}


def measured(value: float) -> dict[str, dict[str, float]]:
    bare = {name: {"value": value} for name in ("coverage", "novelty")}
    return {name: {"value": value, "low": value - 0.01, "high": value + 0.01} for name in METRICS} | bare


def score(contender: str, value: float, form: str = "dedup") -> dict[str, Any]:
    return {"contender": contender, "form": form, "users": 610, "short": 12, "metrics": measured(value)}


def diagnosis(text: str) -> dict[str, Any]:
    one = Diagnosis()
    rows = {
        "USER_ID": ["u", "u", "v"],
        "ITEM_ID": ["i", "j", "i"],
        "TIMESTAMP": ["1", "2", "90"],
        "EVENT_TYPE": [text] * 3,
    }
    columns = {name: pa.array(values) for name, values in rows.items()}
    one.add_rows(columns, hashed(columns, ID_COLUMNS))
    return diagnosis_report(one)


def whole(text: str = "", values: tuple[float, ...] = (0.1, 0.2, 0.3)) -> Any:
    """A report with everything in it, a text wherever one can be."""
    names = [f"{name}{text}" for name in KINDS]
    items = [{"id": text, "title": f"Alien{text}", "hit": True}, {"id": f"i7{text}"}]
    scored = list(zip(names, values, strict=True))
    return {
        "group": f"films{text}", "run": f"r1{text}", "createdAt": "2026-11-22T21:02:55+00:00",
        "split": {"kind": f"last-tenth{text}", "events": 100_836, "heldOut": 9875, "users": 610, "items": 9724,
                  "oneIn": 1, "from": "1996-03-29T18:36:55+00:00", "to": "2018-09-24T14:27:30+00:00"},
        "contenders": [
            {"name": name, "kind": kind, "recipe": f"aws-v2{text}", "answered": 600, "missing": 10,
             "notes": [f"Knows.{text}"]}
            for name, kind in zip(names, KINDS.values(), strict=True)
        ],
        "scores": [score(name, value, form) for name, value in scored for form in ("raw", "dedup")],
        "segments": [
            {"segment": segment, **score(name, value, form)}
            for name, value in scored
            for segment in ("cold users", "warm users")
            for form in ("raw", "dedup")
        ],
        "samples": [{"user": text, "history": items, "heldOut": items, "lists": dict.fromkeys(names, items * 3)}],
        "diagnosis": diagnosis(text),
        "problems": [{"place": text, "message": f"failed{text}", "remedy": text}],
    }  # fmt: skip


@given(
    st.text()
    | st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title>", "&lt;", "x" * 2000])
)
@settings(max_examples=20, deadline=None)
def test_whatever_the_report_holds_is_shown_as_text(text: str) -> None:
    shown = Reader(render_evaluation_page(whole(text)))
    assert shown.tags <= TAGS | CHART_TAGS | {"details", "summary", "small"}
    assert shown.attributes <= ATTRIBUTES | {"open"}
    assert shown.open == []
    for svg in evaluation_charts(whole(text)).values():
        ET.fromstring(svg)  # noqa: S314


def test_the_page_fetches_nothing() -> None:
    text = render_evaluation_page(whole()).replace('xmlns="http://www.w3.org/2000/svg"', "")
    for fetching in ("://", "url(", "@import", "href", "src="):
        assert fetching not in text


def test_the_page_has_every_contender_metric_item_and_note() -> None:
    text = "\n".join(Reader(render_evaluation_page(whole())).texts)
    for name in (
        *KINDS,
        *map(short_name, METRICS),
        "Alien",
        "i7",
        "Knows.",
        "failed",
        "cold users",
        "aws-v2",
        "9,875",
        "✓",
    ):
        assert name in text
    assert "each user" not in text.split("Held out")[0]


def scored(**values: float) -> Any:
    """A report on contenders with these values; those that KINDS does not know are trained."""
    contenders = [
        {"name": name, "kind": KINDS.get(name, "trained"), "recipe": "", "answered": 0, "missing": 0, "notes": []}
        for name in values
    ]
    scores = [score(name, value, form) for name, value in values.items() for form in ("raw", "dedup")]
    return whole() | {"contenders": contenders, "scores": scores, "segments": []}


def empty(text: str) -> Any:
    """A report without contenders, segments and samples."""
    lists: dict[str, Any] = {name: [] for name in ("contenders", "scores", "segments", "samples", "problems")}
    return whole() | lists | {"group": text, "diagnosis": None}


@pytest.mark.parametrize(
    "report",
    [
        empty("films"),
        whole() | {"diagnosis": {"events": 0}},
        whole() | {"samples": [{"user": "u", "history": [], "heldOut": [], "lists": {}}]},
        whole(values=(0.0, 0.0, 0.0)),
        scored(**dict.fromkeys(MANY, 0.1)),
    ],
)
def test_every_report_has_a_page(report: Any) -> None:
    assert Reader(render_evaluation_page(report)).open == []
    assert "None" not in "".join(Reader(render_evaluation_page(report)).texts)


def test_pictures_are_the_charts_of_the_page() -> None:
    charts = evaluation_charts(whole())
    assert list(charts) == [
        "mean_reciprocal_rank", "normalized_discounted_cumulative_gain_at_25", "precision_at_10", "recall_at_25",
        "coverage", "novelty", "segments_mean_reciprocal_rank",
        "segments_normalized_discounted_cumulative_gain_at_25", "power_law", "activity", "drift", "cold_start",
    ]  # fmt: skip
    assert all(svg in render_evaluation_page(whole()) for svg in charts.values())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            (0.1, 0.2, 0.9),
            "for-you is best: 0.200 (0.190 to 0.210). It is clearly better than the best baseline, popularity: 0.100",
        ),
        (
            (0.19, 0.2, 0.9),
            "for-you is best: 0.200 (0.190 to 0.210). It is not clearly better than the best baseline, popularity",
        ),
        ((0.2, 0.1, 0.9), "no trained model beats the baseline popularity: 0.200 (0.190 to 0.210)."),
        ((0.2, 0.2, 0.2), "no trained model beats the baseline popularity"),
    ],
)
def test_the_verdict_compares_the_best_with_the_best_baseline(values: tuple[float, ...], said: str) -> None:
    judged = verdict(whole(values=values))
    assert len(judged) == 2
    assert all(said in sentence for sentence in judged), "who knows what is held back is not compared"
    assert judged[0].startswith("By mean reciprocal rank of the lists with new items first, ")


def test_the_verdict_compares_the_contenders_that_there_are() -> None:
    best = "By mean reciprocal rank of the lists with new items first, for-you is best: 0.200 (0.190 to 0.210)."
    assert verdict(scored(**{"for-you": 0.2}))[0] == best
    assert "the best baseline is popularity: 0.200" in verdict(scored(popularity=0.2))[0]
    assert verdict(empty("films")) == []


def test_the_best_comparable_value_is_bold_but_for_novelty() -> None:
    text = render_evaluation_page(whole())
    assert "<b>0.2000</b>" in text
    assert "<b>0.3000</b>" not in text
    novelty = text.partition("Novelty</th>")[2].partition("</table>")[0]
    assert novelty
    assert not [row for row in novelty.split("<tr>") if row.rpartition("<td")[2].count("<b>")]
