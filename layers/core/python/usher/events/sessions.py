"""Sessions in the table: the user of each, and whether some of its events still wait in the queue.

    {"group": "<group>#<session>", "item": "session", "user": "u1", "pending": {waiting messages}, "expires": 17...}
    {"group": "<group>#<user>", "item": "session#<digest>", "session": "s1", "guest": True, "expires": 17...}

`guest`: events had arrived in the session before its user logged in.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from usher.aws import digest
from usher.events.messages import Message, ordering
from usher.storage.table import Table
from usher.storage.table_batches import TableBatches

SESSION = "session"
LIFETIME_SECONDS = 30 * 86_400
"""The seconds for which a session and its arrivals are kept."""


def partition(group: str, one: str) -> str:
    """The table's partition of a session or of a user."""
    return f"{group}#{one}"


@dataclass(frozen=True, slots=True)
class Session:
    """A session's user and state."""

    user: str = ""
    """Empty while the session is anonymous."""
    is_pending: bool = False
    """Whether events wait in the queue, so that later ones must wait behind them."""
    expires: float = 0
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions in the table."""

    table: Table
    clock: Callable[[], float] = time.time

    def read(self, group: str, session: str) -> Session:
        """A session as it was written last."""
        item = self.table.get(partition(group, session), SESSION)
        if item.get("expires", 0) < self.clock():  # expired items may stay for some days
            return Session()
        return Session(item.get("user", ""), bool(item.get("pending")), float(item["expires"]))

    def remember(self, group: str, session: str, user: str, known: Session, before: Iterable[object] = ()) -> None:
        """Keep the user of a session, unless the table has it for long enough: a session costs two writes in two weeks.

        The session of a user without a sessionId is the user's own. `before`: the session's anonymous arrivals; they
        are read only if the user is kept.
        """
        if session == user or (known.user == user and known.expires > self.clock() + LIFETIME_SECONDS / 2):
            return
        index = {"group": partition(group, user), "item": f"{SESSION}#{digest(session, 32)}", "expires": self._expires}
        TableBatches(self.table).put([{**index, SESSION: session, "guest": any(True for _ in before)}])
        change, values = "SET #user = :user, expires = :expires", {":user": user, ":expires": self._expires}
        self.table.update(partition(group, session), SESSION, change, values, {"#user": "user"})

    def sessions_of(self, group: str, user: str, *, guests_alone: bool = False) -> Iterator[str]:
        """The sessions of a user, first the user's own. `guests_alone`: only those that were begun as a guest, without
        the user's own.
        """
        yield user
        for item in TableBatches(self.table).query(partition(group, user), f"{SESSION}#"):
            if item["expires"] >= self.clock() and (item["guest"] or not guests_alone):
                yield item["session"]

    def start_waiting(self, message: Message) -> None:
        """Mark a message of a session as waiting, before it is queued, so that no later event overtakes it."""
        self._change(message, "ADD pending :one SET expires = :expires", {":expires": self._expires})

    def stop_waiting(self, message: Message) -> None:
        """Mark a message as no longer waiting. May be repeated."""
        self._change(message, "DELETE pending :one", {})

    @property
    def _expires(self) -> int:
        return int(self.clock()) + LIFETIME_SECONDS

    def _change(self, message: Message, change: str, values: dict[str, object]) -> None:
        place = partition(message["group"], message["sessionId"])
        one = ordering(message)["MessageDeduplicationId"][:16]
        self.table.update(place, SESSION, change, {":one": {one}, **values})
