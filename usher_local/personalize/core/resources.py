"""What a kind of resource and a resource are to this service."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from usher_local.personalize.core.errors import InvalidInputError, PersonalizeError, ResourceInUseError
from usher_local.personalize.core.lifecycle import Lifecycle

Values = dict[str, Any]
"""Members of a request or a resource, under the names of botocore's model."""


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `limit` resources of a kind, in the region or (`group`) per dataset group."""

    limit: int
    group: bool = False
    pending: bool = False
    """Count only those still being created."""


@dataclass(frozen=True, slots=True)
class Dependent:
    """Resources of `kind` that forbid a deletion: those made from the resource or, with `group`, all of its group."""

    kind: str
    group: bool = False
    pending: bool = False
    """Only those in progress."""
    of: Values = field(default_factory=dict)
    """Only when the resource to be deleted has these members."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Facts about one kind of resource; the table in `control/kinds.py` adds the functions that manage it.

    botocore's model has the rest: the kind's operations, their members, and which members name other resources.
    """

    name: str
    """As in the names of operations: `DatasetGroup`."""
    tail: str
    """Last part of the ARN; may use {id} (name or jobName, else random), {hex} (random) and members, cut to names."""
    minutes: float = 0.0
    """Usual time of creation; 0: it is there at once and has no status."""
    statuses: Mapping[str, str] = field(default_factory=dict)
    """Other words for statuses than the usual."""
    quotas: tuple[Quota, ...] = ()
    defaults: Values = field(default_factory=dict)
    inherits: tuple[str, ...] = ()
    """Members copied from the resources that the request names."""
    dependents: tuple[Dependent, ...] = ()
    owner: str | None = None
    """The kind of the resource that takes this one with it when it is deleted."""
    trained: bool = False
    """Whether its work stores a model, which is deleted with the resource."""

    @property
    def member(self) -> str:
        """`datasetGroup`: the member of Describe's answer."""
        return self.name[0].lower() + self.name[1:]

    @property
    def arn_member(self) -> str:
        """`datasetGroupArn`."""
        return f"{self.member}Arn"

    @property
    def words(self) -> str:
        """`dataset group`, as error texts name it."""
        return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in self.name).strip()


@dataclass(slots=True)
class Update:
    """A change that replaces `values` of its resource when its own timeline reaches ACTIVE."""

    values: Values
    life: Lifecycle
    applied: bool = False


@dataclass(slots=True, eq=False)
class Resource:
    """One resource; `values` are what Describe shows of it besides status and times."""

    kind: Kind
    arn: str
    values: Values
    life: Lifecycle
    number: int = 0
    """Order of creation, as times may be equal; 0 for what belongs to the service."""
    tags: dict[str, str] = field(default_factory=dict)
    update: Update | None = None

    @property
    def status(self) -> str:
        """The status now, by the timeline of the resource, in the usual words."""
        return self.life.status

    @property
    def shown(self) -> Values:
        """Members that Describe and List take from the resource alone."""
        shown = self.values | {self.kind.arn_member: self.arn} | shown_times(self.life, self.kind.statuses)
        if self.update:
            changed = shown_times(self.update.life, {})["lastUpdatedDateTime"]
            shown["lastUpdatedDateTime"] = max(shown["lastUpdatedDateTime"], changed)
        return shown

    @property
    def updating(self) -> bool:
        """Whether an update is on its way."""
        return self.update is not None and self.update.life.pending

    @property
    def busy(self) -> bool:
        """Whether it, or an update of it, is on its way to another status."""
        return self.life.busy or self.updating

    def refusal(self, why: str) -> PersonalizeError:
        """The error of a request that its status forbids: ResourceInUseError as long as waiting may help.

        `why` follows the ARN, as in "cannot be deleted". While an update is on its way, its status is the update's.
        """
        error = ResourceInUseError if self.busy else InvalidInputError
        if self.update and self.updating:
            return error(f"{self.arn} {why}; the status of its latest update is {self.update.life.status}.")
        return error(f"{self.arn} {why}; its status is {self.status}.")


class Backend(Protocol):
    """The part of the backend that checks, jobs and APIs use: the resources of one account in one region.

    `DataBackend` and `ModelBackend` add the data and the models for those who may import their types.
    """

    account_id: str
    partition: str
    region_name: str
    resources: dict[str, Resource]

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Held while resources are read or changed; reentrant."""

    def get(self, kind: str, arn: str) -> Resource:
        """Return the resource at an ARN; ResourceNotFoundError if there is none of this kind."""

    def active(self, kind: str, arn: str) -> Resource:
        """Return the same; InvalidInputError unless it is ACTIVE."""

    def find(self, kind: str, parent: str | None = None, **members: object) -> list[Resource]:
        """Return the resources of a kind below a parent's ARN that have these members, newest first."""

    def group_of(self, resource: Resource) -> str:
        """Return the ARN of the dataset group that a resource belongs to, or is."""

    def create(self, name: str, params: Values) -> Resource:
        """Check a request of `Create<name>` and begin the resource's life."""

    def set_values(self, resource: Resource, **values: object) -> None:
        """Set members of a resource that Describe shows."""

    def begin_update(self, resource: Resource, values: Values) -> None:
        """Replace the resource's members by `values` after the usual time."""

    def begin_transition(self, resource: Resource, transition: str) -> None:
        """Let a resource set out for another status, by a name of `TRANSITIONS`."""


def shown_times(life: Lifecycle, words: Mapping[str, str]) -> Values:
    """Status, reason of failure and times as members of a response."""
    status, failure = life.status, life.failure
    shown: Values = {"status": words.get(status, status)}
    shown |= {"failureReason": failure} if status == "CREATE FAILED" else {}
    times = {"creationDateTime": life.created, "lastUpdatedDateTime": life.updated}
    return shown | {name: datetime.fromtimestamp(seconds, UTC) for name, seconds in times.items()}
