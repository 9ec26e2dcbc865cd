"""The removal of a whole group, whatever the name of its adopted dataset group."""

from dataclasses import replace

from usher.config.model import Config
from usher.costs.ledger import Past
from usher.costs.monthly import existing_costs
from usher.errors import InputError, Problem
from usher.planning.adoption import adoptable, is_schema_in_use
from usher.planning.config_file import load_config
from usher.planning.desired import Data, desired_resources
from usher.planning.draft import Draft
from usher.resources.billed import find_billed
from usher.resources.inventory import Inventory
from usher.resources.kinds import Resource
from usher.resources.ownership import check_group
from usher.resources.plan import Plan
from usher.resources.target import Target
from usher.resources.unmanaged import find_all_of_group
from usher.storage.bucket import Bucket
from usher.storage.layout import DATASETS

REMOVED = "The group is removed, with its exports. Its own files and the records of its runs stay."
PARTLY_REMOVED = (
    "The group is removed, with its exports, except for resources that this stack did not make, and those that they "
    "need: {1}. Its own files and the records of its runs stay."
)
MISSING = (
    "Personalize has no dataset group of {0}. If it was taken over under another name, restore the usher.yaml "
    "with that name (adopt), and request the removal again."
)


def draft_removal(bucket: Bucket, target: Target, inventory: Inventory, past: Past) -> Draft:
    """Draft the deletion of a whole group. Raises InputError if its config can't be read."""
    config = _config(bucket, target.group, inventory)
    group, adopted = _dataset_group(target, config, inventory)
    check_group(inventory, group, target.group)
    unmanaged = find_all_of_group(inventory, target, adopted)
    exists = any(resource.kind == "dataset_group" for resource in unmanaged)
    staying = ", ".join(resource.id for resource in unmanaged if not resource.delete)
    note = PARTLY_REMOVED if staying else REMOVED if exists else MISSING
    plan = Plan(target.group, to_delete=unmanaged, removal=True)
    costs = existing_costs(find_billed(inventory, group.arn), target.group, past.size, ())
    findings = {"note": note.format(target.group, staying), "resources": [], "removal": True, "costsNow": costs}
    return Draft(findings, plan)


def _config(bucket: Bucket, group: str, inventory: Inventory) -> Config:
    try:
        return load_config(bucket, group, inventory.clients["personalize"])
    except InputError as error:
        message = "can't be removed: its config can't be read, and may give the dataset group another name."
        remedy = "Correct the config, and the removal continues; or delete it, and request the removal again."
        raise InputError([*error.problems, Problem(f"{group}/", message, remedy)]) from None


def _dataset_group(target: Target, config: Config, inventory: Inventory) -> tuple[Resource, list[Resource]]:
    """The dataset group; and the adopted resources: the dataset group itself, and schemas in use."""
    data = {dataset: Data("", "") for dataset in DATASETS}
    desired = desired_resources(target, config, data)
    is_adopted = bool(adoptable(inventory, desired[:1], config.adopt))
    group = desired[0] if is_adopted else desired_resources(target, replace(config, adopt={}), data)[0]
    schemas = [
        resource
        for resource in desired
        if resource.kind == "schema"
        and resource.id in config.adopt
        and is_schema_in_use(inventory, group.arn, resource)
    ]
    return group, [*([group] if is_adopted else []), *schemas]
