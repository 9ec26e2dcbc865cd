"""A run's record, `<group>/out/runs/<run>/run.json`, as a typed document.

`usher.runs.record` reads and writes it; run.html, the command `usher`, notifications and metrics show it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, Required, TypedDict

Outcome = Literal["RUNNING", "FAILED", "HELD", "SUCCEEDED"]
"""HELD: nothing is wrong, but a gate keeps a new version from serving."""


class ProblemRecord(TypedDict):
    """A `usher.errors.Problem`: where it is, what is wrong, and what to do."""

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
    """A solution's newest version, or the one that serves."""

    solution: str
    arn: str
    live: bool
    """Whether this version serves."""
    liveSince: NotRequired[str]
    """ISO time from which it serves."""
    trainedAt: str
    """ISO time at which its training began."""
    trainingHours: float | None
    """Hours that the service billed."""
    metrics: Mapping[str, Any]
    """Personalize's offline metrics by name: numbers, NaN among them."""


class LiveModel(TypedDict):
    """A model that serves."""

    name: str
    """Of the solution or recommender."""
    version: str
    """The version's ARN, or the recommender's."""
    trainedAt: str
    """ISO time; empty: a recommender trains by itself."""
    since: str
    """ISO time from which it serves; empty: not known."""
    by: str
    """Who has chosen it; empty: the latest that passed its gate."""
    why: str
    answeredBy: str
    """The name of what answers in its place, as its own campaign or recommender had to make room; else empty."""


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
    """Something that costs money in every 30 days."""

    id: str
    """Of a resource; or of what recurs, the path in usher.yaml or the stack's parameter that orders it."""
    arn: str
    """Of the resource or the schedule; empty: the stack orders it."""
    what: Literal["serving", "recurring"]
    """It serves, with requests or without; or it is ordered again and again: trainings, exports and jobs."""
    desired: bool
    """Whether usher.yaml or the stack asks for it; else it exists all the same."""
    dollars: float | None
    """US dollars in 30 days, without requests; None: not known."""
    atMost: float | None
    """US dollars in 30 days, where `dollars` are not known; None: not known either."""


class TableEstimate(TypedDict):
    """What a run writes into the table, at most: only what has changed is written."""

    items: int
    users: int
    writes: int
    """Units of a KB."""
    dollars: float


class PlanEstimate(TypedDict):
    """What carrying a plan out takes and costs, as the run's record keeps it."""

    minutes: float
    """Of the longest chain of resources that need each other."""
    cost: float
    monthlyCost: float
    """Of what serves after the run, as far as it is known."""
    monthly: Sequence[MonthlyCost]
    """What costs money in every 30 days after the run: desired and unmanaged resources, and what recurs."""
    unpriced: list[str]
    """Ids of the resources of which a price is not known."""
    prices: Mapping[str, Any]
    """The price list: `source`, `date`, `own` (the config's), and all prices by name."""
    resources: Mapping[str, ResourceEstimate]
    table: NotRequired[TableEstimate]
    """Of Usher's own bill. Absent where the table is up to date."""


class MonthRecord(TypedDict):
    """What a group has cost in a calendar month (UTC), in US dollars. A run's record has its own order in it."""

    month: str
    """Such as 2026-11."""
    spent: float
    """As far as prices are known; what is ordered and not measured yet is among it."""
    atMost: float
    """The same with what has no known price."""
    forecast: float
    """At the end of the month, if all stays as it is."""
    measuredAt: str
    """ISO time until when it was measured; empty: not yet."""
    budget: float | None
    warnAt: float | None
    """US dollars, as `stopAt`."""
    stopAt: float | None


class CostRecord(TypedDict, total=False):
    """US dollars. Without `cost` for a run that has made nothing."""

    cost: float
    """Paid once."""
    monthlyCost: float
    """In 30 days, for what serves, desired or not, without requests; as far as it is known."""
    recurringCost: float
    """In 30 days, for what is ordered again and again; as far as it is known."""
    monthlyAtMost: float | None
    """Both together at most; None: not known."""
    unpriced: Sequence[str]
    """Ids of what has no known price."""
    monthly: Sequence[MonthlyCost]
    """All that costs money in every 30 days."""
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
    """A dataset's files. `ids`: the most different ones that they can have; of interactions, those of users."""

    files: Sequence[str]
    """The keys of the files."""
    columns: Sequence[str]
    rejected: int
    """Rows with errors."""
    findings: Sequence[FindingRecord]
    added: NotRequired[Mapping[str, IncrementRecord]]
    """By name of the file."""
    diagnosis: NotRequired[Mapping[str, Any]]
    """Of interactions: a `usher.reports.diagnosis_report.DiagnosisReport`."""


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
    """The ceilings of the stack, and what counts against them, in US dollars."""

    run: float
    """The most that the run costs."""
    runCeiling: float
    month: float
    """The most that 30 days cost after the run."""
    monthCeiling: float
    serving: float
    """The part of `month` for what serves."""
    repeated: float
    """The part of `month` for what schedules repeat."""
    ordered: float
    """What was ordered in the last 30 days."""


class DeletionJob(TypedDict):
    """A data deletion job of Personalize."""

    arn: str
    """Empty: there is no dataset group, and so no job."""
    status: str
    createdAt: str
    endedAt: NotRequired[str]
    deleted: NotRequired[int]
    """How many records went, by Personalize's own count."""
    reason: NotRequired[str]
    """Why it failed, if it did."""


class TrainingSchedule(TypedDict):
    """The schedule of a solution's trainings."""

    expression: str
    zone: str
    since: str
    """ISO time from which a rate counts; empty: the schedule is not there yet."""


class StillKnown(TypedDict):
    """A model that was trained on the users' data."""

    name: str
    trainedAt: str
    schedule: str
    """The schedule by which it is trained next; empty: it has none."""
    trainedNext: str
    """ISO time of that; empty: it is not known."""


class ErasureRecord(TypedDict):
    """A request to forget users, and what has been done. It names no user."""

    reference: str
    """Random: it distinguishes one request from others."""
    datasetGroup: str
    """The ARN; empty: Personalize has none."""
    schedules: Mapping[str, TrainingSchedule]
    """By solution, the schedule of its trainings."""
    users: int
    files: int
    """How many rows, entries and files were deleted."""
    items: int
    """How many items of the table were deleted."""
    messages: int
    """How many messages of queues were deleted."""
    searches: int
    """How often everything was searched."""
    after: str
    """The key after which a search goes on; empty: it has ended."""
    found: int
    """How much the last search found."""
    isClean: NotRequired[bool]
    """Whether a whole search found nothing."""
    job: NotRequired[DeletionJob]
    stillKnown: NotRequired[Sequence[StillKnown]]
    """The models that forget the users at their next training."""


class RunChanges(TypedDict, total=False):
    """The members that a run adds to its record step by step."""

    stage: str
    """The stage that `reconcile` has worked on last. Without one, the run has made nothing."""
    waitSeconds: float | None
    """Until the next pass of `reconcile`; null when the stage is settled."""
    resources: Sequence[StateRecord]
    """The planned resources, at the last pass."""
    deletions: Sequence[StateRecord]
    """The resources that are being deleted, at the last pass."""
    removal: bool
    """Whether the run removes the group."""
    cleanup: Mapping[str, Any] | None
    """Where the deletion of a removed group's items goes on: a key of the table."""
    erasure: ErasureRecord
    """Of a run that forgets users."""
    problems: Sequence[ProblemRecord]
    """Errors: they make the run FAILED."""
    notes: Sequence[ProblemRecord]
    """Notes to people, which change no outcome."""
    note: str
    """One sentence to people."""
    data: Mapping[str, DatasetRecord]
    """By dataset."""
    costsNow: Sequence[MonthlyCost]
    """What cost money in every 30 days before the run."""
    estimate: PlanEstimate
    """The estimate, before anything was made: minutes, costs, prices, and a row for each resource."""
    ceilings: CeilingsRecord
    month: MonthRecord
    """The present month, as of the plan."""
    pins: Mapping[str, PinRecord]
    """By solution, the version that a person has chosen."""
    unmanaged: Sequence[UnmanagedRecord]
    export: Mapping[str, Any]
    """Of an export: its manifest (`usher.exports.documents.Manifest`)."""
    endedAt: str
    summary: str
    """Problems and remedies, or one sentence on what was done; at most `MAX_SUMMARY_LENGTH` characters."""
    versions: Sequence[VersionRecord]
    live: Sequence[LiveModel]
    """What serves after the run."""
    cost: CostRecord
    """The actual cost."""
    undelivered: Sequence[str]
    """The channels by which the end is still to be reported."""
    reportedUntil: str
    """ISO time until which one function alone reports it."""


class RunRecord(RunChanges):
    """run.json."""

    group: str
    run: str
    """The name of the run, which is its folder's."""
    execution: str
    """The ARN of the state machine's execution."""
    startedAt: str
    """ISO time, as all times are."""
    outcome: Outcome
