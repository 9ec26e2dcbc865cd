"""Validation of requests against botocore's service model.

boto3 checks members, types and minimums before it sends a request. The service must check maximums, patterns and enums,
and all requests of other clients. The texts are those of AWS's own front end.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Never

from usher_local.personalize.core.errors import InvalidInputError

MAX_SHOWN = 256
"""The number of characters of a refused value that an error repeats."""
LARGEST = sys.float_info.max
CLASSES = {r"\p{ASCII}": r"[\x00-\x7F]", r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": r"\s"}
"""Java's character classes in the models, with their nearest equivalents in Python, whose engine lacks them."""


def decoded(text: str | bytes) -> Any:
    """JSON as the service reads it; None where only Python's reader accepts it: NaN, unpaired surrogates."""
    try:
        value = json.loads(text, parse_constant=_no_json)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value


def _no_json(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def validate(shape: Any, value: Any) -> None:
    """Raise InvalidInputError with all violations of a botocore `shape` by `value` (decoded JSON)."""
    found = list(_problems(shape, value, ""))
    if found:
        noun = "error" if len(found) == 1 else "errors"
        raise InvalidInputError(f"{len(found)} validation {noun} detected: " + "; ".join(found))


def _problems(shape: Any, value: Any, path: str) -> Iterator[str]:
    wanted, fits = _TYPES[shape.type_name]
    if not fits(value):
        yield _problem(value, path, f"Member must be of type {wanted}")
        return
    yield from _outside(shape, value, path)
    if shape.type_name == "structure":
        yield from _members(shape, value, path)
    elif shape.type_name == "list":
        for number, element in enumerate(value, 1):
            yield from _problems(shape.member, element, f"{path}.{number}.member")
    elif shape.type_name == "map":
        for key, element in value.items():
            yield from _problems(shape.key, key, f"{path}.key")
            yield from _problems(shape.value, element, f"{path}.{key}.member")


def _members(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        inner = f"{path}.{name}".lstrip(".")
        if value.get(name) is not None:
            yield from _problems(member, value[name], inner)
        elif name in shape.required_members:
            yield _problem(None, inner, "Member must not be null")


def _outside(shape: Any, value: Any, path: str) -> Iterator[str]:
    """The violations of size, pattern and enumeration."""
    rules = shape.metadata
    sized = hasattr(value, "__len__")
    size = len(value) if sized else value
    low, high = ("length greater", "length less") if sized else ("value greater", "value less")
    if "min" in rules and size < rules["min"]:
        yield _problem(value, path, f"Member must have {low} than or equal to {rules['min']}")
    if "max" in rules and size > rules["max"]:
        yield _problem(value, path, f"Member must have {high} than or equal to {rules['max']}")
    if shape.type_name != "string":
        return
    if rules.get("enum") and value not in rules["enum"]:
        yield _problem(value, path, f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]")
    if "pattern" in rules and not compiled(rules["pattern"]).fullmatch(value):
        yield _problem(value, path, f"Member must satisfy regular expression pattern: {rules['pattern']}")


def _problem(value: Any, path: str, rule: str) -> str:
    shown = "null" if value is None else f"'{str(value)[:MAX_SHOWN]}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {rule}"


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of the models in Python's syntax."""
    for java, python in CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


def _is_number(value: Any) -> bool:
    # isfinite raises OverflowError for an integer that is too large for a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "structure": ("structure", lambda value: isinstance(value, dict)),
    "map": ("map", lambda value: isinstance(value, dict)),
    "list": ("list", lambda value: isinstance(value, list)),
    "string": ("string", lambda value: isinstance(value, str)),
    "boolean": ("boolean", lambda value: isinstance(value, bool)),
    "integer": ("integer", _is_integer),
    "long": ("long", _is_integer),
    "float": ("float", _is_number),
    "double": ("double", _is_number),
    "timestamp": ("timestamp", _is_number),
}
