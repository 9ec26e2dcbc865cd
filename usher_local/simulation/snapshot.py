"""A saved state of a simulated stack, so that the runs before it need not be repeated."""

import io
import pickle
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Lock, RLock
from types import MethodType
from typing import Any

from moto.logs.models import LogGroup

from usher_local.personalize.core.resources import Kind, Resource

SHARED = (type(Lock()), type(RLock()), Future, MethodType, Kind, LogGroup)
"""Types whose objects a copy shares with its original: they do not change, and the locks are free."""

Container = dict[Any, Any] | list[Any] | set[Any]
"""The container of a service's resources, which stays the same object for the stack's lifetime."""


class Snapshot:
    """A copy of the content of some containers, and of the files of some folders."""

    def __init__(self, containers: Iterable[Container], folders: Iterable[Path]) -> None:
        self._shared: list[Any] = []
        written = io.BytesIO()
        # moto's dictionary of keys shows only the newest version of each.
        contents = [dict.copy(one) if isinstance(one, dict) else one for one in containers]
        _Pickler(written, self._shared).dump(contents)
        self._contents = written.getvalue()
        self._files = {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}

    def bring_back(self, containers: Iterable[Container]) -> None:
        """Fill the same containers, which must be empty, and write the files again."""
        contents = _Unpickler(io.BytesIO(self._contents), self._shared).load()
        for container, content in zip(containers, contents, strict=True):
            if isinstance(container, dict):
                dict.update(container, content)
            elif isinstance(container, set):
                container.update(content)
            else:
                container.extend(content)
        for path, content in self._files.items():
            if not path.exists() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, shared: list[Any]) -> None:
        super().__init__(file)
        self._shared = shared

    def persistent_id(self, one: Any) -> int | None:
        """The place of a shared object in the snapshot's list."""
        if not isinstance(one, SHARED) and not (isinstance(one, Resource) and not one.number):
            return None
        self._shared.append(one)
        return len(self._shared) - 1


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, shared: Sequence[Any]) -> None:
        super().__init__(file)
        self._shared = shared

    def persistent_load(self, place: int) -> Any:
        """The shared object at a place."""
        return self._shared[place]
