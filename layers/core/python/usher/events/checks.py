"""Checks posted events as a whole, before any is sent: by the dataset's schema and the service's limits. Pure.

Limits: PutEvents and PutActionInteractions, and the service guide, "Recording real-time events".
"""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from usher.errors import RequestError
from usher.events.messages import Event
from usher.formats.strict_json import parse_strict
from usher.limits import FIRST_MILLISECOND, MAX_VALUE_LENGTH, WHOLE_NUMBERS
from usher.placeholders import PROGRAM_WORDS
from usher.serving.requests import check_list, checked_id, checked_ids, shown

MAX_EVENTS = 500
"""The most events of a request: they are sent well within the function's ten seconds."""
MAX_EVENT_BYTES = 10 * 1024
"""The most bytes of an event."""
MAX_IMPRESSIONS = 25
MAX_PROPERTIES_LENGTH = 1024
MAX_RECOMMENDATION_ID_LENGTH = 40
MAX_NUMBER = 3.4e38
"""The largest value of a 32-bit number."""
MIN_SECOND = 10**8
"""March 1973. Smaller numbers are not Unix seconds but durations, or minutes, hours or days since 1970."""
MAX_CLOCK_SKEW_SECONDS = 86_400.0
"""The most seconds by which a device's clock may be ahead of ours."""
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""The form of numbers in all programming languages: Python also takes 1_000, and digits of other scripts."""
WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
OUTCOMES = ("TAKEN", "NOT_TAKEN", "VIEWED")
"""The event types of action interactions."""
Columns = Mapping[str, str | list[str]]
"""The Avro types of a dataset's columns; empty if they are not known."""
Read = Callable[[Any, str], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of posted records."""

    dataset: str
    list: str
    """The member with the events, in the body and in Personalize's call."""
    time: str
    """The member of an event with its time."""
    members: Mapping[str, Read]
    """The members of an event; each function reads a value, and takes its place for the message."""

    @property
    def subject(self) -> str:
        """The member with the subject of an event."""
        return "itemId" if "itemId" in self.members else "actionId"


@dataclass(frozen=True, slots=True)
class Posted:
    """A checked request."""

    user: str
    """Empty: the events are anonymous."""
    session: str
    events: list[Event]
    given_ids: frozenset[str]
    """The eventIds that the sender has made. The others are new."""


def check_request(
    content: Mapping[str, Any],
    kind: Kind,
    columns: Columns,
    now: float,
    make_id: Callable[[], object] = uuid.uuid4,
) -> Posted:
    """Check the posted `{userId, sessionId, events}`. Raises RequestError, which names the event, member and remedy.

    `now`: Unix seconds; `make_id`: returns a unique ID for an event without one.
    """
    who = ("userId", "sessionId")
    check_list(content, kind.list, who, f"{{eventType, {kind.subject}, ...}}", MAX_EVENTS)
    events = content[kind.list]
    named = {name: _real_id(content[name], name) for name in who if content.get(name) is not None}
    if not named:
        raise RequestError(400, "BadBody", "The body names neither userId nor sessionId. Give at least one of them.")
    batch = make_id()
    checked = [
        _event(event, number, kind, columns, {kind.time: now, "eventId": f"{batch}-{number}"}, now)
        for number, event in enumerate(events, start=1)
    ]
    given = frozenset(event["eventId"] for event, raw in zip(checked, events, strict=True) if "eventId" in raw)
    return Posted(named.get("userId", ""), named.get("sessionId") or named["userId"], checked, given)


def _event(event: Any, number: int, kind: Kind, columns: Columns, defaults: Mapping[str, Any], now: float) -> Event:
    if not isinstance(event, dict):
        raise _error(f"Event {number} must be an object such as {{eventType, {kind.subject}}}")
    for name in event:
        if name not in kind.members:
            raise _error(_unknown_member(name, number, kind))
    required = {"eventType": None} | ({"actionId": None} if kind.subject == "actionId" else {})
    read = {
        name: kind.members[name](value, f"{name} of event {number}")
        for name, value in {**required, **defaults, **event}.items()
    }
    if read[kind.time] > now + MAX_CLOCK_SKEW_SECONDS:
        remedy = "Correct the sender's clock, or leave it out to use the current time"
        raise _error(f"{kind.time} of event {number} is {event[kind.time]}, more than a day from now. {remedy}")
    _check_columns(read, number, columns)
    size = len(json.dumps(read, ensure_ascii=False).encode())
    if size > MAX_EVENT_BYTES:
        remedy = "Shorten its impression or properties"
        raise _error(f"Event {number} has {size} bytes; {MAX_EVENT_BYTES} are allowed. {remedy}")
    sent_at = read.pop(kind.time)
    return cast(Event, {**read, "sentAt": sent_at})


def _unknown_member(name: str, number: int, kind: Kind) -> str:
    near = {one.lower(): one for one in kind.members}.get(plain(name))
    remedy = f"Write {near}" if near else "Put other columns of your schema into properties"
    return f"Event {number} has the unknown member {name[:99]}; allowed: {', '.join(kind.members)}. {remedy}"


def plain(name: str) -> str:
    """A name in the form that Personalize compares: EVENT_TYPE of a schema is eventType in a call."""
    return name.replace("_", "").lower()


OWN_MEMBERS = {
    "eventvalue": "eventValue",
    "recommendationid": "recommendationId",
    "impression": "impression",
    "eventattributionsource": "metricAttribution",
}
"""The member with the value of a column that an event may leave out, by the column's plain name."""
ALWAYS_THERE = {
    "userid": "userId",
    "sessionid": "sessionId",
    "itemid": "itemId",
    "actionid": "actionId",
    "eventtype": "eventType",
    "timestamp": "the time",
    "sentat": "the time",
    "eventid": "eventId",
}
"""The members that every event needs, likewise; but a session may have no user yet, and an event no item."""
RESERVED = {**ALWAYS_THERE, **OWN_MEMBERS, "metricattribution": "metricAttribution"}
"""Names that are not allowed as properties, in any spelling: they have their own members. PutEvents silently takes
some.
"""


def _check_columns(read: Mapping[str, Any], number: int, columns: Columns) -> None:
    """Raise RequestError for a value that does not fit its column, and for a missing value of a required column."""
    properties = {plain(name): (name, value) for name, value in json.loads(read.get("properties", "{}")).items()}
    for column, types in columns.items():
        key = plain(column)
        member = OWN_MEMBERS.get(key)
        may_be_null = isinstance(types, list) and "null" in types
        if key in ALWAYS_THERE:
            continue
        name, value = (member, read.get(member)) if member else properties.get(key, (camel(column), None))
        place = f"{name} of event {number}" if member else f"properties of event {number}: {name}"
        if value is None and not may_be_null:
            raise _error(f"{place} is missing, which the schema requires as {column}. Give it a value")
        if value is not None and not member:
            _check_type(value, _type_of(types), place)
    for name, value in properties.values():
        if isinstance(value, list | dict):  # Personalize refuses it even if the schema has no column for it
            place = f"properties of event {number}: {name[:99]}"
            raise _error(f"{place} is {shown(value)}. Give a text, a number, true or false")


def _type_of(types: str | list[str]) -> str:
    return types if isinstance(types, str) else next((one for one in types if one != "null"), "string")


def _check_type(value: Any, wanted: str, place: str) -> None:
    if wanted == "boolean":
        fits, remedy = isinstance(value, bool), "true or false"
    elif wanted == "string":
        fits = isinstance(value, str | int | float) and not isinstance(value, bool)
        remedy = "a text"
    else:
        end = WHOLE_NUMBERS.get(wanted, 0)
        fits, remedy = _is_number(value, end), f"a whole number of {end.bit_length()} bits" if end else "a number"
    if not fits:
        shown = json.dumps(value, ensure_ascii=False)[:99]
        raise _error(f"{place} is {shown}, and the schema has the type {wanted}. Give {remedy}")
    if isinstance(value, str) and len(value) > MAX_VALUE_LENGTH:
        raise _error(f"{place} has {len(value)} characters; {MAX_VALUE_LENGTH} are allowed. Shorten it")


def _is_number(value: Any, end: int) -> bool:
    """Whether a value is a number, or a number's text, as in the service guide's examples.

    `end`: the first whole number that is too large; 0: every number is allowed.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not NUMBER.fullmatch(str(value)):
        return False
    number = float(value)
    if not end:
        return abs(number) < float("inf")
    exact = int(value) if WHOLE.fullmatch(str(value)) else number  # a double has no 2^63 - 1
    return number.is_integer() and -end <= exact < end


def camel(column: str) -> str:
    """A column's name in the form of PutEvents: DISCOUNT_PCT is discountPct."""
    first, *rest = column.lower().split("_")
    return first + "".join(part.title() for part in rest)


def _real_id(value: Any, name: str) -> str:
    """An ID. Raises RequestError for a placeholder of a missing one."""
    text = checked_id(value, name)
    if text in PROGRAM_WORDS or not text.strip():
        raise RequestError(400, "BadId", f"{name} is {text!r}, a placeholder for a missing value. Leave it out.")
    return text


def _seconds(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not MIN_SECOND <= value < FIRST_MILLISECOND:
        raise _error(f"{name} must be Unix time in seconds, not {shown(value)}. {_right_time(value)}")
    return float(value)


def _right_time(value: Any) -> str:
    """The time to write instead of a value that is not a time in seconds."""
    condition = ""
    try:
        if isinstance(value, str) and "-" in value:
            time = datetime.fromisoformat(value)
            number = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
            condition = "" if time.tzinfo else ", if it is in UTC"
        else:
            number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = 0.0
    for unit, factor in (("", 1), ("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)):
        if MIN_SECOND <= number / factor < FIRST_MILLISECOND / 10:
            return f"{f'These are {unit}. ' if unit else ''}Write the number {number / factor:.0f}{condition}"
    return "Write the seconds since 1970, or leave it out to use the current time"


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _error(f"{name} must be a number, not {shown(value)}. Write it without quotes")
    if not abs(value) <= MAX_NUMBER:
        raise _error(f"{name} must be from -{MAX_NUMBER} to {MAX_NUMBER}")
    return float(value)


def _recommendation(value: Any, name: str) -> str:
    text = _real_id(value, name)
    if len(text) > MAX_RECOMMENDATION_ID_LENGTH:
        remedy = "Send the recommendationId of an answer unchanged"
        raise _error(f"{name} must have at most {MAX_RECOMMENDATION_ID_LENGTH} characters. {remedy}")
    return text


def _impression(value: Any, name: str) -> list[str]:
    items = [_real_id(item, f"An item in {name}") for item in checked_ids(value, name)]
    if len(items) > MAX_IMPRESSIONS:
        raise _error(f"{name} has {len(items)} items; {MAX_IMPRESSIONS} are allowed. Give those that were seen first")
    return items


def _attribution(value: Any, name: str) -> dict[str, str]:
    match value:
        case {"eventAttributionSource": str(source), **more} if not more:
            if 1 <= len(source) <= 1024 and source.isascii() and source.isprintable() and source.strip():
                return {"eventAttributionSource": source}
    raise _error(
        f"{name} must be {{eventAttributionSource: a text of 1 to 1024 ASCII characters, not all of them blanks}}"
    )


def _properties(value: Any, name: str) -> str:
    """Properties as Personalize's JSON text; callers may give the object itself."""
    expected = f"{name} must be an object, or one as JSON text"
    try:
        content = parse_strict(value) if isinstance(value, str) else value
    except ValueError as error:
        raise _error(f"{expected}: {error}") from None
    if not isinstance(content, dict):
        raise _error(expected)
    if reserved := [key for key in content if plain(key) in RESERVED]:
        members = ", ".join(dict.fromkeys(RESERVED[plain(key)] for key in reserved))
        remedy = f"Write {members} outside of properties"
        raise _error(f"{name} must not have {', '.join(reserved)[:200]}. {remedy}")
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    if len(text) > MAX_PROPERTIES_LENGTH:
        allowed = f"{MAX_PROPERTIES_LENGTH} are allowed. Leave out properties without a column in your schema"
        raise _error(f"{name} have {len(text)} characters as JSON; {allowed}")
    return text


def _outcome(value: Any, name: str) -> str:
    """An event type of action interactions, in any case of letters."""
    text = checked_id(value, name)
    if text.upper() not in OUTCOMES:
        raise _error(f"{name} is {text[:99]}. Write one of {', '.join(OUTCOMES)}")
    return text


def _error(message: str) -> RequestError:
    return RequestError(400, "BadEvent", f"{message}.")


COMMON: Mapping[str, Read] = {
    "eventId": _real_id,
    "properties": _properties,
    "recommendationId": _recommendation,
    "impression": _impression,
}
KINDS = {
    "events": Kind(
        "interactions",
        "events",
        "sentAt",
        {
            "eventType": _real_id,
            "itemId": _real_id,
            "sentAt": _seconds,
            **COMMON,
            "eventValue": _number,
            "metricAttribution": _attribution,
        },
    ),
    "action-interactions": Kind(
        "action_interactions",
        "actionInteractions",
        "timestamp",
        {"eventType": _outcome, "actionId": _real_id, "timestamp": _seconds, **COMMON},
    ),
}
"""The kinds of records that can be posted, by route."""
