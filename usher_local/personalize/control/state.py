"""Everything a backend knows, in a folder: JSON for the resources, the data as its own module writes it, no code.

The folder is that of the models, `<workdir>/<account>/<region>`. Work that had not ended when the state was saved
begins anew when it is loaded; what it reads from S3 must be there again by then.
"""

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from usher_local.personalize.core import environment
from usher_local.personalize.core.lifecycle import Lifecycle
from usher_local.personalize.core.resources import Resource, Update
from usher_local.personalize.data.datasets import GroupData

if TYPE_CHECKING:
    from usher_local.personalize.models import PersonalizeBackend

FILE = "resources.json"


def save(backend: "PersonalizeBackend") -> None:
    """Write resources and data of one account and region. What was saved before stays until all is written."""
    folder = _folder(backend)
    with backend.lock:
        rows = [_row(resource) for resource in backend.resources.values() if resource.number]
        groups = dict(backend.groups)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="saving-", dir=folder) as temporary:
            new = Path(temporary)
            for arn, data in groups.items():
                data.save(_data(new, arn))
            (new / FILE).write_text(json.dumps(rows, indent=1))
            for path in [*new.rglob("data/*/*"), new / FILE]:
                target = folder / path.relative_to(new)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
    except OSError as error:
        error.filename = error.filename or str(folder)  # a write to a full disk names no file
        raise


def load(backend: "PersonalizeBackend") -> None:
    """Take over what was saved for this account and region, if anything was."""
    from usher_local.personalize.control.kinds import KINDS
    from usher_local.personalize.modelling.training import ATTEMPTS

    if environment.current.folder is None:  # a temporary folder, which need not even be made
        return
    folder = _folder(backend)
    if not (folder / FILE).exists():
        return
    for attempts in folder.rglob(f"{ATTEMPTS}*"):  # of trainings that the end of the process cut short
        shutil.rmtree(attempts)
    clock = environment.current.clock
    for row in json.loads((folder / FILE).read_text()):
        update = row["update"]
        backend.resources[row["arn"]] = Resource(
            KINDS[row["kind"]],
            row["arn"],
            row["values"],
            Lifecycle.restored(clock, row["life"]),
            row["number"],
            row["tags"],
            update and Update(update["values"], Lifecycle.restored(clock, update["life"]), update["applied"]),
        )
        backend.count = max(backend.count, row["number"])
    for resource in list(backend.resources.values()):
        if resource.kind.name == "DatasetGroup" and _data(folder, resource.arn).exists():
            backend.groups[resource.arn] = GroupData.restore(_data(folder, resource.arn))
    for resource in list(backend.resources.values()):
        if resource.kind.work and not resource.life.worked and not resource.life.turn:
            backend.begin_work(resource)


def _row(resource: Resource) -> dict[str, Any]:
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


def _folder(backend: "PersonalizeBackend") -> Path:
    return environment.current.workdir / str(backend.account_id) / str(backend.region_name)


def _data(folder: Path, group_arn: str) -> Path:
    return folder / "data" / group_arn.rsplit("/", 1)[1]
