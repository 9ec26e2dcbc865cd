"""Converts values of JSON to typed ones, such as dataclasses, and checks that every member is known and valid. Pure."""

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from usher.errors import UsherError

T = TypeVar("T")
MAX_DEPTH = 50
"""Lists and objects inside each other."""


class UnfitError(UsherError):
    """A value does not have its type; the text states where."""


def parse_json(content: bytes) -> Any:
    """The value of a JSON document. Raises UnfitError."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnfitError(f"it is not JSON: {str(error)[:99]}") from None
    _check_depth(value)
    return value


def fit(kind: type[T], value: Any, path: str = "it", *, strict: bool = True) -> T:
    """A value of JSON as `kind`. Raises UnfitError. Not `strict`: unknown members are left out.

    `kind`: a dataclass, whose members without a default must be there; a TypedDict; `Mapping[str, ...]`,
    `Sequence[...]` (or `dict`, `list`, `tuple[..., ...]`), a union, `Literal`, `str`, `int`, `float` (finite), `bool`,
    `None` or `Any`.
    """
    fitted: T = _fit(kind, value, path, strict)
    return fitted


def _fit(kind: Any, value: Any, path: str, strict: bool) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, path, strict)
    if typing.is_typeddict(kind):
        return _typed_dict(kind, value, path, strict)
    if origin in (typing.Union, types.UnionType):
        return _one_of(arguments, value, path, strict)
    if origin is typing.Literal and value in arguments:
        return value
    if origin in (dict, Mapping) and isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: _fit(arguments[1], part, f"{path}.{name[:99]}", strict) for name, part in value.items()}
    if origin in (list, tuple, Sequence) and isinstance(value, list | tuple):
        parts = [_fit(arguments[0], part, f"{path}[{place}]", strict) for place, part in enumerate(value)]
        return tuple(parts) if origin is tuple else parts
    if kind is float and type(value) in (int, float) and _is_finite(value):
        return value
    if origin is None and kind is not float and type(value) is kind:
        return value
    raise UnfitError(f"{path} is {str(value)[:99]!r}")


def _dataclass(kind: Any, value: Any, path: str, strict: bool) -> Any:
    if not isinstance(value, Mapping):
        raise UnfitError(f"{path} is {str(value)[:99]!r}")
    members = {member.name: member for member in dataclasses.fields(kind)}
    if strict and (unknown := sorted(map(str, value.keys() - members.keys()))):
        raise UnfitError(f"{path} has {unknown[0][:99]}, which is unknown")
    for name, member in members.items():
        required = member.default is member.default_factory is dataclasses.MISSING
        if required and name not in value:
            raise UnfitError(f"{path} has no {name}")
    hints = _hints(kind)
    known = {name: part for name, part in value.items() if name in members}
    return kind(**{name: _fit(hints[name], part, f"{path}.{name}", strict) for name, part in known.items()})


def _typed_dict(kind: Any, value: Any, path: str, strict: bool) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise UnfitError(f"{path} is {str(value)[:99]!r}")
    hints = _hints(kind)
    if strict and (unknown := sorted(map(str, value.keys() - hints.keys()))):
        raise UnfitError(f"{path} has {unknown[0][:99]}, which is unknown")
    if missing := sorted(kind.__required_keys__ - value.keys()):
        raise UnfitError(f"{path} has no {missing[0]}")
    return {name: _fit(hints[name], part, f"{path}.{name}", strict) for name, part in value.items() if name in hints}


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _one_of(kinds: Sequence[Any], value: Any, path: str, strict: bool) -> Any:
    for kind in kinds:
        try:
            return _fit(kind, value, path, strict)
        except UnfitError as error:
            last = error
    raise last


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int that no float has room for
        return False


def _check_depth(value: Any) -> None:
    """Raise UnfitError if a value is deeper than MAX_DEPTH: later readers walk it by recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [part for one in level for part in _parts(one)]
        if not level:
            return
    raise UnfitError(f"it has more than {MAX_DEPTH} nested lists and objects")


def _parts(value: Any) -> Sequence[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
