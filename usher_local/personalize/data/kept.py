"""Where the data of a dataset group outlives the process."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from usher_local.store import Store

DIGITS = 12


@dataclass(slots=True)
class Kept:
    """A file of a folder for what imports brought, a document for each request that streamed something since.

    `group`: the dataset group's name. Names of parts are those of `GroupData`.
    """

    folder: Path
    store: Store
    group: str
    _numbers: dict[str, int] = field(default_factory=dict)

    def path(self, part: str) -> Path:
        """The file of a part, but for its suffix."""
        return self.folder / part

    def streamed(self, part: str) -> Iterator[Any]:
        """The documents of a part, oldest first."""
        for key, document in self.store.rows(self._kind(part)):
            self._numbers[part] = int(key)
            yield document

    def append(self, part: str, document: object) -> None:
        """Add a document."""
        number = self._numbers[part] = self._numbers.get(part, 0) + 1
        self.store.put(self._kind(part), f"{number:0{DIGITS}}", document)

    def replace(self, part: str, documents: Iterable[object]) -> None:
        """Put documents in place of all of a part."""
        rows = [(f"{number:0{DIGITS}}", document) for number, document in enumerate(documents, 1)]
        self._numbers[part] = len(rows)
        self.store.replace(self._kind(part), rows)

    def clear(self, parts: Iterable[str]) -> None:
        """Forget all documents."""
        for part in parts:
            self.replace(part, ())

    def _kind(self, part: str) -> str:
        return f"streamed/{self.group}/{part}"
