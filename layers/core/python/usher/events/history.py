"""The events of a user as they arrived, and whether each counts. Newest first, in pages."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from usher.aws import digest
from usher.errors import RequestError
from usher.events.arrivals import EVENT, Arrival, Arrivals, arrivals_of
from usher.events.counting import Counting, Reason
from usher.events.sessions import Sessions
from usher.limits import DEFAULT_RESULTS
from usher.routes import Route
from usher.serving.requests import READERS, check_names, checked_id
from usher.serving.serving_map import ServingMap

MAX_KEY_BYTES = 1024
"""The most bytes of a sort key (DynamoDB, "Quotas")."""


@dataclass(frozen=True, slots=True)
class History:
    """Users' events in the table."""

    sessions: Sessions
    arrivals: Arrivals
    unknown_items: Callable[[str, set[str]], set[str]] = lambda _group, _items: set()
    """The items that are missing in a group's catalogue, of some items."""

    def of_user(
        self,
        group: str,
        route: Route,
        options: Mapping[str, Any],
        content: ServingMap,
        trained_at: Mapping[str, float],
    ) -> dict[str, Any]:
        """A page of a user's events. `options`: userId, numResults and next, as texts.

        `content`: the group's serving map; `trained_at`: the beginnings of the live versions' trainings, by ARN. Little
        more than the page is read of each session. Raises RequestError.
        """
        check_names(route, options)
        user = checked_id(options.get("userId"), "userId")
        size = READERS["numResults"](options.get("numResults", DEFAULT_RESULTS), content)["numResults"]
        whose = digest([group, user])
        before = _place(options.get("next"), whose)
        sessions = self.sessions.sessions_of(group, user, guests_alone=True)
        page = list(islice(arrivals_of(self.sessions, self.arrivals, group, user, sessions, before), size + 1))
        items = {one["event"]["itemId"] for one in page if "itemId" in one["event"]}
        unknown = self.unknown_items(group, items)
        answer = {
            "userId": user,
            "events": [_shown(one, Counting(one["kind"], content, unknown), trained_at) for one in page[:size]],
        }
        return {**answer, "next": _token(page[size - 1], whose)} if len(page) > size else answer


def _shown(arrival: Arrival, counting: Counting, trained_at: Mapping[str, float]) -> dict[str, Any]:
    """An arrival for a person: the event, its outcome, and an explanation."""
    event, reasons = arrival["event"], counting.reasons(arrival["event"])
    if arrival["outcome"] == "pending":
        reasons.insert(
            0, Reason("Pending", "Personalize did not take it yet. It waits in the queue, and is sent again.")
        )
    if arrival["outcome"] == "refused":
        reasons.insert(0, Reason("Refused", f"Personalize refused it: {arrival.get('reason', '')}"))
    if repeats := arrival.get("repeats"):
        reasons.append(Reason("Repeated", f"It was sent {repeats + 1} times, and counts once.", prevents=False))
    if not any(reason.prevents for reason in reasons):
        used = counting.use_by_solution(event, arrival["arrived"], trained_at)
    else:
        used = {}
    properties = {"properties": json.loads(event["properties"])} if "properties" in event else {}
    return {
        **event,
        **properties,
        "sessionId": arrival["sessionId"],
        "arrived": arrival["arrived"],
        "outcome": arrival["outcome"],
        "counts": bool(used),
        "countsFor": used,
        "why": [{"code": reason.code, "message": reason.message} for reason in reasons],
    }


def _token(arrival: Arrival, whose: str) -> str:
    """The token that requests a user's arrivals older than one."""
    return base64.urlsafe_b64encode(json.dumps([arrival["place"], whose]).encode()).decode()


def _place(token: Any, whose: str) -> str:
    if token is None:
        return ""
    try:
        match json.loads(base64.b64decode(str(token), b"-_", validate=True)):
            case [str(place), str(named)] if named == whose and place.startswith(EVENT):
                if len(place.encode()) <= MAX_KEY_BYTES:
                    return place
    except (ValueError, RecursionError):
        pass
    raise RequestError(400, "BadNext", "next must be the unchanged `next` of an answer about this user.")
