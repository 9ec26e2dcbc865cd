"""Kinds of resources, resources, and the interface of the backend."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from usher_local.personalize.core.errors import InvalidInputError, PersonalizeError, ResourceInUseError
from usher_local.personalize.core.lifecycle import Lifecycle

Values = dict[str, Any]
"""The members of a request or a resource, under the names of botocore's model."""


@dataclass(frozen=True, slots=True)
class Quota:
    """The maximum number of resources of a kind, in the region or (`group`) per dataset group."""

    limit: int
    group: bool = False
    pending: bool = False
    """Count only resources that are being created."""


@dataclass(frozen=True, slots=True)
class Dependent:
    """A kind of resources that forbid a deletion: those made from the resource or, with `group`, all of its group."""

    kind: str
    group: bool = False
    pending: bool = False
    """Only resources in progress."""
    of: Values = field(default_factory=dict)
    """Only if the resource to be deleted has these members."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The facts of one kind of resource; the table in `control/kinds.py` adds the functions that manage it.

    botocore's model has the rest: the kind's operations, their members, and which members name other resources.
    """

    name: str
    """The name in operations: `DatasetGroup`."""
    tail: str
    """The last part of the ARN. May use {id} (name or jobName, else random), {hex} (random) and names from members."""
    minutes: float = 0.0
    """The usual minutes of creation; 0: the resource exists at once and has no status."""
    statuses: Mapping[str, str] = field(default_factory=dict)
    """The kind's own words for statuses, by the usual ones."""
    quotas: tuple[Quota, ...] = ()
    defaults: Values = field(default_factory=dict)
    inherits: tuple[str, ...] = ()
    """Members that are copied from the resources in the request."""
    dependents: tuple[Dependent, ...] = ()
    owner: str | None = None
    """The kind of the resource whose deletion deletes this one."""
    trained: bool = False
    """Whether the work stores a model, which is deleted with the resource."""

    @property
    def member(self) -> str:
        """The name of the kind in Describe's answer: `datasetGroup`."""
        return self.name[0].lower() + self.name[1:]

    @property
    def arn_member(self) -> str:
        """The name of the member with the ARN: `datasetGroupArn`."""
        return f"{self.member}Arn"

    @property
    def words(self) -> str:
        """The name in messages: `dataset group`."""
        return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in self.name).strip()


@dataclass(slots=True)
class Update:
    """A change that replaces `values` of its resource when its own timeline reaches ACTIVE."""

    values: Values
    life: Lifecycle
    applied: bool = False


@dataclass(slots=True, eq=False)
class Resource:
    """One resource; Describe shows its `values`, status and times."""

    kind: Kind
    arn: str
    values: Values
    life: Lifecycle
    number: int = 0
    """The order of creation, since times may be equal; 0 for the service's own resources."""
    tags: dict[str, str] = field(default_factory=dict)
    update: Update | None = None

    @property
    def status(self) -> str:
        """The current status by the resource's timeline, in the usual words."""
        return self.life.status

    @property
    def shown(self) -> Values:
        """The members for Describe and List, without those that other resources determine."""
        shown = self.values | {self.kind.arn_member: self.arn} | shown_times(self.life, self.kind.statuses)
        if self.update:
            changed = shown_times(self.update.life, {})["lastUpdatedDateTime"]
            shown["lastUpdatedDateTime"] = max(shown["lastUpdatedDateTime"], changed)
        return shown

    @property
    def updating(self) -> bool:
        """Whether an update is in progress."""
        return self.update is not None and self.update.life.pending

    @property
    def busy(self) -> bool:
        """Whether the status of the resource, or of an update, is going to change."""
        return self.life.busy or self.updating

    def refusal(self, why: str) -> PersonalizeError:
        """The error of a request that the status forbids: ResourceInUseError as long as waiting may help.

        `why` follows the ARN, as in "cannot be deleted". During an update, the message gives the update's status.
        """
        error = ResourceInUseError if self.busy else InvalidInputError
        if self.update and self.updating:
            return error(f"{self.arn} {why}; the status of its latest update is {self.update.life.status}.")
        return error(f"{self.arn} {why}; its status is {self.status}.")


class Backend(Protocol):
    """The backend for checks, jobs and APIs: the resources of one account in one region.

    `DataBackend` and `ModelBackend` add the data and the models for packages that may import their types.
    """

    account_id: str
    partition: str
    region_name: str
    resources: dict[str, Resource]

    @property
    def lock(self) -> AbstractContextManager[object]:
        """The lock to hold while resources are read or changed; reentrant."""

    def get(self, kind: str, arn: str) -> Resource:
        """Return the resource with this ARN. ResourceNotFoundError if there is none of this kind."""

    def active(self, kind: str, arn: str) -> Resource:
        """Return the resource with this ARN. InvalidInputError unless it is ACTIVE."""

    def find(self, kind: str, parent: str | None = None, **members: object) -> list[Resource]:
        """Return the resources of a kind below a parent's ARN that have these members, newest first."""

    def group_of(self, resource: Resource) -> str:
        """Return the ARN of a resource's dataset group, or its own if it is one."""

    def create(self, name: str, params: Values) -> Resource:
        """Check a request of `Create<name>` and begin the resource's life."""

    def set_values(self, resource: Resource, **values: object) -> None:
        """Set members of a resource that Describe shows."""

    def begin_update(self, resource: Resource, values: Values) -> None:
        """Replace the resource's members by `values` after the usual time."""

    def begin_transition(self, resource: Resource, transition: str) -> None:
        """Begin a transition to another status, by a name of `TRANSITIONS`."""


def shown_times(life: Lifecycle, words: Mapping[str, str]) -> Values:
    """The status, the reason of a failure and the times, as members of a response."""
    status, failure = life.status, life.failure
    shown: Values = {"status": words.get(status, status)}
    shown |= {"failureReason": failure} if status == "CREATE FAILED" else {}
    times = {"creationDateTime": life.created, "lastUpdatedDateTime": life.updated}
    return shown | {name: datetime.fromtimestamp(seconds, UTC) for name, seconds in times.items()}
