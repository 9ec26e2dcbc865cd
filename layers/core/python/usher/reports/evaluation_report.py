"""report.json: the comparison of models in an evaluation. evaluation/score_step.py writes it, the pages read it."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from usher.reports.diagnosis_report import DiagnosisReport, Period
from usher.run_record import ProblemRecord

DECISIVE_METRICS = ("mean_reciprocal_rank", "normalized_discounted_cumulative_gain_at_25")
"""Those by which contenders are compared; by the first, they are put in order."""
MIN_ANSWERED = 0.5
"""The share of the users for whom a contender must have a list, to be ranked, and to have a bar."""
RAW, DEDUP = "raw", "dedup"
"""Forms of lists: as recommended; and the items that are new to the user before the others."""
EXPLORATION_OFF, EXPLORATION_REMOVED, EXPLORATION_ON = "off", "removed", "on"
"""What an evaluation does about items that a recipe tries out: a job does not try them (explorationWeight 0); items
that nobody had met at the training are taken out of the lists; or they stay.
"""


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
    repeats: float
    """The share of the held-out events whose item the user had met in the training part."""
    oneIn: int
    """1, or n where one in n users was read."""


class ContenderSummary(TypedDict):
    """A model or a baseline."""

    name: str
    kind: str
    """`baseline`, `trained` or `live`."""
    recipe: str
    """Empty if there is none, or if it is not known."""
    exploration: str
    """EXPLORATION_OFF, EXPLORATION_REMOVED or EXPLORATION_ON; empty where the recipe does not explore."""
    answered: int
    """Users with a recommendation list."""
    missing: int
    """Users without one."""
    ranked: bool
    """Whether it can be best: it does not know the held-out events, and has lists for half of the users or more."""
    marks: Sequence[str]
    """What must be known of its figures, in a few words, wherever they stand."""
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
    """RAW or DEDUP."""
    users: int
    answered: int
    """Users with a list."""
    short: NotRequired[int]
    """Users whose list has fewer than 25 items; of all users only."""
    metrics: Mapping[str, MetricValue]
    """By the names in docs/evaluation.md."""


class Comparison(TypedDict):
    """Two ranked contenders by the same users, in the decisive form."""

    metric: str
    contenders: Sequence[str]
    """The one that is better by this metric, and the other one."""
    difference: float
    """Of their means over users, 0 or more, with its 95% bootstrap interval."""
    low: float
    high: float
    p: float
    """Of a randomization test of the users' differences, adjusted for all pairs by Holm's method."""


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
    decisiveForm: str
    """The form of lists by which contenders are ranked: RAW where more than half of the held-out events are repeats."""
    scores: Sequence[Score]
    """None of contenders without any list."""
    comparisons: Sequence[Comparison]
    """Of all pairs of ranked contenders, by each decisive metric."""
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
