"""The values that a request gives for a filter's placeholders: texts in quotes, or numbers, separated by commas."""

import re
from functools import lru_cache

from usher.filters.expressions import FilterError, Literal

TEXT = r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\''
NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
VALUE = re.compile(rf"\s*({TEXT}|{NUMBER})\s*(,|\Z)")
CACHED = 4096
"""The number of texts whose values are cached."""
SHOWN = 20
"""The number of characters that a message shows of an unreadable text."""


@lru_cache(CACHED)
def parse_values(text: str) -> tuple[Literal, ...]:
    """The values of a text such as `"Action","Comedy"` or `1980, 1990`. Raises FilterError if it can't be read."""
    found, place, comma = list[Literal](), 0, ","
    while comma:
        value = VALUE.match(text, place)
        if not value:
            message = f"unexpected input at column {place + 1}: {text[place : place + SHOWN]}"
            raise FilterError(message, 'Put texts in quotes, and commas between values: "Action","Comedy".')
        found.append(unquote(value[1]) if value[1][0] in "\"'" else float(value[1]))
        place, comma = value.end(), value[2]
    return tuple(found)


def unquote(text: str) -> str:
    """The text between quotes, in which a backslash takes the next letter as it is."""
    letters = iter(text[1:-1])
    return "".join(next(letters) if letter == "\\" else letter for letter in letters)
