"""What the operations take whose members a config gives verbatim: botocore's model of the services."""

import functools
import math
from collections.abc import Iterator, Mapping
from copy import copy

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.validate import ParamValidator

from usher.config.keys import FILLED_IN

ALLOWED_REFERENCES = {
    ("CreateDatasetGroup", "kmsKeyArn"): "A key of the account's own: Personalize uses it by PersonalizeRole's rights.",
}
"""Members with an ARN that a config may give, by operation, and the reason."""
NUMBERS = ("integer", "long", "float", "double")


@functools.cache
def input_shape(operation: str) -> StructureShape:
    """What an operation takes."""
    service = "scheduler" if operation == "CreateSchedule" else "personalize"
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)  # noqa: S101 - every operation of these services has one
    return shape


def validation_errors(operation: str, members: Mapping[str, object]) -> list[str]:
    """One sentence for each mistake in the members of a request, without those that Usher sets."""
    shape = input_shape(operation)
    lenient = copy(shape)
    required = [name for name in shape.required_members if name not in FILLED_IN[operation]]
    lenient.metadata = {**shape.metadata, "required": required}
    report = ParamValidator().validate(members, lenient).generate_report()
    return [f"{line}." for line in (*report.splitlines(), *_unusable(members, shape, ""))]


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


def _unusable(value: object, shape: Shape, path: str) -> Iterator[str]:
    """What botocore does not check: values that are too large or too long, and booleans in place of numbers."""
    maximum = shape.metadata.get("max", math.inf)
    if isinstance(value, str | list | dict) and len(value) > maximum:
        yield f"{path or 'this'} has a length of {len(value)}; the service takes {maximum}"
    elif shape.type_name in NUMBERS and isinstance(value, bool):
        yield f"{path or 'this'} is {str(value).lower()}; the service takes a number"
    elif shape.type_name in NUMBERS and isinstance(value, int | float) and value > maximum:
        yield f"{path or 'this'} is {value}; the service takes {maximum}"
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for index, element in enumerate(value):
            yield from _unusable(element, shape.member, f"{path}[{index}]")
    elif isinstance(shape, StructureShape | MapShape) and isinstance(value, dict):
        for name, part in value.items():
            inner = shape.members.get(name) if isinstance(shape, StructureShape) else shape.value
            if inner:
                yield from _unusable(part, inner, f"{path}.{name}".lstrip("."))
