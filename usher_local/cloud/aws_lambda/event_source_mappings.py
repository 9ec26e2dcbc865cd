"""Validation of event source mappings of SQS, as Lambda validates them.

Gap upstream (moto 5.2.5): neither a mapping's limits nor the function's permissions are checked.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend
from moto.core.exceptions import JsonRESTError
from moto.sqs.models import Queue, sqs_backends

from usher_local.cloud.access import iam
from usher_local.cloud.aws_lambda.queues import REPAIRS
from usher_local.cloud.core.patching import replaced

RIGHTS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
"""The permissions that the function's role must have."""
BATCH_SIZE = 10
MAX_BATCH_SIZE = 10_000
MAX_WINDOW_SECONDS = 300
MIN_CONCURRENCY, MAX_CONCURRENCY = 2, 1000
RECEIVED_AT_ONCE = 10


@contextmanager
def checking() -> Iterator[None]:
    """Make Lambda refuse the mappings that it refuses on AWS, and SQS keep every message once."""
    with ExitStack() as stack:
        for owner, name, repair in (
            (LambdaBackend, "create_event_source_mapping", creating),
            (LambdaBackend, "update_event_source_mapping", updating),
            *REPAIRS,
        ):
            stack.enter_context(replaced(owner, name, repair(vars(owner)[name])))
        yield


def creating(stock: Any) -> Any:
    """CreateEventSourceMapping, refused for a second mapping of a queue to a function, and without the permissions."""

    @wraps(stock)
    def create(backend: LambdaBackend, spec: dict[str, Any]) -> Any:
        queue = queue_of(spec["EventSourceArn"])
        if queue is None:
            return stock(backend, spec)
        function = backend.get_function(spec["FunctionName"])
        for other in backend._event_source_mappings.values():
            if (other.event_source_arn, other.function_arn) == (queue.queue_arn, function.function_arn):
                raise JsonRESTError(
                    "ResourceConflictException",
                    f'An event source mapping with SQS arn (" {queue.queue_arn} ") and function (" '
                    f'{function.function_name} ") already exists. Please update or delete the existing mapping with '
                    f"UUID {other.uuid}",
                )
        check(spec, function, queue)
        made = stock(backend, spec)
        queue.lambda_event_source_mappings.clear()  # moto would invoke the function, too
        return made

    return create


def updating(stock: Any) -> Any:
    """UpdateEventSourceMapping, checked together with the unchanged members."""

    @wraps(stock)
    def update(backend: LambdaBackend, uuid: str, spec: dict[str, Any]) -> Any:
        made = backend.get_event_source_mapping(uuid)
        if made and (queue := queue_of(made.event_source_arn)):
            function = backend.get_function(spec.get("FunctionName", made.function_name))
            check({**made.get_configuration(), **spec}, function, queue)
            made.function_name = spec.get("FunctionName", made.function_name)
        return stock(backend, uuid, spec)

    return update


def check(spec: Mapping[str, Any], function: Any, queue: Queue) -> None:
    """Raise InvalidParameterValueException for a mapping that Lambda refuses.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html; the words about limits are ours.
    """
    size, window = int(spec.get("BatchSize") or BATCH_SIZE), int(spec.get("MaximumBatchingWindowInSeconds") or 0)
    most = RECEIVED_AT_ONCE if queue.fifo_queue else MAX_BATCH_SIZE
    if not 1 <= size <= most:
        raise InvalidParameterValueException(f"BatchSize must be from 1 to {most} for {queue.queue_arn}.")
    if window and queue.fifo_queue:
        raise InvalidParameterValueException("Batching window is not supported for FIFO queues.")
    if not 0 <= window <= MAX_WINDOW_SECONDS:
        raise InvalidParameterValueException(f"MaximumBatchingWindowInSeconds must be at most {MAX_WINDOW_SECONDS}.")
    if size > RECEIVED_AT_ONCE and not window:
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
    concurrency = (spec.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if concurrency is not None and not MIN_CONCURRENCY <= int(concurrency) <= MAX_CONCURRENCY:
        raise InvalidParameterValueException(f"MaximumConcurrency must be from {MIN_CONCURRENCY} to {MAX_CONCURRENCY}.")
    visibility: int = queue.visibility_timeout
    if visibility < int(function.timeout):
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {function.timeout} seconds"
        )
    for action in RIGHTS:
        try:
            check_right(function, action, queue)
        except PermissionError:
            raise InvalidParameterValueException(
                f"The provided execution role does not have permissions to call {action} on SQS"
            ) from None


def check_right(function: Any, action: str, queue: Queue) -> None:
    """Raise PermissionError unless a function's role may do an action with a queue."""
    iam.check_role(function.role, "lambda.amazonaws.com", "", f"sqs:{action}", queue.queue_arn)


def queue_of(arn: str) -> Queue | None:
    """The queue of an ARN; None if the ARN is not of an existing queue."""
    _, _, service, region, account, name = arn.split(":", 5)
    return sqs_backends[account][region].queues.get(name) if service == "sqs" else None
