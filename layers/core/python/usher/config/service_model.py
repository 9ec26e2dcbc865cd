"""The allowed members of the operations that a config configures verbatim: botocore's model of the services."""

import difflib
import functools
import math
import re
from collections.abc import Iterator, Mapping
from copy import copy

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.validate import ParamValidator

from usher.config.keys import FILLED_IN

ALLOWED_REFERENCES = {
    ("CreateDatasetGroup", "kmsKeyArn"): "A key of the account's own: Personalize uses it by PersonalizeRole's rights.",
}
"""The ARN members that a config may give, by operation, and the reason."""
NUMBERS = ("integer", "long", "float", "double")
TYPES = {
    "str": "Put it into quotes.",
    "int": "Write a number, without quotes.",
    "float": "Write a number, without quotes.",
    "bool": "Write true or false.",
    "dict": "Write names with values below it (name: value).",
    "list": "Write a list: [...].",
}
"""The remedy for each Python type that botocore expects."""


@functools.cache
def input_shape(operation: str) -> StructureShape:
    """The input shape of an operation."""
    service = "scheduler" if operation == "CreateSchedule" else "personalize"
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)  # noqa: S101 - every operation of these services has one
    return shape


def home_of(operation: str, name: str) -> str:
    """A remedy for a misplaced member: the place in the operation that has one of that name; empty if there is none."""
    below = {"campaign": input_shape("CreateCampaign")} if operation == "CreateSolution" else {}
    shapes: dict[str, Shape] = {**input_shape(operation).members, **below}
    for path, shape in shapes.items():
        if isinstance(shape, StructureShape) and name in shape.members and name not in FILLED_IN[operation]:
            return f"Move it below {path}."
    return ""


def validation_errors(operation: str, members: Mapping[str, object]) -> list[tuple[str, str]]:
    """The message and remedy of each mistake in the members of a request, without those that Usher sets."""
    shape = input_shape(operation)
    lenient = copy(shape)
    required = [name for name in shape.required_members if name not in FILLED_IN[operation]]
    lenient.metadata = {**shape.metadata, "required": required}
    report = ParamValidator().validate(members, lenient).generate_report()
    errors = [(f"{line}.", _remedy(line, operation)) for line in report.splitlines()]
    return [*errors, *((f"{message}.", remedy) for message, remedy in _unusable(members, shape, operation, ""))]


def _remedy(line: str, operation: str) -> str:
    """The remedy of botocore's message: mostly a value of another type, which may only need quotes in YAML."""
    if wanted := re.search(r"valid types: <class '(\w+)'>", line):
        return TYPES.get(wanted[1], "Write a value of that type.")
    if unknown := re.search(r'Unknown parameter in .*: "(.*)", must be one of: (.*)', line):
        near = difflib.get_close_matches(unknown[1], unknown[2].split(", "), 1)
        return f"Did you mean {near[0]}?" if near else "Use one of them."
    if line.startswith("Missing required parameter"):
        return "Add it."
    return f"See {operation} in its service's API reference."


def references(shape: Shape, value: object, path: str = "") -> Iterator[str]:
    """The paths of a value's members, at any depth, that name another resource or a place in S3."""
    if isinstance(shape, ListShape) and isinstance(value, list):
        for element in value:
            yield from references(shape.member, element, path)
    if not isinstance(shape, StructureShape) or not isinstance(value, Mapping):
        return
    for name, member in shape.members.items():
        inner = f"{path}.{name}".lstrip(".")
        if name in value and is_reference(name):
            yield inner
        elif name in value:
            yield from references(member, value[name], inner)


def is_reference(member: str) -> bool:
    """Whether a member of a request names another resource or a place in S3."""
    return member.lower().endswith(("arn", "arns", "path", "location"))


def _unusable(value: object, shape: Shape, operation: str, path: str) -> Iterator[tuple[str, str]]:
    """The values that botocore does not check: too large, too long, not in a list, or booleans as numbers."""
    if isinstance(shape, ListShape) and isinstance(value, list):
        for index, element in enumerate(value):
            yield from _unusable(element, shape.member, operation, f"{path}[{index}]")
    elif isinstance(shape, StructureShape | MapShape) and isinstance(value, dict):
        for name, part in value.items():
            inner = shape.members.get(name) if isinstance(shape, StructureShape) else shape.value
            if isinstance(shape, MapShape):
                yield from _outside(name, shape.key, operation, f"{path}.{name}")
            if inner:
                yield from _unusable(part, inner, operation, f"{path}.{name}".lstrip("."))
    yield from _outside(value, shape, operation, path or "this")


def _outside(value: object, shape: Shape, operation: str, place: str) -> Iterator[tuple[str, str]]:
    """The faults of a value itself."""
    maximum, choices = shape.metadata.get("max", math.inf), shape.metadata.get("enum", [])
    reference = f"See {operation} in its service's API reference."
    if isinstance(value, str | list | dict) and len(value) > maximum:
        yield f"{place} has a length of {len(value)}; the service takes {maximum}", reference
    elif isinstance(value, str) and choices and value not in choices:
        near = difflib.get_close_matches(value[:99].upper(), choices, 1)
        remedy = f"Did you mean {near[0]}?" if near else f"Use one of: {', '.join(choices)}."
        yield f"{place} is {value[:99]}", remedy
    elif shape.type_name in NUMBERS and isinstance(value, bool):
        yield f"{place} is {str(value).lower()}; the service takes a number", TYPES["int"]
    elif shape.type_name in NUMBERS and isinstance(value, int | float) and value > maximum:
        yield f"{place} is {value}; the service takes {maximum}", reference
