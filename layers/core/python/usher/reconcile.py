"""Carry a plan out, one look at a time.

Level-triggered, like a controller: each look compares what is wanted with what is there and does what can be done now.
Nothing is remembered that can't be seen in Personalize, so any look may run twice, be cut anywhere, or be the first
after a crash; the result is the same resources, none twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from usher.aws import error_code
from usher.remedies import remedy_for
from usher.resources import INPUTS_TAG, KINDS, Found, Resource, find
from usher.waiting import seconds_until_next_look

STAGES = ("import", "train", "export")

# What Personalize answers when it will say yes later. For quotas it has one code, whether they pass or not.
NOT_YET = {"ResourceInUseException", "ResourceAlreadyExistsException", "ThrottlingException"}
BROKEN = ("FAILED", "STOPPED")
PASSING_QUOTA = "PENDING or IN_PROGRESS"


@dataclass(frozen=True, slots=True)
class State:
    """Where one resource stands, as the run's record tells it."""

    id: str
    action: str
    """What the last look did: create, update, rebuild, wait, fail or none."""
    status: str
    """READY, PENDING (Personalize is at it), WAITING (its turn has not come), FAILED or SKIPPED (what it needs failed);
    PLANNED before the first look."""
    arn: str = ""
    reason: str = ""
    remedy: str = ""
    waited: float = 0
    """Seconds since it took on this status."""
    details: Mapping[str, Any] | None = None


def decide(resource: Resource, found: Found | None, wanted: Mapping[str, Any], excused: Mapping[str, str]) -> str:
    """What to do about a resource whose needs are met: create, update, rebuild, wait, fail or none. Pure.

    `wanted`: its Create members with the ARNs filled in. `excused`: failures that were there before the run, by ARN;
    they are built again, since a person has dropped something after them.
    """
    if found is None:
        return "create"
    outdated = found.inputs != resource.inputs
    if found.status.endswith(BROKEN):
        return "rebuild" if outdated or _failure(found) == excused.get(found.arn) else "fail"
    if outdated:
        return "create"
    if found.status != "ACTIVE":
        return "wait"
    kind = KINDS[resource.kind]
    changes = {name: wanted[name] for name in kind.mutable if name in wanted}
    if _covers(found.details, changes):
        return "none"
    update = found.details.get(kind.latest_update) or {}
    if update.get("status", "ACTIVE") == "ACTIVE" or not _covers(update, changes):
        return "update"
    if update["status"].endswith(BROKEN):
        return "update" if _failure(found) == excused.get(found.arn) else "fail"
    return "wait"


def foresee(
    personalize: Any, resources: Sequence[Resource], *, forgiving: bool = True
) -> tuple[list[State], dict[str, str]]:
    """What a run would do about each resource, and, if it is forgiving, the failures it excuses. Changes nothing."""
    states: dict[str, State] = {}
    excused: dict[str, str] = {}
    for resource in resources:
        found, wanted = _look(personalize, resource, states)
        if found and forgiving and _failure(found):
            excused[found.arn] = _failure(found)
        action = decide(resource, found, wanted, excused)
        if found and action == "none":
            states[resource.id] = _ready(resource, found)
        else:
            arn = found.arn if found and action != "create" else ""
            states[resource.id] = State(resource.id, action, "PLANNED", arn)
    return list(states.values()), excused


def advance(
    personalize: Any,
    resources: Sequence[Resource],
    stage: str,
    excused: Mapping[str, str],
    before: Sequence[Mapping[str, Any]],
    slept: float,
) -> tuple[list[State], int | None]:
    """Do what can be done now about every resource up to a stage, in the plan's order.

    `before`: the states of the last look; `slept`: the seconds since. Returns the states now, and the seconds to wait
    before looking again: None when the stage is settled, well or badly.
    """
    past = {state["id"]: state for state in before}
    states: dict[str, State] = {}
    pending: list[tuple[float, float]] = []
    for resource in resources:
        if STAGES.index(resource.stage) > STAGES.index(stage):
            continue
        state, usual_seconds = _advance_one(personalize, resource, states, excused)
        earlier = past.get(resource.id, {})
        if state.status in {"PENDING", "WAITING"} and earlier.get("status") == state.status:
            state = replace(state, waited=earlier.get("waited", 0) + slept)
        if usual_seconds:
            pending.append((state.waited, usual_seconds))
        states[resource.id] = state
    return list(states.values()), seconds_until_next_look(pending) if pending else None


def _advance_one(
    personalize: Any, resource: Resource, states: Mapping[str, State], excused: Mapping[str, str]
) -> tuple[State, float]:
    """The state after doing what can be done; and how many seconds it usually takes, if it is now to be waited for."""
    needs = [states[need] for need in resource.needs]
    broken = next((need.id for need in needs if need.status in {"FAILED", "SKIPPED"}), "")
    if broken:
        return State(resource.id, "none", "SKIPPED", reason=f"{broken} is not there"), 0
    if any(need.status != "READY" for need in needs):
        return State(resource.id, "wait", "WAITING"), 0
    usual_seconds = KINDS[resource.kind].minutes * 60
    try:
        state, learned_seconds = _look_and_act(personalize, resource, states, excused)
    except personalize.exceptions.ClientError as error:
        state, learned_seconds = _refused(resource, error), None
    return state, (learned_seconds or usual_seconds) if state.status in {"PENDING", "WAITING"} else 0


def _look_and_act(
    personalize: Any, resource: Resource, states: Mapping[str, State], excused: Mapping[str, str]
) -> tuple[State, float | None]:
    """The state after one look, and how many seconds the last one of its kind took, if that can be known."""
    kind = KINDS[resource.kind]
    found, wanted = _look(personalize, resource, states)
    action = decide(resource, found, wanted, excused)
    state = State(resource.id, action, "PENDING", found.arn if found else resource.arn)
    if found and action == "none":
        return _ready(resource, found), None
    if found and action == "fail":
        reason = _failure_reason(resource, found)
        return replace(state, status="FAILED", reason=reason, remedy=remedy_for(reason)), None
    if action in _ACTS:
        arn = _ACTS[action](personalize, resource, wanted, state.arn)
        state = replace(state, arn=arn, status="PENDING" if kind.minutes else "READY")
    return state, found.usual_seconds if found else None


def _ready(resource: Resource, found: Found) -> State:
    details = {name: found.details[name] for name in KINDS[resource.kind].reported}
    return State(resource.id, "none", "READY", found.arn, details=details)


def _refused(resource: Resource, error: Any) -> State:
    """The state of a resource about which Personalize has refused a call: for now, or for good."""
    reason = f"Personalize refuses it: {error.response['Error']['Message']}"
    faulty = error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
    if faulty or error_code(error) in NOT_YET or PASSING_QUOTA in reason:
        return State(resource.id, "wait", "WAITING", resource.arn, reason)
    return State(resource.id, "fail", "FAILED", resource.arn, reason, remedy_for(reason))


def _look(personalize: Any, resource: Resource, states: Mapping[str, State]) -> tuple[Found | None, dict[str, Any]]:
    arns = {state.id: state.arn for state in states.values() if state.arn}
    wanted = {**resource.params, **{name: arns.get(need) for name, need in resource.refs.items()}}
    return find(personalize, resource, arns), wanted


def _create(personalize: Any, resource: Resource, wanted: Mapping[str, Any], _arn: str) -> str:
    tags = {"tags": [{"tagKey": INPUTS_TAG, "tagValue": resource.inputs}]} if resource.inputs else {}
    answer = getattr(personalize, f"create_{resource.kind}")(**wanted, **tags)
    return str(answer[f"{KINDS[resource.kind].member}Arn"])


def _update(personalize: Any, resource: Resource, wanted: Mapping[str, Any], arn: str) -> str:
    kind = KINDS[resource.kind]
    changes = {name: wanted[name] for name in kind.mutable if name in wanted}
    getattr(personalize, f"update_{kind.name}")(**{f"{kind.member}Arn": arn}, **changes)
    return arn


def _rebuild(personalize: Any, resource: Resource, wanted: Mapping[str, Any], arn: str) -> str:
    """A failed resource keeps its name until it is deleted; jobs and versions can't be deleted, and needn't be."""
    delete = getattr(personalize, f"delete_{resource.kind}", None)
    if delete is None:
        return _create(personalize, resource, wanted, arn)
    delete(**{f"{KINDS[resource.kind].member}Arn": arn})
    return arn


_ACTS = {"create": _create, "update": _update, "rebuild": _rebuild}


def _covers(details: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether everything wanted is so; the service adds defaults of its own."""
    return all(
        _covers(details.get(name) or {}, value) if isinstance(value, Mapping) else details.get(name) == value
        for name, value in wanted.items()
    )


def _failing(found: Found) -> Mapping[str, Any]:
    """The part of a description that tells of a failure: the resource itself or its last update; else empty."""
    updates = [value for name, value in found.details.items() if name.startswith("latest") and name.endswith("Update")]
    return next((part for part in [found.details, *updates] if str(part.get("status", "")).endswith(BROKEN)), {})


def _failure(found: Found) -> str:
    """What tells one failure from the next: when the failed thing was created. Empty where nothing failed."""
    return str(_failing(found).get("creationDateTime", ""))


def _failure_reason(resource: Resource, found: Found) -> str:
    return str(_failing(found).get("failureReason") or f"Personalize gives no reason; see {resource.id} in its console")
