"""Whose a resource is. The tag `usher:stack` of a resource names its stack; a stack changes and deletes only its own.

Versions and jobs belong to whom their parent does; schemas and metric attributions can't have tags and belong to the
dataset group that uses them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from usher.errors import InputError, Problem
from usher.inventory import Found, Inventory
from usher.resources import KINDS, STACK_TAG, Resource

CLOUDFORMATION_TAG = "aws:cloudformation:stack-name"
CHANGES = {"update", "rebuild"}
ANOTHER_NAME = "Give it, or the resource in usher.yaml, another name"


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
    inventory: Inventory, resource: Resource, found: Found, wanted: Mapping[str, object], action: str
) -> Objection | None:
    """What speaks against an action on what is there under the wanted name; None where it may be taken.

    `wanted`: its Create members with the ARNs filled in.
    """
    there, group = found.details.get("datasetGroupArn"), wanted.get("datasetGroupArn")
    if found.status.startswith("DELETE"):
        return None
    if group and there and there != group:
        return Objection(f"It belongs to another dataset group, {there}.", f"{ANOTHER_NAME}.")
    # Nothing is built on a dataset group before it is there, so its owner is asked for then. All else that is created
    # or trained is made in the stack's own group: a parent that is elsewhere was refused above, with its children.
    if action not in CHANGES and (resource.kind != "dataset_group" or action == "wait"):
        return None
    if owner := _other_owner(inventory, resource, found.arn):
        return Objection(f"It {owner.says}.", f"{ANOTHER_NAME}; or take it over: usher import, with {owner.options}.")
    return None


def _other_owner(inventory: Inventory, resource: Resource, arn: str) -> _Owner | None:
    """Whose a resource is, if not the stack's; None where it is, or where it is nobody's and the config adopts it."""
    if inventory.owns(KINDS[resource.kind], arn):
        return None
    tags = inventory.tags(arn)
    owner, managed = tags.get(STACK_TAG, ""), tags.get(CLOUDFORMATION_TAG, "")
    anyway = " --anyway" if managed else ""
    if owner:
        name = stack_name(owner)
        return _Owner(f"belongs to the stack {name} ({owner})", f"--adopt --from-stack {name}{anyway}")
    if managed:
        return _Owner(f"is managed by the CloudFormation stack {managed}", f"--adopt{anyway}")
    is_adopted = any(tag["tagKey"] == STACK_TAG for tag in resource.tags)
    return None if is_adopted else _Owner("was not made by Usher", "--adopt")
