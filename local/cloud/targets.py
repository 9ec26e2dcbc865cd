"""Where EventBridge's rules and EventBridge Scheduler deliver to, by the service in the target's ARN."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from moto.awslambda.models import lambda_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from local.cloud import iam

Deliver = Callable[[str, str, str, str], object]


@dataclass(frozen=True, slots=True)
class Sender:
    """A rule or schedule: the service that delivers, the ARN that it names, and the role that it was given."""

    service: str
    source: str
    role: str | None


def deliver(arn: str, payload: str, sender: Sender) -> None:
    """Hand `payload` (JSON) to the target `arn`, without waiting for what it does with it.

    LookupError for a service that is no target here; PermissionError where the sender may not; what moto raises where
    the target does not exist.
    """
    _, _, service, region, account, _ = arn.split(":", 5)
    if service not in TARGETS:
        raise LookupError(f"the local cloud cannot deliver to {arn}; it can to {', '.join(TARGETS)}")
    if sender.role:
        iam.check_role(sender.role, sender.service, sender.source, ACTIONS[service], arn)
    elif service == "lambda":
        iam.check_function(arn, sender.service, sender.source)
    elif service == "states":
        raise PermissionError(f"{sender.source} has no role to start {arn} with; give its target a RoleArn")
    TARGETS[service](account, region, arn, payload)


ACTIONS = MappingProxyType(
    {
        "states": "states:StartExecution",
        "lambda": "lambda:InvokeFunction",
        "sns": "sns:Publish",
        "sqs": "sqs:SendMessage",
    }
)
TARGETS: Mapping[str, Deliver] = MappingProxyType(
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
