"""What users did, checked and cut into the portions that PutEvents takes (service guide, "Recording events").

The limits are those of the service's API: what it would refuse is refused before anything of a request is sent.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from usher.datasets.schemas import FIRST_MILLISECOND
from usher.errors import RequestError
from usher.formats.strict_json import parse
from usher.serving.serving_map import identifier, identifiers

PORTION = 10
"""Events per PutEvents call."""
MOST = 500
"""Events per request: what can be passed on well within the function's ten seconds."""
MOST_BYTES = 10 * 1024
"""Of an event."""
MOST_IMPRESSIONS = 25
LONGEST_PROPERTIES = 1024
RESERVED = frozenset({"userid", "sessionid", "eventtype", "timestamp", "recommendationid", "impression"})
"""They are no properties, in any spelling of Personalize's schemas (`EVENT_TYPE`): they have members of their own."""
LONGEST_RECOMMENDATION_ID = 40
SOURCE = re.compile(r"(?=.*[\x21-\x7e])[\x20-\x7e]{1,1024}")
LARGEST_VALUE = 3.4e38
"""A value is a number of 32 bits."""
AHEAD_SECONDS = 86_400.0
"""How far ahead of ours a device's clock may be."""
NOTHING = frozenset({"null", "undefined", "None", "NaN", "nan", "nil", "<nil>", "[object Object]"})
"""What programs write for an ID that they do not have. Personalize drops such events silently or counts a user."""


def portions(content: Mapping[str, Any], tracking_id: str) -> Iterator[dict[str, Any]]:
    """PutEvents calls for a posted `{userId, sessionId, events}`. Raises RequestError for bad ones, before any call."""
    unknown = set(content) - {"userId", "sessionId", "events"}
    events = content.get("events")
    if unknown or not isinstance(events, list) or not events:
        wanted = "{userId, sessionId, events: [{eventType, itemId, ...}, ...]}"
        raise RequestError(400, "BadBody", f"The body must be {wanted}.")
    if len(events) > MOST:
        raise RequestError(400, "BadList", f"There are {len(events)} events; post at most {MOST} at a time.")
    who = {name: _known(content[name], name) for name in ("userId", "sessionId") if content.get(name) is not None}
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
        raise _bad(f"Event {number} must be an object")
    for name in event:
        if name not in MEMBERS:
            raise _bad(f"Event {number} has {name[:99]}; allowed: {', '.join(MEMBERS)}")
    given = {"eventType": None, "sentAt": time.time(), **event}
    read = {name: MEMBERS[name](value, f"{name} of event {number}") for name, value in given.items()}
    size = len(json.dumps(read, ensure_ascii=False).encode())
    if size > MOST_BYTES:
        raise _bad(f"Event {number} has {size} bytes; {MOST_BYTES} are allowed")
    return read


def _known(value: Any, name: str) -> str:
    """An ID that is not a program's word for nothing."""
    text = identifier(value, name)
    if text in NOTHING:
        raise RequestError(400, "BadId", f"{name} is {text}: a program's word for no ID. Leave it out.")
    return text


def _seconds(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < FIRST_MILLISECOND:
        raise _bad(f"{name} must be Unix time in seconds, not {str(value)[:99]}")
    if value > time.time() + AHEAD_SECONDS:
        raise _bad(f"{name} is {value}, more than a day from now")
    return float(value)


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad(f"{name} must be a number, not {str(value)[:99]}")
    if not abs(value) <= LARGEST_VALUE:
        raise _bad(f"{name} must be from -{LARGEST_VALUE} to {LARGEST_VALUE}")
    return float(value)


def _recommendation(value: Any, name: str) -> str:
    text = identifier(value, name)
    if len(text) > LONGEST_RECOMMENDATION_ID:
        raise _bad(f"{name} must have at most {LONGEST_RECOMMENDATION_ID} characters")
    return text


def _impression(value: Any, name: str) -> list[str]:
    items = identifiers(value, name)
    if len(items) > MOST_IMPRESSIONS:
        raise _bad(f"{name} has {len(items)} items; {MOST_IMPRESSIONS} are allowed")
    return items


def _attribution(value: Any, name: str) -> dict[str, str]:
    match value:
        case {"eventAttributionSource": str(source), **more} if not more and SOURCE.fullmatch(source):
            return {"eventAttributionSource": source}
    raise _bad(
        f"{name} must be {{eventAttributionSource: a text of 1 to 1024 ASCII characters, not all of them blanks}}"
    )


def _properties(value: Any, name: str) -> str:
    """Personalize takes properties as JSON text; callers may give it the object itself."""
    wanted = f"{name} must be an object, or one as JSON text"
    try:
        content = parse(value) if isinstance(value, str) else value
    except ValueError as error:
        raise _bad(f"{wanted}: {error}") from None
    if not isinstance(content, dict):
        raise _bad(wanted)
    if reserved := [key for key in content if key.replace("_", "").lower() in RESERVED]:
        raise _bad(f"{name} must not have {', '.join(reserved)}")
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    if len(text) > LONGEST_PROPERTIES:
        raise _bad(f"{name} have {len(text)} characters as JSON; {LONGEST_PROPERTIES} are allowed")
    return text


def _bad(said: str) -> RequestError:
    return RequestError(400, "BadEvent", f"{said}.")


MEMBERS: Mapping[str, Callable[[Any, str], Any]] = {
    "eventType": identifier,
    "itemId": _known,
    "sentAt": _seconds,
    "eventId": identifier,
    "eventValue": _number,
    "properties": _properties,
    "recommendationId": _recommendation,
    "impression": _impression,
    "metricAttribution": _attribution,
}
