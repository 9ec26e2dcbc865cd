"""Texts for people, made of what anybody may have written: file names, cells, configs, services' messages. Pure."""

import math
import unicodedata
from collections.abc import Sequence

HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of what can't be seen and changes how the rest is shown, or can't be encoded: control and format
characters (marks of direction among them), surrogates, separators of lines and paragraphs."""
CUT = "..."


def visible(text: str) -> str:
    """A text with its hidden characters as escapes, such as `\\n` and `\\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(one) if unicodedata.category(one) in HIDDEN else one for one in text)


def clean(text: str, limit: int) -> str:
    """A text that is visible and has at most `limit` characters (of at least 3): a longer one is cut in its middle."""
    if len(text) > 2 * limit:  # what is cut out anyway need not be looked at
        text = text[:limit] + text[-limit:]
    shown = visible(text)
    if len(shown) <= limit:
        return shown
    kept = limit - len(CUT)
    return shown[: math.ceil(kept / 2)] + CUT + shown[len(shown) - kept // 2 :]


def clean_members(one: object, **limits: int) -> None:
    """Clean members of a frozen dataclass where it is made, each to its limit."""
    for name, limit in limits.items():
        object.__setattr__(one, name, clean(getattr(one, name), limit))


def listing(lines: Sequence[str], limit: int, where: str) -> str:
    """Lines below each other, as many as `limit` characters hold, and how many more there are; `where`: to read them.

    The last line, with `where`, comes on top of `limit`.
    """
    shown, size = list[str](), 0
    for line in lines:
        size += len(line) + 1
        if size > limit:
            return "\n".join([*shown, f"{len(lines) - len(shown):,d} more: see {where}."])
        shown.append(line)
    return "\n".join(shown)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
