"""Resources that were in Personalize before Usher, and take the place of its own: `adopt` in a group's config."""

from collections.abc import Mapping, Sequence
from typing import Any

from usher.resources.comparison import covers, immutable_members
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS, Resource

NOT_COMPARED = ("name", "tags")


def adoptable(inventory: Inventory, wanted: Sequence[Resource], adopt: Mapping[str, str]) -> dict[str, str]:
    """Of all that is to be adopted, what is there and can be made what is wanted without building it anew.

    `wanted`: the resources with the adopted names, the dataset group first. The rest of them is left alone, and Usher
    makes its own. What lies in another dataset group is kept, too: the run refuses it (ownership.objection).
    """
    kept: dict[str, str] = {}
    for resource in wanted:
        if resource.id in adopt:
            details = inventory.describe(KINDS[resource.kind], resource.arn)
            group = _group(wanted[0], kept)
            is_elsewhere = resource.kind != "dataset_group" and inventory.dataset_group_of(details) not in {"", group}
            if details and (is_elsewhere or _is_fit(inventory, resource, details, kept, group)):
                kept[resource.id] = adopt[resource.id]
    return kept


def is_schema_in_use(inventory: Inventory, group_arn: str, schema: Resource) -> bool:
    """Whether the group's dataset of that type has a schema: only then is one, which can't have tags, the group's."""
    head, _, group = group_arn.partition(":dataset-group/")
    dataset = f"{head}:dataset/{group}/{schema.id.partition('/')[2].upper()}"
    return inventory.describe(KINDS["dataset"], dataset).get("schemaArn") == schema.arn


def _group(wanted: Resource, kept: Mapping[str, str]) -> str:
    """The dataset group's ARN: that of the adopted one, or of the group's own."""
    if wanted.id in kept:
        return wanted.arn
    return f"{wanted.arn.rpartition('/')[0]}/{wanted.id.partition('/')[2]}"


def _is_fit(
    inventory: Inventory, resource: Resource, details: Mapping[str, Any], kept: Mapping[str, str], group: str
) -> bool:
    """Whether what lies in the group, under an adopted name, can be made what is wanted."""
    if resource.kind == "schema" and not is_schema_in_use(inventory, group, resource):
        return False
    compared = {
        member: value
        for member, value in immutable_members(KINDS[resource.kind], resource.params).items()
        if member not in NOT_COMPARED
    }
    return covers(details, compared) and _is_of_solution(resource, details, kept)


def _is_of_solution(resource: Resource, details: Mapping[str, Any], kept: Mapping[str, str]) -> bool:
    """A campaign can only serve versions of its own solution, which must have been adopted, too."""
    if resource.kind != "campaign":
        return True
    solution = kept.get(f"solution/{resource.id.partition('/')[2]}")
    return bool(solution) and f":solution/{solution}/" in str(details["solutionVersionArn"])
