"""Reads JSON as its standard defines it (RFC 8259), within bounds.

Python's reader takes more: NaN and Infinity, the same name twice in an object, unpaired surrogates, numbers of any
size, and any depth up to its own limit. Such values would fail later, or be read differently.
"""

import json
import math
import re
from typing import Any, Never

MAX_DEPTH = 16
"""The most levels of objects and lists: more than any request needs."""
SURROGATE = re.compile("[\ud800-\udfff]")
"""An unpaired surrogate: UTF-8 has no bytes for it."""
MAX_VALUES = 300_000
"""The most values of a text, by its brackets and commas: more would take more time and memory than a request may."""
INTEGER_END = 2**63
"""Most programs cannot represent integers beyond 64 bits."""


def parse_strict(text: str) -> Any:
    """The value of a JSON text. Raises ValueError, whose text states the fault without repeating the value."""
    if not text or text.isspace():
        raise ValueError("it is empty")
    if sum(map(text.count, "[{,")) > MAX_VALUES:
        raise ValueError(f"it has more than {MAX_VALUES} values")
    try:
        value = json.loads(
            text.removeprefix("\ufeff"), parse_int=_integer, parse_constant=_refuse_constant, object_pairs_hook=_object
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _check_value(value)
    return value


def _check_value(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        for one in level:
            if isinstance(one, str) and SURROGATE.search(one):
                raise ValueError("a text has an unpaired surrogate")
            if isinstance(one, float) and not math.isfinite(one):
                raise ValueError("a number is too large")
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return
    raise ValueError("it is nested too deeply")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _integer(text: str) -> int:
    value = int(text) if len(text) <= len(str(-INTEGER_END)) else INTEGER_END
    if not -INTEGER_END <= value < INTEGER_END:
        raise ValueError("a number is beyond 64 bits")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("an object has the same name twice")
    return value


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")
