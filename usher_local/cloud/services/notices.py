"""Notifications and events in the log of the local cloud, where nobody gets mail and most events have no rule."""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

from moto.events.models import EventsBackend
from moto.sns.models import Topic

from usher_local.cloud.core.patching import replaced

log = logging.getLogger(__name__)

OBJECT = re.compile(r"s3://([^/\s]+)/(\S+)")
CONSOLE = re.compile(r"\n\S*console\.aws\.amazon\.com/s3/\S*")
MAX_DETAIL = 300
"""The maximum number of characters of an event's detail in the log."""


@contextmanager
def shown(address: Callable[[str, str], str]) -> Iterator[None]:
    """Log notifications of topics and events of programs; `address` returns a browser's URL for a bucket and key."""
    with ExitStack() as stack:
        stack.enter_context(replaced(Topic, "publish", notifying(Topic.publish, address)))
        stack.enter_context(replaced(EventsBackend, "put_events", announcing(EventsBackend.put_events)))
        yield


def notifying(publish: Any, address: Callable[[str, str], str]) -> Any:
    """Publish, with the text of the message in the log unless it is JSON, such as that of an alarm."""

    @wraps(publish)
    def notify(topic: Topic, message: str, subject: str | None = None, *rest: Any, **named: Any) -> Any:
        if not message.startswith("{"):
            log.info("notification: %s\n%s", subject or topic.name, readable(message, address))
        return publish(topic, message, subject, *rest, **named)

    return notify


def readable(message: str, address: Callable[[str, str], str]) -> str:
    """A notification's text, indented, with local addresses instead of AWS's. Pure."""
    local = OBJECT.sub(lambda match: address(match[1], match[2]), CONSOLE.sub("", message))
    return "\n".join(f"    {line}".rstrip() for line in local.splitlines())


def announcing(put_events: Any) -> Any:
    """PutEvents, with a line in the log for each event."""

    @wraps(put_events)
    def put(backend: EventsBackend, events: list[dict[str, Any]]) -> Any:
        for event in events:
            log.info("event of %s: %s: %s", event.get("Source"), event.get("DetailType"), detail_of(event))
        return put_events(backend, events)

    return put


def detail_of(event: Mapping[str, Any]) -> str:
    """The members of an event's detail, cut to MAX_DETAIL. Pure."""
    try:
        detail = json.loads(event.get("Detail") or "{}")
    except ValueError:  # PutEvents refuses it
        return ""
    text = ", ".join(f"{name} {value}" for name, value in detail.items()) if isinstance(detail, dict) else str(detail)
    return text if len(text) <= MAX_DETAIL else f"{text[:MAX_DETAIL]} ..."
