"""Erases users from the table: exports, the catalogue, sessions, and the events of sessions."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from usher.erasure.erased_users import ErasedUsers
from usher.events.arrivals import EVENT, EVENT_ID
from usher.events.sessions import Sessions
from usher.serving.export_store import ITEM as EXPORT
from usher.storage.table import Table, deserialized, serialized
from usher.storage.table_batches import TableBatches

OTHERS = ("catalogue", "page")
"""The kinds of items with a partition of their own that are about no user: items of the catalogue, and lists without a
name.
"""


def sessions_of(table: Table, group: str, users: Collection[str]) -> frozenset[str]:
    """The sessions of users, without those whose ID is the user's."""
    sessions = Sessions(table)
    return frozenset(one for user in users for one in sessions.sessions_of(group, user)) - frozenset(users)


def erase_items(table: Table, erased: ErasedUsers, item_solutions: Collection[str]) -> int:
    """Delete the items of users; return their number. `item_solutions`: the solutions whose exports are about items,
    not users.

    Each item has a partition of its own, so the whole table is read; a gigabyte costs about 2 cents.
    """
    keys = [{name: one[name] for name in ("group", "item")} for one in _items(table, erased.group)
            if is_theirs(one, erased, item_solutions)]  # fmt: skip
    TableBatches(table).delete(keys)
    return len(keys)


def is_theirs(item: Mapping[str, Any], erased: ErasedUsers, item_solutions: Collection[str]) -> bool:
    """Whether an item of the table is about one of the users. Pure."""
    subject, kind = item["group"].removeprefix(f"{erased.group}#"), item["item"]
    if kind == EXPORT:
        solution, _, user = subject.partition("#")
        return user in erased.users and solution not in item_solutions
    if kind in OTHERS:
        return False
    named = item.get("userId") or item.get("user")
    is_anonymous = named is None and kind.startswith((EVENT, EVENT_ID)) and subject in erased.sessions
    return subject in erased.users or named in erased.users or is_anonymous


def _items(table: Table, group: str) -> Iterator[dict[str, Any]]:
    pages = table.dynamodb.get_paginator("scan").paginate(
        TableName=table.name,
        FilterExpression="begins_with(#group, :group)",
        ProjectionExpression="#group, #item, #user, userId",
        ExpressionAttributeNames={"#group": "group", "#item": "item", "#user": "user"},
        ExpressionAttributeValues=serialized({":group": f"{group}#"}),
        ConsistentRead=True,
    )
    for page in pages:
        yield from map(deserialized, page["Items"])
