"""Carry a plan out, one look at a time.

Level-triggered, like a controller: each look compares what is wanted with what is there and does what can be done now.
Nothing is remembered that can't be seen in Personalize, so any look may run twice, be cut anywhere, or be the first
after a crash; the result is the same resources, none twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from usher import gate
from usher.aws import error_code
from usher.deciding import Decision, covers, decide, failure
from usher.remedies import remedy_for
from usher.resources import INPUTS_TAG, KINDS, Clients, Found, Kind, Resource, find
from usher.waiting import Pending, seconds_until_next_look

STAGES = ("import", "train", "export")

# What services answer when they will say yes later. For quotas Personalize has one code, whether they pass or not.
NOT_YET = {
    "ResourceInUseException", "ResourceAlreadyExistsException", "ThrottlingException", "ConflictException",
}  # fmt: skip
PASSING_QUOTA = "PENDING or IN_PROGRESS"
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


def foresee(clients: Clients, resources: Sequence[Resource], *, forgiving: bool = True) -> Foresight:
    """What a run would do about each resource. Changes nothing."""
    states: dict[str, State] = {}
    excused: dict[str, str] = {}
    seconds: dict[str, float] = {}
    hours: dict[str, float] = {}
    for resource in resources:
        found, wanted, held = _look(clients, resource, states)
        seconds[resource.id] = found.usual_seconds if found else 0
        hours[resource.id] = found.details.get("trainingHours", 0) if found else 0
        if found and forgiving and failure(found):
            excused[found.arn] = failure(found)
        decision = decide(resource, found, wanted, excused)
        if held and found is None:
            states[resource.id] = _kept_out(resource, held)
        elif found and decision.action in {"reuse", "hold"}:
            states[resource.id] = _ready(resource, found, decision, held)
        else:
            arn = found.arn if found and decision.action not in {"create", "retrain"} else ""
            states[resource.id] = State(resource.id, decision.action, "PLANNED", arn, decision.why)
    known = {name: value for name, value in hours.items() if value}
    return Foresight(list(states.values()), excused, _usual(resources, seconds), known)


def _usual(resources: Sequence[Resource], seconds: Mapping[str, float]) -> dict[str, float]:
    """What is known of a resource, or else of others of its kind."""
    by_kind: dict[str, list[float]] = {}
    for one in resources:
        if seconds[one.id]:
            by_kind.setdefault(one.kind, []).append(seconds[one.id])
    return {one.id: seconds[one.id] or median(by_kind[one.kind]) for one in resources if one.kind in by_kind}


def advance(
    clients: Clients,
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
    states: dict[str, State] = {}
    pending: dict[str, Pending] = {}
    for resource in resources:
        if STAGES.index(resource.stage) > STAGES.index(stage):
            continue
        state = _advance_one(clients, resource, states, excused)
        earlier = past.get(resource.id, {})
        if state.status in {"PENDING", "WAITING"} and earlier.get("status") == state.status:
            state = replace(state, waited=earlier.get("waited", 0) + slept)
        if state.status == "PENDING":
            minutes = KINDS[resource.kind].minutes
            pending[resource.id] = state.waited, usual.get(resource.id) or minutes * 60 or SECOND_LOOK_SECONDS
        elif state.status == "WAITING" and state.reason:
            pending[resource.id] = state.waited, SECOND_LOOK_SECONDS
        states[resource.id] = state
    return list(states.values()), seconds_until_next_look(_steps(resources, states, pending)) if pending else None


def _steps(
    resources: Sequence[Resource], states: Mapping[str, State], pending: Mapping[str, Pending]
) -> list[list[Pending]]:
    """What is pending, by what can be done when it is over: a creation, another try, else the end of the stage."""
    waiting = [one for one in resources if one.id in states and states[one.id].status == "WAITING"]
    tries = [[pending[one.id]] for one in waiting if one.id in pending]
    creations = [
        [pending[need] for need in one.needs if need in pending]
        for one in waiting
        if one.id not in pending and all(need in pending or states[need].status != "WAITING" for need in one.needs)
    ]
    return tries + creations or [list(pending.values())]


def _advance_one(
    clients: Clients, resource: Resource, states: Mapping[str, State], excused: Mapping[str, str]
) -> State:
    """The state after doing what can be done."""
    needs = [states[need] for need in resource.needs]
    broken = next((need.id for need in needs if need.status in {"FAILED", "SKIPPED"} or _is_kept_out(need)), "")
    if broken:
        return State(resource.id, "wait", "SKIPPED", reason=f"{broken} is not there")
    if any(need.status not in {"READY", "HELD"} for need in needs):
        return State(resource.id, "wait", "WAITING")
    try:
        return _look_and_act(clients, resource, states, excused)
    except clients[KINDS[resource.kind].service].exceptions.ClientError as error:
        return _refused(resource, error)


SECOND_LOOK_SECONDS = 60.0
"""After a refusal."""


def _look_and_act(
    clients: Clients, resource: Resource, states: Mapping[str, State], excused: Mapping[str, str]
) -> State:
    """The state after one look."""
    kind = KINDS[resource.kind]
    found, wanted, held = _look(clients, resource, states)
    if held and found is None:
        return _kept_out(resource, held)
    decision = decide(resource, found, wanted, excused)
    state = State(resource.id, decision.action, "PENDING", found.arn if found else resource.arn, decision.why)
    if found and decision.action in {"reuse", "hold"}:
        return _ready(resource, found, decision, held)
    if found and decision.action == "fail":
        return replace(state, status="FAILED", remedy=remedy_for(decision.why))
    if decision.action in _ACTS:
        arn = _ACTS[decision.action](clients[kind.service], resource, wanted, found)
        state = replace(state, arn=arn, status="PENDING" if kind.minutes else "READY")
    return state


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


def _refused(resource: Resource, error: Any) -> State:
    """The state of a resource about which a service has refused a call: for now, or for good."""
    service = "Personalize" if KINDS[resource.kind].service == "personalize" else "EventBridge Scheduler"
    reason = f"{service} refuses it: {error.response['Error']['Message']}"
    faulty = error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
    if faulty or error_code(error) in NOT_YET or PASSING_QUOTA in reason:
        return State(resource.id, "wait", "WAITING", resource.arn, reason)
    return State(resource.id, "fail", "FAILED", resource.arn, reason, remedy_for(reason))


def _look(
    clients: Clients, resource: Resource, states: Mapping[str, State]
) -> tuple[Found | None, dict[str, Any], str]:
    """What is there; what is wanted, as far as the gate lets it; and why it does not let the rest."""
    arns = {state.id: state.arn for state in states.values() if state.arn}
    given = {name: _given(states[need], name) or None for name, need in resource.refs.items()}
    wanted = {**resource.params, **given}
    found = find(clients, resource, {**arns, **{resource.refs[name]: arn for name, arn in given.items() if arn}})
    if wanted.get("trainingMode") == "UPDATE" and not (found and found.usable):
        del wanted["trainingMode"]  # there is nothing to update: the first training is a full one
    if not resource.gate:
        return found, wanted, ""
    if resource.kind == "campaign":
        version, held = gate.version_to_serve(clients["personalize"], resource, found, wanted[SERVES], arns)
        return found, {**wanted, SERVES: version}, held
    if found is None:
        return None, wanted, ""
    version, held = gate.version_to_serve(clients["personalize"], resource, None, found.usable, arns)
    return replace(found, details={**found.details, SERVES: version}), wanted, held


def _create(client: Any, resource: Resource, wanted: Mapping[str, Any], _found: Found | None) -> str:
    kind = KINDS[resource.kind]
    tags = [*resource.tags, *([{"tagKey": INPUTS_TAG, "tagValue": resource.inputs}] if resource.inputs else [])]
    answer = getattr(client, f"create_{resource.kind}")(**wanted, **({"tags": tags} if tags else {}))
    return str(answer[f"{kind.member}Arn"])


def _update(client: Any, resource: Resource, wanted: Mapping[str, Any], found: Found) -> str:
    kind = KINDS[resource.kind]
    if resource.tags:
        client.tag_resource(resourceArn=found.arn, tags=resource.tags)
    members = {name: wanted[name] for name in kind.mutable if name in wanted}
    if not covers(found.details, members):
        getattr(client, f"update_{kind.name}")(**kind.key(found.arn), **_members_of_update(kind, members, found))
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


def _rebuild(client: Any, resource: Resource, wanted: Mapping[str, Any], found: Found) -> str:
    """A failed resource keeps its name until it is deleted; jobs and versions can't be deleted, and needn't be."""
    delete = getattr(client, f"delete_{resource.kind}", None)
    if delete is None:
        return _create(client, resource, wanted, found)
    delete(**KINDS[resource.kind].key(found.arn))
    return found.arn


_ACTS: Mapping[str, Any] = {"create": _create, "retrain": _create, "update": _update, "rebuild": _rebuild}
