"""Whose a resource is. The tag `usher:stack` of a resource names its stack; a stack changes and deletes only its own.

Versions and jobs belong to whom their parent does; schemas and metric attributions can't have tags and belong to the
dataset group that uses them.
"""

from collections.abc import Mapping

from usher.errors import InputError, Problem
from usher.inventory import Found, Inventory
from usher.resources import KINDS, STACK_TAG, Resource

CLOUDFORMATION_TAG = "aws:cloudformation:stack-name"
ELSEWHERE = "It belongs to another dataset group"
OTHERS = "It belongs to the stack"
NOBODYS = "It was not made by Usher"
CHANGES = {"update", "rebuild"}


def stack_name(arn: str) -> str:
    """A stack's name, from its ARN."""
    return arn.split("/")[1] if arn.count("/") > 1 else arn


def check_group(inventory: Inventory, wanted: Resource, group: str) -> None:
    """Raise InputError where the dataset group is there and isn't the stack's: all else would be built upon it."""
    details = inventory.describe(KINDS["dataset_group"], wanted.arn)
    if not details or str(details["status"]).startswith("DELETE"):
        return
    if inventory.owns(KINDS["dataset_group"], wanted.arn):
        return
    name, owner = details["name"], inventory.tags(wanted.arn).get(STACK_TAG, "")
    command = f"usher import {name} --group {group} --adopt" if name != group else f"usher import {name} --adopt"
    if owner:
        said = f"is the dataset group {name} of the stack {stack_name(owner)} ({owner}). Nothing of it was changed."
        remedy = f"Use a folder of another name; or take the group over: {command} --from-stack {stack_name(owner)}."
    else:
        said = f"would become the dataset group {name}, which is there and was not made by Usher."
        remedy = f"Use a folder of another name; or take the group over: {command}."
    raise InputError([Problem(f"{group}/", said, remedy)])


def objection(inventory: Inventory, resource: Resource, found: Found, wanted: Mapping[str, object], action: str) -> str:
    """Why an action may not be taken on what is there under the wanted name; empty where it may.

    `wanted`: its Create members with the ARNs filled in.
    """
    kind = KINDS[resource.kind]
    if found.status.startswith("DELETE"):
        return ""
    there, group = found.details.get("datasetGroupArn"), wanted.get("datasetGroupArn")
    if group and there and there != group:
        return f"{ELSEWHERE}, {there}."
    if kind.name != "dataset_group" and action not in CHANGES:
        return ""
    if inventory.owns(kind, found.arn):
        return ""
    owner = inventory.tags(found.arn).get(STACK_TAG, "")
    return f"{OTHERS} {stack_name(owner)} ({owner})." if owner else f"{NOBODYS}."
