"""What is on its way when the process ends, and is sent again by the next one."""

from uuid import uuid4

from usher_local.store import Rows, Store


class Pending:
    """Documents of one kind that are on their way; with a store, they outlive the process."""

    def __init__(self, kind: str, store: Store | None = None) -> None:
        self._kind = kind
        self._store = store

    def add(self, document: object) -> str:
        """Remember a document; the key by which to say that it has arrived."""
        key = uuid4().hex
        if self._store:
            self._store.put(self._kind, key, document)
        return key

    def arrived(self, key: str) -> None:
        """Forget a document; a second time is not an error."""
        if self._store:
            self._store.delete(self._kind, key)

    def rows(self) -> Rows:
        """Keys and documents of what has not arrived, oldest first."""
        return self._store.rows(self._kind) if self._store else []
