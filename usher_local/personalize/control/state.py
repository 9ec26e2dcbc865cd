"""The saved state of a backend in a folder, for the next process: documents for resources, files for data.

The folder is that of the models, `<workdir>/<account>/<region>`. Every change is written at once, so the process may be
killed at any time. Unfinished work starts again after loading; its objects in S3 must exist by then.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usher_local.clock import Clock
from usher_local.personalize.control.kinds import KINDS
from usher_local.personalize.core.lifecycle import Lifecycle
from usher_local.personalize.core.resources import Resource, Update
from usher_local.personalize.data.datasets import PARTS, GroupData
from usher_local.personalize.data.kept import Kept
from usher_local.personalize.modelling.training import ATTEMPTS
from usher_local.store import Store

FILE = "personalize.db"
RESOURCE = "resource"
Row = Mapping[str, Any]
"""A resource as JSON."""


@dataclass(frozen=True, slots=True)
class State:
    """The folder and its documents."""

    folder: Path
    store: Store

    def resources(self, clock: Clock) -> list[Resource]:
        """The resources in the order of their creation, each with a timeline on `clock`."""
        for attempts in self.folder.rglob(f"{ATTEMPTS}*"):  # of trainings that the end of the process interrupted
            shutil.rmtree(attempts, ignore_errors=True)  # after a reset, one may remove its own just now
        for cut_short in self.folder.rglob(".*.new"):
            cut_short.unlink(missing_ok=True)
        return [_resource(row, clock) for _, row in self.store.rows(RESOURCE)]

    def data(self, group_arn: str) -> GroupData:
        """The data of a dataset group; empty if none is saved."""
        return GroupData.restore(self._kept(group_arn))

    def keep(self, resource: Resource) -> None:
        """Save a resource."""
        self.store.put(RESOURCE, resource.arn, row(resource))

    def forget(self, *arns: str) -> None:
        """Delete saved resources."""
        self.store.delete(RESOURCE, *arns)

    def forget_data(self, group_arn: str) -> None:
        """Delete the saved data of a dataset group."""
        kept = self._kept(group_arn)
        kept.clear(PARTS)
        shutil.rmtree(kept.folder, ignore_errors=True)

    def _kept(self, group_arn: str) -> Kept:
        name = group_arn.rsplit("/", 1)[1]
        return Kept(self.folder / "data" / name, self.store, name)


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
    """The row from which a later process restores the resource."""
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
