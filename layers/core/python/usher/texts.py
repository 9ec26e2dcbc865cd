"""Makes untrusted text readable for people: file names, cells, configs, services' messages. Pure."""

import math
import unicodedata
from collections.abc import Sequence

HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of characters that are invisible and change the text around them, or can't be encoded: control
and format characters (marks of direction among them), surrogates, separators of lines and paragraphs.
"""
CUT = "..."


def visible(text: str) -> str:
    """A text with its hidden characters as escapes, such as `\\n` and `\\u202e`."""
    if text.isprintable():
        return text
    hidden = {one for one in set(text) if unicodedata.category(one) in HIDDEN}
    return text.translate({ord(one): _escape(one) for one in hidden}) if hidden else text


def clean(text: str, limit: int) -> str:
    """A text with escapes for hidden characters, and at most `limit` characters (at least 3): a longer one is cut in
    its middle.
    """
    if len(text) > 2 * limit:  # its middle is cut out anyway
        text = text[:limit] + text[-limit:]
    readable = visible(text)
    if len(readable) <= limit:
        return readable
    length = limit - len(CUT)
    return readable[: math.ceil(length / 2)] + CUT + readable[len(readable) - length // 2 :]


def clean_members(one: object, **limits: int) -> None:
    """Clean the members of a new frozen dataclass, each to its limit."""
    for name, limit in limits.items():
        object.__setattr__(one, name, clean(getattr(one, name), limit))


def listing(lines: Sequence[str], limit: int, where: str) -> str:
    """The first lines, up to `limit` characters, and the number of the others. `where`: the place to read them.

    The last line, with `where`, does not count towards `limit`.
    """
    listed, size = list[str](), 0
    for line in lines:
        size += len(line) + 1
        if size > limit:
            return "\n".join([*listed, f"{len(lines) - len(listed):,d} more: see {where}."])
        listed.append(line)
    return "\n".join(listed)


def enumeration(names: Sequence[str]) -> str:
    """Names, at least one, in the form of a sentence: `a`, `a and b`, `a, b and c`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def number_of(number: int, noun: str) -> str:
    """A number of things: `1 file`, `2,000 files`."""
    return f"{number:,d} {noun}{'' if number == 1 else 's'}"
