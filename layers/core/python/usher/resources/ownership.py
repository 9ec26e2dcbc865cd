"""The ownership of resources: a resource is a group's if it is in the group's dataset group and has the stack's tag.

The tag `usher:stack` names the stack, and `usher:group` of a dataset group its one group. Versions and jobs belong to
the owner of their parent; schemas and metric attributions can't have tags and belong to the dataset group that uses
them. Names only find candidates.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from usher.errors import InputError, Problem
from usher.resources.decisions import Action
from usher.resources.inventory import Existing, Inventory
from usher.resources.kinds import GROUP_TAG, KINDS, STACK_TAG, Resource
from usher.resources.lookup import is_being_deleted

CLOUDFORMATION_TAG = "aws:cloudformation:stack-name"
ANOTHER_NAME = "Give it, or the resource in usher.yaml, another name"
TAKE_OVER = "check its owner, and adopt it"


@dataclass(frozen=True, slots=True)
class Objection:
    """The reason why the stack may not change a resource, and a remedy."""

    reason: str
    remedy: str


def stack_name(arn: str) -> str:
    """A stack's name, from its ARN."""
    return arn.split("/")[1] if arn.count("/") > 1 else arn


def check_group(inventory: Inventory, dataset_group: Resource, group: str) -> None:
    """Raise InputError if the dataset group exists and isn't the stack's: all other resources would be
    built upon it.
    """
    details = inventory.describe(KINDS["dataset_group"], dataset_group.arn)
    if not details or is_being_deleted(details):
        return
    if reason := _other_owner(inventory, dataset_group, dataset_group.arn):
        name = details["name"]
        message = f"would become the dataset group {name}, which {reason}. It was not changed."
        command = f"usher import {name}{f' --group {group}' if name != group else ''} --adopt"
        raise InputError([Problem(f"{group}/", message, f"Use a folder of another name; or {TAKE_OVER}: {command}.")])


def objection(
    inventory: Inventory,
    resource: Resource,
    existing: Existing,
    desired: Mapping[str, object],
    action: Action,
    group_arn: str,
) -> Objection | None:
    """The reason why an existing resource may not be changed; None if the action may be taken.

    `desired`: its Create members with the ARNs filled in. `group_arn`: of the plan's dataset group; empty if it has
    none, or none yet.
    """
    if is_being_deleted(existing.details):
        return None
    # A resource without a known ARN was found in its parent's list.
    if resource.arn and KINDS[resource.kind].in_dataset_group:
        home = inventory.dataset_group_of(existing.details)
        if home != (inventory.dataset_group_of(desired) or group_arn):
            where = "another dataset group" if home else "a dataset group that does not exist any more"
            return Objection(f"It belongs to {where}.", f"{ANOTHER_NAME}; or take its line out of adopt.")
    # AWS does not document the tags of a resource in creation: its owner is looked up later.
    if action == "wait":
        return None
    if reason := _other_owner(inventory, resource, existing.arn):
        return Objection(f"It {reason}.", f"{ANOTHER_NAME}; or {TAKE_OVER}: usher import, with --adopt.")
    return None


def _other_owner(inventory: Inventory, resource: Resource, arn: str) -> str:
    """The reason why a resource is not the stack's or, of a dataset group, not the group's; empty if it is.

    All who may write to a group's folder can read it, so it names neither other stacks nor other folders.
    """
    kind, name = KINDS[resource.kind], resource.id.partition("/")[2]
    if not kind.has_owner:
        return ""
    tags = inventory.tags(arn)
    if tags.get(STACK_TAG) == inventory.stack_arn:
        group = tags.get(GROUP_TAG, "")
        if kind.name != "dataset_group" or group == name:
            return ""
        return "is that of another folder" if group else f"has no tag {GROUP_TAG}"
    if STACK_TAG in tags:
        return "belongs to another stack"
    return "is managed by CloudFormation" if CLOUDFORMATION_TAG in tags else "was not made by Usher"
