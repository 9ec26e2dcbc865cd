"""The items and actions of users' events in the last 30 days, for the filters that the API itself applies. Light."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Self

from usher.events.arrivals import Arrivals, arrivals_of
from usher.events.sessions import Sessions
from usher.storage.table import Table

MAX_SESSIONS = 20
"""The most sessions of a user begun as a guest. They are read one after the other during a request: two calls of the
table each.
"""
MAX_EVENTS = 1000
"""The most events of a user, likewise."""
WINDOWS = {"events": 100, "action-interactions": 300}
"""The latest events of each type that Personalize's filters look at (service guide, "Endpoints and quotas")."""


@dataclass(frozen=True, slots=True)
class Met:
    """Reads the items and actions of users' events."""

    sessions: Sessions
    arrivals: Arrivals

    @classmethod
    def from_table(cls, table: Table) -> Self:
        """A reader of the events in a table."""
        return cls(Sessions(table), Arrivals(table))

    def __call__(self, group: str, user: str, kind: str) -> Mapping[str, set[str]] | None:
        """The items or actions of a user's latest events, by event type in lower case; None if there are too many
        events.

        `kind`: events or action-interactions. Events that wait for Personalize count, refused ones do not.
        """
        sessions = list(islice(self.sessions.sessions_of(group, user, guests_alone=True), MAX_SESSIONS + 1))
        if len(sessions) > MAX_SESSIONS:
            return None
        found = arrivals_of(self.sessions, self.arrivals, group, user, sessions)
        arrived = list(islice(found, MAX_EVENTS + 1))
        if len(arrived) > MAX_EVENTS:
            return None
        events = [one["event"] for one in arrived if one["kind"] == kind and one["outcome"] != "refused"]
        events.sort(key=lambda event: event["sentAt"], reverse=True)
        met, looked = dict[str, set[str]](), Counter[str]()
        for event in events:
            event_type, subject = event["eventType"].lower(), event.get("itemId") or event.get("actionId")
            looked[event_type] += 1
            if subject and looked[event_type] <= WINDOWS[kind]:
                met.setdefault(event_type, set()).add(subject)
        return met
