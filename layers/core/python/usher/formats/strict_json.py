"""JSON as its standard has it (RFC 8259), within bounds.

Python's reader takes more: NaN and Infinity, the same name twice in an object, half a surrogate pair, numbers of any
size, and any depth up to its own. What is refused here would fail, or be read in another way, further on.
"""

import json
import math
import re
from typing import Any, Never

DEEPEST = 16
"""Levels of objects and lists: more than any request needs."""
HALF = re.compile("[\ud800-\udfff]")
"""Of a surrogate pair: UTF-8 has no bytes for it."""
LONG = 2**63
"""Integers beyond 64 bits are no numbers to most programs."""


def parse(text: str) -> Any:
    """The value. Raises ValueError, whose text says what is wrong and repeats nothing of the value."""
    try:
        value = json.loads(text, parse_int=_integer, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _check(value)
    return value


def _check(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        for one in level:
            if isinstance(one, str) and HALF.search(one):
                raise ValueError("a text has half of a surrogate pair")
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
    value = int(text) if len(text) <= len(str(-LONG)) else LONG
    if not -LONG <= value < LONG:
        raise ValueError("a number is beyond 64 bits")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("an object has the same name twice")
    return value


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON")
