"""A run's record, `<group>/out/runs/<run>/run.json`, as a typed document.

`usher.runs.record` reads and writes it; run.html, the command `usher`, notifications and metrics show it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, Required, TypedDict

Outcome = Literal["RUNNING", "FAILED", "HELD", "SUCCEEDED"]
"""HELD: there is no problem, but a gate keeps a new version from serving."""


class ProblemRecord(TypedDict):
    """A `usher.errors.Problem`: its place, message and remedy."""

    place: str
    message: str
    remedy: NotRequired[str]


class StateRecord(TypedDict, total=False):
    """A `usher.resources.states.State`, without its empty members."""

    id: Required[str]
    action: Required[str]
    status: Required[str]
    arn: str
    reason: str
    remedy: str
    waited: float
    details: Mapping[str, Any] | None
    resume_at: str
    lacks_room: bool


class VersionRecord(TypedDict):
    """A solution's newest version, or the serving one."""

    solution: str
    arn: str
    live: bool
    """Whether this version serves."""
    liveSince: NotRequired[str]
    """ISO time from which it serves."""
    trainedAt: str
    """ISO time at which its training began."""
    trainingHours: float | None
    """The hours that the service billed."""
    metrics: Mapping[str, Any]
    """Personalize's offline metrics by name: numbers, NaN among them."""


class LiveModel(TypedDict):
    """A model that serves."""

    name: str
    """The name of the solution or recommender."""
    version: str
    """The version's ARN, or the recommender's."""
    trainedAt: str
    """ISO time of the training; empty: a recommender trains by itself."""
    since: str
    """ISO time from which it serves; empty if it is not known."""
    by: str
    """The person who has chosen it; empty: it is the latest that passed its gate."""
    why: str
    answeredBy: str
    """The name that answers instead, as its own campaign or recommender was deleted for room; else empty."""


class ResourceEstimate(TypedDict):
    """The estimate for one resource."""

    action: str
    reason: str
    minutes: float
    cost: float | None
    """US dollars, once; None: not known."""
    monthlyCost: float | None
    """US dollars in 30 days, as long as the resource exists, without requests; None: not known."""


class MonthlyCost(TypedDict):
    """A monthly cost."""

    id: str
    """The id of a resource; or the path in usher.yaml, or the stack's parameter, that causes a recurring cost."""
    arn: str
    """The ARN of the resource or the schedule; empty: it is the stack's schedule."""
    what: Literal["serving", "recurring"]
    """serving: it costs money with or without requests; recurring: a schedule repeats trainings, exports or jobs."""
    desired: bool
    """Whether usher.yaml or the stack requests it; else it exists all the same."""
    dollars: float | None
    """US dollars in 30 days, without requests; None: not known."""
    atMost: float | None
    """The most in US dollars in 30 days, if `dollars` are not known; None: not known either."""


class TableEstimate(TypedDict):
    """The most that a run writes into the table: only changes are written."""

    items: int
    users: int
    writes: int
    """The number of write units of a KB."""
    dollars: float


class PlanEstimate(TypedDict):
    """The time and cost of carrying out a plan, as the run's record keeps them."""

    minutes: float
    """The minutes of the longest chain of resources that need each other."""
    cost: float
    monthlyCost: float
    """The known part of the monthly cost of serving after the run."""
    monthly: Sequence[MonthlyCost]
    """The costs in every 30 days after the run: of desired and unmanaged resources, and recurring ones."""
    unpriced: list[str]
    """The ids of the resources with an unknown price."""
    prices: Mapping[str, Any]
    """The price list: `source`, `date`, `own` (the config's), and all prices by name."""
    resources: Mapping[str, ResourceEstimate]
    table: NotRequired[TableEstimate]
    """The part of Usher's own bill. Absent if the table is up to date."""


class MonthRecord(TypedDict):
    """The costs of a group in a calendar month (UTC), in US dollars. A run's record includes its own order."""

    month: str
    """A name such as 2026-11."""
    spent: float
    """The known part of the spending, including unmeasured orders."""
    atMost: float
    """The most, including uses without a known price."""
    forecast: float
    """The forecast for the end of the month, if nothing changes."""
    measuredAt: str
    """ISO time of the last measurement; empty before the first one."""
    budget: float | None
    warnAt: float | None
    """US dollars, like `stopAt`."""
    stopAt: float | None


class CostRecord(TypedDict, total=False):
    """Costs in US dollars. Without `cost` for a run that has created nothing."""

    cost: float
    """The one-time cost."""
    monthlyCost: float
    """The known cost of serving resources in 30 days, desired or not, without requests."""
    recurringCost: float
    """The known recurring cost in 30 days."""
    monthlyAtMost: float | None
    """The most of both together; None if it is not known."""
    unpriced: Sequence[str]
    """The ids of resources without a known price."""
    monthly: Sequence[MonthlyCost]
    """All monthly costs."""
    month: MonthRecord
    """The present month, as of the run's plan."""


class FindingRecord(TypedDict):
    """A `usher.datasets.data_rules.Finding`, without its empty members."""

    severity: Literal["error", "warning"]
    place: str
    message: str
    remedy: str
    rows: NotRequired[int]
    lines: NotRequired[Mapping[str, Sequence[int]]]


class IncrementRecord(TypedDict):
    """A file that is added to a dataset."""

    bytes: int
    rows: int
    ids: int


class DatasetRecord(IncrementRecord):
    """A dataset's files. `ids`: the most different IDs that they can have; of interactions, the users'."""

    files: Sequence[str]
    """The keys of the files."""
    columns: Sequence[str]
    rejected: int
    """The number of rows with errors."""
    findings: Sequence[FindingRecord]
    added: NotRequired[Mapping[str, IncrementRecord]]
    """The added files, by name."""
    diagnosis: NotRequired[Mapping[str, Any]]
    """The diagnosis of interactions: a `usher.reports.diagnosis_report.DiagnosisReport`."""


class PinRecord(TypedDict):
    """A `usher.planning.pins.Pin`."""

    version: str
    who: str
    why: str
    at: str
    supersedes: NotRequired[str]
    live: NotRequired[str]
    execution: NotRequired[str]


class UnmanagedRecord(TypedDict):
    """A resource that exists but is not desired."""

    id: str
    arn: str
    reason: str
    deleted: bool
    """Whether the run deletes it."""


class CeilingsRecord(TypedDict):
    """The ceilings of the stack, and the costs that count against them, in US dollars."""

    run: float
    """The most that the run costs."""
    runCeiling: float
    month: float
    """The most that 30 days cost after the run."""
    monthCeiling: float
    serving: float
    """The part of `month` for serving."""
    repeated: float
    """The part of `month` for schedules."""
    ordered: float
    """The cost of the last 30 days' orders."""


class DeletionJob(TypedDict):
    """A data deletion job of Personalize."""

    arn: str
    """Empty: there is no dataset group, and so no job."""
    status: str
    createdAt: str
    endedAt: NotRequired[str]
    deleted: NotRequired[int]
    """The number of deleted records, by Personalize's own count."""
    reason: NotRequired[str]
    """The reason of a failure."""


class TrainingSchedule(TypedDict):
    """The schedule of a solution's trainings."""

    expression: str
    zone: str
    since: str
    """ISO time from which a rate counts; empty: the schedule does not exist yet."""


class StillKnown(TypedDict):
    """A model that was trained on the users' data."""

    name: str
    trainedAt: str
    schedule: str
    """The schedule of its next training; empty if it has none."""
    trainedNext: str
    """ISO time of the next training; empty if it is not known."""


class ErasureRecord(TypedDict):
    """A request to erase users, and its progress. It names no user."""

    reference: str
    """A random text that distinguishes the request from others."""
    datasetGroup: str
    """The ARN of the dataset group; empty: Personalize has none."""
    schedules: Mapping[str, TrainingSchedule]
    """The schedule of each solution's trainings."""
    users: int
    files: int
    """The number of deleted rows, entries and files."""
    items: int
    """The number of deleted items of the table."""
    messages: int
    """The number of deleted messages of queues."""
    searches: int
    """The number of whole searches."""
    after: str
    """The key after which a search continues; empty: it has ended."""
    found: int
    """The number of finds of the last search."""
    isClean: NotRequired[bool]
    """Whether a whole search found nothing."""
    job: NotRequired[DeletionJob]
    stillKnown: NotRequired[Sequence[StillKnown]]
    """The models that know the users until their next training."""


class RunChanges(TypedDict, total=False):
    """The members that a run adds to its record step by step."""

    stage: str
    """The last stage that `reconcile` has worked on. Without one, the run has created nothing."""
    waitSeconds: float | None
    """The seconds until the next pass of `reconcile`; null when the stage is settled."""
    resources: Sequence[StateRecord]
    """The planned resources, at the last pass."""
    deletions: Sequence[StateRecord]
    """The resources that are being deleted, at the last pass."""
    removal: bool
    """Whether the run removes the group."""
    cleanup: Mapping[str, Any] | None
    """The key of the table from which the deletion of a removed group's items continues."""
    erasure: ErasureRecord
    """The progress of a run that erases users."""
    problems: Sequence[ProblemRecord]
    """Errors: they make the run FAILED."""
    notes: Sequence[ProblemRecord]
    """Notes to people, which do not change the outcome."""
    note: str
    """One sentence to people."""
    data: Mapping[str, DatasetRecord]
    """The data, by dataset."""
    costsNow: Sequence[MonthlyCost]
    """The costs in every 30 days before the run."""
    estimate: PlanEstimate
    """The estimate before any change: minutes, costs, prices, and a row for each resource."""
    ceilings: CeilingsRecord
    month: MonthRecord
    """The present month, as of the plan."""
    pins: Mapping[str, PinRecord]
    """The chosen version of each pinned solution."""
    unmanaged: Sequence[UnmanagedRecord]
    export: Mapping[str, Any]
    """The manifest of an export (`usher.exports.documents.Manifest`)."""
    endedAt: str
    summary: str
    """Problems and remedies, or one sentence on the work done; at most `MAX_SUMMARY_LENGTH` characters."""
    versions: Sequence[VersionRecord]
    live: Sequence[LiveModel]
    """The models that serve after the run."""
    cost: CostRecord
    """The actual cost."""
    undelivered: Sequence[str]
    """The channels by which the end is still to be reported."""
    reportedUntil: str
    """ISO time until which only one function reports it."""


class RunRecord(RunChanges):
    """run.json."""

    group: str
    run: str
    """The name of the run, which is that of its folder."""
    execution: str
    """The ARN of the state machine's execution."""
    startedAt: str
    """ISO time, as all times are."""
    outcome: Outcome
