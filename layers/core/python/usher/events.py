"""What users did, checked and cut into the portions that PutEvents takes (service guide, "Recording events")."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from usher.errors import RequestError
from usher.schemas import FIRST_MILLISECOND
from usher.serving import identifier

PORTION = 10
"""Events per PutEvents call."""
MEMBERS = (
    "eventType",
    "itemId",
    "sentAt",
    "eventId",
    "eventValue",
    "properties",
    "recommendationId",
    "impression",
    "metricAttribution",
)


def portions(content: Mapping[str, Any], tracking_id: str) -> Iterator[dict[str, Any]]:
    """PutEvents calls for a posted `{userId, sessionId, events}`. Raises RequestError, before any, for bad ones."""
    unknown = set(content) - {"userId", "sessionId", "events"}
    events = content.get("events")
    if unknown or not isinstance(events, list) or not events:
        raise RequestError(
            400, "BadBody", "The body must be {userId, sessionId, events: [{eventType, itemId, ...}, ...]}."
        )
    who = {name: identifier(content[name], name) for name in ("userId", "sessionId") if content.get(name) is not None}
    if not who:
        raise RequestError(400, "BadBody", "The body names neither userId nor sessionId.")
    who.setdefault("sessionId", who.get("userId", ""))
    checked = [_event(event, number) for number, event in enumerate(events, start=1)]
    for start in range(0, len(checked), PORTION):
        yield {"trackingId": tracking_id, **who, "eventList": checked[start : start + PORTION]}


def _event(event: Any, number: int) -> dict[str, Any]:
    if not isinstance(event, dict):
        raise RequestError(400, "BadEvent", f"Event {number} must be an object.")
    for name in event:
        if name not in MEMBERS:
            raise RequestError(400, "BadEvent", f"Event {number} has {name}; allowed: {', '.join(MEMBERS)}.")
    given = dict(event)
    given["eventType"] = identifier(given.get("eventType"), f"eventType of event {number}")
    if "itemId" in given:
        given["itemId"] = identifier(given["itemId"], f"itemId of event {number}")
    given["sentAt"] = _seconds(given.get("sentAt", time.time()), number)
    if isinstance(given.get("properties"), dict):
        given["properties"] = json.dumps(given["properties"])
    return given


def _seconds(value: Any, number: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < FIRST_MILLISECOND:
        raise RequestError(
            400, "BadEvent", f"sentAt of event {number} must be Unix time in seconds, not {str(value)[:99]}."
        )
    return float(value)
