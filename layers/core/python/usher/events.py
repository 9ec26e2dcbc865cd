"""What users did, checked and cut into the portions that PutEvents takes (service guide, "Recording events")."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from usher.errors import RequestError
from usher.schemas import FIRST_MILLISECOND
from usher.serving import identifier, identifiers

PORTION = 10
"""Events per PutEvents call."""
MOST = 500
"""Events per request: what can be passed on well within the function's ten seconds."""


def portions(content: Mapping[str, Any], tracking_id: str) -> Iterator[dict[str, Any]]:
    """PutEvents calls for a posted `{userId, sessionId, events}`. Raises RequestError for bad ones, before any call."""
    unknown = set(content) - {"userId", "sessionId", "events"}
    events = content.get("events")
    if unknown or not isinstance(events, list) or not events:
        wanted = "{userId, sessionId, events: [{eventType, itemId, ...}, ...]}"
        raise RequestError(400, "BadBody", f"The body must be {wanted}.")
    if len(events) > MOST:
        raise RequestError(400, "BadList", f"There are {len(events)} events; post at most {MOST} at a time.")
    who = {name: identifier(content[name], name) for name in ("userId", "sessionId") if content.get(name) is not None}
    if not who:
        raise RequestError(400, "BadBody", "The body names neither userId nor sessionId.")
    who.setdefault("sessionId", who.get("userId", ""))
    checked = [_event(event, number) for number, event in enumerate(events, start=1)]
    return (
        {"trackingId": tracking_id, **who, "eventList": checked[start : start + PORTION]}
        for start in range(0, len(checked), PORTION)
    )


def _event(event: Any, number: int) -> dict[str, Any]:
    if not isinstance(event, dict):
        raise RequestError(400, "BadEvent", f"Event {number} must be an object.")
    for name in event:
        if name not in MEMBERS:
            raise RequestError(400, "BadEvent", f"Event {number} has {name}; allowed: {', '.join(MEMBERS)}.")
    given = {"eventType": None, "sentAt": time.time(), **event}
    return {name: MEMBERS[name](value, f"{name} of event {number}") for name, value in given.items()}


def _seconds(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < FIRST_MILLISECOND:
        raise RequestError(400, "BadEvent", f"{name} must be Unix time in seconds, not {str(value)[:99]}.")
    return float(value)


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RequestError(400, "BadEvent", f"{name} must be a number, not {str(value)[:99]}.")
    return float(value)


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RequestError(400, "BadEvent", f"{name} must be an object.")
    return value


def _properties(value: Any, name: str) -> str:
    """Personalize takes properties as JSON text; callers may give it the object itself."""
    try:
        return json.dumps(_object(json.loads(value) if isinstance(value, str) else value, name))
    except ValueError:
        raise RequestError(400, "BadEvent", f"{name} must be an object, or one as JSON text.") from None


MEMBERS: Mapping[str, Callable[[Any, str], Any]] = {
    "eventType": identifier,
    "itemId": identifier,
    "sentAt": _seconds,
    "eventId": identifier,
    "eventValue": _number,
    "properties": _properties,
    "recommendationId": identifier,
    "impression": identifiers,
    "metricAttribution": _object,
}
