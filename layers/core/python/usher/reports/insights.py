"""What to make of a diagnosis: where interactions break a rule of thumb, and what to do about it. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

TIMES = (
    (604_800, "week", "weeks"), (86_400, "day", "days"), (3600, "hour", "hours"), (60, "minute", "minutes"),
    (1, "second", "seconds"),
)  # fmt: skip
MANY_PERIODS = 20
"""From so many on, it's said when nearly all events lie in few of them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of thumb: what is looked at, and from which threshold on (or up to which, if `below`) it's told."""

    threshold: float
    value: Callable[[Mapping[str, Any]], float | None]
    message: str
    """With the value as {value}, and the length of a period as {period}."""
    remedy: str
    below: bool = False

    def broken(self, value: float | None) -> bool:
        """Whether a value is worth telling; none never is."""
        if value is None:
            return False
        return value <= self.threshold if self.below else value >= self.threshold


def advice(report: Mapping[str, Any]) -> list[dict[str, str]]:
    """What is worth telling of a diagnosis: message and remedy of each, the gravest first."""
    return list(_broken(report)) if report.get("events") else []


def _broken(report: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for rule in RULES:
        value = rule.value(report)
        if rule.broken(value):
            message = rule.message.format(value=value, period=span(report["periods"]["seconds"]))
            yield {"message": message, "remedy": rule.remedy}


def span(seconds: int) -> str:
    """The length of a period in words: week, 4 weeks."""
    size, one, many = next(unit for unit in TIMES if seconds % unit[0] == 0)
    return one if seconds == size else f"{seconds // size:,} {many}"


def _mean(name: str) -> Callable[[Mapping[str, Any]], float | None]:
    """A value's mean over the periods but the first, which has none before it, each by its events."""

    def mean(report: Mapping[str, Any]) -> float | None:
        periods = report["periods"]
        pairs = list(zip(periods[name], periods["events"], strict=True))[1:]
        told = [(value, events) for value, events in pairs if value is not None]
        return sum(value * events for value, events in told) / sum(events for _, events in told) if told else None

    return mean


def _of(*path: str) -> Callable[[Mapping[str, Any]], float | None]:
    def value(report: Mapping[str, Any]) -> float | None:
        found: Any = report
        for name in path:
            found = found.get(name, {})
        return None if found == {} else found

    return value


def _crowded(report: Mapping[str, Any]) -> float | None:
    """The share of the periods that together hold 99 % of the events; none where there are few periods."""
    events: Sequence[int] = sorted(report["periods"]["events"], reverse=True)
    if len(events) < MANY_PERIODS:
        return None
    needed = next(place for place, total in enumerate(accumulate(events), 1) if total >= 0.99 * sum(events))
    return needed / len(events)


RULES: Sequence[Rule] = (
    Rule(
        0.1, _crowded, "99 % of the events lie in {value:.0%} of the time between the first and the last.",
        "Look for wrong timestamps: what is old or far ahead distorts what is learned from order and recency.",
        below=True,
    ),
    Rule(
        0.01, _of("duplicates"), "{value:.1%} of the events are there twice: same user, item and time.",
        "Remove them from the export, unless your times are coarse: they count twice in training.",
    ),
    Rule(
        0.5, _of("users", "single"), "{value:.0%} of the users have a single event.",
        "Personalisation has little to go by for them: show them popular items, or what is like the one they look at, "
        "and send events over the API while they browse. See that one person keeps one USER_ID.",
    ),
    Rule(
        2, _of("users", "median"), "Half of the users have {value:g} events or fewer.",
        "Drop a longer history, or further kinds of events (views beside purchases).", below=True,
    ),
    Rule(
        0.5, _of("items", "top1"), "The top 1 % of the items take {value:.0%} of the events.",
        "Popularity alone will score well: compare with it before you pay for a model, and watch coverage and novelty.",
    ),
    Rule(
        0.2, _mean("newItems"), "{value:.0%} of the events are on items that are new in the same {period}.",
        "Retrain more often than that, give new items metadata in items.csv, and use a recipe that explores "
        "(aws-user-personalization-v2).",
    ),
    Rule(
        0.5, _mean("newUsers"), "{value:.0%} of the events are of users who are new in the same {period}.",
        "Send events over the API, which are used at once; add users.csv or context that is known of newcomers, too.",
    ),
    Rule(
        0.5, _mean("likeBefore"), "What is popular changes from one {period} to the next: likeness {value:.2f} of 1.",
        "Retrain more often, leave out old interactions, and compare with time-decayed popularity.",
        below=True,
    ),
    Rule(
        0.5, _of("repeats"), "{value:.0%} of the events are on an item that the user had before.",
        "If nobody wants to see those again, filter them out; if they do, say so when you judge a model: without "
        "de-duplication such hits are easily won.",
    ),
    Rule(
        0.1, _of("items", "withoutMetadata"), "{value:.0%} of the items with events are not in items.csv.",
        "Add them, or drop their events if they are no longer to be had: what has no metadata passes no filter on it.",
    ),
    Rule(
        0.5, _of("items", "withoutEvents"), "{value:.0%} of the items in items.csv have no event.",
        "They are recommended by exploration only; see that their IDs are written as in the interactions.",
    ),
    Rule(
        0.1, _of("users", "withoutMetadata"), "{value:.0%} of the users with events are not in users.csv.",
        "Add them; see that their IDs are written as in the interactions.",
    ),
)  # fmt: skip
