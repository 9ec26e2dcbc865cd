"""How the values of filters' placeholders are written. Pure."""

import json
from typing import Any


def as_filter_value(value: Any) -> str:
    """A value as Personalize takes it: texts in quotes, several separated by commas. Callers may give plain values."""
    if isinstance(value, list):
        return ",".join(map(as_filter_value, value))
    text = str(value)
    return text if text.startswith('"') or not isinstance(value, str) else json.dumps(text, ensure_ascii=False)
