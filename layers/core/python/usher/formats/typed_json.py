"""Converts values of JSON to typed ones, such as dataclasses, and checks that every member is known and valid. Pure."""

import dataclasses
import json
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any, TypeVar, cast

from usher.errors import UsherError

T = TypeVar("T")
Reader = Callable[[Any, str, bool], Any]
"""A function that fits a value at a path, strictly or not."""
MAX_DEPTH = 50
"""The most levels of lists and objects."""


class UnfitError(UsherError):
    """A value does not have its type; the text states the place."""


def parse_json(content: bytes) -> Any:
    """The value of a JSON document. Raises UnfitError."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnfitError(f"it is not JSON: {str(error)[:99]}") from None
    _check_depth(value)
    return value


def as_type(kind: type[T], value: Any, path: str = "it", *, strict: bool = True) -> T:
    """A value of JSON as `kind`. Raises UnfitError. Not `strict`: unknown members are left out.

    `kind`: a dataclass, whose members without a default are required; a TypedDict; `Mapping[str, ...]`, `Sequence[...]`
    (or `dict`, `list`, `tuple[..., ...]`), a union, `Literal`, `str`, `int`, `float` (finite), `bool`, `None` or `Any`.
    """
    reader: Reader = _reader(cast(Any, kind))
    return cast(T, reader(value, path, strict))


@cache
def _reader(kind: Any) -> Reader:
    """The function that fits values to a kind: cached, as a document has thousands of values of a few kinds."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return lambda value, path, strict: value  # noqa: ARG005 - a Reader's
    if dataclasses.is_dataclass(kind):
        return partial(_dataclass, kind)
    if typing.is_typeddict(kind):
        return partial(_typed_dict, kind)
    if origin in (typing.Union, types.UnionType):
        return partial(_one_of, arguments)
    if origin in (dict, Mapping):
        return partial(_mapping, arguments[1])
    if origin in (list, tuple, Sequence):
        return partial(_sequence, tuple if origin is tuple else list, arguments[0])
    return partial(_plain, _is_one_of(kind, arguments))


def _is_one_of(kind: Any, literals: Sequence[Any]) -> Callable[[Any], bool]:
    """A test whether a value is one of some literals or, without them, of a plain kind."""
    if literals:
        return lambda value: value in literals
    if kind is float:
        return lambda value: type(value) in (int, float) and _is_finite(value)
    return lambda value: type(value) is kind


def _plain(is_fit: Callable[[Any], bool], value: Any, path: str, _: bool) -> Any:
    if not is_fit(value):
        raise _unfit(path, value)
    return value


def _mapping(kind: Any, value: Any, path: str, strict: bool) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise _unfit(path, value)
    read = _reader(kind)
    return {name: read(part, f"{path}.{name[:99]}", strict) for name, part in value.items()}


def _sequence(make: Callable[[Iterable[Any]], Any], kind: Any, value: Any, path: str, strict: bool) -> Any:
    if not isinstance(value, list | tuple):
        raise _unfit(path, value)
    read = _reader(kind)
    return make(read(part, f"{path}[{place}]", strict) for place, part in enumerate(value))


def _unfit(path: str, value: Any) -> UnfitError:
    return UnfitError(f"{path} is {str(value)[:99]!r}")


def _dataclass(kind: Any, value: Any, path: str, strict: bool) -> Any:
    if not isinstance(value, Mapping):
        raise _unfit(path, value)
    members = {member.name: member for member in dataclasses.fields(kind)}
    if strict and (unknown := sorted(map(str, value.keys() - members.keys()))):
        raise UnfitError(f"{path} has {unknown[0][:99]}, which is unknown")
    for name, member in members.items():
        required = member.default is member.default_factory is dataclasses.MISSING
        if required and name not in value:
            raise UnfitError(f"{path} has no {name}")
    hints = _hints(kind)
    known = {name: part for name, part in value.items() if name in members}
    return kind(**{name: _reader(hints[name])(part, f"{path}.{name}", strict) for name, part in known.items()})


def _typed_dict(kind: Any, value: Any, path: str, strict: bool) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _unfit(path, value)
    hints = _hints(kind)
    if strict and (unknown := sorted(map(str, value.keys() - hints.keys()))):
        raise UnfitError(f"{path} has {unknown[0][:99]}, which is unknown")
    if missing := sorted(kind.__required_keys__ - value.keys()):
        raise UnfitError(f"{path} has no {missing[0]}")
    return {name: _reader(hints[name])(part, f"{path}.{name}", strict) for name, part in value.items() if name in hints}


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _one_of(kinds: Sequence[Any], value: Any, path: str, strict: bool) -> Any:
    for kind in kinds:
        try:
            return _reader(kind)(value, path, strict)
        except UnfitError as error:
            last = error
    raise last


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond the range of floats
        return False


def _check_depth(value: Any) -> None:
    """Raise UnfitError if a value is deeper than MAX_DEPTH: later readers recurse over it."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [part for one in level for part in _members(one)]
        if not level:
            return
    raise UnfitError(f"it has more than {MAX_DEPTH} nested lists and objects")


def _members(value: Any) -> Sequence[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
