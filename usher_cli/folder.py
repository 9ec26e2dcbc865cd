"""A folder of this machine as a group's folder of the bucket: without a stack, and without AWS."""

import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from usher.errors import InputError
from usher.planning.inputs import Inputs, load_inputs
from usher.planning.misplaced_files import ignored_files
from usher.recipes import RECIPES
from usher.resources.inventory import Inventory
from usher.storage.bucket import Bucket, File

NOWHERE = "arn:aws:personalize:us-east-1:000000000000"
"""An account without resources."""


@dataclass(frozen=True, slots=True)
class Folder(Bucket):
    """A read-only bucket with the files of one folder, by their keys."""

    s3: Any = None
    name: str = ""
    paths: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path, group: str) -> "Folder":
        """A folder as a group's folder."""
        found = {f"{group}/{one.relative_to(path).as_posix()}": one for one in path.rglob("*") if one.is_file()}
        return cls(paths=found)

    def files(self, prefix: str) -> list[File]:
        """All files below a prefix, sorted by their keys."""
        return [
            File(key, path.stat().st_size, "") for key, path in sorted(self.paths.items()) if key.startswith(prefix)
        ]

    def open(self, key: str, **conditions: str) -> IO[bytes]:
        """A file's bytes as a stream; with `Range`, as in S3, a part of them."""
        file = self.paths[key].open("rb")
        if "Range" not in conditions:
            return file
        first, _, last = conditions["Range"].removeprefix("bytes=").partition("-")
        with file:
            file.seek(int(first))
            return io.BytesIO(file.read(int(last) - int(first) + 1 if last else -1))


class Recipes:
    """Usher's recipes, in the form of Personalize's client."""

    def get_paginator(self, _operation: str) -> "Recipes":
        """The paginator of ListRecipes."""
        return self

    def paginate(self) -> Collection[dict[str, Any]]:
        """Its one page."""
        return [{"recipes": [{"name": name} for name in RECIPES]}]


class EmptyAccount(Inventory):
    """An account without any resources of a group."""

    def __init__(self) -> None:
        super().__init__({"personalize": Recipes()}, "")

    def describe(self, *_: Any) -> dict[str, Any]:
        """An empty description."""
        return {}


def checked(path: Path, group: str) -> Inputs | None:
    """The inputs of a folder, checked as in a run; None without interactions. Raises InputError."""
    folder = Folder.of(path, group)
    inputs = load_inputs(folder, group, EmptyAccount(), NOWHERE)
    if inputs and (ignored := list(ignored_files(folder.paths))):
        raise InputError(ignored, inputs.report)
    return inputs
