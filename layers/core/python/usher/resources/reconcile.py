"""Carries a plan out, one pass at a time.

Level-triggered, like a controller: each pass compares the desired resources with the existing ones and makes the
changes that are possible now. It reads what exists from the services, each time. So any pass may run twice, be
interrupted anywhere, or be the first after a crash; the result is the same resources, none twice. Beyond that, a pass
knows the states after the last one (the run's record), for how long each has lasted, and the failures that were there
before the run (its plan), which it does not rebuild.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from statistics import median
from typing import Any, NamedTuple

from usher.aws import error_code
from usher.resources import gate
from usher.resources.comparison import members_of_update
from usher.resources.decisions import UNCHANGING, Decision, decide, failure_id
from usher.resources.inventory import Existing, Inventory
from usher.resources.kinds import KINDS, LIVE_VERSION, Resource
from usher.resources.ownership import objection
from usher.resources.polling import Pending, seconds_until_next_pass
from usher.resources.remedies import remedy_for
from usher.resources.states import STAGES, State
from usher.run_summary import PROMOTED

# The services' errors after which a later call succeeds.
NOT_YET = {
    "ResourceInUseException", "ResourceAlreadyExistsException", "ThrottlingException", "ConflictException",
}  # fmt: skip
TAKEN = "ResourceAlreadyExistsException"
"""The error for a name in use: either the response to its creation was lost, and the next pass finds it; or another
resource has the name.
"""
MAX_WAIT_SECONDS = 600.0
"""The seconds after which a name in use counts as another resource's, and a difference after an update as permanent."""
QUOTA = "LimitExceededException"
"""Personalize's one code for all quotas: of those in progress, which passes, and of those that exist."""
RETRY_SECONDS = 60.0
"""The seconds after a refused call."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """The actions of a future run, and the facts of former runs."""

    states: list[State]
    known_failures: Mapping[str, str]
    """The failures (decisions.failure_id) that the run retries, by ARN."""
    expected_seconds: Mapping[str, float]
    """The last duration of each resource, or the median of its kind in the group, by id."""
    training_hours: Mapping[str, float]
    """The training hours that the service billed for the newest version, by id."""


def dry_run(inventory: Inventory, resources: Sequence[Resource], *, retry_failed: bool = True) -> DryRun:
    """The actions that a run would take on each resource. Changes nothing."""
    states: dict[str, State] = {}
    known_failures: dict[str, str] = {}
    seconds: dict[str, float] = {}
    hours: dict[str, float] = {}
    for resource in resources:
        existing, desired, blocked, serving = _compare(inventory, resource, states)
        if existing:
            seconds[resource.id] = existing.expected_seconds
            hours[resource.id] = existing.details.get("trainingHours", 0)
        if existing and retry_failed and failure_id(existing):
            known_failures[existing.arn] = failure_id(existing)
        decision = _decide(inventory, resource, existing, desired, known_failures, _group_arn(states))
        if blocked and existing is None:
            states[resource.id] = _blocked_first_version(resource, blocked)
        elif existing and decision.action in UNCHANGING:
            states[resource.id] = _ready_state(resource, existing, decision, blocked, serving)
        else:
            arn = existing.arn if existing and decision.action not in {"create", "retrain"} else ""
            states[resource.id] = State(resource.id, decision.action, "PLANNED", arn, decision.reason)
    known_hours = {id_: value for id_, value in hours.items() if value}
    return DryRun(list(states.values()), known_failures, _expected_seconds(resources, seconds), known_hours)


def _expected_seconds(resources: Sequence[Resource], seconds: Mapping[str, float]) -> dict[str, float]:
    """The duration of each resource, by id; the median of its kind if it is not known."""
    by_kind: dict[str, list[float]] = {}
    for resource in resources:
        if seconds.get(resource.id):
            by_kind.setdefault(resource.kind, []).append(seconds[resource.id])
    return {
        resource.id: seconds.get(resource.id) or median(by_kind[resource.kind])
        for resource in resources
        if resource.kind in by_kind
    }


def advance(
    inventory: Inventory,
    resources: Sequence[Resource],
    stage: str,
    known_failures: Mapping[str, str],
    before: Sequence[Mapping[str, Any]],
    elapsed: float,
    expected_seconds: Mapping[str, float],
    room: Collection[str] = (),
) -> tuple[list[State], int | None]:
    """Make one pass: change every resource up to a stage that can be changed now, in the plan's order.

    `before`: the states after the last pass; `elapsed`: the seconds since then; `expected_seconds`: by id, a DryRun's;
    `room`: kinds of resources that the run deletes: a creation that their quota refuses waits for a deletion. Returns
    the states, and the seconds until the next pass; None: the stage has ended: nothing is in progress or retried.
    """
    last = {state["id"]: state for state in before}
    ready = {state["arn"] for state in before if state["status"] == "READY"}
    this = _Pass(inventory, known_failures, ready, room)
    pending: dict[str, Pending] = {}
    for resource in resources:
        if STAGES.index(resource.stage) > STAGES.index(stage):
            continue
        earlier = last.get(resource.id, {})
        state = this.advance(resource)
        is_name_taken = resource.id in this.names_taken
        is_unchanged = earlier.get("status") == state.status and (
            not is_name_taken or earlier.get("reason") == state.reason
        )
        if state.status in {"PENDING", "WAITING"} and is_unchanged:
            state = replace(state, waited=earlier.get("waited", 0) + elapsed)
        state = _given_up(state, earlier, is_name_taken=is_name_taken)
        this.states[resource.id] = state
        if state.status == "PENDING":
            usual = expected_seconds.get(resource.id) or KINDS[resource.kind].minutes * 60 or RETRY_SECONDS
            pending[resource.id] = Pending(state.waited, usual)
        elif state.status == "WAITING" and state.reason:
            pending[resource.id] = Pending(state.waited, RETRY_SECONDS)
    steps = _next_steps(resources, this.states, pending, this.quotas_reached)
    return list(this.states.values()), seconds_until_next_pass(steps) if pending else None


def is_at_work(states: Sequence[State]) -> bool:
    """Whether later passes may find room without a deletion: something is in progress, or a refused call is retried."""
    return any(
        state.status == "PENDING" or (state.status == "WAITING" and state.reason and not state.lacks_room)
        for state in states
    )


def _given_up(state: State, earlier: Mapping[str, Any], *, is_name_taken: bool) -> State:
    """The state, changed to FAILED if it has waited too long for something that time does not change."""
    if state.waited < MAX_WAIT_SECONDS:
        return state
    if is_name_taken:
        return replace(state, action="fail", status="FAILED", remedy=remedy_for(state.reason))
    if state.action == earlier.get("action") == "update":
        reason = f"{state.reason.rstrip('.')} after every update."
        return replace(state, action="fail", status="FAILED", reason=reason, remedy=remedy_for(reason))
    return state


def _next_steps(
    resources: Sequence[Resource],
    states: Mapping[str, State],
    pending: Mapping[str, Pending],
    quotas_reached: Collection[str],
) -> list[list[Pending]]:
    """The work that each next step waits for: a creation, a retry, or else the end of the stage.

    `quotas_reached`: the kinds with a reached quota. Their next creation waits for one in progress.
    """
    waiting = [one for one in resources if one.id in states and states[one.id].status == "WAITING"]
    in_progress = [one for one in resources if one.id in pending and states[one.id].status == "PENDING"]
    places = {kind: [[pending[one.id]] for one in in_progress if one.kind == kind] for kind in quotas_reached}
    retries = [[pending[one.id]] for one in waiting if one.id in pending and not places.get(one.kind)]
    creations = [
        [pending[need] for need in one.needs if need in pending]
        for one in waiting
        if one.id not in pending and all(need in pending or states[need].status != "WAITING" for need in one.needs)
    ]
    return [*retries, *creations, *chain.from_iterable(places.values())] or [list(pending.values())]


@dataclass
class _Pass:
    """One pass over a plan's resources, in the plan's order."""

    inventory: Inventory
    known_failures: Mapping[str, str]
    ready: Collection[str] = ()
    """ARNs of the resources that were READY in the run's last pass: as desired, and owned by the stack."""
    room: Collection[str] = ()
    """Kinds of resources that the run deletes: a creation that their quota refuses waits for a deletion."""
    states: dict[str, State] = field(default_factory=dict)
    """The states of the preceding resources, by id."""
    quotas_reached: dict[str, str] = field(default_factory=dict)
    """The service's message for each kind with a reached quota."""
    names_taken: set[str] = field(default_factory=set)
    """Ids of resources whose creation was refused because the name exists."""

    def advance(self, resource: Resource) -> State:
        """Make the changes that are possible now; return the state."""
        needs = [self.states[need] for need in resource.needs]
        broken = next((need.id for need in needs if need.status in {"FAILED", "SKIPPED"} or _has_no_version(need)), "")
        if broken:
            return State(resource.id, "wait", "SKIPPED", reason=f"{broken} does not exist")
        if any(need.status not in {"READY", "HELD"} for need in needs):
            return State(resource.id, "wait", "WAITING")
        try:
            return self._compare_and_act(resource)
        except self.inventory.clients[KINDS[resource.kind].service].exceptions.ClientError as error:
            return self._refused(resource, error)

    def _compare_and_act(self, resource: Resource) -> State:
        kind = KINDS[resource.kind]
        existing, desired, blocked, serving = _compare(self.inventory, resource, self.states)
        if blocked and existing is None:
            return _blocked_first_version(resource, blocked)
        group_arn = _group_arn(self.states)
        decision = _decide(self.inventory, resource, existing, desired, self.known_failures, group_arn, self.ready)
        arn = existing.arn if existing else resource.arn
        state = State(resource.id, decision.action, "PENDING", arn, decision.reason)
        if existing and decision.action in UNCHANGING:
            return _ready_state(resource, existing, decision, blocked, serving)
        if existing and decision.action == "fail":
            return replace(state, status="FAILED", remedy=decision.remedy or remedy_for(decision.reason))
        if decision.action in {"create", "retrain"} and kind.name in self.quotas_reached:
            return self._without_room(resource)
        if act := _ACTS.get(decision.action):
            arn = act(self.inventory, resource, desired, existing)
            state = replace(state, arn=arn, status="PENDING" if kind.minutes else "READY")
        return state

    def _refused(self, resource: Resource, error: Any) -> State:
        """The state of a resource after a service has refused a call: temporary or final."""
        kind = KINDS[resource.kind]
        service = "Personalize" if kind.service == "personalize" else "EventBridge Scheduler"
        reason = f"{service} refuses it: {error.response['Error']['Message']}"
        if error_code(error) == QUOTA and (kind.quota_in_progress or kind.name in self.room):
            self.quotas_reached[kind.name] = reason
            return self._without_room(resource)
        if error_code(error) == TAKEN:
            self.names_taken.add(resource.id)
        is_services_fault = error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
        if is_services_fault or error_code(error) in NOT_YET:
            return State(resource.id, "wait", "WAITING", resource.arn, reason)
        return State(resource.id, "fail", "FAILED", resource.arn, reason, remedy_for(reason))

    def _without_room(self, resource: Resource) -> State:
        kind, reason = KINDS[resource.kind], self.quotas_reached[resource.kind]
        if kind.quota_in_progress:
            return State(resource.id, "wait", "WAITING", resource.arn, reason)
        reason = f"Another one is deleted first. {reason}"
        return State(resource.id, "wait", "WAITING", resource.arn, reason, lacks_room=True)


class _Comparison(NamedTuple):
    """A desired resource and the existing one."""

    existing: Existing | None
    desired: dict[str, Any]
    """The Create members that the gate allows."""
    blocked: str = ""
    """The reason why the gate blocks the newest version; empty if it does not."""
    serving: str | None = None
    """The ARN of the serving version if the resource is a version and gate target, empty if none serves; else None."""


def _compare(inventory: Inventory, resource: Resource, states: Mapping[str, State]) -> _Comparison:
    """A desired resource and the existing one, with the gate's verdict."""
    personalize = inventory.clients["personalize"]
    arns = {state.id: state.arn for state in states.values() if state.arn}
    referred = {member: _exported_value(states[need], member) or None for member, need in resource.refs.items()}
    desired = {**resource.params, **referred}
    arns |= {resource.refs[member]: arn for member, arn in referred.items() if arn}
    existing = inventory.find(resource, arns)
    if desired.get("trainingMode") == "UPDATE" and not (existing and existing.usable):
        del desired["trainingMode"]  # nothing to update exists: the first training is a full one
    if not resource.gate:
        return _Comparison(existing, desired)
    if KINDS[resource.kind].deploys_versions:
        version, blocked = gate.version_to_serve(personalize, resource.gate, existing, desired[LIVE_VERSION], arns)
        return _Comparison(existing, {**desired, LIVE_VERSION: version}, blocked)
    if existing is None:
        return _Comparison(None, desired)
    version, blocked = gate.version_to_serve(personalize, resource.gate, None, existing.usable, arns)
    return _Comparison(existing, desired, blocked, version)


def _decide(
    inventory: Inventory,
    resource: Resource,
    existing: Existing | None,
    desired: Mapping[str, Any],
    known_failures: Mapping[str, str],
    group_arn: str,
    ready: Collection[str] = (),
) -> Decision:
    """The decision on a resource; `fail` if the group may not change it. `group_arn`: of the dataset group.

    `ready`: ARNs of the resources that were as desired in the last pass: their owners are not looked up again.
    """
    decision = decide(resource, existing, desired, known_failures)
    if existing and decision.action == "reuse" and existing.arn in ready:
        return decision
    if existing and (refusal := objection(inventory, resource, existing, desired, decision.action, group_arn)):
        return Decision("fail", refusal.reason, remedy=refusal.remedy)
    return decision


def _group_arn(states: Mapping[str, State]) -> str:
    """The ARN of a plan's dataset group, which comes first; empty if it does not exist yet."""
    return next((state.arn for state in states.values() if state.id.startswith("dataset_group/")), "")


def _blocked_first_version(resource: Resource, blocked: str) -> State:
    """The state of a gate target that blocks the only version there is."""
    return State(resource.id, "keep", "HELD", "", blocked, gate.REMEDY)


def _has_no_version(state: State) -> bool:
    """Whether a gate blocks the only version, so that none serves."""
    return state.status == "HELD" and not _exported_value(state, LIVE_VERSION)


def _exported_value(state: State, member: str) -> str:
    """The value that other resources get if they refer to a member of this one: in general, its ARN."""
    return str((state.details or {}).get(member, state.arn))


def _ready_state(
    resource: Resource, existing: Existing, decision: Decision, blocked: str, serving: str | None
) -> State:
    """The state of a resource that is as desired, or as close to it as the gate allows; the other arguments as in
    _Comparison.
    """
    reported = KINDS[resource.kind].reported
    details = {member: existing.details[member] for member in reported if member in existing.details}
    if serving is not None:
        details[LIVE_VERSION] = serving
    arn = existing.usable if decision.action == "keep" and existing.usable else existing.arn
    state = State(
        resource.id, decision.action, "READY", arn, decision.reason, details=details, resume_at=decision.resume_at
    )
    if blocked:
        return replace(state, action="keep", status="HELD", reason=blocked, remedy=gate.REMEDY)
    if resource.gate and serving not in {None, resource.gate.live}:
        return replace(state, action="promote", reason=PROMOTED)
    return state


def _create(inventory: Inventory, resource: Resource, desired: Mapping[str, Any], _: Existing) -> str:
    return inventory.create(resource, desired)


def _update(inventory: Inventory, resource: Resource, desired: Mapping[str, Any], existing: Existing) -> str:
    kind = KINDS[resource.kind]
    if resource.tags:
        inventory.tag(existing.arn, resource.tags)
    if members := members_of_update(kind, existing.details, desired):
        inventory.update(kind, existing.arn, members)
    return existing.arn


def _rebuild(inventory: Inventory, resource: Resource, desired: Mapping[str, Any], existing: Existing) -> str:
    """Delete a failed resource so that its name is free; jobs and versions can't be deleted, and needn't be."""
    kind = KINDS[resource.kind]
    if not kind.can_be_deleted:
        return inventory.create(resource, desired)
    inventory.delete(kind, existing.arn)
    return existing.arn


_ACTS: Mapping[str, Callable[..., str]] = {
    "create": _create, "retrain": _create, "update": _update, "rebuild": _rebuild,
}  # fmt: skip
