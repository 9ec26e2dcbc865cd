"""The one table of resource kinds.

Everything that differs between kinds is a column of KINDS, whose rows are in the order of creation; a new kind is a new
row. Names of operations and members follow from a kind's name, as the services' own models are regular:
`create_<name>`, `describe_<name>(<name>Arn=...)`. A test proves the table against botocore's service models.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

FINGERPRINT_TAG = "usher:fingerprint"
STACK_TAG = "usher:stack"
"""Its value is the ARN of the stack to which a resource belongs."""
GROUP_TAG = "usher:group"
"""Its value is the one group that a dataset group is for: the name of its folder."""
LIVE_VERSION = "solutionVersionArn"
"""The member of a campaign that names the version which serves. A version under a gate is given it, too."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of resource is identified, changed, waited for, listed, deleted and paid."""

    name: str
    minutes: float
    """The usual duration of its creation; 0: it is done when the call returns."""
    arn: str = ""
    """The ARN's tail, made of the group's name and Create's members."""
    parent: str = ""
    """The Create member that names the parent, under which the newest one counts if no ARN is known."""
    survives_parent: str = ""
    """The parent's kind, if Personalize still lists one after its parent was deleted and created anew with its ARN."""
    identified_by_type: bool = False
    """Whether its ARN ends in its type, in upper case, whatever its name."""
    in_dataset_group: bool = True
    """Whether it lies in a dataset group."""
    mutable: tuple[str, ...] = ()
    """Create members that Update changes in place, such as `performAutoTraining` or `solutionConfig.eventsConfig`."""
    immutable: tuple[str, ...] = ()
    """Create members that can never change, as others need the name. All else changes with a new resource."""
    added_and_removed: tuple[str, str, str] | None = None
    """A mutable list of which Update takes additions and removals: Create's member, and two of Update."""
    config_of_update: tuple[str, str] | None = None
    """A Create member that is mutable in part, and the member of Update that takes this part."""
    reported: tuple[str, ...] = ()
    """Members of Describe's response that the run's record keeps, for the serving map."""
    listed_by: str | None = None
    """The List member that narrows to a group's own; empty: there is none; None: it is never deleted by itself."""
    has_duration: bool = False
    """Whether its times give the duration of its creation: only updates change them, and have times of their own."""
    delete_with_group_only: bool = False
    """Whether only the removal of the whole group deletes it: it holds what people sent."""
    kept_when_replaced: bool = False
    """Whether it stays after its successor was created: it costs nothing, and if its settings come back, so do its
    versions, without training."""
    needed_by_others: bool = False
    """Whether all else in a dataset group is made from it."""
    stop_before_delete: bool = False
    """Whether its versions in training must be stopped before it can be deleted."""
    taggable: bool = True
    job: bool = False
    """Whether it is done once and kept: List gives all members of an ACTIVE one, and its tags never change."""
    quota: int = 0
    """How many may exist at once, in a dataset group or, of what lies in none, in a region, unless AWS has raised it
    for the account: service guide, "Endpoints and quotas" (limits.html). 0: it counts others, or none is known."""
    quota_in_progress: bool = False
    """Whether its quota counts those in progress, so that a creation above it can be repeated later."""
    successor: Literal["create", "retrain"] = "create"
    """The action that makes another one from new inputs."""
    cost: Literal["free", "per GB", "per training", "per line", "per segment"] = "free"
    """What its creation costs: calculation.one_time_cost."""
    monthly_cost: Literal["none", "per provisioned request", "per hour", "per automatic training"] = "none"
    """What it costs while it exists: calculation.monthly_cost."""
    service: str = "personalize"
    describe_verb: str = "describe"
    """The verb of the operation that describes one."""
    extra_list_operation: str = ""
    """The List operation for a member that Describe leaves out."""

    @property
    def member(self) -> str:
        """The kind's name as its service spells it in members: `datasetGroup`, `Schedule`."""
        head, *tail = self.name.split("_")
        head = head if self.service == "personalize" else head.capitalize()
        return head + "".join(word.capitalize() for word in tail)

    @property
    def words(self) -> str:
        """Several of the kind, as people and Service Quotas call them: `dataset groups`."""
        return f"{self.name.replace('_', ' ')}s"

    @property
    def can_be_deleted(self) -> bool:
        """Whether the service can delete one: it deletes versions and jobs only with what they lie in."""
        return not self.parent or self.listed_by is not None

    @property
    def has_owner(self) -> bool:
        """Whether a tag of its own names its stack. A version or a job belongs to its parent's."""
        return self.taggable and self.can_be_deleted

    @property
    def deploys_versions(self) -> bool:
        """Whether Update has another solution version serve."""
        return LIVE_VERSION in self.mutable

    @property
    def creator(self) -> str:
        """The client that creates one. Personalize's never repeats a call: the next pass sees what came of it."""
        return "personalize-once" if self.service == "personalize" else self.service

    @property
    def latest_update(self) -> str:
        """The member of Describe's response with the state of the last update."""
        return f"latest{self.member[0].upper()}{self.member[1:]}Update"

    def key(self, arn: str) -> dict[str, str]:
        """The members that name a resource in Describe, Update and Delete."""
        if self.service == "personalize":
            return {f"{self.member}Arn": arn}
        _, group, name = arn.split("/")
        return {"GroupName": group, "Name": name}


_GROUP = "datasetGroupArn"
KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "schema", 0, arn="schema/{name}", in_dataset_group=False, listed_by="", needed_by_others=True,
            taggable=False, quota=500,
        ),
        Kind(
            "dataset_group", 1, arn="dataset-group/{name}", in_dataset_group=False, immutable=("domain", "kmsKeyArn"),
            needed_by_others=True, quota=5,
        ),
        Kind(
            "dataset", 0.5, arn="dataset/{group}/{datasetType}", identified_by_type=True, mutable=("schemaArn",),
            reported=("trackingId",),
            listed_by=_GROUP, delete_with_group_only=True, needed_by_others=True,
        ),
        Kind(
            "dataset_import_job", 15, parent="datasetArn", survives_parent="dataset", has_duration=True, job=True,
            quota_in_progress=True, cost="per GB",
        ),
        Kind(
            "event_tracker", 0.5, parent=_GROUP, reported=("trackingId",), listed_by=_GROUP, has_duration=True,
            delete_with_group_only=True, quota=1,
        ),
        Kind(
            "metric_attribution", 1, parent=_GROUP, mutable=("metrics", "metricsOutputConfig"),
            added_and_removed=("metrics", "addMetrics", "removeMetrics"), listed_by=_GROUP, taggable=False, quota=1,
            extra_list_operation="list_metric_attribution_metrics",
        ),
        Kind("filter", 1, arn="filter/{name}", listed_by=_GROUP, has_duration=True, quota=30),
        Kind(
            "solution", 0.5, arn="solution/{name}",
            mutable=(
                "performAutoTraining", "performIncrementalUpdate", "solutionConfig.autoTrainingConfig",
                "solutionConfig.eventsConfig",
            ),
            config_of_update=("solutionConfig", "solutionUpdateConfig"), listed_by=_GROUP, kept_when_replaced=True,
            stop_before_delete=True, quota=10, monthly_cost="per automatic training",
        ),
        Kind(
            "solution_version", 60, parent="solutionArn", has_duration=True, quota_in_progress=True,
            successor="retrain", cost="per training",
        ),
        Kind(
            "campaign", 15, arn="campaign/{name}", mutable=(LIVE_VERSION, "minProvisionedTPS", "campaignConfig"),
            reported=(LIVE_VERSION,), listed_by="solutionArn", has_duration=True,
            quota=5, monthly_cost="per provisioned request",
        ),
        Kind(
            "recommender", 25, arn="recommender/{name}", mutable=("recommenderConfig",), listed_by=_GROUP,
            quota=5, monthly_cost="per hour",
        ),
        Kind(
            "batch_inference_job", 15, arn="batch-inference-job/{jobName}", parent=LIVE_VERSION, has_duration=True,
            job=True, quota_in_progress=True, cost="per line",
        ),
        Kind(
            "batch_segment_job", 10, arn="batch-segment-job/{jobName}", parent=LIVE_VERSION, has_duration=True,
            job=True, quota_in_progress=True, cost="per segment",
        ),
        Kind(
            "schedule", 0, arn="schedule/{GroupName}/{Name}", in_dataset_group=False,
            mutable=(
                "ScheduleExpression", "ScheduleExpressionTimezone", "State", "FlexibleTimeWindow", "Target",
                "ActionAfterCompletion",
            ),
            listed_by="GroupName", taggable=False, service="scheduler", describe_verb="get",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gate:
    """What decides which version of a solution serves: a person's choice, or else a rule of the config."""

    rule: Mapping[str, Any] = field(default_factory=dict)
    """What a version must achieve, as in the config (gate.judge); empty: nothing."""
    live: str = ""
    """The ARN of the version that has served until now; empty: none has."""
    popularity: str = ""
    """The id of the popularity solution's version, if the rule compares with it."""
    pinned: str = ""
    """The ARN of the version that a person has chosen; empty: nobody has."""
    supersedes: str = ""
    """The ARN of the version in whose place the pinned one serves."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One desired resource: what Create is called with, and what must be ready first."""

    id: str
    """`<kind>/<the name people use>`, unique in a plan."""
    kind: str
    stage: str
    params: Mapping[str, Any] = field(default_factory=dict)
    """Create's members, without those in `refs` and without tags."""
    refs: Mapping[str, str] = field(default_factory=dict)
    """Create's members that take another resource's ARN: member -> that resource's id."""
    after: Sequence[str] = ()
    """Ids of further resources that must be ready first."""
    arn: str = ""
    """The ARN, if it follows from the name."""
    fingerprint: str = ""
    """A digest of what this resource is made from, and after an @ the time of the request for it, if there was one.
    An existing resource with another one is out of date."""
    family: str = ""
    """The family (names.family_of) of the jobs that may count as this one; empty: any of the parent's."""
    tags: Sequence[Mapping[str, str]] = ()
    min_retrain_interval: float = 0
    """Seconds between the creation of one and that of the next, unless somebody requests it."""
    frozen: str = ""
    """Why this one is not brought up to date, though it could be; empty: it is."""
    gate: Gate | None = None
    """Of a gate target (gate.gate_targets), if its solution has a rule or a pin."""

    @property
    def needs(self) -> list[str]:
        """Ids of everything that must be ready first."""
        return [*self.refs.values(), *self.after]
