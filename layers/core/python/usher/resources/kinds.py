"""The one table of resource kinds, and how their services are asked about them.

Everything that differs between kinds stands in KINDS, in the order in which they are made; a new kind is a new row.
Operation and member names follow from a kind's name, as the services' own models are regular:
`create_<name>`, `describe_<name>(<name>Arn=...)`. A test proves the table against botocore's service models.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from usher.aws import error_code

Clients = Mapping[str, Any]
"""boto3 clients by service: personalize and scheduler; and for who creates, `Kind.creator`'s."""
PAGE = {"PageSize": 100}
"""The most that a List operation of either service gives at once."""
INPUTS_TAG = "usher:inputs"
STACK_TAG = "usher:stack"
"""Its value is the ARN of the stack to which a resource belongs."""
GROUP_TAG = "usher:group"
"""Its value is the one group that a dataset group is for: the name of its folder."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of resource is identified, changed, waited for and listed."""

    name: str
    minutes: float
    """How long creation usually takes; 0: it is done when the call returns."""
    arn: str = ""
    """The ARN's tail, made of the group's name and Create's members."""
    parent: str = ""
    """The Create member that names the parent, under which the newest one counts where no ARN is known."""
    outlives: str = ""
    """The parent's kind, where one stays listed when its parent is deleted and made again under the same ARN."""
    mutable: tuple[str, ...] = ()
    """Create members that Update changes in place; all else is immutable."""
    fixed: tuple[str, ...] = ()
    """Create members that can never change under the name that others need."""
    reported: tuple[str, ...] = ()
    """Members of Describe's answer that the run's record keeps, for the serving map."""
    listed_by: str | None = None
    """List's member that narrows to a group's own; empty: there is none; None: is never deleted."""
    timed: bool = False
    """Whether its times tell how long its creation took: only updates move them, and those tell their own."""
    lasting: bool = False
    """Deleted only when the whole group is removed: it holds what people sent."""
    taggable: bool = True
    job: bool = False
    """Done once and kept: List tells all that is needed of an ACTIVE one, and its tags stay as they were."""
    quota_in_progress: bool = False
    """Its quota counts those in progress, so a creation that exceeds it can be repeated later."""
    service: str = "personalize"
    describe: str = "describe"
    """The verb of the operation that describes one."""
    told_by: str = ""
    """The List operation that tells a member which Describe leaves out."""

    @property
    def member(self) -> str:
        """The kind's name as its service spells it in members: `datasetGroup`, `Schedule`."""
        head, *tail = self.name.split("_")
        head = head if self.service == "personalize" else head.capitalize()
        return head + "".join(word.capitalize() for word in tail)

    @property
    def has_owner(self) -> bool:
        """Whether a tag of its own tells to which stack it belongs; versions and jobs belong with their parent."""
        return self.taggable and not (self.parent and self.listed_by is None)

    @property
    def creator(self) -> str:
        """The client that creates one. Personalize's never repeats a call: the next look sees what came of it."""
        return "personalize-once" if self.service == "personalize" else self.service

    @property
    def latest_update(self) -> str:
        """The member of Describe's answer that tells how the last update goes."""
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
        Kind("schema", 0, arn="schema/{name}", listed_by="", taggable=False),
        Kind("dataset_group", 1, arn="dataset-group/{name}", fixed=("domain", "kmsKeyArn")),
        Kind(
            "dataset", 0.5, arn="dataset/{group}/{datasetType}", mutable=("schemaArn",), listed_by=_GROUP, lasting=True
        ),
        Kind(
            "dataset_import_job", 15, parent="datasetArn", outlives="dataset", timed=True, job=True,
            quota_in_progress=True,
        ),
        Kind("event_tracker", 0.5, parent=_GROUP, reported=("trackingId",), listed_by=_GROUP, lasting=True, timed=True),
        Kind(
            "metric_attribution", 1, parent=_GROUP, mutable=("metrics", "metricsOutputConfig"), listed_by=_GROUP,
            taggable=False, told_by="list_metric_attribution_metrics",
        ),
        Kind("filter", 1, arn="filter/{name}", listed_by=_GROUP, timed=True),
        Kind(
            "solution", 0.5, arn="solution/{name}", mutable=("performAutoTraining", "performIncrementalUpdate"),
            listed_by=_GROUP,
        ),
        Kind("solution_version", 60, parent="solutionArn", timed=True, quota_in_progress=True),
        Kind(
            "campaign", 15, arn="campaign/{name}",
            mutable=("solutionVersionArn", "minProvisionedTPS", "campaignConfig"), reported=("solutionVersionArn",),
            listed_by="solutionArn", timed=True,
        ),
        Kind("recommender", 25, arn="recommender/{name}", mutable=("recommenderConfig",), listed_by=_GROUP),
        Kind(
            "batch_inference_job", 15, arn="batch-inference-job/{jobName}", parent="solutionVersionArn", timed=True,
            job=True, quota_in_progress=True,
        ),
        Kind(
            "batch_segment_job", 10, arn="batch-segment-job/{jobName}", parent="solutionVersionArn", timed=True,
            job=True, quota_in_progress=True,
        ),
        Kind(
            "schedule", 0, arn="schedule/{GroupName}/{Name}",
            mutable=(
                "ScheduleExpression", "ScheduleExpressionTimezone", "State", "FlexibleTimeWindow", "Target",
                "ActionAfterCompletion",
            ),
            listed_by="GroupName", taggable=False, service="scheduler", describe="get",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resource:
    """One wanted resource: what Create is called with, and what must be there first."""

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
    """The ARN, where it follows from the name."""
    inputs: str = ""
    """What this resource is made from: a newest one made from something else is out of date. A digest, and after an @
    when it was asked for, if it was."""
    family: str = ""
    """The family (names.family_of) of the jobs that may count as this one; empty: any of the parent's."""
    tags: Sequence[Mapping[str, str]] = ()
    rest_seconds: float = 0
    """The least time between the creation of one and that of the next, unless somebody asks."""
    held: str = ""
    """Why this one is not brought up to date, though it could be."""
    gate: Mapping[str, Any] = field(default_factory=dict)
    """Of what serves (gate.keepers): what a version must achieve in order to be deployed."""

    @property
    def needs(self) -> list[str]:
        """Ids of everything that must be ready first."""
        return [*self.refs.values(), *self.after]


def describe(client: Any, kind: Kind, arn: str) -> dict[str, Any]:
    """Describe's answer; empty where there is no such resource. `client`: of the kind's service."""
    try:
        answer = getattr(client, f"{kind.describe}_{kind.name}")(**kind.key(arn))
    except client.exceptions.ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return {}
        raise
    details: dict[str, Any] = answer.get(kind.member, answer)
    return details | (_listed(client, kind.told_by, kind.key(arn)) if kind.told_by else {})


def is_leaving(details: Mapping[str, Any]) -> bool:
    """Whether something is being deleted. Personalize refuses to tell the tags of that."""
    return str(details.get("status", "")).startswith("DELETE")


def summaries(clients: Clients, kind: Kind, of: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every resource of a kind that List tells of. `of`: the members that narrow it."""
    (listed,) = _listed(clients[kind.service], f"list_{kind.name}s", of).values()
    return listed


def _listed(client: Any, operation: str, of: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """All pages of a List operation, under the name that the answer has for them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for page in client.get_paginator(operation).paginate(PaginationConfig=PAGE, **of):
        for name, part in page.items():
            if isinstance(part, list):
                found.setdefault(name, []).extend(part)
    return found


def tags_of(clients: Clients, arn: str) -> dict[str, str]:
    """A resource's tags."""
    tags = clients["personalize"].list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["tagKey"]: tag["tagValue"] for tag in tags}
