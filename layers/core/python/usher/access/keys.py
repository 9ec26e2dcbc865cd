"""API keys, for senders that can't sign requests: each key is for one group and some routes.

A key is `<group>.<id>.<secret>`. Group and ID are public. The table keeps only a salted SHA-256 of the secret, whose
256 random bits can't be recovered from it. All keys of a group are attributes of one item, `{"group": <group>, "item":
"keys"}`, by their IDs: one GetItem finds a key, and the group's removal deletes them all.
"""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from usher.aws import now
from usher.errors import UsherError
from usher.routes import SHORT_NAMES
from usher.storage.layout import GROUP_NAME
from usher.storage.table import Table

ITEM = "keys"
MAX_KEYS = 100
"""The most keys of a group: its item holds 400 KB at most."""
MAX_NAME_LENGTH = 100
ID = re.compile(r"k[a-z0-9]{9}\Z")
ID_CHARACTERS = string.ascii_lowercase + string.digits


@dataclass(frozen=True, slots=True)
class Key:
    """A key as stored in the table."""

    group: str
    id: str
    name: str
    """A description of the key's purpose."""
    routes: tuple[str, ...]
    """The short names of the routes that the key opens (usher.routes)."""
    created: str
    """The time of creation (ISO 8601)."""
    per_minute: int | None
    """The most requests in a minute; None: no limit but the API's."""
    hashes: tuple[dict[str, Any], ...]
    """`{salt, hash, until}` of each secret, newest first; `until`: Unix time at which it ends, or None."""

    def opens(self, secret: str, time_now: datetime) -> bool:
        """Whether a secret is valid."""
        valid = (one for one in self.hashes if one["until"] is None or time_now.timestamp() < int(one["until"]))
        matches = [hmac.compare_digest(_hash(one["salt"], secret), one["hash"]) for one in valid]
        return any(matches)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys in the table."""

    table: Table
    clock: Callable[[], datetime] = now
    max_keys: int = MAX_KEYS
    """The most keys of a group."""

    def of(self, group: str) -> list[Key]:
        """The keys of a group, oldest first."""
        item = self.table.get(group, ITEM)
        keys = [_key(group, name, value) for name, value in item.items() if ID.match(name)]
        return sorted(keys, key=lambda key: key.created)

    def find(self, text: str) -> Key | None:
        """The key that a caller has sent; None if it is not valid."""
        group, key_id, secret = (*text.split("."), "", "", "")[:3]
        if text.count(".") != 2 or not GROUP_NAME.match(group) or not ID.match(key_id):
            return None
        item = self.table.get(group, ITEM)
        key = _key(group, key_id, item[key_id]) if key_id in item else None
        return key if key and key.opens(secret, self.clock()) else None

    def create(self, group: str, name: str, routes: Sequence[str], per_minute: int | None = None) -> str:
        """Create a key; return its text, which can't be read again. `per_minute`: as Key's."""
        if unknown := [route for route in routes if route not in SHORT_NAMES]:
            raise UsherError(f"There is no route {unknown[0]}. Routes: {', '.join(SHORT_NAMES)}.")
        if not 1 <= len(name) <= MAX_NAME_LENGTH:
            raise UsherError(f"The name has {len(name)} characters; 1 to {MAX_NAME_LENGTH} are allowed.")
        if len(self.of(group)) >= self.max_keys:
            raise UsherError(f"{group} has {self.max_keys} keys, the maximum for a group. Revoke one first.")
        key_id = "k" + "".join(secrets.choice(ID_CHARACTERS) for _ in range(9))
        secret, hashed = _secret()
        limit = {"perMinute": per_minute} if per_minute else {}
        created = self.clock().isoformat()
        value = {"name": name, "routes": list(routes), "created": created, "hashes": [hashed], **limit}
        self.table.update(group, ITEM, "SET #id = :key", {":key": value}, {"#id": key_id})
        return f"{group}.{key_id}.{secret}"

    def rotate(self, group: str, key_id: str, overlap: timedelta) -> str:
        """Give a key a new secret; return the new text. Former secrets end after `overlap`, or earlier if they were to.

        Raises UsherError if there is no such key, or another caller changes it at the same time.
        """
        key = self.get(group, key_id)
        ends = int((self.clock() + overlap).timestamp())
        former = [
            {**one, "until": ends if one["until"] is None else min(ends, int(one["until"]))} for one in key.hashes
        ]
        secret, hashed = _secret()
        kept = [hashed, *(one for one in former if one["until"] > self.clock().timestamp())]
        values = {":hashes": kept, ":former": list(key.hashes)}
        names = {"#id": key_id, "#hashes": "hashes"}
        if not self.table.update(group, ITEM, "SET #id.#hashes = :hashes", values, names, "#id.#hashes = :former"):
            raise UsherError(f"Somebody else has just changed the key {key_id}. List the keys and try again.")
        return f"{group}.{key_id}.{secret}"

    def revoke(self, group: str, key_id: str) -> None:
        """Delete a key. Raises UsherError if there is none."""
        self.get(group, key_id)
        self.table.update(group, ITEM, "REMOVE #id", names={"#id": key_id})

    def remove(self, group: str) -> None:
        """Delete all keys of a group."""
        self.table.delete(group, ITEM)

    def get(self, group: str, key_id: str) -> Key:
        """A key by its ID. Raises UsherError if there is none."""
        keys = {key.id: key for key in self.of(group)}
        if key_id not in keys:
            there = f"It has {', '.join(keys)}." if keys else "It has none."
            raise UsherError(f"{group} has no key {key_id}. {there}")
        return keys[key_id]


def _key(group: str, key_id: str, value: dict[str, Any]) -> Key:
    per_minute = int(value["perMinute"]) if "perMinute" in value else None
    return Key(
        group, key_id, value["name"], tuple(value["routes"]), value["created"], per_minute, tuple(value["hashes"])
    )


def _secret() -> tuple[str, dict[str, Any]]:
    """A new secret, and its salted hash for the table."""
    secret, salt = secrets.token_urlsafe(32), secrets.token_hex(16)
    return secret, {"salt": salt, "hash": _hash(salt, secret), "until": None}


def _hash(salt: str, secret: str) -> str:
    return hashlib.sha256(f"{salt}{secret}".encode(errors="replace")).hexdigest()
