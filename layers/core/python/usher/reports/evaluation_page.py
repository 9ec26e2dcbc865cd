"""The page of an evaluation, from its report: one HTML file without scripts, which loads nothing. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from markupsafe import Markup

from usher.reports.charts import Bars, Interval, bars
from usher.reports.diagnosis_page import diagnosis_charts, render_diagnosis
from usher.reports.evaluation_report import (
    DECISIVE_METRICS,
    DEDUP,
    EXPLORATION_OFF,
    EXPLORATION_ON,
    EXPLORATION_REMOVED,
    MIN_ANSWERED,
    RAW,
    Comparison,
    ContenderSummary,
    EvaluationReport,
    ReportItem,
    Score,
)
from usher.reports.html import code, document, facts, fold, grid, heading, join, note, number, table, when
from usher.texts import enumeration

CHARTED = (*DECISIVE_METRICS, "precision_at_10", "recall_at_25", "coverage", "novelty")
WITHOUT_BEST = {"novelty"}
"""Metrics of which more is neither better nor worse."""
SPLITS = {
    "last-tenth": "the newest tenth of each user's events",
    "global": "all events after one moment",
    "last-one": "the newest event of each user",
}
FORMS = {RAW: "as recommended", DEDUP: "with new items first"}
"""The forms of lists; items that are new to the user come before known ones."""
EXPLORATION = {
    EXPLORATION_OFF: "switched off", EXPLORATION_REMOVED: "unmet items removed", EXPLORATION_ON: "on",
}  # fmt: skip
MAX_CHANCE = 0.05
"""A difference of a smaller adjusted probability is more than chance."""
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
    ("p", "How likely such a difference is between equally good contenders. Below 0.05, it is more than chance."),
    ("Short lists", "Users whose list has fewer than 25 items."),
    ("Head, tail", "The fewest items that together have 80 % of the events; all other items."),
    ("Warm, cold", "Users with 10 or more events in the training part; users with fewer."),
)


def render_evaluation_page(report: EvaluationReport) -> str:
    """The page of an evaluation."""
    charts = evaluation_charts(report)
    sections = (
        _head(report),
        *(note("bad", problem) for problem in report["problems"]),
        grid(svg for name, svg in charts.items() if name in CHARTED),
        *_scores(report),
        *_comparisons(report),
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
        scores = {(score["contender"], FORMS[score["form"]]): score for score in report["scores"]}
        charts[metric] = _bars(metric_name(metric), metric, report, scores, FORMS.values())
    segments = _unique(score["segment"] for score in report["segments"])
    by_segment = {
        (score["contender"], score["segment"]): score
        for score in report["segments"]
        if score["form"] == report["decisiveForm"]
    }
    for metric in DECISIVE_METRICS:
        title = f"{metric_name(metric)}, by segment"
        charts[f"segments_{metric}"] = _bars(title, metric, report, by_segment, segments)
    return charts | diagnosis_charts(report["diagnosis"])


def verdict(report: EvaluationReport) -> list[str]:
    """The best contender, and whether chance may explain it; the criteria of lists, and the unranked contenders."""
    contenders = {contender["name"]: contender for contender in report["contenders"]}
    ranked = [
        score
        for score in report["scores"]
        if score["form"] == report["decisiveForm"] and contenders[score["contender"]]["ranked"]
    ]
    baselines = {name for name, contender in contenders.items() if contender["kind"] == "baseline"}
    sentences = [_best(metric, ranked, baselines, report["comparisons"]) for metric in DECISIVE_METRICS if ranked]
    if sentences:
        sentences.insert(0, _judged(report))
    if others := [labelled(contender) for contender in report["contenders"] if not contender["ranked"]]:
        sentences.append(f"Not ranked: {'; '.join(others)}.")
    return sentences


def labelled(contender: ContenderSummary) -> str:
    """A contender's name with its marks."""
    return ": ".join(filter(None, (contender["name"], ", ".join(contender["marks"]))))


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


def _judged(report: EvaluationReport) -> str:
    form = report["decisiveForm"]
    return f"Lists are scored {FORMS[form]}: {report['split']['repeats']:.0%} of the held-out events are repeats."


def _best(metric: str, ranked: Sequence[Score], baselines: Set[str], comparisons: Sequence[Comparison]) -> str:
    """The best contender by a metric, and its comparison with the others."""

    def value(score: Score) -> float:
        return score["metrics"][metric]["value"]

    def figures(score: Score) -> str:
        mean, low, high = _interval(score, metric)
        return f"{mean:.3f} ({low:.3f} to {high:.3f})"

    top = max(ranked, key=value)
    best = [score["contender"] for score in ranked if value(score) == value(top)]
    by = f"By {metric_name(metric, is_start=False)}, "
    if found := baselines & {*best}:
        others = "no model beats the baseline" if baselines < {one["contender"] for one in ranked} else "the best is"
        return f"{by}{others} {enumeration(sorted(found))}: {figures(top)}."
    verb = "are best, with equal figures" if len(best) > 1 else "is best"
    sentences = [f"{by}{enumeration(best)} {verb}: {figures(top)}."]
    leads = {
        one["contenders"][1]: one
        for one in comparisons
        if one["metric"] == metric and one["contenders"][0] == best[0] and one["contenders"][1] not in best
    }
    below = [score for score in ranked if score["contender"] in baselines and score["contender"] in leads]
    if below:
        baseline = max(below, key=value)
        lead = leads.pop(baseline["contender"])
        is_clear = "clearly" if lead["p"] < MAX_CHANCE else "not clearly"
        name = f"{baseline['contender']}: {figures(baseline)}"
        sentences.append(f"That is {is_clear} better ({chance(lead)}) than the best baseline, {name}.")
    if rivals := [f"{name} ({chance(lead)})" for name, lead in leads.items() if lead["p"] >= MAX_CHANCE]:
        sentences.append(f"Chance may explain the lead over {', '.join(rivals)}.")
    return " ".join(sentences)


def chance(comparison: Comparison) -> str:
    """The probability of a difference, for people."""
    return "p < 0.001" if comparison["p"] < 0.001 else f"p = {comparison['p']:.3f}"


def _head(report: EvaluationReport) -> Markup:
    split = report["split"]
    figures = {
        "Held out": SPLITS.get(split["kind"], split["kind"]),
        "Events": number(split["events"], ",d"),
        "Held-out events": number(split["heldOut"], ",d"),
        "Repeats among them": f"{split['repeats']:.0%}",
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
    """A table for each form with a row for each contender: the main metrics, and a fold with the others."""
    for form, words in FORMS.items():
        scores = [score for score in report["scores"] if score["form"] == form]
        metrics = _unique(name for score in scores for name in score["metrics"])
        title = f"Metrics of the lists {words}"
        yield _metrics(title, report, scores, [name for name in MAIN if name in metrics])
        yield fold("More metrics", _metrics("", report, scores, [name for name in metrics if name not in MAIN]))
    yield fold("Meaning of the figures", table("", ["", ""], MEANINGS))


def _metrics(title: str, report: EvaluationReport, scores: Sequence[Score], metrics: Sequence[str]) -> Markup:
    contenders = {contender["name"]: contender for contender in report["contenders"]}
    ranked = [score for score in scores if contenders[score["contender"]]["ranked"]]
    best = {
        name: max((score["metrics"][name]["value"] for score in ranked), default=None)
        for name in metrics
        if name not in WITHOUT_BEST
    }
    by_name = {score["contender"]: score for score in scores}
    rows: list[list[object]] = []
    for name, contender in contenders.items():
        score = by_name.get(name)
        figures = [_cell(_interval(score, one), best.get(one)) if score else "" for one in metrics]
        rows.append([_name_with_marks(contender), *figures, number(score.get("short"), ",d") if score else ""])
    return table(title, ["Contender", *(f"#{short_name(name)}" for name in metrics), "#Short lists"], rows)


def _name_with_marks(contender: ContenderSummary) -> Markup:
    """A contender's name, with its marks below."""
    marks = join(Markup('<small class="warn">{}</small>').format(mark) for mark in contender["marks"])
    return Markup("<div>{}{}</div>").format(contender["name"], marks)


def _comparisons(report: EvaluationReport) -> Iterator[Markup]:
    """The best contender by each metric beside the others, and a fold with all pairs."""
    best = {one["metric"]: one["contenders"][0] for one in reversed(report["comparisons"])}
    leads = [one for one in report["comparisons"] if one["contenders"][0] == best[one["metric"]]]
    yield _differences(f"Differences of the lists {FORMS[report['decisiveForm']]}", report, leads)
    yield fold("All pairs", _differences("", report, report["comparisons"]))


def _differences(title: str, report: EvaluationReport, comparisons: Sequence[Comparison]) -> Markup:
    names = {contender["name"]: _name_with_marks(contender) for contender in report["contenders"]}
    rows = [
        [
            metric_name(one["metric"]), *(names[name] for name in one["contenders"]),
            _cell((one["difference"], one["low"], one["high"])), chance(one).removeprefix("p = ").removeprefix("p "),
            "yes" if one["p"] < MAX_CHANCE else "no",
        ]
        for one in comparisons
    ]  # fmt: skip
    return table(title, ["Metric", "Better", "Than", "#By", "#p", "More than chance"], rows)


def _cell(interval: Interval, best: float | None = None) -> Markup:
    """A value, bold if it is the best, with its interval below."""
    value, low, high = interval
    shown = (Markup("<b>{:.4f}</b>") if value == best and value else Markup("{:.4f}")).format(value)
    limits = Markup('<small class="dim">{:.3f} to {:.3f}</small>').format(low, high) if high > low else ""
    return Markup("<div>{}{}</div>").format(shown, limits)


def _segments(report: EvaluationReport, charts: Mapping[str, Markup]) -> Markup:
    if not report["segments"]:
        return Markup("")
    contenders = {contender["name"]: contender for contender in report["contenders"]}
    rows = [
        [
            score["segment"], _name_with_marks(contenders[score["contender"]]), FORMS[score["form"]],
            number(score["users"], ",d"), number(score["answered"], ",d"),
            *(_cell(_interval(score, metric)) for metric in DECISIVE_METRICS),
        ]
        for score in report["segments"]
    ]  # fmt: skip
    metrics = (f"#{metric_name(metric)}" for metric in DECISIVE_METRICS)
    columns = ["Segment", "Contender", "Lists", "#Users", "#With a list", *metrics]
    by_segment = grid(svg for name, svg in charts.items() if name.startswith("segments_"))
    return heading("Segments") + by_segment + fold("Figures", table("", columns, rows))


def _contenders(report: EvaluationReport) -> Markup:
    rows = [
        [
            _name_with_marks(contender), contender["kind"], contender["recipe"],
            EXPLORATION.get(contender["exploration"], ""),
            number(contender["answered"], ",d"), number(contender["missing"], ",d"), " ".join(contender["notes"]),
        ]
        for contender in report["contenders"]
    ]  # fmt: skip
    columns = ["Contender", "Kind", "Recipe", "Exploration", "#Users with a list", "#Users without", "Notes"]
    return table("Contenders", columns, rows)


def _samples(report: EvaluationReport) -> Iterator[Markup]:
    """A fold for each sample user; the one with most hits is open."""
    samples, names = report["samples"], {one["name"]: _name_with_marks(one) for one in report["contenders"]}
    hits = [sum(item.get("hit", False) for items in sample["lists"].values() for item in items) for sample in samples]
    if samples:
        yield heading("Sample users")
    for place, sample in enumerate(samples):
        lists = {"Training": sample["history"], "Held out": sample["heldOut"], **sample["lists"]}
        rows = [[names.get(name, name), _items(items)] for name, items in lists.items()]
        is_open = place == hits.index(max(hits))
        yield fold(f"User {sample['user']}", table("", ["List", "Items, in order"], rows), is_open=is_open)


def _items(items: Sequence[ReportItem]) -> Markup:
    return Markup("<div>{}</div>").format(Markup(" · ").join(map(_item, items)))


def _item(item: ReportItem) -> str:
    name = item.get("title") or item["id"]
    return Markup('<span class="tag good">✓</span> <b>{}</b>').format(name) if item.get("hit") else name


def _bars(
    title: str, metric: str, report: EvaluationReport, scores: Mapping[tuple[str, str], Score], legend: Iterable[str]
) -> Markup:
    """A chart of scores by contender and entry of the legend."""
    entries = list(legend)

    def shown(contender: str, entry: str) -> Interval | None:
        score = scores.get((contender, entry))
        return _interval(score, metric) if score and score["answered"] >= MIN_ANSWERED * score["users"] else None

    groups = [
        Bars(
            contender["name"], [shown(contender["name"], entry) for entry in entries], contender["marks"],
            not contender["ranked"],
        )
        for contender in report["contenders"]
    ]  # fmt: skip
    return bars(title, entries, groups)


def _interval(score: Score, metric: str) -> Interval:
    """A metric's value and the ends of its interval; without an interval, they are the value."""
    found = score["metrics"][metric]
    return found["value"], found.get("low", found["value"]), found.get("high", found["value"])


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
