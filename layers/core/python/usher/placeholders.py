"""What programs write where there is no value. Light."""

_WORDS = ("null", "(null)", "none", "nan", "nat", "na", "n/a", "<na>", "#n/a", "nil", "undefined")
PLACEHOLDERS = frozenset(form for word in _WORDS for form in (word, word.upper(), word.title())) | {"NaN", "NaT"}
"""They are not IDs: Personalize drops events with some of them silently, or counts a user (aws-sdk-js #3371)."""
PROGRAM_WORDS = PLACEHOLDERS | {"[object Object]", "<nil>", "<null>"}
"""These, and what else programs send when they make a text of a missing value."""
