"""Reads the statements of IAM policies."""

import json
from collections.abc import Mapping
from typing import Any

from usher_cli.doctor.examination import UnknownError


def statements_of(document: Any) -> list[dict[str, Any]]:
    """The statements of a policy, given as JSON text or an object."""
    try:
        statements = (json.loads(document) if isinstance(document, str) else document)["Statement"]
    except ValueError as error:
        raise UnknownError(f"the policy is not JSON: {error}") from error
    return list(statements) if isinstance(statements, list) else [statements]


def services(statement: Mapping[str, Any]) -> list[str]:
    """The services that a statement of a resource policy allows."""
    principal = statement.get("Principal", {})
    return listed(principal.get("Service", [])) if isinstance(principal, Mapping) else []


def allows(statement: Mapping[str, Any], action: str) -> bool:
    """Whether a statement names an action."""
    named = listed(statement.get("Action", []))
    return statement["Effect"] == "Allow" and bool({action, action.split(":")[0] + ":*", "*"} & set(named))


def values_of(statement: Mapping[str, Any], key: str) -> list[str]:
    """The values of a key in the conditions of a statement."""
    conditions = statement.get("Condition", {}).values()
    return [value for one in conditions for name, some in one.items() if name == key for value in listed(some)]


def listed(value: Any) -> list[str]:
    """A value as a list: policies write a list of one without brackets."""
    return value if isinstance(value, list) else [value]
