"""Sessions: the user of each is stored, and pending events are counted once, however often they are reported."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from usher.events.messages import Message
from usher.events.sessions import LIFETIME_SECONDS, Sessions
from usher.storage.table import Table


@dataclass
class Clock:
    """A clock that only a test sets."""

    seconds: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(table: Table, clock: Clock) -> Iterator[Sessions]:
    yield Sessions(table, clock)


def message(event_id: str, session: str = "s") -> Message:
    event = {"eventId": event_id, "eventType": "watch", "sentAt": 1.0}
    return {
        "kind": "events",
        "group": "g",
        "trackingId": "t",
        "sessionId": session,
        "arrived": 1.0,
        "events": [event],  # type: ignore[list-item]
    }


def test_the_user_of_a_session_is_remembered_for_a_month(sessions: Sessions, clock: Clock) -> None:
    sessions.remember("g", "s", "u", sessions.read("g", "s"))
    assert sessions.read("g", "s").user == "u"
    assert list(sessions.sessions_of("g", "u")) == ["u", "s"]
    assert not sessions.read("other", "s").user
    clock.seconds += LIFETIME_SECONDS + 1
    assert not sessions.read("g", "s").user
    assert list(sessions.sessions_of("g", "u")) == ["u"]


def test_a_stored_session_is_written_again_only_after_half_of_the_month(sessions: Sessions, clock: Clock) -> None:
    sessions.remember("g", "s", "u", sessions.read("g", "s"))
    first = sessions.read("g", "s").expires
    clock.seconds += LIFETIME_SECONDS / 3
    sessions.remember("g", "s", "u", sessions.read("g", "s"))
    assert sessions.read("g", "s").expires == first
    clock.seconds += LIFETIME_SECONDS / 3
    sessions.remember("g", "s", "u", sessions.read("g", "s"))
    assert sessions.read("g", "s").expires > first


def test_the_last_login_owns_the_session(sessions: Sessions) -> None:
    for user in ("u", "v"):
        sessions.remember("g", "s", user, sessions.read("g", "s"))
    assert sessions.read("g", "s").user == "v"


def test_the_sessions_that_a_guest_had_begun_are_distinguished(sessions: Sessions) -> None:
    sessions.remember("g", "s1", "u", sessions.read("g", "s1"), before=["an event"])
    sessions.remember("g", "s2", "u", sessions.read("g", "s2"))
    assert {*sessions.sessions_of("g", "u")} == {"u", "s1", "s2"}
    assert [*sessions.sessions_of("g", "u", guests_alone=True)] == ["u", "s1"]


def test_a_user_without_sessions_needs_no_item(sessions: Sessions, table: Table) -> None:
    sessions.remember("g", "u", "u", sessions.read("g", "u"))
    assert not table.get("g#u", "session")


def test_a_session_is_pending_until_the_last_of_its_messages_is_through(sessions: Sessions) -> None:
    for one in (message("e1"), message("e2"), message("e2")):  # a message may be sent twice
        sessions.start_waiting(one)
    assert sessions.read("g", "s").is_pending
    assert not sessions.read("g", "other").is_pending
    sessions.stop_waiting(message("e1"))
    sessions.stop_waiting(message("e1"))  # a queue may deliver a message twice
    assert sessions.read("g", "s").is_pending
    sessions.stop_waiting(message("e2"))
    assert not sessions.read("g", "s").is_pending


def test_a_pending_session_keeps_its_user(sessions: Sessions) -> None:
    sessions.remember("g", "s", "u", sessions.read("g", "s"))
    sessions.start_waiting(message("e1"))
    sessions.stop_waiting(message("e1"))
    assert sessions.read("g", "s").user == "u"


def test_ids_of_any_length_and_script_have_a_place(sessions: Sessions) -> None:
    session, user = "😀" * 256, "🙂" * 256
    sessions.remember("g", session, user, sessions.read("g", session))
    assert list(sessions.sessions_of("g", user)) == [user, session]
