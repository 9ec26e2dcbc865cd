"""A diagnosis for people: key figures, what to make of them, and charts. Pure, and on its own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from usher.reports.charts import Axis, Series, lines
from usher.reports.html import Html, facts, note, pictures, table
from usher.reports.insights import advice, span


def section(report: Mapping[str, Any] | None) -> str:
    """The part of a page that tells of a diagnosis; nothing if there is none."""
    if not report or not report.get("events"):
        return ""
    notes = "".join(note("hold", one) for one in advice(report))
    types = [[name, f"{count:,d}"] for name, count in report["types"].items()]
    told = f"{_key_figures(report)}{notes}{pictures(figures(report).values())}"
    return f"<h2>What the interactions tell</h2>{told}{table('Events by type', ['Type', '#Events'], types)}"


def figures(report: Mapping[str, Any]) -> dict[str, str]:
    """The charts of a diagnosis as SVG, by name; none of one without events."""
    if not report.get("events"):
        return {}
    periods = report["periods"]
    across = Axis(f"beginning of each {span(periods['seconds'])}", labels=_labels(periods))
    return {
        "power_law": _power_law(report),
        "activity": lines("Activity", [_over_time("events", periods["events"])], across, Axis("events")),
        "drift": lines(
            "Drift of popularity",
            [
                _over_time("like the period before", periods["likeBefore"]),
                _over_time("like the last", periods["likeLast"]),
            ],
            across,
            Axis("likeness (cosine), 1: the same", most=1),
        ),
        "cold_start": lines(
            "Cold start: events by who and what is new",
            [_over_time("by new users", periods["newUsers"]), _over_time("on new items", periods["newItems"])],
            across,
            Axis("share of the events", most=1),
        ),
    }


def _key_figures(report: Mapping[str, Any]) -> Html:
    users, items, sampled = report["users"], report["items"], report["sampled"]
    samples = ", ".join(f"one {NAMES[name]} in {rate}" for name, rate in sampled.items())
    said = f'<p class="dim">Estimated from samples: {samples}.</p>' if samples else ""

    def counted(name: str) -> str:
        about = "about " if name in sampled else ""
        return f"{about}{report[name]['number']:,d}"

    shown = facts(
        {
            "Events": f"{report['events']:,d}",
            "From": report["from"][:10],
            "To": report["to"][:10],
            "Users": counted("users"),
            "Events of a user": _per_head(users),
            "Users with one event": f"{users['single']:.1%}",
            "Items": counted("items"),
            "Events on an item": _per_head(items),
            "Top 1 % of items take": f"{items['top1']:.1%}",
            "Top 10 % of items take": f"{items['top10']:.1%}",
            "On an item again": f"{report['repeats']:.1%}",
            "Duplicates": f"{report['duplicates']:.2%}",
            "Items not in items.csv": _percent(items.get("withoutMetadata")),
            "Of items.csv without events": _percent(items.get("withoutEvents")),
            "Users not in users.csv": _percent(users.get("withoutMetadata")),
            "Of users.csv without events": _percent(users.get("withoutEvents")),
        }
    )
    return Html(shown + said)


NAMES = {
    "users": "user", "items": "item", "usersByPeriod": "user (over time)", "itemsByPeriod": "item (over time)",
    "pairs": "pair of user and item", "events": "event (duplicates)",
}  # fmt: skip


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _per_head(one: Mapping[str, Any]) -> str:
    return f"median {one['median']:g}, mean {one['mean']:.1f}"


def _power_law(report: Mapping[str, Any]) -> str:
    def series() -> Iterator[Series]:
        for name in ("items", "users"):
            slope, fit = report[name]["slope"], report[name]["fit"]
            law = f": slope {slope:.2f}, R² {fit:.2f}" if slope is not None else ""
            yield Series(f"{name}{law}", report[name]["points"], joined=False)

    return lines("Power law of items and users", [*series()], Axis("rank", log=True), Axis("events", log=True))


def _over_time(name: str, values: Sequence[float | None]) -> Series:
    return Series(name, list(enumerate(values)))


def _labels(periods: Mapping[str, Any]) -> list[str]:
    """The beginning of each period: its date, or its time if they are shorter than a day."""
    if periods["seconds"] >= 86_400:
        return [start[:10] for start in periods["starts"]]
    return [f"{start[5:10]} {start[11:19]}" for start in periods["starts"]]
