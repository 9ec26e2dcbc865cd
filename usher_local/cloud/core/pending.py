"""Pending documents, which the next process delivers if this one ends first."""

from uuid import uuid4

from usher_local.store import Rows, Store


class Pending:
    """Pending documents of one kind; with a store, they survive the process."""

    def __init__(self, kind: str, store: Store | None = None) -> None:
        self._kind = kind
        self._store = store

    def add(self, document: object) -> str:
        """Add a document. Returns its key for `arrived`."""
        key = uuid4().hex
        if self._store:
            self._store.put(self._kind, key, document)
        return key

    def arrived(self, key: str) -> None:
        """Delete an arrived document; a second call is no error."""
        if self._store:
            self._store.delete(self._kind, key)

    def rows(self) -> Rows:
        """The keys and documents that have not arrived, oldest first."""
        return self._store.rows(self._kind) if self._store else []
