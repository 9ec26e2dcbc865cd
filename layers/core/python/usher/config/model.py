"""A group's config, parsed. Light: this module reads no files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

from usher.datasets.reading import PLAIN, Reading

JOBS = {"batch": "batch_inference_job", "segments": "batch_segment_job"}
"""The kinds of jobs, by the section of `usher.yaml` that defines them."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A desired solution, with its campaign."""

    name: str
    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further members of CreateSolution."""
    campaign: Mapping[str, Any] | None = field(default_factory=dict)
    """Further members of CreateCampaign; None: no campaign."""
    min_retrain_interval: float = 0
    """The fewest seconds between two trainings on new data; infinite: trainings happen on request only."""
    gate: Mapping[str, Any] = field(default_factory=dict)
    """metric, and any of atLeast, versusLive, versusPopularity; empty: every version is deployed."""
    idle: str = "keep"
    """`keep`: a campaign without requests is kept; otherwise its export in the table replaces it."""
    training_mode: str = "FULL"
    """The training mode of all versions but the first: FULL or UPDATE."""


@dataclass(frozen=True, slots=True)
class Recommender:
    """A desired recommender of a domain dataset group."""

    name: str
    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further members of CreateRecommender."""


@dataclass(frozen=True, slots=True)
class Job:
    """A batch inference or batch segment job, which runs for each new version of its solution or on a schedule."""

    name: str
    kind: str
    """One of the values of JOBS."""
    solution: str
    filter: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the Create operation."""
    scheduled: bool = False
    input: str = ""
    """The key of the job's input in the bucket."""
    optional: bool = False
    """Whether the job is skipped while its input is missing."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule that starts the pipeline or an export."""

    name: str
    input: Mapping[str, str]
    """The input of the state machine, without the group."""
    settings: Mapping[str, Any]
    """Members of EventBridge Scheduler's CreateSchedule."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The API's copy of a group's items and users, in the table."""

    columns: Sequence[str] = ()
    """The columns of the items."""
    available: str = ""
    """The column of the items that marks available ones; empty: all are available."""
    user_columns: Sequence[str] = ()
    users: bool = True
    """Whether the API has the group's users."""

    @property
    def has_items(self) -> bool:
        """Whether the API has the group's items: it then answers no others."""
        return bool(self.columns or self.available)


@dataclass(frozen=True, slots=True)
class Budget:
    """A group's budget for a calendar month, in US dollars."""

    monthly: float
    warn_at: float = 0.8
    """The share of the budget at which people are notified."""
    stop_at: float = 1.0
    """The share of the budget at which orders are refused. Existing resources continue to serve."""


class Export(TypedDict):
    """An export of a solution's recommendations."""

    settings: Mapping[str, Any]
    """Further members of the batch job."""
    filter: str
    """The name of a filter; empty: none."""
    filterValues: Mapping[str, str]
    """The values of the filter's placeholders, in the form of a job's input lines."""
    needs: Sequence[str]
    """The placeholders for which every line needs a value."""
    users: Mapping[str, Sequence[str]]
    """The users to export for: those with one of these values in each of these columns."""
    items: Sequence[str]
    attributes: Sequence[str]
    formats: Sequence[str]
    escapeFormulas: bool
    metadata: Sequence[str]
    """The columns of the items that are added to each recommendation."""
    keep: int
    """The number of complete exports to keep."""
    table: bool
    """Whether the export is loaded into the table."""
    scheduled: bool
    """Whether the export, or its group, has a schedule."""


class DesiredExport(Export):
    """An export whose recipe has the batch jobs that it needs."""

    recipe: str
    readings: NotRequired[Mapping[str, Reading]]
    """The Reading of each dataset that is not in Personalize's own format."""


@dataclass(frozen=True, slots=True)
class Config:
    """A group's desired state, as described by its config."""

    solutions: tuple[Solution, ...]
    filters: Mapping[str, Mapping[str, Any]]
    """Members of CreateFilter, by filter name."""
    schemas: Mapping[str, Mapping[str, Any]]
    """Avro schemas, by dataset."""
    exports: Mapping[str, Export] | None
    """The exports by solution; None: the first solution that recommends items to users is exported."""
    group: Mapping[str, Any] = field(default_factory=dict)
    """Members of CreateDatasetGroup."""
    recommenders: tuple[Recommender, ...] = ()
    jobs: tuple[Job, ...] = ()
    metric_attribution: Mapping[str, Any] | None = None
    """Members of CreateMetricAttribution; None: no attribution."""
    schedules: tuple[Schedule, ...] = ()
    catalogue: Catalogue = field(default_factory=Catalogue)
    context: Mapping[str, str] = field(default_factory=dict)
    """The source of each context field, one of CONTEXT_SOURCES, by field of the interactions."""
    tags: tuple[Mapping[str, str], ...] = ()
    """tagKey and tagValue of every resource without tags of its own."""
    prune: bool = False
    """Whether resources that were removed from the config are deleted."""
    prices: Mapping[str, float] = field(default_factory=dict)
    """Prices in US dollars that replace those of PRICES."""
    budget: Budget | None = None
    readings: Mapping[str, Reading] = field(default_factory=dict)
    """The Reading of each dataset that is not in Personalize's own format."""
    adopt: Mapping[str, str] = field(default_factory=dict)
    """Names of resources that existed before Usher, by resource id, such as `solution/for-you`."""
    file: str = field(default="usher.yaml", compare=False)
    """The name of the config's file in messages."""

    def reading(self, dataset: str) -> Reading:
        """The Reading of a dataset's files."""
        return self.readings.get(dataset, PLAIN)


def follows_latest(campaign: Mapping[str, Any]) -> bool:
    """Whether Personalize itself updates a campaign to each new version."""
    settings = campaign.get("campaignConfig")
    return isinstance(settings, Mapping) and settings.get("syncWithLatestSolutionVersion") is True
