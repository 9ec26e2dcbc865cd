"""An evaluation's report for people: one HTML file without scripts or anything to fetch, and its charts. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from usher.charts import Interval, bars
from usher.diagnosis_page import figures, section
from usher.html_parts import Html, code, document, facts, fold, note, number, table, text, when
from usher.html_parts import pictures as beside

CHARTED = (
    "mean_reciprocal_rank", "normalized_discounted_cumulative_gain_at_25", "precision_at_10", "recall_at_25",
    "coverage", "novelty",
)  # fmt: skip
DECISIVE = CHARTED[:2]
NO_BEST = {"novelty"}
"""More of it is neither better nor worse."""
SPLITS = {
    "last-tenth": "each user's last tenth",
    "global": "everything after one moment",
    "last-one": "each user's last event",
}
FORMS = {"raw": "as recommended", "dedup": "with new items first"}
"""What the user has met before follows, where a list has room."""
NOT_COMPARABLE = "live"
"""Contenders of this kind were trained on what is held back, too."""


def page(report: Mapping[str, Any]) -> str:
    """The page of an evaluation, from its report as it stands; of what is missing, nothing is shown."""
    drawn = pictures(report)
    metrics = [svg for name, svg in drawn.items() if name in CHARTED]
    sections = (
        _head(report),
        *(note("bad", one) for one in report.get("problems", [])),
        beside(metrics),
        *_scores(report),
        _segments(report, drawn),
        _contenders(report),
        *_samples(report),
        section(report.get("diagnosis")),
    )
    return document(f"{report.get('group', '')}: evaluation", sections)


def pictures(report: Mapping[str, Any]) -> dict[str, str]:
    """The charts of a report as SVG, by name."""
    scores = report.get("scores", [])
    drawn = {}
    for metric in CHARTED:
        if any(_interval(one, metric) for one in scores):
            drawn[metric] = bars(title(metric), *_grouped(scores, "form", metric, FORMS))
    for metric in DECISIVE:
        segments = [
            one for one in report.get("segments", []) if one["form"] == _form(report) and _interval(one, metric)
        ]
        if segments:
            drawn[f"segments_{metric}"] = bars(f"{title(metric)}, by segment", *_grouped(segments, "segment", metric))
    return drawn | figures(report.get("diagnosis") or {})


def verdict(report: Mapping[str, Any]) -> list[str]:
    """Which contender is best, and whether by more than chance: a sentence for each decisive metric that is known."""
    kinds = {one["name"]: one["kind"] for one in report.get("contenders", [])}
    scores = [
        one
        for one in report.get("scores", [])
        if one["form"] == _form(report) and kinds.get(one["contender"]) != NOT_COMPARABLE
    ]
    known = {metric: [one for one in scores if _interval(one, metric)] for metric in DECISIVE}
    return [_leader(metric, found, kinds) for metric, found in known.items() if found]


def title(metric: str, *, begins: bool = True) -> str:
    """A metric's name for people. `begins`: a line."""
    words = metric.replace("normalized_discounted_cumulative_gain", "NDCG").replace("legacy_ndcg", "legacy NDCG")
    spelt = words.replace("_", " ").replace(" rank over hits", " rank, over all hits")
    return spelt[:1].upper() + spelt[1:] if begins else spelt


def _leader(metric: str, scores: Sequence[Mapping[str, Any]], kinds: Mapping[str, str]) -> str:
    """Who is best by a metric, and how that compares with the best baseline."""

    def best_of(some: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        return max(some, key=lambda one: float(one["metrics"][metric]["value"]))

    best = best_of(scores)
    baselines = [one for one in scores if kinds.get(one["contender"]) == "baseline"]
    said = f"By {title(metric, begins=False)} of lists {FORMS[best['form']]}, "
    if best in baselines:
        others = "no trained model beats the baseline" if len(baselines) < len(scores) else "best of the baselines is"
        return f"{said}{others} {best['contender']}: {_told(best, metric)}."
    said += f"{best['contender']} is best: {_told(best, metric)}"
    if not baselines:
        return f"{said}."
    other = best_of(baselines)
    clear = best["metrics"][metric]["low"] > other["metrics"][metric]["high"]
    return f"{said}, {'' if clear else 'not '}clear of the best baseline, {other['contender']}: {_told(other, metric)}."


def _told(score: Mapping[str, Any], metric: str) -> str:
    value, low, high = _interval(score, metric) or (0.0, 0.0, 0.0)
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def _head(report: Mapping[str, Any]) -> str:
    split = report.get("split") or {}
    figures = {
        "Held back": SPLITS.get(split.get("kind", ""), split.get("kind", "")),
        "Events in all": number(split.get("events"), ",d"),
        "Of which held back": number(split.get("heldOut"), ",d"),
        "Users with some held back": number(split.get("users"), ",d"),
        "Users judged": f"one in {split['oneIn']}" if split.get("oneIn", 1) > 1 else "",
        "Items": number(split.get("items"), ",d"),
        "Held back from": when(split.get("from")),
        "Held back until": when(split.get("to")),
        "Made": when(report.get("createdAt")),
    }
    judged = "".join(f"<p>{text(one)}</p>" for one in verdict(report))
    said = f'<div class="note busy">{judged}</div>' if judged else ""
    where = f'<p class="dim">{code("run " + report["run"])}</p>' if report.get("run") else ""
    return f"<h1>{text(report.get('group', ''))}: evaluation</h1>{where}{said}{facts(figures)}"


def _scores(report: Mapping[str, Any]) -> Iterator[str]:
    """A table for each form: a row for each metric, a column for each contender."""
    kinds = {one["name"]: one["kind"] for one in report.get("contenders", [])}
    for form, words in FORMS.items():
        scores = [one for one in report.get("scores", []) if one["form"] == form]
        rows = []
        for metric in _unique(name for one in scores for name in one["metrics"]):
            values = [
                found[0]
                for one in scores
                if kinds.get(one["contender"]) != NOT_COMPARABLE and (found := _interval(one, metric))
            ]
            best = max(values, default=None) if metric not in NO_BEST else None
            rows.append([title(metric), *(_cell(_interval(one, metric), best) for one in scores)])
        rows += [[name, *(number(one.get(key), ",d") for one in scores)] for name, key in COUNTS if scores]
        yield table(f"Metrics of the lists {words}", ["Metric", *(f"#{one['contender']}" for one in scores)], rows)


COUNTS = (("Users", "users"), ("Lists with fewer than 25 items", "short"))


def _cell(interval: Interval | None, best: float | None) -> Html | str:
    """A value, bold if it's the best, with its interval below."""
    if not interval:
        return ""
    value, low, high = interval
    shown = f"<b>{value:.4f}</b>" if value == best and value else f"{value:.4f}"
    around = f'<small class="dim">{low:.4f} to {high:.4f}</small>' if high > low else ""
    return Html(shown + around)


def _segments(report: Mapping[str, Any], drawn: Mapping[str, str]) -> str:
    charts = [svg for name, svg in drawn.items() if name.startswith("segments_")]
    rows = [
        [one["segment"], one["contender"], FORMS.get(one["form"], one["form"]), number(one.get("users"), ",d")]
        + [_cell(_interval(one, metric), None) for metric in DECISIVE]
        for one in report.get("segments", [])
    ]
    head = ["Segment", "Contender", "Lists", "#Users", *(f"#{title(metric)}" for metric in DECISIVE)]
    heading = "<h2>By segment</h2>" if rows else ""
    return heading + beside(charts) + fold("Figures", table("", head, rows))


def _contenders(report: Mapping[str, Any]) -> str:
    rows = [
        [one["name"], one["kind"], one.get("recipe", ""), number(one.get("answered"), ",d"),
         number(one.get("missing"), ",d"), " ".join(one.get("notes", []))]
        for one in report.get("contenders", [])
    ]  # fmt: skip
    head = ["Contender", "Kind", "Recipe", "#Users answered", "#Users missing", "Notes"]
    return table("Contenders", head, rows)


def _samples(report: Mapping[str, Any]) -> Iterator[str]:
    """A fold for each sample user: what was before, what came, and what each contender recommended."""
    for place, sample in enumerate(report.get("samples", [])):
        lists = {"Before": sample.get("history", []), "Held back": sample.get("heldOut", [])} | sample.get("lists", {})
        length = max(map(len, lists.values()))
        rows = [
            [row + 1, *(_item(items[row]) if row < len(items) else "" for items in lists.values())]
            for row in range(length)
        ]
        if not place:
            yield "<h2>Sample users</h2>"
        yield fold(f"User {sample['user']}", table("", ["#", *lists], rows), is_open=not place)


def _item(item: Mapping[str, Any]) -> Html | str:
    shown = item.get("title") or item["id"]
    return Html(f'<span class="tag good">✓</span> <b>{text(shown)}</b>') if item.get("hit") else shown


def _grouped(
    scores: Sequence[Mapping[str, Any]], by: str, metric: str, names: Mapping[str, str] | None = None
) -> tuple[list[str], list[tuple[str, list[Interval | None]]]]:
    """For a chart of bars: the legend, and for each contender an interval for each entry of it."""
    found = {(one["contender"], one[by]): _interval(one, metric) for one in scores}
    entries = _unique(one[by] for one in scores)
    rows = [(name, [found.get((name, entry)) for entry in entries]) for name in _unique(name for name, _ in found)]
    return [(names or {}).get(entry, entry) for entry in entries], rows


def _interval(score: Mapping[str, Any], metric: str) -> Interval | None:
    """A metric's value, and from where to where it may lie; one without interval lies where it is."""
    one = score["metrics"].get(metric) or {}
    value = one.get("value")
    return None if value is None else (value, one.get("low", value), one.get("high", value))


def _form(report: Mapping[str, Any]) -> str:
    """The form that is judged by: with new items first, if there is that."""
    return "dedup" if any(one["form"] == "dedup" for one in report.get("scores", [])) else "raw"


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
