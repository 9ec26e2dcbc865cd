"""An evaluation's page: complete, self-contained, and safe for any report."""

import re
from collections.abc import Mapping
from itertools import combinations
from typing import Any
from xml.etree import ElementTree as ET

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.datasets.diagnosis import ID_COLUMNS, Diagnosis, diagnosis_report
from usher.datasets.hashing import Hashed
from usher.reports.evaluation_page import evaluation_charts, render_evaluation_page, short_name, verdict
from usher.reports.evaluation_report import DECISIVE_METRICS

from tests.unit.usher.reports.test_run_page import ATTRIBUTES, CHART_TAGS, TAGS, Reader

METRICS = (
    "mean_reciprocal_rank", "mean_reciprocal_rank_over_hits",
    *(f"{name}_at_{k}" for name in ("precision", "normalized_discounted_cumulative_gain") for k in (5, 10, 25)),
    *(f"legacy_ndcg_at_{k}" for k in (5, 10, 25)), "average_precision", *(f"recall_at_{k}" for k in (5, 10, 25)),
    "coverage", "novelty",
)  # fmt: skip
MANY = [f"a very long name of contender number {number}" * 3 for number in range(15)]
KINDS = {"popularity": "baseline", "for-you": "trained", "for-you (live)": "live"}
KNOWS = "may know 98% of the held-out events"


def measured(value: float) -> dict[str, dict[str, float]]:
    bare = {name: {"value": value} for name in ("coverage", "novelty")}
    return {name: {"value": value, "low": value - 0.01, "high": value + 0.01} for name in METRICS} | bare


def score(contender: str, value: float, form: str = "dedup") -> dict[str, Any]:
    return {
        "contender": contender, "form": form, "users": 610, "answered": 600, "short": 12, "metrics": measured(value),
    }  # fmt: skip


def contender(name: str, kind: str, text: str = "", *marks: str) -> dict[str, Any]:
    return {
        "name": name, "kind": kind, "recipe": f"aws-v2{text}", "exploration": "", "answered": 600, "missing": 10,
        "ranked": kind != "live", "marks": [*marks, *([KNOWS] if kind == "live" else [])], "notes": [f"Knows.{text}"],
    }  # fmt: skip


def comparisons(values: Mapping[str, float], p: float) -> list[dict[str, Any]]:
    """All pairs of contenders, each with the same probability."""
    best_first = sorted(values, key=lambda name: -values[name])
    return [
        {
            "metric": metric, "contenders": [one, other], "difference": values[one] - values[other],
            "low": 0.01, "high": 0.5, "p": p,
        }
        for metric in DECISIVE_METRICS
        for one, other in combinations(best_first, 2)
    ]  # fmt: skip


def diagnosis(text: str) -> dict[str, Any]:
    one = Diagnosis()
    rows = {
        "USER_ID": ["u", "u", "v"],
        "ITEM_ID": ["i", "j", "i"],
        "TIMESTAMP": ["1", "2", "90"],
        "EVENT_TYPE": [text] * 3,
    }
    columns = {name: pa.array(values) for name, values in rows.items()}
    one.add_rows(columns, {name: Hashed.of(columns[name]) for name in ID_COLUMNS})
    return diagnosis_report(one)


def whole(text: str = "", values: tuple[float, ...] = (0.1, 0.2, 0.3)) -> Any:
    """A report with every member, and text in every place for text."""
    names = [f"{name}{text}" for name in KINDS]
    items = [{"id": text, "title": f"Alien{text}", "hit": True}, {"id": f"i7{text}"}]
    scored = list(zip(names, values, strict=True))
    return {
        "group": f"films{text}", "run": f"r1{text}", "createdAt": "2026-11-22T21:02:55+00:00",
        "split": {"kind": f"last-tenth{text}", "events": 100_836, "heldOut": 9875, "repeats": 0.034, "users": 610,
                  "items": 9724, "oneIn": 1, "from": "1996-03-29T18:36:55+00:00", "to": "2018-09-24T14:27:30+00:00"},
        "contenders": [
            contender(name, kind, text, f"explores{text}") for name, kind in zip(names, KINDS.values(), strict=True)
        ],
        "decisiveForm": "dedup",
        "comparisons": comparisons(dict(scored[:2]), 0.2),
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


@pytest.mark.slow
@given(
    st.text()
    | st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title>", "&lt;", "x" * 2000])
)
@settings(max_examples=20, deadline=None)
def test_any_content_of_the_report_is_shown_as_text(text: str) -> None:
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


def scored(p: float = 0.0001, **values: float) -> Any:
    """A report on contenders with these values; those that KINDS lacks are trained."""
    contenders = [contender(name, KINDS.get(name, "trained")) for name in values]
    scores = [score(name, value, form) for name, value in values.items() for form in ("raw", "dedup")]
    ranked = {one["name"]: values[one["name"]] for one in contenders if one["ranked"]}
    return whole() | {
        "contenders": contenders, "scores": scores, "comparisons": comparisons(ranked, p), "segments": [],
    }  # fmt: skip


def empty(text: str) -> Any:
    """A report without contenders, segments and samples."""
    lists: dict[str, Any] = {
        name: [] for name in ("contenders", "scores", "comparisons", "segments", "samples", "problems")
    }
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


LIVE = {"for-you (live)": 0.9}


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (
            scored(**{"for-you": 0.2, "popularity": 0.1}, **LIVE),
            "for-you is best: 0.200 (0.190 to 0.210). "
            "That is clearly better (p < 0.001) than the best baseline, popularity: 0.100 (0.090 to 0.110).",
        ),
        (
            scored(0.06, **{"for-you": 0.2, "popularity": 0.1}, **LIVE),
            "for-you is best: 0.200 (0.190 to 0.210). "
            "That is not clearly better (p = 0.060) than the best baseline, popularity: 0.100 (0.090 to 0.110).",
        ),
        (scored(popularity=0.2, **{"for-you": 0.1}), "no model beats the baseline popularity: 0.200 (0.190 to 0.210)."),
        (scored(popularity=0.2, **{"for-you": 0.2}), "no model beats the baseline popularity: 0.200 (0.190 to 0.210)."),
        (scored(popularity=0.2), "the best is popularity: 0.200 (0.190 to 0.210)."),
        (scored(**{"for-you": 0.2}), "for-you is best: 0.200 (0.190 to 0.210)."),
        (
            scored(v1=0.3, v2=0.3, other=0.2),
            "v1 and v2 are best, with equal figures: 0.300 (0.290 to 0.310).",
        ),
        (
            scored(0.2, mine=0.3, yours=0.2),
            "mine is best: 0.300 (0.290 to 0.310). Chance may explain the lead over yours (p = 0.200).",
        ),
    ],
)
def test_the_verdict_names_the_best_and_differences_that_chance_may_explain(report: Any, said: str) -> None:
    judged = verdict(report)
    assert judged[1:3] == [f"By mean reciprocal rank, {said}", f"By NDCG at 25, {said}"]


@pytest.mark.parametrize(
    ("form", "repeats", "said"),
    [
        ("dedup", 0.12, "Lists are scored with new items first: 12% of the held-out events are repeats."),
        ("raw", 0.63, "Lists are scored as recommended: 63% of the held-out events are repeats."),
    ],
)
def test_the_verdict_is_about_the_decisive_form(form: str, repeats: float, said: str) -> None:
    report = scored(a=0.1, b=0.2)
    other = "raw" if form == "dedup" else "dedup"
    report["scores"] += [score("a", 0.9, other), score("b", 0.0, other)]
    report["scores"] = [one for one in report["scores"] if one["form"] == form or one["metrics"]["recall_at_5"] != 0.1]
    report |= {"decisiveForm": form, "split": report["split"] | {"repeats": repeats}}
    judged = verdict(report)
    assert judged[0] == said
    assert judged[1].startswith("By mean reciprocal rank, b is best: 0.200")


def test_an_unranked_contender_is_named_with_the_reason_and_never_best() -> None:
    report = scored(**{"for-you": 0.2}, **LIVE)
    silent = contender("silent", "trained", "", "no list for 600 of 610 users") | {"ranked": False}
    report["contenders"].append(silent)
    judged = verdict(report)
    assert len(judged) == 4
    assert judged[-1] == f"Not ranked: for-you (live): {KNOWS}; silent: no list for 600 of 610 users."
    assert verdict(empty("films")) == []
    only_live = scored(**LIVE)
    assert verdict(only_live) == [f"Not ranked: for-you (live): {KNOWS}."]


def test_marks_stand_wherever_figures_do() -> None:
    report = whole()
    report["samples"][0]["user"] = "u"
    text = render_evaluation_page(report)
    sections = re.split("<h2>", text)
    assert all(KNOWS in svg for name, svg in evaluation_charts(report).items() if "cold" not in name and name in text)
    for title in ("Metrics of the lists as", "Metrics of the lists with", "Segments", "Contenders", "Sample users"):
        (section,) = (one for one in sections if one.startswith(title))
        assert KNOWS in section


def test_a_contender_without_lists_has_no_figures_and_no_bars() -> None:
    report = scored(**{"for-you": 0.2})
    report["contenders"].append(contender("silent", "trained", "", "no list for 610 of 610 users") | {"ranked": False})
    charts = evaluation_charts(report)
    assert "no list for 610 of 610 users" in charts["mean_reciprocal_rank"]
    assert "0.000 (" not in charts["mean_reciprocal_rank"]
    few = score("silent", 0.0) | {"answered": 304}
    report["scores"].append(few)
    assert evaluation_charts(report)["mean_reciprocal_rank"] == charts["mean_reciprocal_rank"]
    few["answered"] = 305
    assert evaluation_charts(report)["mean_reciprocal_rank"] != charts["mean_reciprocal_rank"]


def test_the_best_comparable_value_is_bold_except_for_novelty() -> None:
    text = render_evaluation_page(whole())
    assert "<b>0.2000</b>" in text
    assert "<b>0.3000</b>" not in text
    novelty = text.partition("Novelty</th>")[2].partition("</table>")[0]
    assert novelty
    assert not [row for row in novelty.split("<tr>") if row.rpartition("<td")[2].count("<b>")]
