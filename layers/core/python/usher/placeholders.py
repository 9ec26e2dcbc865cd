"""Words that programs write in place of a missing value. Light."""

_WORDS = ("null", "(null)", "none", "nan", "nat", "na", "n/a", "<na>", "#n/a", "nil", "undefined")
PLACEHOLDERS = frozenset(form for word in _WORDS for form in (word, word.upper(), word.title())) | {"NaN", "NaT"}
"""Words that are not IDs: Personalize silently drops events with some of them, or counts them as a user (aws-sdk-js
#3371).
"""
PROGRAM_WORDS = PLACEHOLDERS | {"[object Object]", "<nil>", "<null>"}
"""These words, and further texts that programs make of a missing value."""
