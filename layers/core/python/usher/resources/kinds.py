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
"""The tag with the ARN of the stack that a resource belongs to."""
GROUP_TAG = "usher:group"
"""The tag with the group of a dataset group: the name of its folder."""
LIVE_VERSION = "solutionVersionArn"
"""The member of a campaign with its serving version. The state of a gated version without a campaign has it, too."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The properties of one kind of resource: its identity, changes, waiting, listing, deletion and costs."""

    name: str
    minutes: float
    """The usual minutes of its creation; 0: it is done when the call returns."""
    arn: str = ""
    """The ARN's end, made of the group's name and Create's members."""
    parent: str = ""
    """The Create member that names the parent. If no ARN is known, the parent's newest resource counts."""
    survives_parent: str = ""
    """The parent's kind, if Personalize still lists a resource after its parent was deleted and created again with the
    same ARN.
    """
    identified_by_type: bool = False
    """Whether its ARN ends in its type, in upper case, whatever its name."""
    in_dataset_group: bool = True
    """Whether it belongs to a dataset group."""
    mutable: tuple[str, ...] = ()
    """Create members that Update changes in place, such as `performAutoTraining` or `solutionConfig.eventsConfig`."""
    immutable: tuple[str, ...] = ()
    """Create members that can never change, as other resources need the name. A change of any other member makes a new
    resource.
    """
    added_and_removed: tuple[str, str, str] | None = None
    """A mutable list that Update takes as additions and removals: Create's member, and two of Update."""
    config_of_update: tuple[str, str] | None = None
    """A Create member that is partly mutable, and Update's member for this part."""
    reported: tuple[str, ...] = ()
    """Members of Describe's response that the run's record keeps, for the serving map."""
    listed_by: str | None = None
    """The List member that narrows the list to a group's own; empty: there is none; None: it is never deleted by
    itself.
    """
    has_duration: bool = False
    """Whether its times give the duration of its creation: only updates change them, and have times of their own."""
    delete_with_group_only: bool = False
    """Whether only the removal of the whole group deletes it: it holds data that people sent."""
    kept_when_replaced: bool = False
    """Whether it stays after the creation of its successor: it costs nothing, and if its settings come back, its
    versions are used again without training.
    """
    needed_by_others: bool = False
    """Whether all other resources of a dataset group depend on it."""
    stop_before_delete: bool = False
    """Whether its versions' trainings must be stopped before it can be deleted."""
    taggable: bool = True
    job: bool = False
    """Whether it runs once and is kept: List gives all members of an ACTIVE one, and its tags never change."""
    quota: int = 0
    """The most that may exist at once, in a dataset group or, if it is outside of these, in a region, unless AWS has
    raised it for the account: service guide, "Endpoints and quotas" (limits.html). 0: the quota counts others, or is
    not known.
    """
    quota_in_progress: bool = False
    """Whether its quota counts those in progress, so that a creation above it can be repeated later."""
    successor: Literal["create", "retrain"] = "create"
    """The action that creates another one from new inputs."""
    cost: Literal["free", "per GB", "per training", "per line", "per segment"] = "free"
    """The billing of its creation: calculation.one_time_cost."""
    monthly_cost: Literal["none", "per provisioned request", "per hour", "per automatic training"] = "none"
    """The billing while it exists: calculation.monthly_cost."""
    service: str = "personalize"
    describe_verb: str = "describe"
    """The verb of the operation that describes one."""
    extra_list_operation: str = ""
    """The List operation for a member that Describe leaves out."""

    @property
    def member(self) -> str:
        """The kind's name in the service's members: `datasetGroup`, `Schedule`."""
        head, *tail = self.name.split("_")
        head = head if self.service == "personalize" else head.capitalize()
        return head + "".join(word.capitalize() for word in tail)

    @property
    def words(self) -> str:
        """The kind's plural in texts and in Service Quotas: `dataset groups`."""
        return f"{self.name.replace('_', ' ')}s"

    @property
    def can_be_deleted(self) -> bool:
        """Whether the service can delete one: versions and jobs are deleted only with their parents."""
        return not self.parent or self.listed_by is not None

    @property
    def has_owner(self) -> bool:
        """Whether its own tag names its stack. A version or a job belongs to the owner of its parent."""
        return self.taggable and self.can_be_deleted

    @property
    def deploys_versions(self) -> bool:
        """Whether Update can make another solution version serve."""
        return LIVE_VERSION in self.mutable

    @property
    def creator(self) -> str:
        """The client that creates one. Personalize's never repeats a call: the next pass sees its result."""
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
    """Selects the version of a solution that serves: a person's choice, or else a rule of the config."""

    rule: Mapping[str, Any] = field(default_factory=dict)
    """The conditions for a version, as in the config (gate.judge); empty if there are none."""
    live: str = ""
    """The ARN of the version that has served until now; empty if none has."""
    popularity: str = ""
    """The id of the popularity solution's version, if the rule compares with it."""
    pinned: str = ""
    """The ARN of the version that a person has chosen; empty if there is none."""
    supersedes: str = ""
    """The ARN of the version that the pinned one replaces."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One desired resource: its Create members, and the resources that must be ready first."""

    id: str
    """`<kind>/<name for people>`, unique in a plan."""
    kind: str
    stage: str
    params: Mapping[str, Any] = field(default_factory=dict)
    """Create's members, without those in `refs` and without tags."""
    refs: Mapping[str, str] = field(default_factory=dict)
    """The ids of the resources whose ARNs are Create's members, by member."""
    after: Sequence[str] = ()
    """Ids of further resources that must be ready first."""
    arn: str = ""
    """The ARN, if it can be derived from the name."""
    fingerprint: str = ""
    """A digest of the resource's sources and, after an @, the time of the request for it, if there was one. An existing
    resource with another fingerprint is out of date.
    """
    family: str = ""
    """The family (names.family_of) of the jobs that may count as this one; empty: all of the parent's."""
    tags: Sequence[Mapping[str, str]] = ()
    min_retrain_interval: float = 0
    """The least seconds between the creation of one and that of the next, unless a person requests the next one."""
    frozen: str = ""
    """The reason why this one is kept although it is out of date; empty if it is not."""
    gate: Gate | None = None
    """The gate of a gate target (gate.gate_targets), if its solution has a rule or a pin."""

    @property
    def needs(self) -> list[str]:
        """The ids of all resources that must be ready first."""
        return [*self.refs.values(), *self.after]
