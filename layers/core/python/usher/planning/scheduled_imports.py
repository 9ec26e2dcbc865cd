"""Postpones new data: if a group's config has a schedule of imports, new data is imported when it is due."""

from collections.abc import Mapping
from dataclasses import replace

from usher.planning.desired import Data, desired_resources
from usher.planning.inputs import Inputs
from usher.planning.tasks import RequestedTasks
from usher.resources.inventory import Inventory
from usher.resources.target import Target


def without_waiting_data(inventory: Inventory, target: Target, inputs: Inputs, tasks: RequestedTasks) -> Inputs:
    """The inputs with the data of the last import, unless the import is requested, or there is no schedule."""
    is_scheduled = any(schedule.name == "import" for schedule in inputs.config.schedules)
    if not is_scheduled or tasks.get("import"):
        return inputs
    return replace(inputs, data=_imported_data(inventory, target, inputs, tasks))


def _imported_data(inventory: Inventory, target: Target, inputs: Inputs, tasks: RequestedTasks) -> Mapping[str, Data]:
    """The data without the files and increments that are newer than the last import of their dataset."""
    arns: dict[str, str] = {}
    data: dict[str, Data] = {}
    for resource in desired_resources(target, inputs.config, inputs.data, tasks):
        if resource.stage != "import" or resource.kind == "schedule":
            continue
        existing = inventory.find(resource, arns)
        arns[resource.id] = existing.arn if existing else ""
        kind, _, name = resource.id.partition("/")
        if kind != "dataset_import_job":
            continue
        dataset, _, file = name.partition("/")
        if not file:
            data[dataset] = inputs.data[dataset]
            if existing and existing.usable and existing.fingerprint != resource.fingerprint:
                data[dataset] = replace(data[dataset], imported=existing.fingerprint, increments={})
        elif existing is None and arns[f"dataset_import_job/{dataset}"]:
            data[dataset] = data[dataset].without_increment(file)
    return data
