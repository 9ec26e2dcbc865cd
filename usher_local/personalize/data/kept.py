"""The storage of a dataset group's data that survives the process."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from usher_local.store import Store

DIGITS = 12


@dataclass(slots=True)
class Kept:
    """A folder with a file for the imports of each part, and documents for the requests that streamed data.

    `group` is the dataset group's name. The parts are those of `GroupData`.
    """

    folder: Path
    store: Store
    group: str
    _numbers: dict[str, int] = field(default_factory=dict)

    def path(self, part: str) -> Path:
        """The path of a part's file, without a suffix."""
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
        """Replace all documents of a part."""
        rows = [(f"{number:0{DIGITS}}", document) for number, document in enumerate(documents, 1)]
        self._numbers[part] = len(rows)
        self.store.replace(self._kind(part), rows)

    def clear(self, parts: Iterable[str]) -> None:
        """Delete all documents of the parts."""
        for part in parts:
            self.replace(part, ())

    def _kind(self, part: str) -> str:
        return f"streamed/{self.group}/{part}"
