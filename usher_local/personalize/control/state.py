"""Save and load the state of a backend: JSON for the resources, the data as its own module writes it, no code.

The folder is that of the models, `<workdir>/<account>/<region>`. Work that had not ended when the state was saved
starts again after it is loaded; the objects that it reads from S3 must exist by then.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from usher_local.clock import Clock
from usher_local.personalize.control.kinds import KINDS
from usher_local.personalize.core.lifecycle import Lifecycle
from usher_local.personalize.core.resources import Resource, Update
from usher_local.personalize.data.datasets import GroupData
from usher_local.personalize.modelling.training import ATTEMPTS

FILE = "resources.json"
Row = Mapping[str, Any]
"""A resource as JSON."""


def save(folder: Path, rows: Sequence[Row], groups: Mapping[str, GroupData]) -> None:
    """Write rows of resources and the data of dataset groups (by ARN). The former files stay until all is written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="saving-", dir=folder) as temporary:
            new = Path(temporary)
            for arn, data in groups.items():
                data.save(_data_folder(new, arn))
            (new / FILE).write_text(json.dumps(rows, indent=1))
            for path in [*new.rglob("data/*/*"), new / FILE]:
                target = folder / path.relative_to(new)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
    except OSError as error:
        error.filename = error.filename or str(folder)  # a write to a full disk names no file
        raise


def load(folder: Path, clock: Clock) -> tuple[list[Resource], dict[str, GroupData]]:
    """Read the saved resources, on a clock of their own, and the data of dataset groups by ARN; both may be empty."""
    if not (folder / FILE).exists():
        return [], {}
    for attempts in folder.rglob(f"{ATTEMPTS}*"):  # of trainings that the end of the process cut short
        shutil.rmtree(attempts)
    resources = [_resource(row, clock) for row in json.loads((folder / FILE).read_text())]
    groups = {r.arn: _data_folder(folder, r.arn) for r in resources if r.kind.name == "DatasetGroup"}
    return resources, {arn: GroupData.restore(data) for arn, data in groups.items() if data.exists()}


def _resource(row: Row, clock: Clock) -> Resource:
    update = row["update"]
    return Resource(
        KINDS[row["kind"]],
        row["arn"],
        row["values"],
        Lifecycle.restored(clock, row["life"]),
        row["number"],
        row["tags"],
        update and Update(update["values"], Lifecycle.restored(clock, update["life"]), update["applied"]),
    )


def row(resource: Resource) -> Row:
    """Return the row from which `load` makes the resource again."""
    update = resource.update
    return {
        "kind": resource.kind.name,
        "arn": resource.arn,
        "values": resource.values,
        "life": resource.life.saved(),
        "number": resource.number,
        "tags": resource.tags,
        "update": update and {"values": update.values, "life": update.life.saved(), "applied": update.applied},
    }


def _data_folder(folder: Path, group_arn: str) -> Path:
    return folder / "data" / group_arn.rsplit("/", 1)[1]
