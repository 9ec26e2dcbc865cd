"""Whose a resource is. It is a group's if it lies in the group's dataset group and bears the stack's tag.

The tag `usher:stack` names the stack, and `usher:group` of a dataset group the one group that it is for. Versions and
jobs belong to whom their parent does; schemas and metric attributions can't have tags and belong to the dataset group
that uses them. Names only find candidates.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from usher.errors import InputError, Problem
from usher.inventory import Found, Inventory
from usher.resources import GROUP_TAG, KINDS, STACK_TAG, Resource

CLOUDFORMATION_TAG = "aws:cloudformation:stack-name"
ANOTHER_NAME = "Give it, or the resource in usher.yaml, another name"
OUTSIDE = {"dataset_group", "schema"}
"""Kinds that lie in no dataset group."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why something is not the stack's to change, and what a person can do about it."""

    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose something is that is not the stack's. `options`: with which `usher import` takes it over."""

    says: str
    options: str


def stack_name(arn: str) -> str:
    """A stack's name, from its ARN."""
    return arn.split("/")[1] if arn.count("/") > 1 else arn


def check_group(inventory: Inventory, wanted: Resource, group: str) -> None:
    """Raise InputError where the dataset group is there and isn't the stack's: all else would be built upon it."""
    details = inventory.describe(KINDS["dataset_group"], wanted.arn)
    if not details or str(details["status"]).startswith("DELETE"):
        return
    if owner := _other_owner(inventory, wanted, wanted.arn):
        name = details["name"]
        said = f"would become the dataset group {name}, which {owner.says}. Nothing of it was changed."
        command = f"usher import {name}{f' --group {group}' if name != group else ''} {owner.options}"
        remedy = f"Use a folder of another name; or take the group over: {command}."
        raise InputError([Problem(f"{group}/", said, remedy)])


def objection(
    inventory: Inventory, resource: Resource, found: Found, wanted: Mapping[str, object], action: str, group: str
) -> Objection | None:
    """What speaks against an action on what is there under the wanted name; None where it may be taken.

    `wanted`: its Create members with the ARNs filled in. `group`: the ARN of the plan's dataset group; empty where it
    has none, or none yet.
    """
    if found.status.startswith("DELETE"):
        return None
    kind = KINDS[resource.kind]
    # What has no ARN of its own was found in its parent's list.
    if resource.arn and kind.service == "personalize" and kind.name not in OUTSIDE:
        there = inventory.home(found.details)
        if there != (inventory.home(wanted) or group):
            where = f"another dataset group, {there}" if there else "a dataset group that is gone"
            return Objection(f"It belongs to {where}.", f"{ANOTHER_NAME}; or take its line out of adopt.")
    # What AWS tells of the tags of one that is being created is not documented: its owner is asked for later.
    if action == "wait":
        return None
    if owner := _other_owner(inventory, resource, found.arn):
        return Objection(f"It {owner.says}.", f"{ANOTHER_NAME}; or take it over: usher import, with {owner.options}.")
    return None


def _other_owner(inventory: Inventory, resource: Resource, arn: str) -> _Owner | None:
    """Whose a resource is, if not the stack's and, of a dataset group, the group's."""
    kind, group = KINDS[resource.kind], resource.id.partition("/")[2]
    if not kind.has_owner:
        return None
    tags = inventory.tags(arn)
    owner, managed = tags.get(STACK_TAG, ""), tags.get(CLOUDFORMATION_TAG, "")
    if owner == inventory.stack_arn:
        served = tags.get(GROUP_TAG, "")
        if kind.name != "dataset_group" or served == group:
            return None
        if not served:
            return _Owner(f"has no tag {GROUP_TAG}", "--adopt")
        return _Owner(f"is that of the folder {served}/", f"--adopt --from-stack {stack_name(owner)}")
    anyway = " --anyway" if managed else ""
    if owner:
        name = stack_name(owner)
        return _Owner(f"belongs to the stack {name} ({owner})", f"--adopt --from-stack {name}{anyway}")
    if managed:
        return _Owner(f"is managed by the CloudFormation stack {managed}", f"--adopt{anyway}")
    return _Owner("was not made by Usher", "--adopt")
