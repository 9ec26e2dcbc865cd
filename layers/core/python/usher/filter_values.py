"""The placeholders of filters, and how their values are written. Pure."""

import json
import re
from typing import Any

PLACEHOLDER = re.compile(r"\$(\w+)")
CLAUSES = re.compile(r"\|\s*(?=(?:IN|EX)CLUDE\b)", re.IGNORECASE)
"""The boundaries between the clauses of a filter's expression."""


def needed(expression: str) -> list[str]:
    """The placeholders that must have a value: those of INCLUDE; an EXCLUDE without one excludes nothing. Pure."""
    includes = (clause for clause in CLAUSES.split(expression) if clause.lstrip().upper().startswith("INCLUDE"))
    return [name for clause in includes for name in PLACEHOLDER.findall(clause)]


def as_filter_value(value: Any) -> str:
    """A value as Personalize takes it: texts in quotes, several separated by commas. Callers may give plain values."""
    if isinstance(value, list):
        return ",".join(map(as_filter_value, value))
    text = str(value)
    return text if text.startswith('"') or not isinstance(value, str) else json.dumps(text, ensure_ascii=False)
