"""Checks whether a plan has room in the quotas: if not, it is refused, or others are deleted while something still
serves.

A plan is rehearsed against the quotas before anything is created, and refused if it has no room. During a run, the same
rule selects the next deletion.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import cast

from usher.errors import InputError, Problem
from usher.planning.next_serving_map import next_deletion, next_map, without_leaving
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS, Kind, Resource
from usher.resources.plan import Plan
from usher.resources.quotas import account_quotas, quota_of
from usher.resources.states import State
from usher.resources.target import Target
from usher.resources.unmanaged import FOREIGN, NOT_OWN, REMOVED, REPLACED, Unmanaged, existing_resources
from usher.run_record import StateRecord
from usher.serving.serving_map import ServingMap

CREATING = {"create", "replace"}
SECTIONS = {"campaign": "solutions", "recommender": "recommenders"}
"""The section of the serving map for each kind that answers requests."""
NOTHING_SERVES: ServingMap = {}


def next_deletions(
    serving: ServingMap, may_go: Sequence[Unmanaged], kind: str, *, is_waiting: bool = False
) -> list[str]:
    """The ARNs of the next resources to delete for another one of a kind; empty if none can be. Pure.

    A solution is deleted with its campaigns. `is_waiting`: whether a new resource will serve soon. Until
    then, nothing is deleted whose requests only other resources to delete could answer.
    """
    going = [one.arn for one in may_go]
    arn, is_stopgap = next_deletion(serving, [one.arn for one in may_go if one.kind == kind], going)
    if not arn or (is_stopgap and is_waiting):
        return []
    return [one.arn for one in may_go if arn in {one.arn, one.solution}]


def leaving_now(
    plan: Plan, states: Sequence[State], deletions: Sequence[StateRecord], former: ServingMap
) -> tuple[list[Unmanaged], ServingMap]:
    """The resources to delete now so that others can be created, and the serving map without them. Pure.

    `states`: after this pass; `deletions`: after the last one; `former`: the map until now.
    """
    serving = next_map(plan, [cast(StateRecord, asdict(state)) for state in states], former)
    under_way = {one["arn"] for one in deletions if one["status"] == "PENDING"}
    known = {one["arn"] for one in deletions}
    may_go = [one for one in plan.to_delete if one.arn not in known]
    is_waiting = any(state.status == "PENDING" and _kind_of(state.id) in SECTIONS for state in states)
    leaving = set(under_way)
    for kind, lacking in Counter(_kind_of(state.id) for state in states if state.lacks_room).items():
        if lacking > sum(one.kind == kind and one.arn in under_way for one in plan.to_delete):
            leaving.update(next_deletions(serving, may_go, kind, is_waiting=is_waiting))
    return [one for one in plan.to_delete if one.arn in leaving], without_leaving(serving, leaving)


def _kind_of(id_: str) -> str:
    return id_.partition("/")[0]


def count_in_region(inventory: Inventory) -> Counter[str]:
    """The number of resources of each kind that a region limits."""
    counted = (kind for kind in KINDS.values() if kind.quota and not kind.in_dataset_group)
    return Counter({kind.name: len(inventory.summaries(kind, {})) for kind in counted})


def count_existing(inventory: Inventory, target: Target, desired: Sequence[Resource]) -> Counter[str]:
    """The number of existing resources of each kind, for a group."""
    in_group = Counter(kind.name for kind, _, _ in existing_resources(inventory, target, desired))
    return Counter({**in_group, **count_in_region(inventory)})


def count_created(states: Sequence[State]) -> Counter[str]:
    """The number of resources of each kind that a plan creates. `states`: of a dry run."""
    return Counter(_kind_of(state.id) for state in states if state.action in CREATING)


def with_room(
    inventory: Inventory,
    plan: Plan,
    states: Sequence[State],
    existing: Counter[str],
    unmanaged: Sequence[Unmanaged] = (),
    serving: ServingMap = NOTHING_SERVES,
    *,
    fewer: str = "Take {} of them out of usher.yaml",
) -> list[Unmanaged]:
    """The unmanaged resources, including former solutions that make room now. Changes nothing.

    `plan`: the desired resources; `states`: theirs in a dry run; `existing`: as count_existing returns them; `fewer`:
    the remedy if nothing can make room. Raises InputError if a resource has no room.
    """
    created = count_created(states)
    short = [kind for kind in KINDS.values() if kind.quota and _is_short(kind, existing, created, kind.quota)]
    quotas = account_quotas(inventory.clients["service-quotas"]) if short else {}
    short = [kind for kind in short if _is_short(kind, existing, created, quota_of(kind, quotas))]
    if not short:
        return list(unmanaged)
    limits = {kind.name: quota_of(kind, quotas) for kind in KINDS.values() if kind.quota}
    rehearsal = Rehearsal(plan, states, limits, existing, serving)
    going, refused = rehearsal.run(
        [*_former_solutions(inventory, unmanaged), *(one for one in unmanaged if one.delete)]
    )
    if refused:
        raise InputError([_problem(KINDS[kind], ids, rehearsal, unmanaged, fewer) for kind, ids in refused.items()])
    return [replace(one, delete=one.delete or one.arn in going) for one in unmanaged]


def _is_short(kind: Kind, existing: Counter[str], created: Counter[str], limit: int) -> bool:
    return bool(created[kind.name]) and existing[kind.name] + created[kind.name] > limit


def _former_solutions(inventory: Inventory, unmanaged: Sequence[Unmanaged]) -> list[Unmanaged]:
    """The replaced solutions that were kept, as they cost nothing: the oldest first."""
    kept = [
        one
        for one in unmanaged
        if one.reason == REPLACED and not one.delete and KINDS[one.kind].kept_when_replaced
        and inventory.owns(KINDS[one.kind], one.arn)
    ]  # fmt: skip
    return sorted(kept, key=lambda one: inventory.describe(KINDS[one.kind], one.arn)["creationDateTime"])


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The creations of a plan, one after the other, in the available room. Pure."""

    plan: Plan
    states: Sequence[State]
    limits: Mapping[str, int]
    """The quota of each kind."""
    existing: Mapping[str, int]
    """The number of existing resources of each kind."""
    serving: ServingMap

    def run(self, may_go: Sequence[Unmanaged]) -> tuple[set[str], dict[str, list[str]]]:
        """The ARNs of the deleted resources, and the ids of those without room, by kind."""
        number = Counter(self.existing)
        serving, left, refused = self.serving, list(may_go), dict[str, list[str]]()
        ready = {state.id: _ready(state) for state in self.states if not self._is_limited(state)}
        # All solutions come before the first campaign, as a campaign waits for its training.
        for state in sorted(
            filter(self._is_limited, self.states), key=lambda state: list(KINDS).index(_kind_of(state.id))
        ):
            kind = _kind_of(state.id)
            while number[kind] >= self.limits[kind] and (leaving := next_deletions(serving, left, kind)):
                serving = without_leaving(serving, leaving)
                number.subtract(one.kind for one in left if one.arn in leaving)
                left = [one for one in left if one.arn not in leaving]
            if number[kind] >= self.limits[kind]:
                refused.setdefault(kind, []).append(state.id)
                continue
            number[kind] += 1
            ready[state.id] = _ready(state)
            serving = next_map(self.plan, list(ready.values()), serving)
        return {one.arn for one in may_go if one not in left}, refused

    def _is_limited(self, state: State) -> bool:
        return state.action in CREATING and _kind_of(state.id) in self.limits


def _ready(state: State) -> StateRecord:
    return {"id": state.id, "action": state.action, "status": "READY", "arn": state.arn or state.id}


def _problem(
    kind: Kind, ids: Sequence[str], rehearsal: Rehearsal, unmanaged: Sequence[Unmanaged], fewer: str
) -> Problem:
    """The problem of resources without room."""
    number, limit = rehearsal.existing[kind.name], rehearsal.limits[kind.name]
    where = "a dataset group" if kind.in_dataset_group else "a region"
    message = f"has no room for {', '.join(ids)}: {where} may have {limit} {kind.words}, and has {number}."
    return Problem(f"{rehearsal.plan.group}/", message, _remedy(kind, ids, rehearsal, unmanaged, fewer))


def _remedy(kind: Kind, ids: Sequence[str], rehearsal: Rehearsal, unmanaged: Sequence[Unmanaged], fewer: str) -> str:
    """The remedy that makes room, as the rehearsal shows."""

    def has_room(may_go: Sequence[Unmanaged], deleted_by_people: Sequence[Unmanaged] = ()) -> bool:
        existing = Counter(rehearsal.existing)
        existing.subtract(one.kind for one in deleted_by_people)
        return kind.name not in replace(rehearsal, existing=existing).run(may_go)[1]

    deleted = [one for one in unmanaged if one.delete]
    removed = [one for one in unmanaged if not one.delete and one.reason == REMOVED]
    foreign = [one for one in unmanaged if one.kind == kind.name and one.reason in {FOREIGN, NOT_OWN}]
    more = "or ask AWS for a higher quota (Service Quotas, Amazon Personalize)"
    if not kind.in_dataset_group:
        return f"Delete {kind.words} that nobody needs, {more}."
    if removed and has_room([*deleted, *removed]):
        names = _names([one for one in removed if one.kind == kind.name])
        return f"Set prune: true, which deletes {names}: the config no longer names them; {more}."
    if foreign and has_room(deleted, foreign):
        return f"Delete {_names(foreign)}, which Usher did not make, if nobody needs them; {more}."
    return f"{fewer.format(len(ids))}, {more}."


def _names(unmanaged: Sequence[Unmanaged]) -> str:
    return ", ".join(one.id for one in unmanaged)
