"""Unmanaged resources: those of a group that exist and are not desired.

A run deletes those that Usher made under a name that is still desired (a changed filter's predecessor, a former
solution's campaign), and schedules; with `prune: true` also those that the config no longer names; and all of them if
the group is removed. It never deletes a serving resource, one without the stack's own tag or, unless the group is
removed, one whose name Usher has not made.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from usher.names import label, label_of, unique_name
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS, LIVE_VERSION, Kind, Resource
from usher.resources.lookup import is_being_deleted
from usher.resources.states import State
from usher.resources.target import Target
from usher.storage.layout import DATASETS

REPLACED = "replaced"
REMOVED = "no longer in the config"
IDLE = "idle, and replaced by its export"
FOREIGN = "not made by Usher"
NOT_OWN = "not made by this stack"
NEEDED = "needed by something that this stack did not make"
WHOLE = "the whole group is removed"
GROUP = KINDS["dataset_group"]


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """An existing resource that is not desired."""

    id: str
    """The id of a Resource, derived from the name."""
    kind: str
    arn: str
    reason: str
    """The reason why it is not desired, or why it stays."""
    delete: bool = False
    """Whether the run deletes it."""
    solution: str = ""
    """The ARN of a campaign's solution, which can be deleted only after it."""


def find_unmanaged(
    inventory: Inventory,
    target: Target,
    desired: Sequence[Resource],
    states: Iterable[State],
    *,
    prune: bool,
    gone: Collection[str] = (),
) -> list[Unmanaged]:
    """A group's unmanaged resources, in the order in which they can be deleted. Changes nothing.

    `states`: of the desired resources, with the ARNs that can't be derived from names; `gone`: ids of resources that
    the config removes.
    """
    arns = {resource.arn for resource in desired} | {state.arn for state in states}
    ids = {resource.id for resource in desired}
    unmanaged = []
    for kind, name, arn in existing_resources(inventory, target, desired):
        if arn not in arns:
            id_, is_ushers = _identify(target.group, kind, name, arn, ids)
            reason = FOREIGN if not is_ushers else REPLACED if id_ in ids else REMOVED
            reason = IDLE if reason == REMOVED and id_ in gone else reason
            delete = _may_be_deleted(kind, reason, prune=prune or reason == IDLE)
            if delete and not inventory.owns(kind, arn):
                reason, delete = NOT_OWN, False
            version = str(inventory.describe(kind, arn).get(LIVE_VERSION, "")) if kind.deploys_versions else ""
            unmanaged.append(Unmanaged(id_, kind.name, arn, reason, delete, version.rpartition("/")[0]))
    return unmanaged


def find_all_of_group(inventory: Inventory, target: Target, adopted: Sequence[Resource]) -> list[Unmanaged]:
    """All resources of a group, in the order in which they can be deleted.

    Resources of other owners stay, with those that they need. The dataset group itself is the stack's
    (ownership.check_group). `adopted`: its dataset group and schemas, if they were adopted under names of their own.
    """
    existing = list(existing_resources(inventory, target, adopted))
    foreign = {arn for kind, _, arn in existing if kind is not GROUP and not inventory.owns(kind, arn)}
    unmanaged = []
    for kind, name, arn in existing:
        reason = NOT_OWN if arn in foreign else NEEDED if foreign and kind.needed_by_others else WHOLE
        id_, _ = _identify(target.group, kind, name, arn, ())
        unmanaged.append(Unmanaged(id_, kind.name, arn, reason, delete=reason == WHOLE))
    return unmanaged


def existing_resources(
    inventory: Inventory, target: Target, desired: Sequence[Resource]
) -> Iterator[tuple[Kind, str, str]]:
    """The kind, name and ARN of every resource of a group, each before those that it needs."""
    # An adopted one has a name of its own.
    groups = [resource.arn for resource in desired if resource.kind == GROUP.name]
    group_arn = next(iter(groups), f"{target.arn_prefix}:{GROUP.arn.format(name=target.group)}")
    arns = {resource.arn for resource in desired}
    for kind in reversed(KINDS.values()):
        for name, arn in _existing_of_kind(inventory, target, kind, group_arn, arns):
            yield kind, name, arn


def _may_be_deleted(kind: Kind, reason: str, *, prune: bool) -> bool:
    if kind.delete_with_group_only or reason == FOREIGN:
        return False
    return prune or kind.service == "scheduler" or (reason == REPLACED and not kind.kept_when_replaced)


def _existing_of_kind(
    inventory: Inventory, target: Target, kind: Kind, group_arn: str, desired: Collection[str]
) -> Iterator[tuple[str, str]]:
    """The name and ARN of a group's resources of a kind, without those that are being deleted."""
    for narrowed_by in _parents(inventory, target, kind, group_arn):
        for summary in inventory.summaries(kind, narrowed_by):
            arn = str(summary.get(f"{kind.member}Arn") or summary["Arn"])
            name = str(summary.get("Name") or summary.get("name") or arn.rpartition("/")[2])
            is_groups = (
                arn in desired or kind.listed_by != "" or _is_own_schema(inventory, target.group, group_arn, arn)
            )
            if is_groups and not is_being_deleted(summary):
                yield name, arn
    if kind is GROUP and inventory.describe(kind, group_arn):
        yield group_arn.rpartition("/")[2], group_arn


def _parents(inventory: Inventory, target: Target, kind: Kind, group_arn: str) -> Iterator[Mapping[str, str]]:
    """The members that narrow List, once for each parent."""
    if kind.listed_by == "GroupName":
        yield {"GroupName": target.schedule_group, "NamePrefix": f"{target.group}."}
    elif kind.listed_by == "":
        yield {}
    elif kind.listed_by and inventory.describe(GROUP, group_arn):
        group = {"datasetGroupArn": group_arn}
        if kind.listed_by == "datasetGroupArn":
            yield group
        else:
            for solution in inventory.summaries(KINDS["solution"], group):
                yield {"solutionArn": solution["solutionArn"]}


def _is_own_schema(inventory: Inventory, group: str, group_arn: str, arn: str) -> bool:
    """Whether Usher made a schema for this dataset group: its name then holds a digest of both.

    List can't narrow schemas to a group, and they have no tags.
    """
    name = arn.rpartition("/")[2]
    dataset = next((dataset for dataset in DATASETS if label(group, dataset) == label_of(name)), "")
    if not dataset:
        return False
    try:
        schema = json.loads(inventory.describe(KINDS["schema"], arn).get("schema", ""))
    except ValueError:
        return False
    return name == unique_name(group, dataset, group_arn.rpartition("/")[2], schema)


def _identify(group: str, kind: Kind, name: str, arn: str, desired: Collection[str]) -> tuple[str, bool]:
    """A resource's id, and whether Usher made its name. `desired`: the ids of the desired resources."""
    if kind.service == "scheduler":
        return f"{kind.name}/{name.removeprefix(f'{group}.')}", True
    if kind.identified_by_type:
        return f"{kind.name}/{arn.rpartition('/')[2].lower()}", True
    read = label_of(name)
    if group in (name, read):
        return f"{kind.name}/{group}", True
    known = (id_ for id_ in desired if id_.startswith(f"{kind.name}/"))
    shortened = next((id_ for id_ in known if label(group, id_.partition("/")[2]) == read), "")
    is_ushers = read.startswith(f"{group}-")
    return shortened or f"{kind.name}/{read.removeprefix(f'{group}-') if is_ushers else name}", is_ushers
