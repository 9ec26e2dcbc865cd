"""EventBridge's sources: the events of S3 and Step Functions, in AWS's form.

Gaps upstream (moto 5.2.5): `s3.notifications._send_event_bridge_message` invents fields and lacks `etag`, `time` as
text and the reason, and sends each event once and in order, which S3 does not promise; Step Functions send no events.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial, wraps
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from moto.events.models import events_backends
from moto.s3 import notifications
from moto.s3.models import FakeDeleteMarker
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution

from usher_local.cloud.core.patching import replaced
from usher_local.cloud.core.pending import Pending
from usher_local.cloud.services.consistency import Disorder

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
def flowing(disorder: Disorder | None = None, pending: Pending = Pending("event")) -> Iterator[None]:  # noqa: B008 - without a store, it has no state
    """Send the events of S3 and of Step Functions to rules, those of S3 in `disorder` if it is given."""

    def send_s3_event(account_id: str, bucket: Any, event_name: str, key: Any) -> None:
        event = s3_event(account_id, bucket, event_name, key)
        if disorder is None:
            offer(event)
        else:
            disorder.arrive(f"{event_name} {key.name}", partial(deliver, pending, pending.add(event), event))

    with ExitStack() as stack:
        stack.enter_context(replaced(notifications, "_send_event_bridge_message", send_s3_event))
        stack.enter_context(replaced(Execution, "start", announcing_start(Execution.start)))
        for owner, name in ((BaseExecutionWorkerCommunication, "terminated"), (Execution, "stop")):
            stack.enter_context(replaced(owner, name, announcing_end(vars(owner)[name])))
        yield


def announcing_start(start: Any) -> Any:
    """The start of an execution, which is reported to EventBridge before its thread may end it."""

    @wraps(start)
    def announce(execution: Any) -> None:
        execution.exec_status = ExecutionStatus.RUNNING
        offer(execution_event(execution))
        start(execution)

    return announce


def announcing_end(method: Any) -> Any:
    """A method that may end an execution (its own, or its owner's), with one report of the end to EventBridge."""

    @wraps(method)
    def announce(owner: Any, *arguments: Any, **named: Any) -> None:
        execution = getattr(owner, "execution", owner)
        before = execution.exec_status
        method(owner, *arguments, **named)
        if before == ExecutionStatus.RUNNING != execution.exec_status:
            offer(execution_event(execution))

    return announce


def offer(event: Event) -> None:
    """Offer an event to every rule of the default bus, the target of AWS's own services."""
    for rule in list(events_backends[event["account"]][event["region"]].event_buses["default"].rules.values()):
        rule.send_to_targets(event)


def deliver(pending: Pending, key: str, event: Event) -> None:
    """Offer a pending event, and mark it as arrived."""
    offer(event)
    pending.arrived(key)


def s3_event(account_id: str, bucket: Any, event_name: str, key: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    action = event_name.removeprefix("s3:")
    described = {"key": key.name, "sequencer": f"{time.time_ns():018X}"}
    if not isinstance(key, FakeDeleteMarker):
        described |= {"size": key.size, "etag": key.etag.strip('"')}
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
        "stopDate": execution.stop_date and round(execution.stop_date.timestamp() * 1000),
        "input": json.dumps(execution.input_data),
        "inputDetails": {"included": True},
        "output": None if execution.output is None else json.dumps(execution.output),
        "error": execution.error,
        "cause": execution.cause,
    }
    kind = "Step Functions Execution Status Change"
    return envelope("aws.states", kind, execution.account_id, execution.region_name, execution.exec_arn, detail)


def envelope(source: str, kind: str, account: str, region: str, arn: str, detail: Event) -> dict[str, Any]:
    """The members of every event of a service around its detail."""
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
