"""Adoption: resources that existed before Usher replace its own (`adopt` in a group's config)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from usher.config.model import Config
from usher.errors import Problem
from usher.planning.desired import desired_resources
from usher.planning.inputs import Inputs
from usher.planning.tasks import RequestedTasks
from usher.resources.comparison import covers, immutable_members
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS, Resource
from usher.resources.target import Target

NOT_COMPARED = ("name", "tags")


def desired_with_adopted(inventory: Inventory, target: Target, inputs: Inputs, tasks: RequestedTasks) -> list[Resource]:
    """The desired resources, with those adopted ones that can be updated to the desired state."""
    config, data = inputs.config, inputs.data
    desired = desired_resources(target, config, data, tasks)
    adopted = adoptable(inventory, desired, config.adopt)
    if adopted == config.adopt:
        return desired
    return desired_resources(target, replace(config, adopt=adopted), data, tasks)


def unused_schemas(
    inventory: Inventory, target: Target, config: Config, desired: Sequence[Resource]
) -> Iterator[Problem]:
    """Notes on the entries of `adopt` for schemas that exist, but are not those of the group's dataset."""
    kind = KINDS["schema"]
    for resource in desired:
        name = config.adopt.get(resource.id, "") if resource.kind == kind.name else ""
        schema = replace(resource, arn=f"{target.arn_prefix}:{kind.arn.format(name=name)}")
        if name and inventory.describe(kind, schema.arn) and not is_schema_in_use(inventory, desired[0].arn, schema):
            message = f"names the schema {name}, which this group's dataset does not use."
            remedy = "Remove the line: Usher creates a schema of its own."
            yield Problem(f"{target.group}/: adopt.{resource.id}", message, remedy)


def adoptable(inventory: Inventory, desired: Sequence[Resource], adopt: Mapping[str, str]) -> dict[str, str]:
    """The entries of `adopt` whose resources exist and can be updated to the desired state without being rebuilt.

    `desired`: the resources with the adopted names, the dataset group first. Usher leaves other resources alone, and
    creates its own. Resources of another dataset group are included, too: the run refuses them (ownership.objection).
    """
    kept: dict[str, str] = {}
    for resource in desired:
        if resource.id in adopt:
            details = inventory.describe(KINDS[resource.kind], resource.arn)
            group = _group_arn(desired[0], kept)
            is_elsewhere = resource.kind != "dataset_group" and inventory.dataset_group_of(details) not in {"", group}
            if details and (is_elsewhere or _is_fit(inventory, resource, details, kept, group)):
                kept[resource.id] = adopt[resource.id]
    return kept


def is_schema_in_use(inventory: Inventory, group_arn: str, schema: Resource) -> bool:
    """Whether the group's dataset uses a schema: schemas can't have tags, so only then it counts as the group's."""
    head, _, group = group_arn.partition(":dataset-group/")
    dataset = f"{head}:dataset/{group}/{schema.id.partition('/')[2].upper()}"
    return inventory.describe(KINDS["dataset"], dataset).get("schemaArn") == schema.arn


def _group_arn(desired: Resource, kept: Mapping[str, str]) -> str:
    """The ARN of the dataset group: the adopted one's, or that of the group's own."""
    if desired.id in kept:
        return desired.arn
    return f"{desired.arn.rpartition('/')[0]}/{desired.id.partition('/')[2]}"


def _is_fit(
    inventory: Inventory, resource: Resource, details: Mapping[str, Any], kept: Mapping[str, str], group: str
) -> bool:
    """Whether a resource of the group, under an adopted name, can be updated to the desired state."""
    if resource.kind == "schema" and not is_schema_in_use(inventory, group, resource):
        return False
    compared = {
        member: value
        for member, value in immutable_members(KINDS[resource.kind], resource.params).items()
        if member not in NOT_COMPARED
    }
    return covers(details, compared) and _is_of_solution(resource, details, kept)


def _is_of_solution(resource: Resource, details: Mapping[str, Any], kept: Mapping[str, str]) -> bool:
    """Whether a campaign is of a solution that is adopted, too: it can only serve versions of its own solution."""
    if resource.kind != "campaign":
        return True
    solution = kept.get(f"solution/{resource.id.partition('/')[2]}")
    return bool(solution) and f":solution/{solution}/" in str(details["solutionVersionArn"])
