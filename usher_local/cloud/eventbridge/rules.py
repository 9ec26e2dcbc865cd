"""EventBridge's rules: the validation of PutRule and PutTargets, and deliveries to targets.

Gaps upstream (moto 5.2.5): `EventPatternParser.parse` accepts patterns that are too complex and operators that do not
exist; `EventsBackend.put_targets` accepts any number of targets and any input; `Rule.send_to_targets` supports none of
our targets, and a failing target prevents the later ones; it also ignores a rule's state, `Input`, `InputPath`, retry
policy and dead-letter queue; TestEventPattern answers nothing.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from types import MappingProxyType
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.events.exceptions import InvalidEventPatternException, ValidationException
from moto.events.models import EventPattern, EventPatternParser, EventsBackend, Rule
from moto.events.responses import EventsHandler

from usher_local.cloud.core.patching import replaced
from usher_local.cloud.eventbridge.patterns import MAX_COMPLEXITY, complexity
from usher_local.cloud.eventbridge.targets import Deliveries, Delivery, Sender, error_code

Event = Mapping[str, Any]

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
TARGETS_PER_RULE = 5
MAX_INPUT_LENGTH = 8192
MAX_BYTES = 262_144
TOO_COMPLEX = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a "
    "wildcard character"
)


@contextmanager
def ruling(deliveries: Deliveries) -> Iterator[None]:
    """Validate rules as AWS does, and deliver to their targets with `deliveries`."""
    with ExitStack() as stack:
        for owner, name, value in (
            (EventPatternParser, "parse", checked(EventPatternParser.parse)),
            (EventsBackend, "put_targets", limited(EventsBackend.put_targets)),
            (EventsBackend, "put_events", sized(EventsBackend.put_events)),
            (Rule, "send_to_targets", sending(deliveries)),
            (EventsHandler, "test_event_pattern", test_event_pattern),
        ):
            stack.enter_context(replaced(owner, name, value))
        yield


def checked(parse: Any) -> Any:
    """A rule's pattern. InvalidEventPatternException, with AWS's reason, for one that EventBridge refuses."""

    @wraps(parse)
    def check(parser: Any) -> dict[str, Any]:
        pattern: dict[str, Any] = parse(parser)
        for match in matches(pattern):
            if reason := refused(match):
                raise InvalidEventPatternException(reason=reason)
        if complexity(pattern) > MAX_COMPLEXITY:
            raise InvalidEventPatternException(reason=TOO_COMPLEX)
        return pattern

    return check


def matches(pattern: Event) -> Iterator[Any]:
    """Every value and operator that a pattern compares a field with."""
    for name, value in pattern.items():
        if name == "$or" and isinstance(value, list):
            for option in value:
                yield from matches(option)
        elif isinstance(value, Mapping):
            yield from matches(value)
        else:
            yield from value


def is_text(value: Any) -> bool:
    """Whether a value is a string."""
    return isinstance(value, str)


def ignoring_case(value: Any) -> bool:
    """Whether a value is a string, or one that is compared in any case."""
    return is_text(value) or (isinstance(value, Mapping) and value.keys() == {"equals-ignore-case"})


def is_wildcard(value: Any) -> bool:
    """Whether a value is a string without two consecutive wildcards; a backslash escapes a wildcard or itself."""
    return is_text(value) and re.fullmatch(r"(?:\\[*\\]|[^*\\]|\*(?!\*))*", value) is not None


def is_excluded(value: Any) -> bool:
    """Whether `anything-but` accepts a value: strings, numbers, or one operator on strings."""
    if isinstance(value, Mapping):
        return len(value) == 1 and value.keys() <= {"prefix", "suffix", "equals-ignore-case", "wildcard"}
    some = value if isinstance(value, list) else [value]
    return bool(some) and all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in some)


def is_range(value: Any) -> bool:
    """Whether a value is a list of numeric comparisons such as `[">", 0, "<=", 5]`."""
    return (
        isinstance(value, list)
        and len(value) in (2, 4)
        and all(one in ("=", "<", "<=", ">", ">=") for one in value[::2])
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value[1::2])
    )


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
OPERATORS: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        "anything-but": is_excluded,
        "cidr": is_text,
        "equals-ignore-case": is_text,
        "exists": lambda value: isinstance(value, bool),
        "numeric": is_range,
        "prefix": ignoring_case,
        "suffix": ignoring_case,
        "wildcard": is_wildcard,
    }
)


def refused(match: Any) -> str | None:
    """The reason why EventBridge refuses a value or an operator of a pattern, or None."""
    if not isinstance(match, Mapping):
        return "Match value must be String, number, true, false, or null" if isinstance(match, list) else None
    if len(match) != 1:
        return "Only one key allowed in match expression"
    ((name, value),) = match.items()
    if name not in OPERATORS:
        return f"Unrecognized match type {name}"
    return None if OPERATORS[name](value) else f"{name} match pattern has an invalid value: {json.dumps(value)}"


def limited(put_targets: Any) -> Any:
    """PutTargets within EventBridge's quotas."""

    @wraps(put_targets)
    def put(backend: Any, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]) -> None:
        for number, target in enumerate(targets, 1):
            template = target.get("InputTransformer", {}).get("InputTemplate")
            given = {"input": target.get("Input"), "inputTemplate": template}
            for member, text in given.items():
                if text and len(text) > MAX_INPUT_LENGTH:
                    raise ValidationException(
                        f"1 validation error detected: Value at 'targets.{number}.member.{member}' failed to satisfy "
                        f"constraint: Member must have length less than or equal to {MAX_INPUT_LENGTH}"
                    )
        bus = backend._get_event_bus(backend._normalize_event_bus_arn(event_bus_arn))
        before = {target["Id"] for target in bus.rules[name].targets} if name in bus.rules else set()
        if len(before | {target["Id"] for target in targets}) > TARGETS_PER_RULE:
            raise JsonRESTError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
        put_targets(backend, name, event_bus_arn, targets)

    return put


def sized(put_events: Any) -> Any:
    """PutEvents within EventBridge's limit on time, source, detail type, detail and resources together."""

    @wraps(put_events)
    def put(backend: Any, events: list[dict[str, Any]]) -> Any:
        texts = [
            str(text)
            for event in events
            for text in (
                *(event.get(name) or "" for name in ("Source", "DetailType", "Detail")),
                *(event.get("Resources") or ()),
            )
        ]
        if sum(len(text.encode()) for text in texts) + 14 * sum("Time" in event for event in events) > MAX_BYTES:
            raise ValidationException("Total size of the entries in the request is over the limit.")
        return put_events(backend, events)

    return put


def test_event_pattern(request: Any) -> str:
    """TestEventPattern: whether an event matches a pattern."""
    pattern = EventPattern.load(request._get_param("EventPattern"))
    return json.dumps({"Result": pattern.matches_event(json.loads(request._get_param("Event")))})


def sending(deliveries: Deliveries) -> Any:
    """Delivery of an event to all targets of an enabled rule that matches."""

    def send(rule: Any, original_event: Event, transform_input: bool = True) -> None:  # noqa: ARG001
        if rule.state != "ENABLED" or not rule.event_pattern.matches_event(original_event):
            return
        sender = f"rule {rule.name}: {original_event['detail-type']}"
        undelivered = json.dumps(original_event)
        for target in rule.targets:
            payload = partial(target_input, target, original_event)
            principal = Sender("events.amazonaws.com", rule.arn, target.get("RoleArn"))
            source = {"RULE_ARN": rule.arn}
            deliveries.send(Delivery(sender, target, payload, undelivered, source, failure, principal))

    return send


def failure(error: Exception) -> str:
    """The ERROR_CODE of a target that could not be reached."""
    code = error_code(error)
    if isinstance(error, PermissionError) or "AccessDenied" in code:
        return "NO_PERMISSIONS"
    missing = isinstance(error, LookupError) or re.search("NotFound|DoesNotExist|NonExistent|NotExist", code)
    return "NO_RESOURCE" if missing else "ERROR_FROM_TARGET"


def target_input(target: Mapping[str, Any], event: Event, _: int = 1) -> str:
    """The input (JSON) of a target for an event: by `Input`, `InputPath`, `InputTransformer`, or the whole event."""
    if "Input" in target:
        return str(target["Input"])
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        values = {name: at(path, event) for name, path in transformer.get("InputPathsMap", {}).items()}
        return fill(transformer["InputTemplate"], {"aws.events.event.json": event, **values})
    return json.dumps(at(target.get("InputPath", "$"), event))


def at(path: str, event: Event) -> Any:
    """The value at a path of names such as `$.detail.object.key`, or None."""
    found: Any = event
    for name in path.split(".")[1:]:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def fill(template: str, values: Mapping[str, Any]) -> str:
    """An input template with its `<name>`s replaced: by JSON, or by plain text inside a JSON string."""

    def bare(match: re.Match[str]) -> str:
        value = values[match[1]]
        text = value if isinstance(value, str) else json.dumps(value)
        return json.dumps(text)[1:-1]

    def token(match: re.Match[str]) -> str:
        return json.dumps(values[match[1]]) if match[1] else re.sub(r"<([\w.-]+)>", bare, match[0])

    return re.sub(r'"(?:\\.|[^"\\])*"|<([\w.-]+)>', token, template)
