"""report.json: the comparison of models in an evaluation. evaluation/score_step.py writes it, the pages read it."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from usher.reports.diagnosis_report import DiagnosisReport, Period
from usher.run_record import ProblemRecord


class SplitSummary(Period, TypedDict):
    """The interactions and how they were split; the period is that of the held-out events."""

    kind: str
    """A name of evaluation/splits.py."""
    events: int
    heldOut: int
    """Events that were held out."""
    users: int
    """Users with held-out events: those that are scored."""
    items: int
    """Distinct items of the training part."""
    oneIn: int
    """1, or n where one in n users was read."""


class ContenderSummary(TypedDict):
    """A model or a baseline."""

    name: str
    kind: str
    """`baseline`, `trained` or `live`."""
    recipe: str
    """Empty if there is none, or if it is not known."""
    answered: int
    """Users with a recommendation list."""
    missing: int
    """Users without one."""
    notes: Sequence[str]


class MetricValue(TypedDict):
    """A metric's mean over users, and its 95% bootstrap interval, which coverage has not."""

    value: float
    low: NotRequired[float]
    high: NotRequired[float]


class Score(TypedDict):
    """The metrics of a contender's lists in one form."""

    contender: str
    form: str
    """`raw`, or `dedup`: the items that are new to the user come first."""
    users: int
    short: NotRequired[int]
    """Users whose list has fewer than 25 items; of all users only."""
    metrics: Mapping[str, MetricValue]
    """By the names in docs/evaluation.md."""


class SegmentScore(Score):
    """The metrics for some of the users or items."""

    segment: str


class ReportItem(TypedDict):
    """An item of a sample user."""

    id: str
    title: NotRequired[str]
    """If the items' metadata has one."""
    hit: NotRequired[bool]
    """Of recommended items: whether the user met it in the held-out part."""


class SampleUser(TypedDict):
    """A user, as an example."""

    user: str
    history: Sequence[ReportItem]
    """Newest first."""
    heldOut: Sequence[ReportItem]
    """Newest first."""
    lists: Mapping[str, Sequence[ReportItem]]
    """By contender, best first."""


class Scores(TypedDict):
    """The scores of all contenders."""

    split: SplitSummary
    contenders: Sequence[ContenderSummary]
    scores: Sequence[Score]
    segments: Sequence[SegmentScore]
    samples: Sequence[SampleUser]
    problems: Sequence[ProblemRecord]


class EvaluationReport(Scores):
    """The whole report. The best contenders come first."""

    group: str
    run: str
    createdAt: str
    """ISO 8601."""
    diagnosis: DiagnosisReport | None
    """Of the interactions before they were split."""
