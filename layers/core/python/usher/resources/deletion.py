"""What is there but no longer wanted: found, told, and, where it may be, deleted in reverse order of creation.

Deleted are what Usher made under a name that is still wanted (a changed filter's predecessor, a former solution's
campaign), and schedules; with `prune: true` also what the config no longer names; and everything if the group is to be
removed. Nothing that serves is deleted, without that wish nothing whose name isn't Usher's own, and never what doesn't
bear the stack's own tag.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from usher.aws import error_code
from usher.names import label, label_of, unique_name
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS, Kind, Resource, is_leaving
from usher.resources.polling import seconds_until_next_look
from usher.resources.reconcile import NOT_YET, State
from usher.resources.target import Target
from usher.storage.layout import DATASETS

REPLACED = "replaced"
REMOVED = "no longer in the config"
FOREIGN = "not made by Usher"
NOT_OWN = "not made by this stack"
NEEDED = "what this stack did not make needs it"
WHOLE = "the whole group is removed"
LEFT = "See what still uses it, and ask for the removal again once that is gone."
TAKE_OVER = "Delete it, or take it over (usher import --adopt), and ask for the removal again."
USUAL_SECONDS = 60.0
"""How long a deletion usually takes."""
PATIENCE_SECONDS = 1800
"""Until what something else keeps from being deleted is left to the next run."""
NEEDED_BY_ALL = {"dataset_group", "schema", "dataset"}
"""What all else in a dataset group is made from."""
KEPT_WHEN_REPLACED = {"solution"}
"""They cost nothing; if the settings come back, so do their versions, without training."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that is there and not wanted."""

    id: str
    kind: str
    arn: str
    why: str
    delete: bool = False
    """Whether it is to be deleted."""


def leftovers(
    inventory: Inventory, at: Target, wanted: Sequence[Resource], there: Iterable[State], *, prune: bool
) -> list[Leftover]:
    """Everything of a group that is not wanted, in the order in which it can be deleted. Changes nothing.

    `there`: the wanted resources' states, which know the ARNs that no name tells.
    """
    arns = {one.arn for one in wanted} | {state.arn for state in there}
    ids = {one.id for one in wanted}
    found = []
    for kind, name, arn in belongings(inventory, at, wanted):
        if arn not in arns:
            id_, ours = _identify(at.group, kind, name, arn, ids)
            why = FOREIGN if not ours else REPLACED if id_ in ids else REMOVED
            may_go = _may_go(kind, why, prune=prune)
            if may_go and not inventory.owns(kind, arn):
                why, may_go = NOT_OWN, False
            found.append(Leftover(id_, kind.name, arn, why, may_go))
    return found


def everything(inventory: Inventory, at: Target, adopted: Sequence[Resource]) -> list[Leftover]:
    """All of a group, in the order in which it can be deleted. What is not the stack's stays, and what that needs.

    The dataset group itself is the stack's (ownership.check_group).
    `adopted`: its dataset group and schemas, where they were taken over under names of their own.
    """
    there = list(belongings(inventory, at, adopted))
    others = {arn for kind, _, arn in there if kind.name != "dataset_group" and not inventory.owns(kind, arn)}
    found = []
    for kind, name, arn in there:
        why = NOT_OWN if arn in others else NEEDED if others and kind.name in NEEDED_BY_ALL else WHOLE
        id_, _ = _identify(at.group, kind, name, arn, ())
        found.append(Leftover(id_, kind.name, arn, why, delete=why == WHOLE))
    return found


def belongings(inventory: Inventory, at: Target, wanted: Sequence[Resource]) -> Iterator[tuple[Kind, str, str]]:
    """Kind, name and ARN of all that belongs to a group, what needs others first."""
    # One that was taken over has a name of its own.
    groups = [one.arn for one in wanted if one.kind == "dataset_group"]
    group_arn = next(iter(groups), f"{at.arn_prefix}:{KINDS['dataset_group'].arn.format(name=at.group)}")
    arns = {one.arn for one in wanted}
    for kind in reversed(KINDS.values()):
        for name, arn in _own(inventory, at, kind, group_arn, arns):
            yield kind, name, arn


def _may_go(kind: Kind, why: str, *, prune: bool) -> bool:
    if kind.lasting or why == FOREIGN:
        return False
    return prune or kind.service == "scheduler" or (why == REPLACED and kind.name not in KEPT_WHEN_REPLACED)


def _own(
    inventory: Inventory, at: Target, kind: Kind, group_arn: str, adopted: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Name and ARN of everything of a kind that belongs to a group, and is not being deleted already."""
    for of in _parents(inventory, at, kind, group_arn):
        for one in inventory.summaries(kind, of):
            arn = str(one.get(f"{kind.member}Arn") or one["Arn"])
            name = str(one.get("Name") or one.get("name") or arn.rpartition("/")[2])
            belongs = arn in adopted or kind.listed_by != "" or _is_own_schema(inventory, at.group, group_arn, arn)
            if belongs and not is_leaving(one):
                yield name, arn
    if kind.name == "dataset_group" and inventory.describe(kind, group_arn):
        yield group_arn.rpartition("/")[2], group_arn


def _parents(inventory: Inventory, at: Target, kind: Kind, group_arn: str) -> Iterator[dict[str, str]]:
    """What List is to be narrowed to."""
    if kind.listed_by == "GroupName":
        yield {"GroupName": at.schedule_group, "NamePrefix": f"{at.group}."}
    elif kind.listed_by == "":
        yield {}
    elif kind.listed_by and inventory.describe(KINDS["dataset_group"], group_arn):
        group = {"datasetGroupArn": group_arn}
        if kind.listed_by == "datasetGroupArn":
            yield group
        else:
            for solution in inventory.summaries(KINDS["solution"], group):
                yield {"solutionArn": solution["solutionArn"]}


def _is_own_schema(inventory: Inventory, group: str, group_arn: str, arn: str) -> bool:
    """Whether a schema is Usher's, for this dataset group, by a name that nobody else's schema can have.

    List can't narrow schemas to a group, and they have no tags.
    """
    name = arn.rpartition("/")[2]
    dataset = next((one for one in DATASETS if label(group, one) == label_of(name)), "")
    if not dataset:
        return False
    try:
        schema = json.loads(inventory.describe(KINDS["schema"], arn).get("schema", ""))
    except ValueError:
        return False
    return name == unique_name(group, dataset, group_arn.rpartition("/")[2], schema)


def _identify(group: str, kind: Kind, name: str, arn: str, wanted: Collection[str]) -> tuple[str, bool]:
    """A resource's id, and whether Usher has made it. `wanted`: the ids of the plan's resources."""
    if kind.service == "scheduler":
        return f"{kind.name}/{name.removeprefix(f'{group}.')}", True
    if kind.name == "dataset":
        return f"{kind.name}/{arn.rpartition('/')[2].lower()}", True
    read = label_of(name)
    if group in (name, read):
        return f"{kind.name}/{group}", True
    known = (id_ for id_ in wanted if id_.startswith(f"{kind.name}/"))
    shortened = next((id_ for id_ in known if label(group, id_.partition("/")[2]) == read), "")
    is_own = read.startswith(f"{group}-")
    return shortened or f"{kind.name}/{read.removeprefix(f'{group}-') if is_own else name}", is_own


def retire(
    inventory: Inventory,
    unwanted: Sequence[Mapping[str, Any]],
    serving: Collection[str],
    before: Sequence[Mapping[str, Any]],
    slept: float,
) -> tuple[list[State], int | None]:
    """Delete what can be deleted now, and tell when to look again; None: no more can be done.

    `unwanted`: Leftovers; `serving`: the ARNs that the serving map names; `before` and `slept`: as `advance` has them.
    """
    past = {state["id"]: state for state in before}
    states = []
    for one in unwanted:
        state = _retire_one(inventory, Leftover(**one), serving)
        earlier = past.get(state.id, {})
        if state.status == "PENDING" and earlier.get("status") == "PENDING":
            state = replace(state, waited=earlier.get("waited", 0) + slept)
        if state.waited >= PATIENCE_SECONDS:
            state = replace(state, status="SKIPPED")
        states.append(replace(state, remedy=state.remedy or LEFT) if state.status == "SKIPPED" else state)
    pending = [(state.waited, USUAL_SECONDS) for state in states if state.status == "PENDING"]
    return states, seconds_until_next_look([pending]) if pending else None


def _stop_training(inventory: Inventory, solution_arn: str) -> None:
    """Nothing trains on that nobody wants: it would cost, and keep its solution from being deleted."""
    for version in inventory.summaries(KINDS["solution_version"], {"solutionArn": solution_arn}):
        if version["status"] in {"CREATE PENDING", "CREATE IN_PROGRESS"}:
            inventory.clients["personalize"].stop_solution_version_creation(
                solutionVersionArn=version["solutionVersionArn"]
            )


def _retire_one(inventory: Inventory, one: Leftover, serving: Collection[str]) -> State:
    kind = KINDS[one.kind]
    state = State(f"{one.kind}/{one.arn.rpartition('/')[2]}", "delete", "PENDING", one.arn, one.why)
    if any(arn == one.arn or arn.startswith(f"{one.arn}/") for arn in serving):
        return replace(state, action="hold", status="SKIPPED", reason="It serves.")
    if not one.delete:
        return replace(state, action="hold", status="SKIPPED", remedy=TAKE_OVER if one.why == NOT_OWN else LEFT)
    try:
        details = inventory.describe(kind, one.arn)
        if details and not is_leaving(details):
            if not inventory.owns(kind, one.arn):
                return replace(state, action="hold", status="SKIPPED", reason=NOT_OWN, remedy=TAKE_OVER)
            if kind.name == "solution":
                _stop_training(inventory, one.arn)
            inventory.delete(kind, one.arn)
            details = {} if kind.minutes == 0 else details
    except inventory.clients[kind.service].exceptions.ClientError as error:
        reason = str(error.response["Error"]["Message"])
        return replace(state, reason=reason, status="PENDING" if error_code(error) in NOT_YET else "SKIPPED")
    return state if details else replace(state, status="GONE")
