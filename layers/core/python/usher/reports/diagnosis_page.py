"""The diagnosis of interactions as a section of a page: key figures, insights and charts. Pure."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from usher.reports.charts import Axis, Series, lines
from usher.reports.diagnosis_report import DiagnosisReport, Distribution, Periods
from usher.reports.html import facts, grid, heading, join, note, table
from usher.reports.insights import insights, period_name

SAMPLED = {
    "users": "user", "items": "item", "usersByPeriod": "user (over time)", "itemsByPeriod": "item (over time)",
    "pairs": "pair of user and item", "events": "event (duplicates)",
}  # fmt: skip
"""The names of the data that may be counted in a sample."""


def render_diagnosis(report: DiagnosisReport | None) -> Markup:
    """The section on a diagnosis; empty without a diagnosis or events."""
    if not report or not report["events"]:
        return Markup("")
    types = [[name, f"{count:,d}"] for name, count in report["types"].items()]
    return join(
        (
            heading("Diagnosis of the interactions"),
            _key_figures(report),
            *(note("warn", insight) for insight in insights(report)),
            grid(diagnosis_charts(report).values()),
            table("Events by type", ["Type", "#Events"], types),
        )
    )


def diagnosis_charts(report: DiagnosisReport | None) -> dict[str, Markup]:
    """The charts of a diagnosis as SVG, by name; none without a diagnosis or events."""
    if not report or not report["events"]:
        return {}
    periods = report["periods"]
    across = Axis(f"start of each {period_name(periods['seconds'])}", labels=_labels(periods))
    return {
        "power_law": _power_law(report),
        "activity": lines("Activity", [_over_time("events", periods["events"])], across, Axis("events")),
        "drift": lines(
            "Drift of popularity",
            [
                _over_time("similarity to the period before", periods["likeBefore"]),
                _over_time("similarity to the last period", periods["likeLast"]),
            ],
            across,
            Axis("cosine similarity; 1: identical", minimum_end=1),
        ),
        "cold_start": lines(
            "Cold start: events by new users and on new items",
            [_over_time("by new users", periods["newUsers"]), _over_time("on new items", periods["newItems"])],
            across,
            Axis("share of the events", minimum_end=1),
        ),
    }


def _key_figures(report: DiagnosisReport) -> Markup:
    users, items, sampled = report["users"], report["items"], report["sampled"]
    samples = ", ".join(f"one {SAMPLED[name]} in {rate}" for name, rate in sampled.items())
    estimated = Markup('<p class="dim">Estimated from samples: {}.</p>').format(samples) if samples else ""

    def number(name: str, distribution: Distribution) -> str:
        return f"{'about ' if name in sampled else ''}{distribution['number']:,d}"

    figures = facts(
        {
            "Events": f"{report['events']:,d}",
            "First event": report["from"][:10],
            "Last event": report["to"][:10],
            "Users": number("users", users),
            "Events per user": _events_per_id(users),
            "Users with one event": f"{users['single']:.1%}",
            "Items": number("items", items),
            "Events per item": _events_per_id(items),
            "Share of the top 1 % of items": f"{items['top1']:.1%}",
            "Share of the top 10 % of items": f"{items['top10']:.1%}",
            "Repeated user and item": f"{report['repeats']:.1%}",
            "Duplicates": f"{report['duplicates']:.2%}",
            "Items not in items.csv": _percent(items.get("withoutMetadata")),
            "Items without events": _percent(items.get("withoutEvents")),
            "Users not in users.csv": _percent(users.get("withoutMetadata")),
            "Users without events": _percent(users.get("withoutEvents")),
        }
    )
    return figures + estimated


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _events_per_id(distribution: Distribution) -> str:
    return f"median {distribution['median']:g}, mean {distribution['mean']:.1f}"


def _power_law(report: DiagnosisReport) -> Markup:
    def series() -> Iterator[Series]:
        for name, distribution in (("items", report["items"]), ("users", report["users"])):
            slope, fit = distribution["slope"], distribution["fit"]
            law = f": slope {slope:.2f}, R² {fit:.2f}" if slope is not None else ""
            yield Series(f"{name}{law}", distribution["points"], joined=False)

    return lines("Power law of items and users", [*series()], Axis("rank", log=True), Axis("events", log=True))


def _over_time(name: str, values: Sequence[float | None]) -> Series:
    return Series(name, list(enumerate(values)))


def _labels(periods: Periods) -> list[str]:
    """The start of each period: its date, or its time if periods are shorter than a day."""
    if periods["seconds"] >= 86_400:
        return [start[:10] for start in periods["starts"]]
    return [f"{start[5:10]} {start[11:19]}" for start in periods["starts"]]
