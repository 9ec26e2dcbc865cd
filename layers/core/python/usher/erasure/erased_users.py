"""The users to erase, and their data. Pure."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from usher.errors import UsherError

ERASED = "(erased)"
"""The text that replaces a user's ID in messages."""
COLUMN = "USER_ID"
MAX_USERS = 10_000
"""The most users of one request. The service's guide allows files of 50 MB (delete-records.html)."""
MAX_ID_LENGTH = 256
"""The most characters of an ID, as in Personalize."""


@dataclass(frozen=True)
class ErasedUsers:
    """Users of a group, and their sessions."""

    group: str
    users: frozenset[str]
    sessions: frozenset[str] = field(default_factory=frozenset)

    def has(self, record: Mapping[str, Any]) -> bool:
        """Whether an event, or a message of several, belongs to one of the users: by its user, or by its session if it
        is anonymous.

        A later user of the same device may continue the session: that user's events stay.
        """
        user, session = record.get("userId"), record.get("sessionId")
        return user in self.users or session in self.users or (user is None and session in self.sessions)

    def blank(self, text: str) -> str:
        """A message without the users' IDs. IDs of digits alone are replaced only in quotes: a bare number may be
        anything.
        """
        return self._tokens.sub(ERASED, text) if any(user in text for user in self.users) else text

    @cached_property
    def _tokens(self) -> re.Pattern[str]:
        longest_first = sorted(self.users, key=len, reverse=True)
        words = "|".join(re.escape(user) for user in longest_first if not user.isdigit())
        numbers = "|".join(re.escape(user) for user in longest_first if user.isdigit())
        found = [rf"(?<![\w-])(?:{words})(?![\w-])"] if words else []
        found += [rf"(?<=['\"`])(?:{numbers})(?=['\"`])"] if numbers else []
        return re.compile("|".join(found))


def checked_users(users: Iterable[str]) -> list[str]:
    """Users' IDs, each once, sorted. Raises UsherError for an ID that Personalize can't have, for none, and for too
    many.
    """
    found = sorted(set(users))
    if not found:
        raise UsherError("No user is named. Name one, or a file with one ID on each line.")
    if len(found) > MAX_USERS:
        raise UsherError(f"{len(found)} users are named; a request takes {MAX_USERS}. Divide them.")
    for user in found:
        if len(user) > MAX_ID_LENGTH or not user.isprintable() or not user.strip():
            number = found.index(user) + 1
            raise UsherError(f"Of the users' IDs, sorted, number {number} is empty, too long or has hidden characters.")
    return found


def written_list(users: Sequence[str]) -> str:
    """Users as the CSV that a data deletion job reads."""
    return "".join(f"{line}\n" for line in [COLUMN, *map(_cell, users)])


def read_list(text: str) -> list[str]:
    """The users of such a CSV, or of a file with one ID on each line."""
    rows = [row[0] for row in csv.reader(text.lstrip("\ufeff").splitlines(), escapechar="\\") if row]
    return rows[1:] if rows[:1] == [COLUMN] else rows


def _cell(text: str) -> str:
    escaped = re.sub(r'(["\\])', r"\\\1", text)
    return f'"{escaped}"' if re.search(r'[",\\]', text) else text
