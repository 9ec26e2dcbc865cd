"""The backend: the resources of one account in one region, and the operations on them.

moto demands the module name `models` for a service's backend; the trained models are in `modelling`.
"""

import copy
import logging
import secrets
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from moto.core.base_backend import BackendDict, BaseBackend

from usher_local.personalize.control.constraints import (
    check_dependent,
    check_quota,
    check_references,
    operation,
    references,
)
from usher_local.personalize.control.kinds import KINDS, Work
from usher_local.personalize.control.state import FILE, State
from usher_local.personalize.core import algorithms, environment, faults
from usher_local.personalize.core.errors import (
    InvalidInputError,
    JobFailedError,
    KilledError,
    PersonalizeError,
    ResourceAlreadyExistsError,
    ResourceInUseError,
    ResourceNotFoundError,
    TooManyTagsError,
)
from usher_local.personalize.core.lifecycle import Lifecycle
from usher_local.personalize.core.recipes import RECIPES
from usher_local.personalize.core.resources import Kind, Resource, Update, Values, shown_times
from usher_local.personalize.data.datasets import GroupData
from usher_local.personalize.modelling.model_store import ModelStore

logger = logging.getLogger(__name__)
LAUNCHED = datetime(2019, 6, 10, tzinfo=UTC).timestamp()
"""The creation time of the service's own resources."""
MAX_TAGS = 50


class PersonalizeBackend(BaseBackend):  # type: ignore[misc]
    """The resources behind one lock, which is held for bookkeeping only, never while training or scoring."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.lock = threading.RLock()
        self.models = ModelStore()
        self.groups: dict[str, GroupData] = {}
        self.resources = {resource.arn: resource for resource in _service_owned()}
        self.count = 0
        self._refreshing = False
        self._state: State | None = None
        if environment.current.folder is not None:  # a temporary folder, which need not even exist, keeps nothing
            folder = environment.current.workdir / str(account_id) / str(region_name)
            self._state = State(folder, environment.current.store(folder / FILE))
            self._resume(self._state)

    # Saved state

    def _resume(self, state: State) -> None:
        """Load the state of an earlier process; unfinished work begins again."""
        resources = state.resources(environment.current.clock)
        self.resources |= {resource.arn: resource for resource in resources}
        self.groups |= {one.arn: state.data(one.arn) for one in resources if one.kind.name == "DatasetGroup"}
        self.count = max((resource.number for resource in resources), default=0)
        for resource in resources:
            if not resource.life.worked and not resource.life.transition:
                self._begin_work(resource)

    def _keep(self, resource: Resource) -> None:
        """Save a changed resource, unless it was removed."""
        with self.lock:
            if self._state and resource.arn in self.resources:
                self._state.keep(resource)

    # Reading

    def get(self, kind: str, arn: str) -> Resource:
        """The resource with this ARN, after all due changes. ResourceNotFoundError if there is none of this kind."""
        with self.lock:
            self._refresh_all()
            resource = self.resources.get(arn)
            if resource is None or resource.kind.name != kind:
                raise ResourceNotFoundError(f"Resource Arn {arn} does not exist.")
            return resource

    def active(self, kind: str, arn: str) -> Resource:
        """The resource with this ARN. InvalidInputError unless it is ACTIVE."""
        resource = self.get(kind, arn)
        if resource.status != "ACTIVE":
            raise InvalidInputError(f"{arn} is not ACTIVE; its status is {resource.status}.")
        return resource

    def find(self, kind: str, parent: str | None = None, **members: object) -> list[Resource]:
        """The resources of a kind, newest first: below a parent's ARN, with these members."""
        with self.lock:
            self._refresh_all()
            some = (resource for resource in self.resources.values() if resource.kind.name == kind)
            kept = (r for r in some if parent is None or parent in self._ancestors(r.values))
            matching = [r for r in kept if members.items() <= {k: r.values.get(k) for k in members}.items()]
            return sorted(matching, key=lambda r: -r.number)

    def describe(self, resource: Resource) -> Values:
        """All members that Describe or List may show."""
        shown = resource.shown
        members = operation(f"Describe{resource.kind.name}").output_shape.members[resource.kind.member].members
        for child in (name.removeprefix("latest") for name in members if name.startswith("latest")):
            if child in KINDS:
                shown |= {f"latest{child}": newest.shown for newest in self.find(child, resource.arn)[:1]}
            elif resource.update:
                shown[f"latest{child}"] = resource.update.values | shown_times(resource.update.life, {})
        return shown

    def data(self, resource: Resource) -> GroupData:
        """The data of a resource's dataset group."""
        with self.lock:
            group = self.group_of(resource)
            if group not in self.groups:
                self.groups[group] = self._state.data(group) if self._state else GroupData()
            return self.groups[group]

    def group_of(self, resource: Resource) -> str:
        """The ARN of a resource's dataset group, or its own if it is one."""
        return self._group_of(resource.values) or resource.arn

    # Changes

    def create(self, name: str, params: Values) -> Resource:
        """Check a request against the table of kinds and begin the resource's life."""
        with self.lock:
            kind = KINDS[name]
            values = _complete(params, kind.defaults)
            tags = {tag["tagKey"]: tag["tagValue"] for tag in values.pop("tags", [])}
            check_references(self, f"Create{name}", values)
            if kind.prepare:
                kind.prepare(self, values)
            for parent in references(values).values():
                held = self.resources[parent].values
                values |= {member: copy.deepcopy(held[member]) for member in kind.inherits if member in held}
            arn = self._arn(kind, values)
            self._refresh_all()
            if arn in self.resources:
                raise ResourceAlreadyExistsError(f"Another resource with Arn {arn} already exists.")
            for quota in kind.quotas:
                check_quota(self, kind, quota, self._group_of(values))
            self.count += 1
            resource = Resource(kind, arn, values, _life(kind, arn), self.count)
            self._tag(resource, tags)
            self.resources[arn] = resource
            self._keep(resource)
            self._begin_work(resource)
            return resource

    def _begin_work(self, resource: Resource) -> None:
        """Start the work of a resource, if it has any, unless a fault makes it fail."""
        work = KINDS[resource.kind.name].work
        if work and not resource.life.failure:
            pool = environment.current.trainings if resource.kind.trained else environment.current.jobs
            done = pool.submit(self._work, work, resource)
            resource.life.follow(done)
            done.add_done_callback(lambda _: self._keep(resource))

    def update(self, name: str, params: Values) -> Resource:
        """Begin an update, which takes effect at the end of its timeline."""
        with self.lock:
            kind, values = KINDS[name], dict(params)
            resource = self.get(name, values.pop(kind.arn_member))
            if resource.status not in ("ACTIVE", "CREATE FAILED") or resource.updating:
                raise resource.refusal("cannot be updated")
            check_references(self, f"Update{name}", values)
            if kind.prepare_update:
                kind.prepare_update(self, resource, values)
            self.begin_update(resource, values)
            return resource

    def set_values(self, resource: Resource, **values: object) -> None:
        """Set members that Describe shows. A reader without the lock sees all old members or all new ones."""
        with self.lock:
            resource.values = resource.values | values
            self._keep(resource)

    def begin_update(self, resource: Resource, values: Values) -> None:
        """Replace the resource's members by `values` after the usual time."""
        resource.update = Update(values, _life(resource.kind, resource.arn))
        self._keep(resource)

    def delete(self, name: str, arn: str) -> None:
        """Begin a deletion, unless another resource or the status forbids it."""
        with self.lock:
            kind, resource = KINDS[name], self.get(name, arn)
            if resource.busy:
                raise resource.refusal("cannot be deleted")
            for dependent in kind.dependents:
                check_dependent(self, resource, dependent)
            self.begin_transition(resource, "DELETE")
            if not kind.minutes:
                self._remove(resource)

    def begin_transition(self, resource: Resource, transition: str) -> None:
        """Begin a transition to another status, by a name of `TRANSITIONS`."""
        resource.life.begin(transition)
        self._keep(resource)

    def taggable(self, arn: str) -> Resource:
        """The resource with this ARN. InvalidInputError if its kind has no tags."""
        with self.lock:
            self._refresh_all()
            resource = self.resources.get(arn)
            if resource is None:
                raise ResourceNotFoundError(f"Resource Arn {arn} does not exist.")
            if not resource.number or "tags" not in operation(f"Create{resource.kind.name}").input_shape.members:
                raise InvalidInputError(f"A {resource.kind.words} cannot have tags")
            if resource.life.leaving:
                raise ResourceInUseError(f"{arn} is being deleted.")
            return resource

    def tag(self, arn: str, tags: dict[str, str]) -> None:
        """Add or replace tags."""
        with self.lock:
            self._tag(self.taggable(arn), tags)

    def _tag(self, resource: Resource, tags: dict[str, str]) -> None:
        if len(resource.tags | tags) > MAX_TAGS:
            raise TooManyTagsError(f"A resource can have no more than {MAX_TAGS} tags.")
        resource.tags |= tags
        self._keep(resource)

    def untag(self, arn: str, keys: list[str]) -> None:
        """Remove tags; missing ones are ignored."""
        with self.lock:
            resource = self.taggable(arn)
            resource.tags = {key: value for key, value in resource.tags.items() if key not in keys}
            self._keep(resource)

    # Time

    def _refresh_all(self) -> None:
        """Make all changes that are due."""
        if self._refreshing:  # a due change may itself read resources
            return
        self._refreshing = True
        try:
            for resource in list(self.resources.values()):
                if resource.life.leaving and resource.status == "DELETED":
                    self._remove(resource)
                else:
                    self._refresh(resource)
        finally:
            self._refreshing = False

    def _refresh(self, resource: Resource) -> None:
        update = resource.update
        if update and not update.applied and update.life.status == "ACTIVE":
            update.applied = True
            self.set_values(resource, **update.values)
        on_time = KINDS[resource.kind.name].on_time
        if on_time and resource.status == "ACTIVE":
            on_time(self, resource)

    def _remove(self, resource: Resource) -> None:
        owned = [
            other
            for other in self.resources.values()
            if other.kind.owner == resource.kind.name and resource.arn in self._ancestors(other.values)
        ]
        for gone in (*owned, resource):
            self.resources.pop(gone.arn, None)
            self._forget(gone)
        if self._state:  # last: if the process ends before, the next one removes it again
            self._state.forget(*(gone.arn for gone in (*owned, resource)))

    def _forget(self, resource: Resource) -> None:
        """Delete the data or the model of a removed resource."""
        if resource.kind.name == "DatasetGroup":
            self.groups.pop(resource.arn, None)
            if self._state:
                self._state.forget_data(resource.arn)
        elif resource.kind.trained:
            self.models.drop(resource.arn)
        elif resource.kind.name == "Dataset":
            self.data(resource).clear(resource.values["datasetType"])

    def _work(self, work: Work, resource: Resource) -> str | None:
        """Do the work in a thread. Returns None, or the reason of any failure."""
        try:
            work(self, resource)
        except JobFailedError as error:
            return str(error)
        except PersonalizeError as error:
            return str(error.message)
        except KilledError:  # the service is closing; a process with the saved state begins the work again
            raise
        except Exception as error:
            logger.exception("%s failed", resource.arn)
            return f"An internal error occurred: {error!r}"
        return None

    # Names

    def _arn(self, kind: Kind, values: Values) -> str:
        shown = {name: str(value).rsplit("/", 1)[-1] for name, value in values.items() if isinstance(value, str)}
        random = secrets.token_hex(4)
        shown |= {"hex": random, "id": shown.get("name") or shown.get("jobName") or random}
        return f"arn:{self.partition}:personalize:{self.region_name}:{self.account_id}:{kind.tail.format_map(shown)}"

    def _ancestors(self, values: Values) -> set[str]:
        """The ARNs of all resources from which a resource was made, directly or indirectly."""
        near = set(references(values).values())
        far = (self._ancestors(self.resources[arn].values) for arn in near if arn in self.resources)
        return near.union(*far)

    def _group_of(self, values: Values) -> str | None:
        return next((arn for arn in self._ancestors(values) if ":dataset-group/" in arn), None)


def _service_owned() -> Iterator[Resource]:
    rows = {
        "Recipe": [recipe.values | {"recipeProvider": "SERVICE"} for recipe in RECIPES],
        "Algorithm": algorithms.algorithms(),
        "FeatureTransformation": algorithms.transformations(),
    }
    for name, some in rows.items():
        for values in some:
            arn = values.pop(KINDS[name].arn_member)
            yield Resource(KINDS[name], arn, values, Lifecycle(environment.current.clock, 0, LAUNCHED))


def _complete(given: Values, defaults: Values) -> Values:
    """A request's members, with defaults for missing ones, also within a configuration."""
    values = copy.deepcopy(defaults) | given
    nested = {name for name, default in defaults.items() if isinstance(default, dict) and name in given}
    return values | {name: _complete(given[name], defaults[name]) for name in nested}


def _life(kind: Kind, arn: str) -> Lifecycle:
    """A timeline that begins now, with the faults for the resource's name."""
    name = arn.rsplit("/", 1)[-1]
    minutes = kind.minutes + faults.current.delay.get(name, 0)
    return Lifecycle(environment.current.clock, minutes, failure=faults.current.fail.get(name))


personalize_backends = BackendDict(PersonalizeBackend, "personalize")
