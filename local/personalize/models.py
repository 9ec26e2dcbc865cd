"""The backend: the resources of one account in one region, and what may be done with them."""

import copy
import logging
import secrets
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.utils import get_service_model

from local.personalize import runtime
from local.personalize.datasets import GroupData
from local.personalize.exceptions import (
    InvalidInputError,
    JobFailedError,
    LimitExceededError,
    PersonalizeError,
    ResourceAlreadyExistsError,
    ResourceInUseError,
    ResourceNotFoundError,
    TooManyTagsError,
)
from local.personalize.kinds import BY_ARN_MEMBER, KINDS
from local.personalize.lifecycle import Lifecycle
from local.personalize.recipes import BY_ARN
from local.personalize.resources import Blocker, Kind, Quota, Resource, Update, Values, Work
from local.personalize.serving import Models

logger = logging.getLogger(__name__)
LAUNCHED = datetime(2019, 6, 10, tzinfo=UTC).timestamp()
"""When the service's own resources came into being."""
MAX_TAGS = 50


class PersonalizeBackend(BaseBackend):  # type: ignore[misc]
    """State behind one lock, held for bookkeeping only, never while training or scoring."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.lock = threading.RLock()
        self.models = Models()
        self._groups: dict[str, GroupData] = {}
        self._resources = {
            arn: Resource(KINDS["Recipe"], arn, recipe.values | {"recipeProvider": "SERVICE"}, self._life(0, LAUNCHED))
            for arn, recipe in BY_ARN.items()
        }
        self._count = 0

    # Reading

    def get(self, kind: str, arn: str) -> Resource:
        """The resource at an ARN, brought up to now; ResourceNotFoundError if there is none of this kind."""
        with self.lock:
            self._sweep()
            resource = self._resources.get(arn)
            if resource is None or resource.kind.name != kind:
                raise ResourceNotFoundError(f"Resource Arn {arn} does not exist.")
            return self._brought_up(resource)

    def active(self, kind: str, arn: str) -> Resource:
        """Like `get`; InvalidInputError unless it is ACTIVE."""
        resource = self.get(kind, arn)
        if resource.status != "ACTIVE":
            raise InvalidInputError(f"{arn} is not ACTIVE; its status is {resource.status}.")
        return resource

    def found(self, kind: str, parent: str | None = None, **members: Any) -> list[Resource]:
        """Resources of a kind, newest first: below a parent's ARN, with these members."""
        with self.lock:
            self._sweep()
            some = [self._brought_up(r) for r in list(self._resources.values()) if r.kind.name == kind]
            kept = (r for r in some if parent is None or parent in self._ancestors(r.values))
            matching = [r for r in kept if members.items() <= {k: r.values.get(k) for k in members}.items()]
            return sorted(matching, key=lambda r: -r.number)

    def describe(self, resource: Resource) -> Values:
        """All members that Describe or List may show."""
        shown = resource.values | {resource.kind.arn_member: resource.arn} | _times(resource.life)
        members = _operation(f"Describe{resource.kind.name}").output_shape.members[resource.kind.member].members
        for child in (name.removeprefix("latest") for name in members if name.startswith("latest")):
            if child in KINDS:
                newest = self.found(child, resource.arn)[:1]
                shown |= {f"latest{child}": self.describe(version) for version in newest}
            elif resource.update:
                shown[f"latest{child}"] = resource.update.values | _times(resource.update.life)
        return shown

    def data(self, resource: Resource) -> GroupData:
        """The data of the dataset group that a resource belongs to."""
        with self.lock:
            group = self.group_of(resource)
            if group not in self._groups:
                self._groups[group] = GroupData()
            return self._groups[group]

    def group_of(self, resource: Resource) -> str:
        """ARN of the dataset group that a resource belongs to, or is."""
        return self._group_of(resource.values) or resource.arn

    # Changing

    def create(self, kind: Kind, params: Values) -> Resource:
        """Check a request against the table and begin the resource's life."""
        with self.lock:
            values = copy.deepcopy(kind.defaults) | params
            tags = {tag["tagKey"]: tag["tagValue"] for tag in values.pop("tags", [])}
            self._check_references(f"Create{kind.name}", values)
            if kind.prepare:
                kind.prepare(self, values)
            for arn in _references(values).values():
                held = self._resources[arn].values
                values |= {name: copy.deepcopy(held[name]) for name in kind.inherits if name in held}
            arn = self._arn(kind, values)
            self._sweep()
            if arn in self._resources:
                raise ResourceAlreadyExistsError(f"Another resource with Arn {arn} already exists.")
            for quota in kind.quotas:
                self._check_quota(kind, quota, values)
            self._count += 1
            resource = Resource(kind, arn, values, self._life(kind.minutes), self._count)
            self._tag(resource, tags)
            self._resources[arn] = resource
            if kind.work:
                resource.life.follow(runtime.current.jobs.submit(self._work, kind.work, resource))
            return resource

    def update(self, kind: Kind, params: Values) -> Resource:
        """Begin an update, which takes effect when its time has come."""
        with self.lock:
            values = dict(params)
            resource = self.get(kind.name, values.pop(kind.arn_member))
            if resource.status not in ("ACTIVE", "CREATE FAILED") or resource.updating:
                raise ResourceInUseError(f"{resource.arn} cannot be updated now; its status is {resource.status}.")
            self._check_references(f"Update{kind.name}", values)
            if kind.prepare_update:
                kind.prepare_update(self, resource, values)
            self.begin_update(resource, values)
            return resource

    def begin_update(self, resource: Resource, values: Values) -> None:
        """Let `values` replace the resource's after the usual time."""
        resource.update = Update(values, self._life(resource.kind.minutes))

    def delete(self, kind: Kind, arn: str) -> None:
        """Begin to delete, unless something is in the way."""
        with self.lock:
            resource = self.get(kind.name, arn)
            if resource.life.pending or resource.updating or resource.life.deleted:
                status = "being updated" if resource.updating else resource.status
                raise ResourceInUseError(f"{arn} cannot be deleted; its status is {status}.")
            for blocker in kind.blockers:
                self._check_blocker(resource, blocker)
            resource.life.deleted = time.time()
            if not kind.minutes:
                self._remove(resource)

    def taggable(self, arn: str) -> Resource:
        """The resource at an ARN; ResourceNotFoundError if it is of a kind without tags."""
        resource = self._resources.get(arn)
        if resource is None or resource.kind.name == "Recipe":
            raise ResourceNotFoundError(f"Resource Arn {arn} does not exist.")
        if "tags" not in _operation(f"Create{resource.kind.name}").input_shape.members:
            raise InvalidInputError(f"A {resource.kind.words} cannot have tags")
        return self.get(resource.kind.name, arn)

    def tag(self, arn: str, tags: dict[str, str]) -> None:
        """Add or replace tags."""
        with self.lock:
            self._tag(self.taggable(arn), tags)

    # Rules

    def _check_references(self, operation: str, values: Values) -> None:
        """Everything that a request names by ARN must exist and be ACTIVE."""
        errors = {shape.name for shape in _operation(operation).error_shapes}
        for member, arn in _references(values).items():
            status = self.get(BY_ARN_MEMBER[member].name, arn).status
            if status != "ACTIVE":
                waiting = status.endswith(("PENDING", "IN_PROGRESS")) and "ResourceInUseException" in errors
                error = ResourceInUseError if waiting else InvalidInputError
                raise error(f"{arn} is not ACTIVE; its status is {status}.")

    def _check_quota(self, kind: Kind, quota: Quota, values: Values) -> None:
        counted = self.found(kind.name, self._group_of(values) if quota.group else None)
        if quota.pending:
            if sum(resource.life.pending for resource in counted) >= quota.limit:
                raise LimitExceededError(f"More than {quota.limit} resources with PENDING or IN_PROGRESS status.")
        elif len(counted) >= quota.limit:
            article = "an" if kind.words[0] in "aeiou" else "a"
            raise LimitExceededError(
                f"Cannot create {article} {kind.words}. More than {quota.limit} resources in ACTIVE state. "
                "Please delete some and try again."
            )

    def _check_blocker(self, resource: Resource, blocker: Blocker) -> None:
        if not blocker.of.items() <= resource.values.items():
            return
        for other in self.found(blocker.kind, self.group_of(resource) if blocker.group else resource.arn):
            if not blocker.pending or other.life.pending or other.updating:
                raise ResourceInUseError(f"{resource.arn} cannot be deleted; it is in use by {other.arn}.")

    def _tag(self, resource: Resource, tags: dict[str, str]) -> None:
        if len(resource.tags | tags) > MAX_TAGS:
            raise TooManyTagsError(f"A resource can have no more than {MAX_TAGS} tags.")
        resource.tags |= tags

    # Time

    def _sweep(self) -> None:
        """Let disappear what has been deleted for long enough."""
        leaving = [resource for resource in self._resources.values() if resource.life.deleted]
        for resource in leaving:
            if resource.status == "DELETED":
                self._remove(resource)

    def _brought_up(self, resource: Resource) -> Resource:
        """The resource after what has become due has happened to it."""
        update = resource.update
        if update and not update.applied and update.life.status == "ACTIVE":
            update.applied = True
            resource.values |= update.values
        if resource.kind.look and resource.status == "ACTIVE":
            resource.kind.look(self, resource)
        return resource

    def _remove(self, resource: Resource) -> None:
        self._resources.pop(resource.arn, None)
        for other in list(self._resources.values()):
            if other.kind.owner == resource.kind.name and resource.arn in self._ancestors(other.values):
                self._remove(other)
        if resource.kind.name == "DatasetGroup":
            self._groups.pop(resource.arn, None)
        elif resource.kind.name == "SolutionVersion":
            self.models.drop(resource.arn)
        elif resource.kind.name == "Dataset":
            self.data(resource).clear(resource.values["datasetType"])

    def _work(self, work: Work, resource: Resource) -> str | None:
        """Run in a thread: whatever goes wrong becomes the failureReason, which is returned."""
        try:
            work(self, resource)
        except JobFailedError as error:
            return str(error)
        except PersonalizeError as error:
            return str(error.message)
        except Exception as error:
            logger.exception("%s failed", resource.arn)
            return f"An internal error occurred: {error!r}"
        return None

    # Names

    def _life(self, minutes: float, created: float | None = None) -> Lifecycle:
        return Lifecycle(runtime.current.clock, minutes, time.time() if created is None else created)

    def _arn(self, kind: Kind, values: Values) -> str:
        shown = {name: str(value).rsplit("/", 1)[-1] for name, value in values.items() if isinstance(value, str)}
        random = secrets.token_hex(4)
        shown |= {"hex": random, "id": values.get("name") or values.get("jobName") or random}
        return f"arn:{self.partition}:personalize:{self.region_name}:{self.account_id}:{kind.tail.format_map(shown)}"

    def _ancestors(self, values: Values) -> set[str]:
        """ARNs of everything that a resource was made from, near and far."""
        near = set(_references(values).values())
        far = (self._ancestors(self._resources[arn].values) for arn in near if arn in self._resources)
        return near.union(*far)

    def _group_of(self, values: Values) -> str | None:
        return next((arn for arn in self._ancestors(values) if ":dataset-group/" in arn), None)


def _references(values: Values) -> dict[str, str]:
    """Members that name other resources; a recipe's own ARN is none, and `$LATEST` is a matter of campaigns."""
    return dict(_reference_items(values))


def _reference_items(values: Values) -> Iterator[tuple[str, str]]:
    for member, value in values.items():
        if member in BY_ARN_MEMBER and not value.endswith("/$LATEST") and "recipeType" not in values:
            yield member, value


def _times(life: Lifecycle) -> Values:
    status, failure = life.status, life.failure
    shown: Values = {"status": status} | ({"failureReason": failure} if status == "CREATE FAILED" else {})
    times = {"creationDateTime": life.created, "lastUpdatedDateTime": life.updated}
    return shown | {name: datetime.fromtimestamp(seconds, UTC) for name, seconds in times.items()}


def _operation(name: str) -> Any:
    return get_service_model("personalize").operation_model(name)


personalize_backends = BackendDict(PersonalizeBackend, "personalize")
