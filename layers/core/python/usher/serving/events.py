"""Checks users' events, and divides them into batches for PutEvents (service guide, "Recording events").

The limits are those of the service's API: an invalid request is refused before any part of it is sent.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from usher.errors import RequestError
from usher.formats.strict_json import parse_strict
from usher.limits import FIRST_MILLISECOND
from usher.serving.requests import checked_id, checked_ids

BATCH_SIZE = 10
"""Events per PutEvents call."""
MAX_EVENTS = 500
"""Events per request: they are sent well within the function's ten seconds."""
MAX_EVENT_BYTES = 10 * 1024
"""Of an event."""
MAX_IMPRESSIONS = 25
MAX_PROPERTIES_LENGTH = 1024
RESERVED = frozenset({"userid", "sessionid", "eventtype", "timestamp", "recommendationid", "impression"})
"""Not allowed as properties, in any spelling of Personalize's schemas (`EVENT_TYPE`): they have their own members."""
MAX_RECOMMENDATION_ID_LENGTH = 40
SOURCE = re.compile(r"(?=.*[\x21-\x7e])[\x20-\x7e]{1,1024}")
MAX_VALUE = 3.4e38
"""A value is a number of 32 bits."""
MAX_CLOCK_SKEW_SECONDS = 86_400.0
"""How far ahead of ours a device's clock may be."""
NULL_WORDS = frozenset({"null", "undefined", "None", "NaN", "nan", "nil", "<nil>", "[object Object]"})
"""Placeholders of programs for a missing ID. Personalize drops such events silently, or counts a user."""


def put_events_calls(content: Mapping[str, Any], tracking_id: str) -> Iterator[dict[str, Any]]:
    """PutEvents calls for a posted `{userId, sessionId, events}`. Raises RequestError for bad ones, before any call."""
    unknown = set(content) - {"userId", "sessionId", "events"}
    events = content.get("events")
    if unknown or not isinstance(events, list) or not events:
        expected = "{userId, sessionId, events: [{eventType, itemId, ...}, ...]}"
        raise RequestError(400, "BadBody", f"The body must be {expected}.")
    if len(events) > MAX_EVENTS:
        raise RequestError(400, "BadList", f"There are {len(events)} events; post at most {MAX_EVENTS} at a time.")
    who = {name: _known(content[name], name) for name in ("userId", "sessionId") if content.get(name) is not None}
    if not who:
        raise RequestError(400, "BadBody", "The body names neither userId nor sessionId.")
    who.setdefault("sessionId", who.get("userId", ""))
    checked = [_event(event, number) for number, event in enumerate(events, start=1)]
    return (
        {"trackingId": tracking_id, **who, "eventList": checked[start : start + BATCH_SIZE]}
        for start in range(0, len(checked), BATCH_SIZE)
    )


def _event(event: Any, number: int) -> dict[str, Any]:
    if not isinstance(event, dict):
        raise _error(f"Event {number} must be an object")
    for name in event:
        if name not in MEMBERS:
            raise _error(f"Event {number} has the unknown member {name[:99]}; allowed: {', '.join(MEMBERS)}")
    members = {"eventType": None, "sentAt": time.time(), **event}
    read = {name: MEMBERS[name](value, f"{name} of event {number}") for name, value in members.items()}
    size = len(json.dumps(read, ensure_ascii=False).encode())
    if size > MAX_EVENT_BYTES:
        raise _error(f"Event {number} has {size} bytes; {MAX_EVENT_BYTES} are allowed")
    return read


def _known(value: Any, name: str) -> str:
    """An ID that is not a placeholder for a missing one."""
    text = checked_id(value, name)
    if text in NULL_WORDS:
        raise RequestError(400, "BadId", f"{name} is {text}, a placeholder for a missing ID. Leave it out.")
    return text


def _seconds(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < FIRST_MILLISECOND:
        raise _error(f"{name} must be Unix time in seconds, not {str(value)[:99]}")
    if value > time.time() + MAX_CLOCK_SKEW_SECONDS:
        raise _error(f"{name} is {value}, more than a day from now")
    return float(value)


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _error(f"{name} must be a number, not {str(value)[:99]}")
    if not abs(value) <= MAX_VALUE:
        raise _error(f"{name} must be from -{MAX_VALUE} to {MAX_VALUE}")
    return float(value)


def _recommendation(value: Any, name: str) -> str:
    text = checked_id(value, name)
    if len(text) > MAX_RECOMMENDATION_ID_LENGTH:
        raise _error(f"{name} must have at most {MAX_RECOMMENDATION_ID_LENGTH} characters")
    return text


def _impression(value: Any, name: str) -> list[str]:
    items = checked_ids(value, name)
    if len(items) > MAX_IMPRESSIONS:
        raise _error(f"{name} has {len(items)} items; {MAX_IMPRESSIONS} are allowed")
    return items


def _attribution(value: Any, name: str) -> dict[str, str]:
    match value:
        case {"eventAttributionSource": str(source), **more} if not more and SOURCE.fullmatch(source):
            return {"eventAttributionSource": source}
    raise _error(
        f"{name} must be {{eventAttributionSource: a text of 1 to 1024 ASCII characters, not all of them blanks}}"
    )


def _properties(value: Any, name: str) -> str:
    """Personalize takes properties as JSON text; callers may give it the object itself."""
    expected = f"{name} must be an object, or one as JSON text"
    try:
        content = parse_strict(value) if isinstance(value, str) else value
    except ValueError as error:
        raise _error(f"{expected}: {error}") from None
    if not isinstance(content, dict):
        raise _error(expected)
    if reserved := [key for key in content if key.replace("_", "").lower() in RESERVED]:
        raise _error(f"{name} must not have {', '.join(reserved)}")
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    if len(text) > MAX_PROPERTIES_LENGTH:
        raise _error(f"{name} have {len(text)} characters as JSON; {MAX_PROPERTIES_LENGTH} are allowed")
    return text


def _error(message: str) -> RequestError:
    return RequestError(400, "BadEvent", f"{message}.")


MEMBERS: Mapping[str, Callable[[Any, str], Any]] = {
    "eventType": checked_id,
    "itemId": _known,
    "sentAt": _seconds,
    "eventId": checked_id,
    "eventValue": _number,
    "properties": _properties,
    "recommendationId": _recommendation,
    "impression": _impression,
    "metricAttribution": _attribution,
}
