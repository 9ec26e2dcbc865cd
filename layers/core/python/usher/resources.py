"""The one table of Personalize resource kinds, and how a resource is found.

Everything that differs between kinds stands in KINDS; a new kind is a new row. Operation and member names follow
from a kind's name, as Personalize's own model is regular: `create_<name>`, `describe_<name>(<name>Arn=...)`.
A test proves the table against botocore's service model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from usher.aws import error_code

INPUTS_TAG = "usher:inputs"


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of resource is identified, changed and waited for."""

    name: str
    minutes: float
    """How long creation usually takes; 0: it is done when the call returns."""
    arn: str = ""
    """The ARN's tail, made of the group's name and Create's members; empty: the newest one under its parent counts."""
    parent: str = ""
    """The Create member that names the parent, for kinds that are found by listing."""
    mutable: tuple[str, ...] = ()
    """Create members that Update changes in place; all else is immutable."""
    reported: tuple[str, ...] = ()
    """Members of Describe's answer that the run's record keeps, for the serving map."""

    @property
    def member(self) -> str:
        """The kind's name as Personalize spells it in members: `datasetGroup`."""
        head, *tail = self.name.split("_")
        return head + "".join(word.capitalize() for word in tail)

    @property
    def latest_update(self) -> str:
        """The member of Describe's answer that tells how the last update goes."""
        return f"latest{self.member[0].upper()}{self.member[1:]}Update"


KINDS = {
    kind.name: kind
    for kind in (
        Kind("schema", 0, arn="schema/{name}"),
        Kind("dataset_group", 1, arn="dataset-group/{name}"),
        Kind("dataset", 0.5, arn="dataset/{group}/{datasetType}", mutable=("schemaArn",)),
        Kind("dataset_import_job", 5, parent="datasetArn"),
        Kind("event_tracker", 0.5, parent="datasetGroupArn", reported=("trackingId",)),
        Kind("filter", 1, arn="filter/{name}"),
        Kind("solution", 0.5, arn="solution/{name}"),
        Kind("solution_version", 30, parent="solutionArn"),
        Kind(
            "campaign", 9, arn="campaign/{name}", mutable=("solutionVersionArn", "minProvisionedTPS", "campaignConfig")
        ),
        Kind("batch_inference_job", 15, arn="batch-inference-job/{jobName}"),
    )
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One wanted resource: what Create is called with, and what must be there first."""

    id: str
    """`<kind>/<the name people use>`, unique in a plan."""
    kind: str
    stage: str
    params: Mapping[str, Any] = field(default_factory=dict)
    """Create's members, without those in `refs`."""
    refs: Mapping[str, str] = field(default_factory=dict)
    """Create's members that take another resource's ARN: member -> that resource's id."""
    after: Sequence[str] = ()
    """Ids of further resources that must be ready first."""
    arn: str = ""
    """The ARN, where it follows from the name."""
    inputs: str = ""
    """Digest of what this resource is made from: a newest one with another digest is out of date."""

    @property
    def needs(self) -> list[str]:
        """Ids of everything that must be ready first."""
        return [*self.refs.values(), *self.after]


@dataclass(frozen=True, slots=True)
class Found:
    """A resource as Personalize describes it."""

    arn: str
    details: Mapping[str, Any]
    inputs: str = ""
    """Digest that the resource was tagged with at creation."""
    usual_seconds: float | None = None
    """How long its last finished sibling took."""

    @property
    def status(self) -> str:
        """The service's own word; schemas have none and are ready at once."""
        return str(self.details.get("status", "ACTIVE"))


def find(personalize: Any, resource: Resource, arns: Mapping[str, str]) -> Found | None:
    """Look a resource up. `arns`: the ARNs, by id, of what it refers to."""
    kind = KINDS[resource.kind]
    if kind.arn:
        details = describe(personalize, kind, resource.arn)
        return Found(resource.arn, details) if details else None
    parent = arns.get(resource.refs[kind.parent])
    siblings = _newest_first(personalize, kind, parent) if parent else []
    if not siblings:
        return None
    arn = siblings[0][f"{kind.member}Arn"]
    details = describe(personalize, kind, arn)
    tags = personalize.list_tags_for_resource(resourceArn=arn)["tags"] if resource.inputs else []
    inputs = next((tag["tagValue"] for tag in tags if tag["tagKey"] == INPUTS_TAG), "")
    return Found(arn, details, inputs, _duration(siblings)) if details else None


def describe(personalize: Any, kind: Kind, arn: str) -> dict[str, Any]:
    """Describe's answer; empty where there is no such resource."""
    try:
        answer = getattr(personalize, f"describe_{kind.name}")(**{f"{kind.member}Arn": arn})
    except personalize.exceptions.ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return {}
        raise
    details: dict[str, Any] = answer[kind.member]
    return details


def _newest_first(personalize: Any, kind: Kind, parent: str) -> list[dict[str, Any]]:
    pages = personalize.get_paginator(f"list_{kind.name}s").paginate(**{kind.parent: parent})
    summaries = [summary for page in pages for summary in page[f"{kind.member}s"]]
    return sorted(summaries, key=lambda summary: summary["creationDateTime"], reverse=True)


def _duration(summaries: Sequence[Mapping[str, Any]]) -> float | None:
    """Seconds from creation to ACTIVE of the newest finished one."""
    for summary in summaries:
        if summary["status"] == "ACTIVE":
            created: datetime = summary["creationDateTime"]
            return float((summary["lastUpdatedDateTime"] - created).total_seconds())
    return None
