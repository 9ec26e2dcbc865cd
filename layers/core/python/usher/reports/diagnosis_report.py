"""The diagnosis of a group's interactions, as stored in a run's record and in report.json.

datasets/diagnosis.py makes it; the pages and the insights read it.
"""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

Period = TypedDict("Period", {"from": str, "to": str})
"""The times of the first and of the last event, in ISO 8601."""


class Distribution(TypedDict):
    """The distribution of events over users, or over items."""

    number: int
    mean: float
    """The mean number of events."""
    median: float
    most: int
    single: float
    """The share of users, or of items, with one event."""
    top1: float
    """The share of the events that the 1 % with the most events have."""
    top10: float
    points: Sequence[tuple[int, int]]
    """Rank and events, both for logarithmic axes."""
    slope: float | None
    """The slope of the line through the points on logarithmic axes; None if there is no line."""
    fit: float | None
    """The line's R²."""
    withoutMetadata: NotRequired[float]
    """The share of those with events that have no metadata; missing if the group has no such file."""
    withoutEvents: NotRequired[float]
    """The share of those with metadata that have no event."""


class Periods(TypedDict):
    """Values of each period of equal length; None for a period without a value."""

    seconds: int
    """The length of a period in seconds."""
    starts: Sequence[str]
    """The starts of the periods (ISO 8601)."""
    events: Sequence[int]
    newUsers: Sequence[float | None]
    """The share of a period's events by users without earlier events."""
    newItems: Sequence[float | None]
    likeBefore: Sequence[float | None]
    """The cosine similarity of the items' popularity to that in the period before."""
    likeLast: Sequence[float | None]
    """The same similarity to the last period."""


class DiagnosisReport(Period):
    """The diagnosis. If `events` is 0, the other members are missing."""

    events: int
    sampled: Mapping[str, int]
    """The sampling rates: n if one in n is counted."""
    repeats: float
    """The share of events on an item that the user has met before."""
    duplicates: float
    """The share of events that have the user, item and time of another one."""
    users: Distribution
    items: Distribution
    periods: Periods
    types: Mapping[str, int]
    """The number of events of each EVENT_TYPE."""
