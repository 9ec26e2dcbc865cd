"""Saved stacks: the last target of each, and the names of its resources.

The next start creates the stacks again, so a changed template or function takes effect. The names stay, so that
objects, items and executions, which are saved by name, are found again.
"""

from collections.abc import Mapping
from typing import Any

from usher_local.store import Rows, Store

STACK = "stack"
NAME = "name"


class KeptStacks:
    """Stacks and names of resources; without a store, they end with the process.

    While `restoring`, nothing is deleted from the store: a stack that can't be created again is rolled back.
    """

    def __init__(self, store: Store | None = None) -> None:
        self.restoring = store is not None
        self._store = store
        self._names: dict[str, str] = dict(store.rows(NAME)) if store else {}

    def name(self, stack: str, logical_id: str) -> str | None:
        """The saved name of a stack's resource, or None."""
        return self._names.get(f"{stack}/{logical_id}")

    def keep_name(self, stack: str, logical_id: str, name: str) -> None:
        """Save the name of a resource."""
        self._names[f"{stack}/{logical_id}"] = name
        if self._store:
            self._store.put(NAME, f"{stack}/{logical_id}", name)

    def forget_name(self, stack: str, logical_id: str, name: str) -> None:
        """Delete the saved name of a resource that left its stack, unless its successor has another one."""
        key = f"{stack}/{logical_id}"
        if not self.restoring and self._names.get(key) == name:
            del self._names[key]
            if self._store:
                self._store.delete(NAME, key)

    def keep(self, name: str, document: Mapping[str, Any]) -> None:
        """Save the last target of a stack."""
        if self._store:
            self._store.put(STACK, name, document)

    def forget(self, name: str) -> None:
        """Delete a saved stack."""
        if self._store and not self.restoring:
            self._store.delete(STACK, name)

    def rows(self) -> Rows:
        """Names and documents of the stacks, oldest first."""
        return self._store.rows(STACK) if self._store else []
