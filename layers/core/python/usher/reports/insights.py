"""Insights from a diagnosis: rules of thumb that the interactions break, each with a remedy. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from usher.reports.diagnosis_report import DiagnosisReport

UNITS = (
    (604_800, "week", "weeks"), (86_400, "day", "days"), (3600, "hour", "hours"), (60, "minute", "minutes"),
    (1, "second", "seconds"),
)  # fmt: skip
MIN_PERIODS = 20
"""The least number of periods: the concentration of fewer periods means nothing."""


@dataclass(frozen=True, slots=True)
class Insight:
    """A rule of thumb on a value of the diagnosis."""

    threshold: float
    """The value from which the insight applies, or up to which if `below`."""
    value: Callable[[DiagnosisReport], float | None]
    message: str
    """The message, with {value}, and {period} for the length of a period."""
    remedy: str
    below: bool = False

    def applies(self, value: float | None) -> bool:
        """Whether a value is beyond the threshold; false for an unknown value."""
        if value is None:
            return False
        return value <= self.threshold if self.below else value >= self.threshold


def insights(report: DiagnosisReport) -> list[dict[str, str]]:
    """The message and remedy of each insight that applies, the most serious first."""
    if not report["events"]:
        return []
    period = period_name(report["periods"]["seconds"])
    values = ((insight, insight.value(report)) for insight in INSIGHTS)
    return [
        {"message": insight.message.format(value=value, period=period), "remedy": insight.remedy}
        for insight, value in values
        if insight.applies(value)
    ]


def period_name(seconds: int) -> str:
    """The length of a period in words: week, 4 weeks."""
    size, singular, plural = next(unit for unit in UNITS if seconds % unit[0] == 0)
    return singular if seconds == size else f"{seconds // size:,} {plural}"


def _mean(name: Literal["newItems", "newUsers", "likeBefore"]) -> Callable[[DiagnosisReport], float | None]:
    """A value's mean over the periods, each weighted by its events. The first period has no value, as none
    precedes it.
    """

    def mean(report: DiagnosisReport) -> float | None:
        periods = report["periods"]
        pairs = list(zip(periods[name], periods["events"], strict=True))[1:]
        known = [(value, events) for value, events in pairs if value is not None]
        return sum(value * events for value, events in known) / sum(events for _, events in known) if known else None

    return mean


def time_concentration(report: DiagnosisReport) -> float | None:
    """The share of the periods that together hold 99 % of the events; None if there are few periods."""
    events: Iterable[int] = sorted(report["periods"]["events"], reverse=True)
    total, count = sum(report["periods"]["events"]), len(report["periods"]["events"])
    if count < MIN_PERIODS:
        return None
    needed = next(place for place, running in enumerate(accumulate(events), 1) if running >= 0.99 * total)
    return needed / count


INSIGHTS: Sequence[Insight] = (
    Insight(
        0.1, time_concentration,
        "99 % of the events lie in {value:.0%} of the time between the first and the last.",
        "Look for wrong timestamps: events that are far too old or too new distort what models learn from order and "
        "recency.",
        below=True,
    ),
    Insight(
        0.01, lambda report: report["duplicates"],
        "{value:.1%} of the events are duplicates: same user, item and time.",
        "They count twice in training. Equal rows are left out with `deduplicate: true` in usher.yaml, unless your "
        "timestamps are coarse.",
    ),
    Insight(
        0.5, lambda report: report["users"]["single"],
        "{value:.0%} of the users have a single event.",
        "There is little to personalize for them. Show them popular items or items similar to the one they look "
        "at, and send events over the API while they browse. Check that one person keeps one USER_ID.",
    ),
    Insight(
        2, lambda report: report["users"]["median"],
        "Half of the users have {value:g} events or fewer.",
        "Drop a longer history, or further kinds of events (views as well as purchases).",
        below=True,
    ),
    Insight(
        0.5, lambda report: report["items"]["top1"],
        "The top 1 % of the items have {value:.0%} of the events.",
        "Popularity alone will score well: compare models with it before you pay for one, and watch coverage and "
        "novelty.",
    ),
    Insight(
        0.2, _mean("newItems"),
        "{value:.0%} of the events are on items that are new in the same {period}.",
        "Retrain more often than that, give new items metadata in items.csv, and use a recipe that explores "
        "(aws-user-personalization-v2).",
    ),
    Insight(
        0.5, _mean("newUsers"),
        "{value:.0%} of the events are by users who are new in the same {period}.",
        "Send events over the API, as recommendations use them at once. Add users.csv, or context that is known of "
        "new users, too.",
    ),
    Insight(
        0.5, _mean("likeBefore"),
        "Item popularity changes from one {period} to the next: the mean similarity is {value:.2f} of 1.",
        "Retrain more often, leave out old interactions, and compare models with time-decayed popularity.",
        below=True,
    ),
    Insight(
        0.5, lambda report: report["repeats"],
        "{value:.0%} of the events are on an item that the user has met before.",
        "If users do not want to see those items again, filter them out. If they do, judge models by the lists as "
        "recommended, and remember that such hits are easy.",
    ),
    Insight(
        0.1, lambda report: report["items"].get("withoutMetadata"),
        "{value:.0%} of the items with events are not in items.csv.",
        "Add them, or drop their events if they are no longer available: an item without metadata passes no filter on "
        "metadata.",
    ),
    Insight(
        0.5, lambda report: report["items"].get("withoutEvents"),
        "{value:.0%} of the items in items.csv have no event.",
        "Only exploration recommends them. Check that their IDs are spelled as in the interactions.",
    ),
    Insight(
        0.1, lambda report: report["users"].get("withoutMetadata"),
        "{value:.0%} of the users with events are not in users.csv.",
        "Add them. Check that their IDs are spelled as in the interactions.",
    ),
)  # fmt: skip
