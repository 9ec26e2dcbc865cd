"""Asynchronous invocations: two retries, then the dead-letter queue and the destinations.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from moto.awslambda.models import LambdaFunction

from usher_local.clock import Clock
from usher_local.cloud.access import credentials
from usher_local.cloud.aws_lambda.limits import ThrottledError
from usher_local.cloud.core.pending import Pending

log = logging.getLogger(__name__)

RETRY_SECONDS = 60.0
"""The seconds before the first retry; twice that before the second."""
MAX_RETRIES = 2
MAX_AGE_SECONDS = 6 * 3600.0
THROTTLE_SECONDS = 1.0
MAX_THROTTLE_SECONDS = 300.0
MAX_ERROR_LENGTH = 1024

Invoke = Callable[[LambdaFunction, str, str], Any]


class Asynchronous:
    """The queue of asynchronous events for all functions. Times are simulated."""

    def __init__(self, invoke: Invoke, endpoint: str, clock: Clock, pending: Pending) -> None:
        self._invoke = invoke
        self._endpoint = endpoint
        self._clock = clock
        self._pending = pending
        self._closed = threading.Event()

    def submit(self, function: LambdaFunction, event: str, arn: str) -> None:
        """Invoke `function` with `event` (JSON) in a thread."""
        self._start(self._pending.add([arn or function.function_arn, event]), function, event, arn)

    def resume(self, find: Callable[[str], LambdaFunction | None]) -> int:
        """Invoke functions with the unfinished events of an earlier process. Returns the number of events.

        `find` returns the function of an ARN, or None.
        """
        rows = self._pending.rows()
        for key, (arn, event) in rows:
            if function := find(arn):
                self._start(key, function, event, arn)
            else:  # the function was deleted, and its events with it
                self._pending.arrived(key)
        return len(rows)

    def _start(self, key: str, function: LambdaFunction, event: str, arn: str) -> None:
        def run() -> None:
            self._run(function, event, arn)
            if not self._closed.is_set():
                self._pending.arrived(key)

        threading.Thread(target=run, daemon=True).start()

    def close(self) -> None:
        """Drop the waiting events."""
        self._closed.set()

    def _run(self, function: LambdaFunction, event: str, arn: str) -> None:
        settings = function.event_invoke_config[-1].config if function.event_invoke_config else {}
        most_retries = settings.get("MaximumRetryAttempts", MAX_RETRIES)
        most_age = settings.get("MaximumEventAgeInSeconds", MAX_AGE_SECONDS)
        invocations, throttles, started = 0, 0, time.monotonic()
        condition, answer = "EventAgeExceeded", None
        while not self._closed.is_set() and self._clock.simulated_seconds(time.monotonic() - started) <= most_age:
            try:
                answer = self._invoke(function, event, arn)
            except ThrottledError:
                self._wait(min(THROTTLE_SECONDS * 2**throttles, MAX_THROTTLE_SECONDS))
                throttles += 1
                continue
            invocations += 1
            if not answer.errored or invocations > most_retries:
                condition = "RetriesExhausted" if answer.errored else "Success"
                break
            self._wait(RETRY_SECONDS * invocations)
        if not self._closed.is_set():
            self._deliver(function, event, condition, invocations, answer)

    def _wait(self, seconds: float) -> None:
        self._closed.wait(self._clock.real_seconds(seconds))

    def _deliver(self, function: LambdaFunction, event: str, condition: str, invocations: int, answer: Any) -> None:
        settings = function.event_invoke_config[-1].config if function.event_invoke_config else {}
        outcome = "OnSuccess" if condition == "Success" else "OnFailure"
        request = str(uuid4())
        if target := settings.get("DestinationConfig", {}).get(outcome, {}).get("Destination"):
            record = invocation_record(function, event, request, condition, invocations, answer)
            self._send(function, target, json.dumps(record), {})
        if condition != "Success" and function.dead_letter_arn:
            message = str(json.loads(answer.body).get("errorMessage", "")) if answer else condition
            attributes = {"RequestID": request, "ErrorCode": "200", "ErrorMessage": message[:MAX_ERROR_LENGTH]}
            self._send(function, function.dead_letter_arn, event, attributes)

    def _send(self, function: LambdaFunction, arn: str, message: str, attributes: Mapping[str, str]) -> None:
        """Send a message as the function's role, which must be allowed to send it."""
        service = arn.split(":")[2]
        try:
            holder = credentials.assume(function.role, function.function_name, "lambda.amazonaws.com")
            SENDERS[service](credentials.client(service, self._endpoint, holder), arn, message, attributes)
        except Exception as error:
            log.warning("%s: the failed event can't be sent to %s: %s", function.function_name, arn, error)


def invocation_record(
    function: LambdaFunction, event: str, request: str, condition: str, invocations: int, answer: Any
) -> dict[str, Any]:
    """The record for a destination.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    version = str(function.version)
    arn = ":".join(function.function_arn.split(":")[:7])
    record = {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": request,
            "functionArn": f"{arn}:{version}",
            "condition": condition,
            "approximateInvokeCount": invocations,
        },
        "requestPayload": json.loads(event),
    }
    if answer:
        failed = {"functionError": "Unhandled"} if answer.errored else {}
        record["responseContext"] = {"statusCode": 200, "executedVersion": version, **failed}
        record["responsePayload"] = json.loads(answer.body)
    return record


def typed(attributes: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Message attributes for SQS and SNS."""
    kinds = {"ErrorCode": "Number"}
    return {name: {"DataType": kinds.get(name, "String"), "StringValue": text} for name, text in attributes.items()}


Send = Callable[[Any, str, str, Mapping[str, str]], object]


def send_to_queue(client: Any, arn: str, message: str, attributes: Mapping[str, str]) -> None:
    """Send to a queue by its URL, which is derived from the ARN without any permission."""
    account, name = arn.split(":")[4:]
    url = f"{client.meta.endpoint_url}/{account}/{name}"
    client.send_message(QueueUrl=url, MessageBody=message, MessageAttributes=typed(attributes))


SENDERS: Mapping[str, Send] = MappingProxyType(
    {
        "lambda": lambda client, arn, message, _: client.invoke(
            FunctionName=arn, InvocationType="Event", Payload=message
        ),
        "sns": lambda client, arn, message, attributes: client.publish(
            TopicArn=arn, Message=message, MessageAttributes=typed(attributes)
        ),
        "sqs": send_to_queue,
    }
)
