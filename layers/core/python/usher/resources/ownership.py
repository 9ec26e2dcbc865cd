"""Whose a resource is. It is a group's if it lies in the group's dataset group and bears the stack's tag.

The tag `usher:stack` names the stack, and `usher:group` of a dataset group the one group that it is for. Versions and
jobs belong to whom their parent does; schemas and metric attributions can't have tags and belong to the dataset group
that uses them. Names only find candidates.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from usher.errors import InputError, Problem
from usher.resources.inventory import Found, Inventory
from usher.resources.kinds import GROUP_TAG, KINDS, STACK_TAG, Resource, is_leaving

CLOUDFORMATION_TAG = "aws:cloudformation:stack-name"
ANOTHER_NAME = "Give it, or the resource in usher.yaml, another name"
TAKE_OVER = "see whose it is, and take it over"
OUTSIDE = {"dataset_group", "schema"}
"""Kinds that lie in no dataset group."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why something is not the stack's to change, and what a person can do about it."""

    why: str
    remedy: str


def stack_name(arn: str) -> str:
    """A stack's name, from its ARN."""
    return arn.split("/")[1] if arn.count("/") > 1 else arn


def check_group(inventory: Inventory, wanted: Resource, group: str) -> None:
    """Raise InputError where the dataset group is there and isn't the stack's: all else would be built upon it."""
    details = inventory.describe(KINDS["dataset_group"], wanted.arn)
    if not details or is_leaving(details):
        return
    if why := _other_owner(inventory, wanted, wanted.arn):
        name = details["name"]
        said = f"would become the dataset group {name}, which {why}. Nothing of it was changed."
        command = f"usher import {name}{f' --group {group}' if name != group else ''} --adopt"
        raise InputError([Problem(f"{group}/", said, f"Use a folder of another name; or {TAKE_OVER}: {command}.")])


def objection(
    inventory: Inventory, resource: Resource, found: Found, wanted: Mapping[str, object], action: str, group: str
) -> Objection | None:
    """What speaks against an action on what is there under the wanted name; None where it may be taken.

    `wanted`: its Create members with the ARNs filled in. `group`: the ARN of the plan's dataset group; empty where it
    has none, or none yet.
    """
    if is_leaving(found.details):
        return None
    kind = KINDS[resource.kind]
    # What has no ARN of its own was found in its parent's list.
    if resource.arn and kind.service == "personalize" and kind.name not in OUTSIDE:
        there = inventory.home(found.details)
        if there != (inventory.home(wanted) or group):
            where = "another dataset group" if there else "a dataset group that is gone"
            return Objection(f"It belongs to {where}.", f"{ANOTHER_NAME}; or take its line out of adopt.")
    # What AWS tells of the tags of one that is being created is not documented: its owner is asked for later.
    if action == "wait":
        return None
    if why := _other_owner(inventory, resource, found.arn):
        return Objection(f"It {why}.", f"{ANOTHER_NAME}; or {TAKE_OVER}: usher import, with --adopt.")
    return None


def _other_owner(inventory: Inventory, resource: Resource, arn: str) -> str:
    """Why a resource is not the stack's or, of a dataset group, not the group's; empty where it is.

    Whoever may write a group's folder reads it: it names neither other stacks nor other folders.
    """
    kind, group = KINDS[resource.kind], resource.id.partition("/")[2]
    if not kind.has_owner:
        return ""
    tags = inventory.tags(arn)
    if tags.get(STACK_TAG) == inventory.stack_arn:
        served = tags.get(GROUP_TAG, "")
        if kind.name != "dataset_group" or served == group:
            return ""
        return "is that of another folder" if served else f"has no tag {GROUP_TAG}"
    if STACK_TAG in tags:
        return "belongs to another stack"
    return "is managed by CloudFormation" if CLOUDFORMATION_TAG in tags else "was not made by Usher"
