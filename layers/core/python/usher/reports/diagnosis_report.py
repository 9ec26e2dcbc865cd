"""The diagnosis of a group's interactions, as it stands in a run's record and in report.json.

datasets/diagnosis.py makes it; the pages and the insights read it.
"""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

Period = TypedDict("Period", {"from": str, "to": str})
"""The times of the first and of the last event, in ISO 8601."""


class Distribution(TypedDict):
    """How events are distributed over users, or over items."""

    number: int
    mean: float
    """Events of each."""
    median: float
    most: int
    single: float
    """The share of those with one event."""
    top1: float
    """The share of the events that the most active 1 % have."""
    top10: float
    points: Sequence[tuple[int, int]]
    """Rank and events, both for logarithmic axes."""
    slope: float | None
    """Of the line through the points on logarithmic axes; none if there is no line."""
    fit: float | None
    """The R² of that line."""
    withoutMetadata: NotRequired[float]
    """The share of those with events that have no metadata; missing if the group has no such file."""
    withoutEvents: NotRequired[float]
    """The share of those with metadata that have no event."""


class Periods(TypedDict):
    """Values of each period of equal length; none where a period has no value."""

    seconds: int
    """The length of a period."""
    starts: Sequence[str]
    """ISO 8601."""
    events: Sequence[int]
    newUsers: Sequence[float | None]
    """The share of a period's events by users without earlier events."""
    newItems: Sequence[float | None]
    likeBefore: Sequence[float | None]
    """The cosine similarity of the items' popularity to that in the period before."""
    likeLast: Sequence[float | None]
    """The same to that in the last period."""


class DiagnosisReport(Period):
    """The diagnosis. Where `events` is 0, the other members are missing."""

    events: int
    sampled: Mapping[str, int]
    """Where figures come from a sample: n where one in n is counted."""
    repeats: float
    """The share of events on an item that the user has met before."""
    duplicates: float
    """The share of events that have the user, item and time of another one."""
    users: Distribution
    items: Distribution
    periods: Periods
    types: Mapping[str, int]
    """Events by EVENT_TYPE."""
