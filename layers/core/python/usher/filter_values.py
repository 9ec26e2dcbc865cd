"""The form of values for filters' placeholders. Pure."""

import json
from typing import Any


def as_filter_value(value: Any) -> str:
    """A value in Personalize's form: texts in quotes, several separated by commas. Callers may give plain values."""
    if isinstance(value, list):
        return ",".join(map(as_filter_value, value))
    text = str(value)
    return text if text.startswith('"') or not isinstance(value, str) else json.dumps(text, ensure_ascii=False)
