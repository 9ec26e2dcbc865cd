"""Carry a plan out, one look at a time.

Level-triggered, like a controller: each look compares what is wanted with what is there and does what can be done now.
Nothing is remembered that can't be seen in Personalize, so any look may run twice, be cut anywhere, or be the first
after a crash; the result is the same resources, none twice.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from statistics import median
from typing import Any

from usher.aws import error_code
from usher.errors import SENTENCE
from usher.resources import gate
from usher.resources.decisions import Decision, covers, decide, failure
from usher.resources.inventory import Found, Inventory
from usher.resources.kinds import KINDS, Kind, Resource
from usher.resources.ownership import objection
from usher.resources.polling import Pending, seconds_until_next_look
from usher.resources.remedies import remedy_for
from usher.texts import clean_members

STAGES = ("import", "train", "export")

# What services answer when they will say yes later.
NOT_YET = {
    "ResourceInUseException", "ResourceAlreadyExistsException", "ThrottlingException", "ConflictException",
}  # fmt: skip
TAKEN = "ResourceAlreadyExistsException"
"""Either the answer to its creation was lost, and the next look finds it; or it is somebody else's name."""
PATIENCE_SECONDS = 600.0
"""After which a name that is taken is somebody else's, and what differs after an update always will."""
QUOTA = "LimitExceededException"
"""Personalize's one code for all quotas: of those in progress, which passes, and of those that are there."""
SERVES = "solutionVersionArn"
"""What a campaign, or a version under a gate, tells of the version that serves."""


@dataclass(frozen=True, slots=True)
class State:
    """Where one resource stands, as the run's record tells it."""

    id: str
    action: str
    """A Decision's, at the last look."""
    status: str
    """READY, PENDING (its service is at it), WAITING (its turn has not come), HELD (a gate keeps it as it was), FAILED
    or SKIPPED (what it needs failed); PLANNED before the first look."""
    arn: str = ""
    reason: str = ""
    remedy: str = ""
    waited: float = 0
    """Seconds since it took on this status."""
    details: Mapping[str, Any] | None = None
    due: str = ""
    """A Decision's."""

    def __post_init__(self) -> None:
        clean_members(self, reason=SENTENCE, remedy=SENTENCE)


@dataclass(frozen=True, slots=True)
class Foresight:
    """What a run would do, and what is known for it of former ones."""

    states: list[State]
    excused: Mapping[str, str]
    """The failures that are there before the run, by ARN, if it is forgiving."""
    seconds: Mapping[str, float]
    """How long resources took last time, or others of their kind in the group (the median), by id."""
    hours: Mapping[str, float]
    """Training hours that the service billed for the newest version, by id."""


def foresee(inventory: Inventory, resources: Sequence[Resource], *, forgiving: bool = True) -> Foresight:
    """What a run would do about each resource. Changes nothing."""
    states: dict[str, State] = {}
    excused: dict[str, str] = {}
    seconds: dict[str, float] = {}
    hours: dict[str, float] = {}
    for resource in resources:
        found, wanted, held = _look(inventory, resource, states)
        seconds[resource.id] = found.usual_seconds if found else 0
        hours[resource.id] = found.details.get("trainingHours", 0) if found else 0
        if found and forgiving and failure(found):
            excused[found.arn] = failure(found)
        decision = _decide(inventory, resource, found, wanted, excused, _group(states))
        if held and found is None:
            states[resource.id] = _kept_out(resource, held)
        elif found and decision.action in {"reuse", "hold"}:
            states[resource.id] = _ready(resource, found, decision, held)
        else:
            arn = found.arn if found and decision.action not in {"create", "retrain"} else ""
            states[resource.id] = State(resource.id, decision.action, "PLANNED", arn, decision.why)
    known = {name: value for name, value in hours.items() if value}
    return Foresight(list(states.values()), excused, _usual(resources, seconds), known)


def _decide(
    inventory: Inventory,
    resource: Resource,
    found: Found | None,
    wanted: Mapping[str, Any],
    excused: Mapping[str, str],
    group: str,
) -> Decision:
    """What to do about a resource, if it is the group's to do. `group`: the dataset group's ARN."""
    decision = decide(resource, found, wanted, excused)
    against = objection(inventory, resource, found, wanted, decision.action, group) if found else None
    return Decision("fail", against.why, remedy=against.remedy) if against else decision


def _group(states: Mapping[str, State]) -> str:
    """The ARN of a plan's dataset group; empty where there is none yet."""
    return next((state.arn for state in states.values() if state.id.startswith("dataset_group/")), "")


def _usual(resources: Sequence[Resource], seconds: Mapping[str, float]) -> dict[str, float]:
    """What is known of a resource, or else of others of its kind."""
    by_kind: dict[str, list[float]] = {}
    for one in resources:
        if seconds[one.id]:
            by_kind.setdefault(one.kind, []).append(seconds[one.id])
    return {one.id: seconds[one.id] or median(by_kind[one.kind]) for one in resources if one.kind in by_kind}


def advance(
    inventory: Inventory,
    resources: Sequence[Resource],
    stage: str,
    excused: Mapping[str, str],
    before: Sequence[Mapping[str, Any]],
    slept: float,
    usual: Mapping[str, float],
) -> tuple[list[State], int | None]:
    """Do what can be done now about every resource up to a stage, in the plan's order.

    `before`: the states of the last look; `slept`: the seconds since; `usual`: the seconds that resources take, by id,
    as far as that was learnt. Returns the states now, and the seconds to wait before looking again: None when the stage
    is settled, well or badly.
    """
    past = {state["id"]: state for state in before}
    look = _Look(inventory, excused)
    pending: dict[str, Pending] = {}
    for resource in resources:
        if STAGES.index(resource.stage) > STAGES.index(stage):
            continue
        state = look.advance(resource)
        earlier = past.get(resource.id, {})
        is_same = resource.id not in look.taken or earlier.get("reason") == state.reason
        if state.status in {"PENDING", "WAITING"} and earlier.get("status") == state.status and is_same:
            state = replace(state, waited=earlier.get("waited", 0) + slept)
        if resource.id in look.taken and state.waited >= PATIENCE_SECONDS:
            state = replace(state, action="fail", status="FAILED", remedy=remedy_for(state.reason))
        if state.action == earlier.get("action") == "update" and state.waited >= PATIENCE_SECONDS:
            said = f"{state.reason.rstrip('.')} after every update."
            state = replace(state, action="fail", status="FAILED", reason=said, remedy=remedy_for(said))
        if state.status == "PENDING":
            minutes = KINDS[resource.kind].minutes
            pending[resource.id] = state.waited, usual.get(resource.id) or minutes * 60 or SECOND_LOOK_SECONDS
        elif state.status == "WAITING" and state.reason:
            pending[resource.id] = state.waited, SECOND_LOOK_SECONDS
        look.states[resource.id] = state
    states = look.states
    steps = _steps(resources, states, pending, look.full)
    return list(states.values()), seconds_until_next_look(steps) if pending else None


def _steps(
    resources: Sequence[Resource],
    states: Mapping[str, State],
    pending: Mapping[str, Pending],
    full: Collection[str],
) -> list[list[Pending]]:
    """What is pending, by what can be done when it is over: a creation, another try, else the end of the stage.

    `full`: the kinds of which no more can be in progress. The next is created when one of them is done.
    """
    waiting = [one for one in resources if one.id in states and states[one.id].status == "WAITING"]
    in_progress = [one for one in resources if one.id in pending and states[one.id].status == "PENDING"]
    room = {kind: [[pending[one.id]] for one in in_progress if one.kind == kind] for kind in full}
    tries = [[pending[one.id]] for one in waiting if one.id in pending and not room.get(one.kind)]
    creations = [
        [pending[need] for need in one.needs if need in pending]
        for one in waiting
        if one.id not in pending and all(need in pending or states[need].status != "WAITING" for need in one.needs)
    ]
    return [*tries, *creations, *chain.from_iterable(room.values())] or [list(pending.values())]


SECOND_LOOK_SECONDS = 60.0
"""After a refusal."""


@dataclass
class _Look:
    """One look at a plan's resources, in the plan's order."""

    inventory: Inventory
    excused: Mapping[str, str]
    states: dict[str, State] = field(default_factory=dict)
    """Of the resources before, by id."""
    full: dict[str, str] = field(default_factory=dict)
    """By kind of which no more can be in progress now, the service's words for it."""
    taken: set[str] = field(default_factory=set)
    """Ids of resources whose name was refused, as there is one."""

    def advance(self, resource: Resource) -> State:
        """The state after doing what can be done."""
        needs = [self.states[need] for need in resource.needs]
        broken = next((need.id for need in needs if need.status in {"FAILED", "SKIPPED"} or _is_kept_out(need)), "")
        if broken:
            return State(resource.id, "wait", "SKIPPED", reason=f"{broken} is not there")
        if any(need.status not in {"READY", "HELD"} for need in needs):
            return State(resource.id, "wait", "WAITING")
        try:
            return self._look_and_act(resource)
        except self.inventory.clients[KINDS[resource.kind].service].exceptions.ClientError as error:
            return self._refused(resource, error)

    def _look_and_act(self, resource: Resource) -> State:
        kind = KINDS[resource.kind]
        found, wanted, held = _look(self.inventory, resource, self.states)
        if held and found is None:
            return _kept_out(resource, held)
        decision = _decide(self.inventory, resource, found, wanted, self.excused, _group(self.states))
        state = State(resource.id, decision.action, "PENDING", found.arn if found else resource.arn, decision.why)
        if found and decision.action in {"reuse", "hold"}:
            return _ready(resource, found, decision, held)
        if found and decision.action == "fail":
            return replace(state, status="FAILED", remedy=decision.remedy or remedy_for(decision.why))
        if decision.action in {"create", "retrain"} and kind.name in self.full:
            return State(resource.id, "wait", "WAITING", resource.arn, self.full[kind.name])
        if decision.action in _ACTS:
            arn = _ACTS[decision.action](self.inventory, resource, wanted, found)
            state = replace(state, arn=arn, status="PENDING" if kind.minutes else "READY")
        return state

    def _refused(self, resource: Resource, error: Any) -> State:
        """The state of a resource about which a service has refused a call: for now, or for good."""
        kind = KINDS[resource.kind]
        service = "Personalize" if kind.service == "personalize" else "EventBridge Scheduler"
        reason = f"{service} refuses it: {error.response['Error']['Message']}"
        is_full = kind.quota_in_progress and error_code(error) == QUOTA
        if is_full:
            self.full[kind.name] = reason
        if error_code(error) == TAKEN:
            self.taken.add(resource.id)
        is_faulty = error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
        if is_full or is_faulty or error_code(error) in NOT_YET:
            return State(resource.id, "wait", "WAITING", resource.arn, reason)
        return State(resource.id, "fail", "FAILED", resource.arn, reason, remedy_for(reason))


def _kept_out(resource: Resource, held: str) -> State:
    return State(resource.id, "hold", "HELD", "", held, gate.REMEDY)


def _is_kept_out(state: State) -> bool:
    """Whether the gate holds a version back and there is no other to serve."""
    return state.status == "HELD" and not _given(state, SERVES)


def _given(state: State, member: str) -> str:
    """What a resource gives to those that refer to it by a member: as a rule, its ARN."""
    return str((state.details or {}).get(member, state.arn))


def _ready(resource: Resource, found: Found, decision: Decision, held: str) -> State:
    """The state of one that is there as wanted, or as far as the gate lets it. `held`: why it does not, if so."""
    details = {name: found.details[name] for name in ([SERVES] if resource.gate else KINDS[resource.kind].reported)}
    arn = found.usable if decision.action == "hold" and found.usable else found.arn
    if held:
        return State(resource.id, "hold", "HELD", arn, held, gate.REMEDY, details=details, due=decision.due)
    if resource.kind == "solution_version" and resource.gate and details[SERVES] != resource.gate["live"]:
        decision = replace(decision, action="promote", why="It serves from now on.")
    return State(resource.id, decision.action, "READY", arn, decision.why, details=details, due=decision.due)


def _look(
    inventory: Inventory, resource: Resource, states: Mapping[str, State]
) -> tuple[Found | None, dict[str, Any], str]:
    """What is there; what is wanted, as far as the gate lets it; and why it does not let the rest."""
    personalize = inventory.clients["personalize"]
    arns = {state.id: state.arn for state in states.values() if state.arn}
    given = {name: _given(states[need], name) or None for name, need in resource.refs.items()}
    wanted = {**resource.params, **given}
    found = inventory.find(resource, {**arns, **{resource.refs[name]: arn for name, arn in given.items() if arn}})
    if wanted.get("trainingMode") == "UPDATE" and not (found and found.usable):
        del wanted["trainingMode"]  # there is nothing to update: the first training is a full one
    if not resource.gate:
        return found, wanted, ""
    if resource.kind == "campaign":
        version, held = gate.version_to_serve(personalize, resource, found, wanted[SERVES], arns)
        return found, {**wanted, SERVES: version}, held
    if found is None:
        return None, wanted, ""
    version, held = gate.version_to_serve(personalize, resource, None, found.usable, arns)
    return replace(found, details={**found.details, SERVES: version}), wanted, held


def _create(inventory: Inventory, resource: Resource, wanted: Mapping[str, Any], _found: Found | None) -> str:
    return inventory.create(resource, wanted)


def _update(inventory: Inventory, resource: Resource, wanted: Mapping[str, Any], found: Found) -> str:
    kind = KINDS[resource.kind]
    if resource.tags:
        inventory.tag(found.arn, resource.tags)
    members = {name: wanted[name] for name in kind.mutable if name in wanted}
    if not covers(found.details, members):
        inventory.update(kind, found.arn, _members_of_update(kind, members, found))
    return found.arn


def _members_of_update(kind: Kind, members: Mapping[str, Any], found: Found) -> dict[str, Any]:
    """Update's members: those of Create, but for metrics, which are taken away and added one by one."""
    if kind.name != "metric_attribution":
        return dict(members)
    wanted, there = members["metrics"], found.details["metrics"]
    gone = [one["metricName"] for one in there if one not in wanted]
    new = [one for one in wanted if one not in there]
    config = {name: value for name, value in members.items() if name != "metrics"}
    return {**config, **({"removeMetrics": gone} if gone else {}), **({"addMetrics": new} if new else {})}


def _rebuild(inventory: Inventory, resource: Resource, wanted: Mapping[str, Any], found: Found) -> str:
    """A failed resource keeps its name until it is deleted; jobs and versions can't be deleted, and needn't be."""
    kind = KINDS[resource.kind]
    if not hasattr(inventory.clients[kind.service], f"delete_{kind.name}"):
        return _create(inventory, resource, wanted, found)
    inventory.delete(kind, found.arn)
    return found.arn


_ACTS: Mapping[str, Any] = {"create": _create, "retrain": _create, "update": _update, "rebuild": _rebuild}
