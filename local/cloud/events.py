"""EventBridge: S3's and Step Functions' events in AWS's shape, and rules that reach their targets.

Gaps upstream (moto 5.2.5): `s3.notifications._send_event_bridge_message` makes up fields and misses `etag`, `time` as
text and the reason; `events.models.Rule.send_to_targets` knows none of these targets, and a target that fails takes
the later ones with it; it also ignores a rule's state, `Input` and `InputPath`; TestEventPattern answers nothing. Step
Functions tell of no execution; here they tell of its end only.
"""

import json
import logging
import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import wraps
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from moto.events.models import EventPattern, Rule, events_backends
from moto.events.responses import EventsHandler
from moto.s3 import notifications
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution

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
    """Let the events of S3 and of Step Functions reach rules, and rules their targets."""
    with ExitStack() as stack:
        stack.enter_context(replaced(notifications, "_send_event_bridge_message", send_s3_event))
        stack.enter_context(replaced(Rule, "send_to_targets", send_to_targets))
        stack.enter_context(replaced(EventsHandler, "test_event_pattern", test_event_pattern))
        # A stopped execution's thread ends later, and is told of once.
        ends = set(ExecutionStatus) - {ExecutionStatus.RUNNING, ExecutionStatus.ABORTED}
        ended, stopped = BaseExecutionWorkerCommunication.terminated, Execution.stop
        stack.enter_context(replaced(BaseExecutionWorkerCommunication, "terminated", announcing(ended, ends)))
        stack.enter_context(replaced(Execution, "stop", announcing(stopped, {ExecutionStatus.ABORTED})))
        yield


def send_s3_event(account_id: str, bucket: Any, event_name: str, key: Any) -> None:
    """Tell of an object."""
    offer(s3_event(account_id, bucket, event_name, key))


def announcing(method: Any, ends: Collection[str]) -> Any:
    """A method of an execution, or of what has one, that tells of the execution's end, if it is one of `ends`."""

    @wraps(method)
    def announce(owner: Any, *arguments: Any, **named: Any) -> None:
        method(owner, *arguments, **named)
        execution = getattr(owner, "execution", owner)
        if execution.exec_status in ends:
            offer(execution_event(execution))

    return announce


def offer(event: Event) -> None:
    """Offer an event to every rule of the default bus, where AWS's own services send theirs."""
    for rule in list(events_backends[event["account"]][event["region"]].event_buses["default"].rules.values()):
        rule.send_to_targets(event)


def s3_event(account_id: str, bucket: Any, event_name: str, key: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    action = event_name.removeprefix("s3:")
    described = {"key": key.name, "size": key.size, "etag": key.etag.strip('"'), "sequencer": f"{time.time_ns():018X}"}
    if bucket.versioning_status:
        described["version-id"] = key.version_id
    detail = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": described,
        "request-id": uuid4().hex[:16].upper(),
        "requester": account_id,
        "source-ip-address": "127.0.0.1",
        "reason": REASONS.get(action, action.partition(":")[0]),
    }
    kind = notifications._detail_type(event_name)
    return envelope("aws.s3", kind, account_id, bucket.region_name, bucket.arn, detail)


def execution_event(execution: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html"""
    detail = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": round(execution.start_date.timestamp() * 1000),
        "stopDate": round(execution.stop_date.timestamp() * 1000),
        "input": json.dumps(execution.input_data),
        "inputDetails": {"included": True},
        "output": None if execution.output is None else json.dumps(execution.output),
        "error": execution.error,
        "cause": execution.cause,
    }
    kind = "Step Functions Execution Status Change"
    return envelope("aws.states", kind, execution.account_id, execution.region_name, execution.exec_arn, detail)


def envelope(source: str, kind: str, account: str, region: str, arn: str, detail: Event) -> dict[str, Any]:
    """What every event of a service has around its detail."""
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": kind,
        "source": source,
        "account": account,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [arn],
        "detail": detail,
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


def test_event_pattern(request: Any) -> str:
    """TestEventPattern: whether an event matches a pattern."""
    pattern = EventPattern.load(request._get_param("EventPattern"))
    return json.dumps({"Result": pattern.matches_event(json.loads(request._get_param("Event")))})


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
