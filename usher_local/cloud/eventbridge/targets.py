"""Deliveries to the targets of EventBridge's rules and schedules, with retries and the dead-letter queue.

The service in the target's ARN determines the call.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.core.exceptions import ServiceException
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from werkzeug.exceptions import HTTPException

from usher_local.clock import Clock
from usher_local.cloud.access import iam

log = logging.getLogger(__name__)

RETRIES = 185
MAXIMUM_AGE = 86400.0
MAXIMUM_PAUSE = 480.0
"""The longest pause between attempts, so that 185 attempts take about 24 hours."""
# A target's errors that may pass; only these are retried, and failures without an answer.
THROTTLED = ("Throttling", "TooManyRequests")


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of a delivery: the service, the ARN of the rule or schedule, and its role."""

    service: str
    source: str
    role: str | None


def deliver(arn: str, payload: str, sender: Sender) -> None:
    """Send `payload` (JSON) to the target `arn`, without waiting for its work.

    LookupError for an unsupported service; PermissionError if the sender may not send; moto's error if the target does
    not exist.
    """
    _, _, service, region, account, _ = arn.split(":", 5)
    if service not in TARGETS:
        raise LookupError(f"the local cloud cannot deliver to {arn}; it supports {', '.join(TARGETS)}")
    if sender.role:
        iam.check_role(sender.role, sender.service, sender.source, ACTIONS[service], arn)
    elif service == "lambda":
        iam.check_function(arn, sender.service, sender.source)
    elif service == "states":
        raise PermissionError(f"{sender.source} needs a role to start {arn}; give its target a RoleArn")
    TARGETS[service](account, region, arn, payload)


ACTIONS = MappingProxyType(
    {
        "states": "states:StartExecution",
        "lambda": "lambda:InvokeFunction",
        "sns": "sns:Publish",
        "sqs": "sqs:SendMessage",
    }
)
TARGETS: Mapping[str, Callable[[str, str, str, str], object]] = MappingProxyType(
    {
        "states": lambda account, region, arn, payload: stepfunctions_parser_backends[account][region].start_execution(
            arn, None, payload
        ),
        "lambda": lambda account, region, arn, payload: lambda_backends[account][region].invoke(
            arn, None, payload, {"x-amz-invocation-type": "Event"}, {}
        ),
        "sns": lambda account, region, arn, payload: sns_backends[account][region].publish(payload, arn=arn),
        "sqs": lambda account, region, arn, payload: sqs_backends[account][region].send_message(
            arn.rpartition(":")[2], payload
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A payload for a target. `target` is EventBridge's or Scheduler's own: Arn, RetryPolicy, DeadLetterConfig."""

    sender: str
    """The name of the sender, for the log."""
    target: Mapping[str, Any]
    payload: Callable[[int], str]
    """The input (JSON) of the n-th attempt, from 1."""
    undelivered: str
    """The body of the message to the dead-letter queue."""
    attributes: Mapping[str, str]
    """Attributes of that message that name the sender."""
    code: Callable[[Exception], str]
    """The ERROR_CODE of a failure."""
    principal: Sender
    """The sender whose permissions count."""


@dataclass
class Deliveries(AbstractContextManager["Deliveries"]):
    """Sends deliveries; retries on `clock`, in threads that end with the block.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html
    """

    clock: Clock
    deliver: Callable[[str, str, Sender], None] = deliver
    _ended: threading.Event = field(default_factory=threading.Event)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()

    def send(self, delivery: Delivery) -> None:
        """Send a delivery, and retry it later if the first attempt fails."""
        try:
            log.info("%s -> %s", delivery.sender, delivery.target["Arn"])
            self.deliver(delivery.target["Arn"], delivery.payload(1), delivery.principal)
        except Exception as error:
            if is_retryable(error):
                threading.Thread(target=self._retry, args=(delivery, error), daemon=True).start()
            else:
                send_to_dead_letter_queue(delivery, error, 0, None)

    def _retry(self, delivery: Delivery, error: Exception) -> None:
        policy = delivery.target.get("RetryPolicy", {})
        most, age = policy.get("MaximumRetryAttempts", RETRIES), 0.0
        for attempt in range(most):
            pause = min(2.0**attempt, MAXIMUM_PAUSE)
            age += pause
            if age > policy.get("MaximumEventAgeInSeconds", MAXIMUM_AGE):
                send_to_dead_letter_queue(delivery, error, attempt, "MaximumEventAgeInSeconds")
                return
            if self._ended.wait(self.clock.real_seconds(pause)):
                return
            try:
                self.deliver(delivery.target["Arn"], delivery.payload(attempt + 2), delivery.principal)
            except Exception as again:
                error = again
            else:
                return
        send_to_dead_letter_queue(delivery, error, most, "MaximumRetryAttempts")


def is_retryable(error: Exception) -> bool:
    """Whether a target may accept the delivery later: if it throttled or did not answer, not after a refusal."""
    if isinstance(error, HTTPException | ServiceException):
        return error_code(error).startswith(THROTTLED)
    return not isinstance(error, LookupError | PermissionError)


def error_code(error: Exception) -> str:
    """AWS's code of one of moto's errors; the class of any other."""
    return str(getattr(error, "error_type", None) or getattr(error, "code", None) or type(error).__name__)


def check_dead_letter(queue: str, sender: Sender) -> None:
    """Raise PermissionError unless a queue's policy allows a rule, or its role a schedule, to send a message to it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    """
    if sender.service == "events.amazonaws.com":
        iam.check_queue(queue, sender.service, sender.source)
    elif sender.role:
        iam.check_role(sender.role, sender.service, sender.source, ACTIONS["sqs"], queue)


def send_to_dead_letter_queue(delivery: Delivery, error: Exception, retries: int, exhausted: str | None) -> None:
    """Put a failed delivery into the target's dead-letter queue; without one, or without permission, it is lost."""
    queue = delivery.target.get("DeadLetterConfig", {}).get("Arn")
    fate = f"see {queue}" if queue else "it is lost, since the target has no dead-letter queue"
    reason = getattr(error, "message", None) or str(error)
    log.error("%s could not reach %s: %s; %s", delivery.sender, delivery.target["Arn"], reason, fate)
    if not queue:
        return
    reasons = {
        **delivery.attributes,
        "TARGET_ARN": delivery.target["Arn"],
        "ERROR_CODE": delivery.code(error),
        "ERROR_MESSAGE": reason,
        "RETRY_ATTEMPTS": str(retries),
        **({"EXHAUSTED_RETRY_CONDITION": exhausted} if exhausted else {}),
    }
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in reasons.items()}
    _, _, _, region, account, name = queue.split(":", 5)
    try:
        check_dead_letter(queue, delivery.principal)
        sqs_backends[account][region].send_message(name, delivery.undelivered, attributes)
    except Exception:
        log.exception("the dead-letter queue %s did not accept the event either: %s", queue, json.dumps(reasons))
