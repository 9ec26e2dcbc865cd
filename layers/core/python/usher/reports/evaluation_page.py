"""An evaluation's report for people: one HTML file without scripts or anything to fetch, and its charts. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from usher.reports.charts import Interval, bars
from usher.reports.diagnosis_page import figures, section
from usher.reports.html import Html, code, document, facts, fold, note, number, table, text, when
from usher.reports.html import pictures as beside

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
    near = [
        one["contender"]
        for one in scores
        if one is not best and one["metrics"][metric]["high"] >= best["metrics"][metric]["low"]
    ]
    rivals = [name for name in near if kinds.get(name) != "baseline"]
    said += f", within chance of {', '.join(rivals)}" if rivals else ""
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
        "Items to learn from": number(split.get("items"), ",d"),
        "Held back from": when(split.get("from")),
        "Held back until": when(split.get("to")),
        "Made": when(report.get("createdAt")),
    }
    judged = "".join(f"<p>{text(one)}</p>" for one in verdict(report))
    said = f'<div class="note busy">{judged}</div>' if judged else ""
    where = f'<p class="dim">{code("run " + report["run"])}</p>' if report.get("run") else ""
    return f"<h1>{text(report.get('group', ''))}: evaluation</h1>{where}{said}{facts(figures)}"


def _scores(report: Mapping[str, Any]) -> Iterator[str]:
    """A table for each form: a row for each contender, the main metrics; all others in a fold."""
    for form, words in FORMS.items():
        scores = [one for one in report.get("scores", []) if one["form"] == form]
        metrics = _unique(name for one in scores for name in one["metrics"])
        yield _metrics(f"Metrics of the lists {words}", report, scores, [name for name in MAIN if name in metrics])
        rest = [name for name in metrics if name not in MAIN]
        yield fold("More metrics", _metrics("", report, scores, rest)) if rest else ""
    yield fold("What the figures mean", table("", ["", ""], MEANINGS)) if report.get("scores") else ""


def _metrics(
    heading: str, report: Mapping[str, Any], scores: Sequence[Mapping[str, Any]], metrics: Sequence[str]
) -> str:
    kinds = {one["name"]: one["kind"] for one in report.get("contenders", [])}
    judged = [one for one in scores if kinds.get(one["contender"]) != NOT_COMPARABLE]
    values = {name: [found[0] for one in judged if (found := _interval(one, name))] for name in metrics}
    best = {name: max(found, default=None) for name, found in values.items() if name not in NO_BEST}
    rows = [
        [
            one["contender"],
            *(_cell(_interval(one, name), best.get(name)) for name in metrics),
            number(one.get("short"), ",d"),
        ]
        for one in scores
    ]
    return table(heading, ["Contender", *(f"#{short(name)}" for name in metrics), "#Short lists"], rows)


CUTS = (5, 10, 25)
MAIN = (
    "mean_reciprocal_rank",
    *(f"precision_at_{cut}" for cut in CUTS),
    *(f"normalized_discounted_cumulative_gain_at_{cut}" for cut in CUTS),
    "recall_at_25", "coverage",
)  # fmt: skip
SHORT = {
    "normalized_discounted_cumulative_gain": "NDCG", "legacy_ndcg": "legacy NDCG", "mean_reciprocal_rank": "MRR",
    "average_precision": "AP", "precision": "P", "recall": "R", "_at_": "@", "_": " ",
}  # fmt: skip
MEANINGS = (
    ("MRR", "Mean reciprocal rank: one divided by the place of the first item that the user met later; 1 is best."),
    ("P@5", "Precision: which share of the first five items the user met later; likewise of 10 and 25."),
    ("NDCG@5", "Whether such items are on top: 1 if they come first, down to 0. Personalize's definition."),
    ("R@25", "Recall: which share of what the user met later is in the list."),
    ("Coverage", "Which share of all items is recommended to anybody."),
    ("Novelty", "How little known the items are: 1 if every second user knows them, 10 if one in 1,000 does."),
    ("AP, MRR over hits, legacy NDCG", "The notebook's other metrics: AWS's samples have figures to compare with."),
    ("Small figures", "Within these limits the mean lies in 95 % of samples of users (bootstrap)."),
    ("Short lists", "Users whose list has fewer than 25 items."),
    ("Head, tail", "The most popular items that together have 80 % of the events; all others."),
    ("Warm, cold", "Users with 10 events to learn from or more; with fewer."),
    ("Similar items", "Recipes of this kind are asked for items like the one that the user met last."),
    ("Rankings", "Recipes of this kind put the 100 most popular items into an order for the user."),
)


def short(metric: str) -> str:
    """A metric's name at the head of a column."""
    for words, short in SHORT.items():
        metric = metric.replace(words, short)
    return metric[:1].upper() + metric[1:]


def _cell(interval: Interval | None, best: float | None) -> Html | str:
    """A value, bold if it's the best, with its interval below."""
    if not interval:
        return ""
    value, low, high = interval
    shown = f"<b>{value:.4f}</b>" if value == best and value else f"{value:.4f}"
    around = f'<small class="dim">{low:.3f} to {high:.3f}</small>' if high > low else ""
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
    samples = report.get("samples", [])
    hits = [sum(item.get("hit", False) for items in one.get("lists", {}).values() for item in items) for one in samples]
    for place, sample in enumerate(samples):
        lists = {"Before": sample.get("history", []), "Held back": sample.get("heldOut", [])} | sample.get("lists", {})
        length = max(map(len, lists.values()))
        rows = [
            [row + 1, *(_item(items[row]) if row < len(items) else "" for items in lists.values())]
            for row in range(length)
        ]
        if not place:
            yield "<h2>Sample users</h2>"
        yield fold(f"User {sample['user']}", table("", ["#", *lists], rows), is_open=place == hits.index(max(hits)))


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
