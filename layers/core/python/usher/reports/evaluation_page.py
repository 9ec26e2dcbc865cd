"""The page of an evaluation, from its report: one HTML file without scripts, which loads nothing. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from markupsafe import Markup

from usher.reports.charts import Interval, bars
from usher.reports.diagnosis_page import diagnosis_charts, render_diagnosis
from usher.reports.evaluation_report import EvaluationReport, ReportItem, Score
from usher.reports.html import code, document, facts, fold, grid, heading, join, note, number, table, when

CHARTED = (
    "mean_reciprocal_rank", "normalized_discounted_cumulative_gain_at_25", "precision_at_10", "recall_at_25",
    "coverage", "novelty",
)  # fmt: skip
DECISIVE = CHARTED[:2]
WITHOUT_BEST = {"novelty"}
"""Metrics of which more is neither better nor worse."""
SPLITS = {
    "last-tenth": "the newest tenth of each user's events",
    "global": "all events after one moment",
    "last-one": "the newest event of each user",
}
FORMS = {"raw": "as recommended", "dedup": "with new items first"}
"""The forms of lists; after the items that are new to the user come those that the user has met."""
DECISIVE_FORM = "dedup"
NOT_COMPARABLE = "live"
"""Contenders of this kind may have been trained on the held-out events."""
CUTOFFS = (5, 10, 25)
MAIN = (
    "mean_reciprocal_rank",
    *(f"precision_at_{cutoff}" for cutoff in CUTOFFS),
    *(f"normalized_discounted_cumulative_gain_at_{cutoff}" for cutoff in CUTOFFS),
    "recall_at_25", "coverage",
)  # fmt: skip
SHORT_NAMES = {
    "normalized_discounted_cumulative_gain": "NDCG", "legacy_ndcg": "legacy NDCG", "mean_reciprocal_rank": "MRR",
    "average_precision": "AP", "precision": "P", "recall": "R", "_at_": "@", "_": " ",
}  # fmt: skip
MEANINGS = (
    ("MRR", "Mean reciprocal rank: one divided by the place of the first item that the user met later; 1 is best."),
    ("P@5", "Precision: the share of the first 5 items that the user met later; P@10 and P@25 likewise."),
    ("NDCG@5", "Whether such items are at the top: 1 if they come first, down to 0. Personalize's definition."),
    ("R@25", "Recall: the share of the items that the user met later that are in the list."),
    ("Coverage", "The share of all items that is recommended to anybody."),
    ("Novelty", "How little known the items are: 1 if every second user knows them, 10 if one in 1,000 does."),
    ("AP, MRR over hits, legacy NDCG", "More metrics of the notebook in AWS's samples, to compare with its figures."),
    ("Small figures", "The 95 % bootstrap interval: the mean is within it in 95 % of samples of users."),
    ("Short lists", "Users whose list has fewer than 25 items."),
    ("Head, tail", "The fewest items that together have 80 % of the events; all other items."),
    ("Warm, cold", "Users with 10 or more events in the training part; users with fewer."),
    ("Similar items", "Recipes of this type recommend items similar to the one that the user met last."),
    ("Rankings", "Recipes of this type order the 100 most popular items for each user."),
)


def render_evaluation_page(report: EvaluationReport) -> str:
    """The page of an evaluation."""
    charts = evaluation_charts(report)
    sections = (
        _head(report),
        *(note("bad", problem) for problem in report["problems"]),
        grid(svg for name, svg in charts.items() if name in CHARTED),
        *_scores(report),
        _segments(report, charts),
        _contenders(report),
        *_samples(report),
        render_diagnosis(report["diagnosis"]),
    )
    return document(f"{report['group']}: evaluation", sections)


def evaluation_charts(report: EvaluationReport) -> dict[str, Markup]:
    """The charts of a report as SVG, by name."""
    charts = {}
    for metric in CHARTED:
        intervals = {(score["contender"], FORMS[score["form"]]): _interval(score, metric) for score in report["scores"]}
        charts[metric] = _bars(metric_name(metric), intervals)
    for metric in DECISIVE:
        segments = [score for score in report["segments"] if score["form"] == DECISIVE_FORM]
        intervals = {(score["contender"], score["segment"]): _interval(score, metric) for score in segments}
        charts[f"segments_{metric}"] = _bars(f"{metric_name(metric)}, by segment", intervals)
    return charts | diagnosis_charts(report["diagnosis"])


def verdict(report: EvaluationReport) -> list[str]:
    """Which contender is best, and whether chance may explain it: a sentence for each decisive metric."""
    kinds = _kinds(report)
    scores = [
        score
        for score in report["scores"]
        if score["form"] == DECISIVE_FORM and kinds[score["contender"]] != NOT_COMPARABLE
    ]
    return [_best(metric, scores, kinds) for metric in DECISIVE if scores]


def metric_name(metric: str, *, is_start: bool = True) -> str:
    """The name of a metric for people. `is_start`: whether a line starts with it."""
    words = metric.replace("normalized_discounted_cumulative_gain", "NDCG").replace("legacy_ndcg", "legacy NDCG")
    name = words.replace("_", " ").replace(" rank over hits", " rank, over all hits")
    return name[:1].upper() + name[1:] if is_start else name


def short_name(metric: str) -> str:
    """The name of a metric at the head of a column."""
    for words, short in SHORT_NAMES.items():
        metric = metric.replace(words, short)
    return metric[:1].upper() + metric[1:]


def _best(metric: str, scores: Sequence[Score], kinds: Mapping[str, str]) -> str:
    """The best contender by a metric, and how it compares with the best baseline."""

    def best_of(candidates: Sequence[Score]) -> Score:
        return max(candidates, key=lambda score: score["metrics"][metric]["value"])

    def figures(score: Score) -> str:
        value, low, high = _interval(score, metric)
        return f"{score['contender']}: {value:.3f} ({low:.3f} to {high:.3f})"

    best = best_of(scores)
    value, low, high = _interval(best, metric)
    baselines = [score for score in scores if kinds[score["contender"]] == "baseline"]
    by = f"By {metric_name(metric, is_start=False)} of the lists {FORMS[DECISIVE_FORM]}, "
    if best in baselines:
        others = "no trained model beats the baseline" if len(baselines) < len(scores) else "the best baseline is"
        return f"{by}{others} {figures(best)}."
    trained = (score for score in scores if score is not best and score not in baselines)
    rivals = [score["contender"] for score in trained if _interval(score, metric)[2] >= low]
    chance = f", though chance may explain its lead over {', '.join(rivals)}" if rivals else ""
    sentence = f"{by}{best['contender']} is best: {value:.3f} ({low:.3f} to {high:.3f}){chance}"
    if not baselines:
        return f"{sentence}."
    baseline = best_of(baselines)
    is_clear = low > _interval(baseline, metric)[2]
    comparison = "clearly better" if is_clear else "not clearly better"
    return f"{sentence}. It is {comparison} than the best baseline, {figures(baseline)}."


def _head(report: EvaluationReport) -> Markup:
    split = report["split"]
    figures = {
        "Held out": SPLITS.get(split["kind"], split["kind"]),
        "Events": number(split["events"], ",d"),
        "Held-out events": number(split["heldOut"], ",d"),
        "Users with held-out events": number(split["users"], ",d"),
        "Sample of users": f"one in {split['oneIn']}" if split["oneIn"] > 1 else "",
        "Items in the training part": number(split["items"], ",d"),
        "First held-out event": when(split["from"]),
        "Last held-out event": when(split["to"]),
        "Created": when(report["createdAt"]),
    }
    sentences = join(Markup("<p>{}</p>").format(sentence) for sentence in verdict(report))
    return join(
        (
            Markup("<h1>{}: evaluation</h1>").format(report["group"]),
            Markup('<p class="dim">{}</p>').format(code(f"run {report['run']}")),
            sentences and Markup('<div class="note busy">{}</div>').format(sentences),
            facts(figures),
        )
    )


def _scores(report: EvaluationReport) -> Iterator[Markup]:
    """For each form a table with a row for each contender: the main metrics, and a fold with the others."""
    for form, words in FORMS.items():
        scores = [score for score in report["scores"] if score["form"] == form]
        metrics = _unique(name for score in scores for name in score["metrics"])
        title = f"Metrics of the lists {words}"
        yield _metrics(title, report, scores, [name for name in MAIN if name in metrics])
        yield fold("More metrics", _metrics("", report, scores, [name for name in metrics if name not in MAIN]))
    yield fold("What the figures mean", table("", ["", ""], MEANINGS))


def _metrics(title: str, report: EvaluationReport, scores: Sequence[Score], metrics: Sequence[str]) -> Markup:
    kinds = _kinds(report)
    comparable = [score for score in scores if kinds[score["contender"]] != NOT_COMPARABLE]
    best = {
        name: max((score["metrics"][name]["value"] for score in comparable), default=None)
        for name in metrics
        if name not in WITHOUT_BEST
    }
    rows = [
        [
            score["contender"],
            *(_cell(_interval(score, name), best.get(name)) for name in metrics),
            number(score.get("short"), ",d"),
        ]
        for score in scores
    ]
    return table(title, ["Contender", *(f"#{short_name(name)}" for name in metrics), "#Short lists"], rows)


def _cell(interval: Interval, best: float | None = None) -> Markup:
    """A value, bold if it is the best, with its interval below."""
    value, low, high = interval
    shown = (Markup("<b>{:.4f}</b>") if value == best and value else Markup("{:.4f}")).format(value)
    return shown + (Markup('<small class="dim">{:.3f} to {:.3f}</small>').format(low, high) if high > low else "")


def _segments(report: EvaluationReport, charts: Mapping[str, Markup]) -> Markup:
    if not report["segments"]:
        return Markup("")
    rows = [
        [score["segment"], score["contender"], FORMS[score["form"]], number(score["users"], ",d")]
        + [_cell(_interval(score, metric)) for metric in DECISIVE]
        for score in report["segments"]
    ]
    columns = ["Segment", "Contender", "Lists", "#Users", *(f"#{metric_name(metric)}" for metric in DECISIVE)]
    by_segment = grid(svg for name, svg in charts.items() if name.startswith("segments_"))
    return heading("Segments") + by_segment + fold("Figures", table("", columns, rows))


def _contenders(report: EvaluationReport) -> Markup:
    rows = [
        [
            contender["name"], contender["kind"], contender["recipe"], number(contender["answered"], ",d"),
            number(contender["missing"], ",d"), " ".join(contender["notes"]),
        ]
        for contender in report["contenders"]
    ]  # fmt: skip
    columns = ["Contender", "Kind", "Recipe", "#Users with a list", "#Users without", "Notes"]
    return table("Contenders", columns, rows)


def _samples(report: EvaluationReport) -> Iterator[Markup]:
    """A fold for each sample user; the one with most hits is open."""
    samples = report["samples"]
    hits = [sum(item.get("hit", False) for items in sample["lists"].values() for item in items) for sample in samples]
    if samples:
        yield heading("Sample users")
    for place, sample in enumerate(samples):
        lists = {"Training": sample["history"], "Held out": sample["heldOut"], **sample["lists"]}
        rows = [
            [row + 1, *(_item(items[row]) if row < len(items) else "" for items in lists.values())]
            for row in range(max(map(len, lists.values())))
        ]
        is_open = place == hits.index(max(hits))
        yield fold(f"User {sample['user']}", table("", ["#", *lists], rows), is_open=is_open)


def _item(item: ReportItem) -> str:
    name = item.get("title") or item["id"]
    return Markup('<span class="tag good">✓</span> <b>{}</b>').format(name) if item.get("hit") else name


def _kinds(report: EvaluationReport) -> dict[str, str]:
    return {contender["name"]: contender["kind"] for contender in report["contenders"]}


def _bars(title: str, intervals: Mapping[tuple[str, str], Interval]) -> Markup:
    """A chart of intervals by contender and entry of the legend."""
    contenders, legend = (_unique(pair[part] for pair in intervals) for part in (0, 1))
    return bars(title, legend, [(name, [intervals.get((name, entry)) for entry in legend]) for name in contenders])


def _interval(score: Score, metric: str) -> Interval:
    """A metric's value and the ends of its interval; without an interval, they are the value."""
    found = score["metrics"][metric]
    return found["value"], found.get("low", found["value"]), found.get("high", found["value"])


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
