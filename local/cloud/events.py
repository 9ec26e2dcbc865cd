"""EventBridge: S3's events in AWS's shape, and rules that reach state machines, functions and topics.

Gaps upstream (moto 5.2.5): `s3.notifications._send_event_bridge_message` makes up fields and misses `etag`, `time` as
text and the reason; `events.models.Rule.send_to_targets` knows none of these targets, and a target that fails takes
the later ones with it; it also ignores a rule's state, `Input` and `InputPath`.
"""

import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from moto.events.models import Rule, events_backends
from moto.s3 import notifications

from local.cloud.patching import replaced
from local.cloud.targets import deliver

log = logging.getLogger(__name__)

Event = Mapping[str, Any]

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
REASONS = MappingProxyType(
    {
        "ObjectCreated:Put": "PutObject",
        "ObjectCreated:Post": "POST Object",
        "ObjectCreated:Copy": "CopyObject",
        "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
        "ObjectRemoved:Delete": "DeleteObject",
        "ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
    }
)


@contextmanager
def flowing() -> Iterator[None]:
    """Let S3 events reach rules, and rules their targets."""
    with ExitStack() as stack:
        stack.enter_context(replaced(notifications, "_send_event_bridge_message", send_s3_event))
        stack.enter_context(replaced(Rule, "send_to_targets", send_to_targets))
        yield


def send_s3_event(account_id: str, bucket: Any, event_name: str, key: Any) -> None:
    """Offer the event of an object to every rule of the default bus, where AWS's own services send theirs."""
    event = s3_event(account_id, bucket, event_name, key)
    for rule in list(events_backends[account_id][bucket.region_name].event_buses["default"].rules.values()):
        rule.send_to_targets(event)


def s3_event(account_id: str, bucket: Any, event_name: str, key: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    action = event_name.removeprefix("s3:")
    described = {"key": key.name, "size": key.size, "etag": key.etag.strip('"'), "sequencer": f"{time.time_ns():018X}"}
    if bucket.versioning_status:
        described["version-id"] = key.version_id
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": notifications._detail_type(event_name),
        "source": "aws.s3",
        "account": account_id,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": described,
            "request-id": uuid4().hex[:16].upper(),
            "requester": account_id,
            "source-ip-address": "127.0.0.1",
            "reason": REASONS.get(action, action.partition(":")[0]),
        },
    }


def send_to_targets(rule: Any, original_event: Event, transform_input: bool = True) -> None:  # noqa: ARG001
    """Deliver an event to all targets of a rule that is enabled and matches; failures are logged."""
    if rule.state != "ENABLED" or not rule.event_pattern.matches_event(original_event):
        return
    for target in rule.targets:
        try:
            log.info("rule %s: %s -> %s", rule.name, original_event["detail-type"], target["Arn"])
            deliver(target["Arn"], target_input(target, original_event))
        except Exception:
            log.exception("rule %s could not reach %s", rule.name, target["Arn"])


def target_input(target: Mapping[str, Any], event: Event) -> str:
    """What a target gets of an event (JSON): `Input`, `InputPath`, `InputTransformer` or all of it."""
    if "Input" in target:
        return str(target["Input"])
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        values = {name: at(path, event) for name, path in transformer.get("InputPathsMap", {}).items()}
        return fill(transformer["InputTemplate"], {"aws.events.event.json": event, **values})
    return json.dumps(at(target.get("InputPath", "$"), event))


def at(path: str, event: Event) -> Any:
    """The value at a path of names such as `$.detail.object.key`; None where there is none."""
    found: Any = event
    for name in path.split(".")[1:]:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def fill(template: str, values: Mapping[str, Any]) -> str:
    """An input template with its `<name>`s filled in: as JSON, and as bare text inside a JSON string."""

    def bare(match: re.Match[str]) -> str:
        value = values[match[1]]
        text = value if isinstance(value, str) else json.dumps(value)
        return json.dumps(text)[1:-1]

    def token(match: re.Match[str]) -> str:
        return json.dumps(values[match[1]]) if match[1] else re.sub(r"<([\w.-]+)>", bare, match[0])

    return re.sub(r'"(?:\\.|[^"\\])*"|<([\w.-]+)>', token, template)
