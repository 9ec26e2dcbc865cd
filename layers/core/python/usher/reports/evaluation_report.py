"""report.json: the comparison of models in an evaluation. evaluation/score_step.py writes it, the pages read it."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from usher.reports.diagnosis_report import DiagnosisReport, Period
from usher.run_record import ProblemRecord

DECISIVE_METRICS = ("mean_reciprocal_rank", "normalized_discounted_cumulative_gain_at_25")
"""The metrics by which contenders are compared; the first one ranks them."""
MIN_ANSWERED = 0.5
"""The least share of users with a list for a contender to be ranked, and to have a bar."""
RAW, DEDUP = "raw", "dedup"
"""Forms of lists: as recommended, and with the items that are new to the user before the others."""
EXPLORATION_OFF, EXPLORATION_REMOVED, EXPLORATION_ON = "off", "removed", "on"
"""The evaluation's handling of a recipe's explored items: the job does not explore (explorationWeight 0); items that no
user had met at the training are removed from the lists; or they stay.
"""


class SplitSummary(Period, TypedDict):
    """The interactions and their split; the period is that of the held-out events."""

    kind: str
    """A name of evaluation/splits.py."""
    events: int
    heldOut: int
    """The number of held-out events."""
    users: int
    """The number of scored users: those with held-out events."""
    items: int
    """The number of distinct items of the training part."""
    repeats: float
    """The share of the held-out events whose item the user had met in the training part."""
    oneIn: int
    """The sampling rate of users: 1, or n if one in n users was read."""


class ContenderSummary(TypedDict):
    """A model or a baseline."""

    name: str
    kind: str
    """`baseline`, `trained` or `live`."""
    recipe: str
    """Empty if there is none, or if it is not known."""
    exploration: str
    """EXPLORATION_OFF, EXPLORATION_REMOVED or EXPLORATION_ON; empty if the recipe does not explore."""
    answered: int
    """The number of users with a recommendation list."""
    missing: int
    """The number of users without one."""
    ranked: bool
    """Whether it can be the best: it does not know the held-out events, and has lists for half of the users or more."""
    marks: Sequence[str]
    """Short remarks on its figures, shown beside each of them."""
    notes: Sequence[str]


class MetricValue(TypedDict):
    """A metric's mean over users, and its 95% bootstrap interval; coverage has no interval."""

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
    """The number of users with a list."""
    short: NotRequired[int]
    """The number of users whose list has fewer than 25 items; of all users only."""
    metrics: Mapping[str, MetricValue]
    """The metrics, by the names in docs/evaluation.md."""


class Comparison(TypedDict):
    """The comparison of two ranked contenders on the same users, in the decisive form."""

    metric: str
    contenders: Sequence[str]
    """The contender that is better by this metric, and the other one."""
    difference: float
    """The difference of their means over users, 0 or more, with its 95% bootstrap interval."""
    low: float
    high: float
    p: float
    """The probability by a randomization test of the users' differences, adjusted for all pairs by Holm's method."""


class SegmentScore(Score):
    """The metrics for some of the users or items."""

    segment: str


class ReportItem(TypedDict):
    """An item of a sample user."""

    id: str
    title: NotRequired[str]
    """The title; missing if the items' metadata has none."""
    hit: NotRequired[bool]
    """Whether the user met the item in the held-out part; only for recommended items."""


class SampleUser(TypedDict):
    """A user, as an example."""

    user: str
    history: Sequence[ReportItem]
    """The items of the training part, newest first."""
    heldOut: Sequence[ReportItem]
    """The held-out items, newest first."""
    lists: Mapping[str, Sequence[ReportItem]]
    """The recommendation list of each contender, best first."""


class Scores(TypedDict):
    """The scores of all contenders."""

    split: SplitSummary
    contenders: Sequence[ContenderSummary]
    decisiveForm: str
    """The form of lists by which contenders are ranked: RAW if more than half of the held-out events are repeats."""
    scores: Sequence[Score]
    """The scores of all contenders with lists."""
    comparisons: Sequence[Comparison]
    """The comparisons of all pairs of ranked contenders, by each decisive metric."""
    segments: Sequence[SegmentScore]
    samples: Sequence[SampleUser]
    problems: Sequence[ProblemRecord]


class EvaluationReport(Scores):
    """The whole report. The best contenders come first."""

    group: str
    run: str
    createdAt: str
    """The time of the report (ISO 8601)."""
    diagnosis: DiagnosisReport | None
    """The diagnosis of the interactions before the split."""
