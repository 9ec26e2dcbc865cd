"""Saved tables and items.

A table that no stack makes is saved as its CreateTable request.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.table import Table

from usher_local.cloud.access.credentials import REGION
from usher_local.cloud.core.patching import replaced
from usher_local.cloud.state.changes import Arguments, Changes
from usher_local.store import Store

TABLE = "table"


class Subject(NamedTuple):
    """An item by its key (JSON), or a table itself."""

    table: str
    key: str | None = None
    request: str = ""
    """The request that made the table, as JSON."""


class Tables:
    """The saved tables of the account.

    While `restoring`, a new table is filled, and nothing is deleted from the store.
    """

    def __init__(self, store: Store) -> None:
        self.restoring = True
        self._store = store
        self._changes = Changes(self._keep)

    @property
    def _backend(self) -> DynamoDBBackend:
        return dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION]

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Save every change before its request is answered."""
        with ExitStack() as stack:
            for owner, name, touched in (
                (DynamoDBBackend, "create_table", created),
                (DynamoDBBackend, "delete_table", lambda call: Subject(call["name"])),
                (DynamoDBBackend, "update_item", updated),
                (DynamoDBBackend, "transact_write_items", lambda _: None),  # it restores items itself
                (Table, "put_item", lambda call: item_of(call["self"], call["item_attrs"])),
                (Table, "delete_item", deleted),
            ):
                stack.enter_context(replaced(owner, name, self._changes.of(vars(owner)[name], touched)))
            yield

    def restore(self) -> dict[str, int]:
        """Make the tables that no stack has made, and end `restoring`. Returns the number of restored items."""
        for name, request in self._store.rows(TABLE):
            if name not in self._backend.tables and request:
                self._backend.create_table(name, **json.loads(request))
        self.restoring = False
        return {"items of tables": sum(len(self._store.rows(kind_of(name))) for name in self._backend.tables)}

    def _keep(self, subject: Subject) -> None:
        table = self._backend.tables.get(subject.table)
        if subject.key is not None:
            if table is not None:
                self._keep_item(table, subject.key)
        elif table is not None:
            self._store.put(TABLE, subject.table, subject.request)
            self._fill(table)
        elif not self.restoring:
            self._store.delete(TABLE, subject.table)
            self._store.replace(kind_of(subject.table), ())

    def _keep_item(self, table: Table, key: str) -> None:
        item = table.get_item(*self._backend.get_keys_value(table, json.loads(key)))
        if item is None:
            self._store.delete(kind_of(table.name), key)
        else:
            self._store.put(kind_of(table.name), key, item.to_json()["Attributes"])

    def _fill(self, table: Table) -> None:
        """Put the saved items into a table."""
        for _, attributes in self._store.rows(kind_of(table.name)):
            Table.put_item.__wrapped__(table, attributes)


def kind_of(table: str) -> str:
    """The kind of the documents of a table's items."""
    return f"item/{table}"


def created(call: Arguments) -> Subject:
    """The table that CreateTable makes."""
    request = {name: value for name, value in call.items() if name not in ("self", "name")}
    return Subject(call["name"], request=json.dumps(request))


def item_of(table: Table, attributes: Mapping[str, Any]) -> Subject | None:
    """The item with these attributes, at least those of its key; None if one of the key is missing."""
    names = [table.hash_key_attr, *([table.range_key_attr] if table.range_key_attr else [])]
    if not all(name in attributes for name in names):
        return None
    return Subject(table.name, json.dumps({name: attributes[name] for name in names}))


def updated(call: Arguments) -> Subject | None:
    """The item that UpdateItem changes in place."""
    return item_of(call["self"].get_table(call["table_name"]), call["key"])


def deleted(call: Arguments) -> Subject | None:
    """The item that DeleteItem deletes."""
    table = call["self"]
    values = {table.hash_key_attr: call["hash_key"].to_json()}
    if call["range_key"] is not None:
        values[table.range_key_attr] = call["range_key"].to_json()
    return item_of(table, values)
