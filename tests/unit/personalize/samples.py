"""Requests made from botocore's models: the smallest valid ones, and invalid ones."""

import re
from typing import Any

from moto.core.utils import get_service_model

ACCOUNT = "arn:aws:personalize:us-east-1:123456789012"
PATTERNS = {
    "arn:([a-z\\d-]+):personalize:.*:.*:.+": f"{ACCOUNT}:nothing/nobody",
    "(s3|http|https)://.+": "s3://personalize-data/nothing.csv",
    "rate\\(\\d+ days?\\)": "rate(1 day)",
}
ARNS = {
    "roleArn": "arn:aws:iam::123456789012:role/service",
    "kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/0",
}


def operation(service: str, name: str) -> Any:
    return get_service_model(service).operation_model(name)


def smallest(shape: Any, name: str = "") -> Any:
    """The smallest value of a shape: required members only; the ARNs in it do not exist."""
    if name in ARNS:
        return ARNS[name]
    match shape.type_name:
        case "structure":
            return {member: smallest(shape.members[member], member) for member in shape.required_members}
        case "list":
            return [smallest(shape.member)] * (shape.metadata.get("min") or 0)
        case "map":
            return {}
        case "boolean":
            return False
        case "timestamp":
            return 1_700_000_000
        case "string":
            return _text(shape)
        case _:
            return max(1, shape.metadata.get("min", 1))


def _text(shape: Any) -> str:
    pattern = shape.metadata.get("pattern", "")
    if shape.enum:
        return str(shape.enum[0])
    return next((text for rule, text in PATTERNS.items() if pattern == rule), "a")


def broken(shape: Any) -> dict[str, Any]:
    """The smallest request of an operation with one value that is too long or too large for its member."""
    request: dict[str, Any] = smallest(shape)
    for name, member in shape.members.items():
        rules = member.metadata
        if member.type_name == "string" and ("max" in rules or "pattern" in rules):
            return request | {name: "?" * 50_000}
        if member.type_name == "integer" and "max" in rules:
            return request | {name: rules["max"] + 1}
    raise AssertionError(f"nothing can be broken in {shape.name}")


def snake(name: str) -> str:
    """The name of a client's method for an operation."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
