"""The training data as files: a process reads them without a copy, and several fits share them."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from usher_local.recommenders.base import Interactions, read_array


def write_interactions(interactions: Interactions, folder: Path) -> None:
    """Write one file per field into a new folder."""
    folder.mkdir()
    for field in fields(interactions):
        value = getattr(interactions, field.name)
        if isinstance(value, np.ndarray):
            np.save(folder / f"{field.name}.npy", value, allow_pickle=False)
        else:
            (folder / f"{field.name}.json").write_text(json.dumps(value))


def read_interactions(folder: Path) -> Interactions:
    """The interactions of `write_interactions`; the arrays stay on disk until use, and their changes in memory."""

    def value(name: str) -> Any:
        path = folder / f"{name}.npy"
        if path.exists():
            return read_array(path, "c")
        return json.loads(path.with_suffix(".json").read_text())

    return Interactions(**{field.name: value(field.name) for field in fields(Interactions)})
