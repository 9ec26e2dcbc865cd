"""The problems of a config file: each is noted with its path, and reading continues."""

import difflib
import itertools
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from usher.config.keys import FILLED_IN
from usher.config.service_model import (
    ALLOWED_REFERENCES,
    home_of,
    input_shape,
    references,
    validation_errors,
)
from usher.errors import InputError, Problem

T = TypeVar("T")

MAX_PROBLEMS = 1000
"""The number of problems after which reading ends."""
MAX_NAMES = 200
"""The most blocks of a section such as solutions: every run looks each of them up in Personalize."""
NO_WORDS = ("no", "off", "none", "never")
"""Words that people write in place of `false`."""
OPTIONAL = (".campaign", "catalogue", "exports", "metricAttribution")
"""The keys that may be `false`."""
MAX_COMPARED_LENGTH = 150
"""The most characters of a misspelt name: the time of a comparison grows with the product of two lengths."""
MAX_COMPARED = 10_000_000
"""The most of those products' sum in a file: about a second's work."""
VALUE_TYPES: Mapping[str, tuple[Collection[type], str]] = {
    "string": ((str,), "a name"),
    "boolean": ((bool,), "true or false"),
    "number": ((int, float), "a number"),
}
"""The Python types of each JSON Schema type, and its name in remedies."""
RESERVED_TAGS = ("usher:", "aws:")
"""The prefixes of tags that Usher or AWS sets.

IAM's conditions on tags do not distinguish keys that differ in case alone.
"""


def quotes(value: object, types: Collection[type]) -> str:
    """The end of a remedy for a value of the wrong type, if quotes make the difference in YAML."""
    if isinstance(value, str) and str not in types:
        return ", without quotes" if value.replace(".", "", 1).isdecimal() or value in ("true", "false") else ""
    return ", in quotes" if isinstance(value, int | float) and str in types else ""


def nearest(name: str, compared: Collection[str], allowed: Collection[str] = ()) -> str:
    """A remedy that names the nearest of `compared`, or all of `allowed` if none is near."""
    by_lower = {one.lower(): one for one in compared}
    near = difflib.get_close_matches(name.lower(), by_lower, 1) if len(name) <= MAX_COMPARED_LENGTH else []
    if near:
        return f"Did you mean {by_lower[near[0]]}?"
    return f"Use one of: {', '.join(sorted(allowed or compared)) or 'none is defined'}."


class Problems:
    """Checks the values of a config file, and collects the problems."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.noted: list[Problem] = []
        self._compared = 0

    def note(self, path: str, message: str, remedy: str) -> None:
        """Add a problem. Raises InputError with all problems if there are too many."""
        if len(self.noted) == MAX_PROBLEMS:
            raise InputError(self.noted)
        self.noted.append(Problem(f"{self.file}: {path}", message, remedy))

    def mapping(self, value: object, path: str, allowed: Collection[str] = ()) -> dict[str, Any]:
        """The allowed members of an object; all of them if `allowed` is empty."""
        if not isinstance(value, Mapping):
            message = "is empty." if value is None else f"is {str(value)[:99]}."
            is_no = isinstance(value, str) and value.lower() in NO_WORDS and path.endswith(OPTIONAL)
            remedy = "Write false." if is_no else "Write names with values below it (name: value)."
            self.note(path or "the file", message, remedy)
            return {}
        for name in value:
            if allowed and name not in allowed:
                self.note(f"{path}.{name}".lstrip("."), "is unknown.", self.suggestion(str(name), allowed))
        return {str(name): block for name, block in value.items() if not allowed or name in allowed}

    def named_blocks(self, value: object, path: str) -> dict[str, Any]:
        """The blocks of a section, by name; a problem is noted if there are more than a group may have."""
        blocks = self.mapping(value, path)
        if len(blocks) > MAX_NAMES:
            self.note(path, f"has {len(blocks)} names; Usher takes {MAX_NAMES}.", "Remove some, or use more groups.")
        return dict(itertools.islice(blocks.items(), MAX_NAMES))

    def one_of(self, value: object, path: str, allowed: Sequence[T]) -> T:
        """The value if it is one of `allowed`, else the first of these."""
        for choice in allowed:
            if type(value) is type(choice) and value == choice:
                return choice
        names = (str(choice).lower() if isinstance(choice, bool) else str(choice) for choice in allowed)
        self.note(path, f"is {str(value)[:99]}.", f"Use one of: {', '.join(names)}.")
        return allowed[0]

    def check_types(self, block: Mapping[str, object], path: str, keys: Mapping[str, Mapping[str, Any]]) -> None:
        """Check the types of values. `keys`: as in usher.config.keys; those without a type are skipped."""
        for name, key in keys.items():
            types, noun = VALUE_TYPES.get(key.get("type", ""), ((), ""))
            if types and name in block and type(block[name]) not in types:
                self.note(f"{path}.{name}", f"is {block[name]!r}.", f"Give it {noun}{quotes(block[name], types)}.")

    def check_reference(self, value: object, path: str, defined: Collection[str]) -> None:
        """Check that a name is defined in the file."""
        if isinstance(value, str) and value not in defined:
            self.note(path, f"names {value!r}, which this file does not define.", self.suggestion(value, defined))

    def members(self, operation: str, block: object, path: str) -> Mapping[str, Any]:
        """The members of a call, checked."""
        members = self.mapping(block, path)
        self.check_members(operation, members, path)
        return members

    def check_members(
        self, operation: str, block: Mapping[str, object], path: str, own_keys: Collection[str] = ()
    ) -> None:
        """Check the members of a call as the service would. `own_keys`: Usher's keys beside them, for suggestions."""
        shape, filled_in = input_shape(operation), FILLED_IN[operation]
        self._check_tags(block, path)
        for name in sorted(set(block) & {*filled_in}):
            self.note(f"{path}.{name}", "is filled in by Usher.", "Remove it.")
        given = {name: value for name, value in block.items() if name not in filled_in}
        for name in sorted(set(given) - set(shape.members)):
            remedy = home_of(operation, name) or self.suggestion(name, {*shape.members, *own_keys} - {*filled_in})
            self.note(f"{path}.{name}", f"is unknown to {operation}.", remedy)
            del given[name]
        for member in references(shape, given):
            if (operation, member) not in ALLOWED_REFERENCES:
                self.note(f"{path}.{member}", "can't be set here: Usher fills in ARNs and S3 paths.", "Remove it.")
        for message, remedy in validation_errors(operation, given):
            self.note(path, message, remedy)

    def suggestion(self, name: str, allowed: Collection[str]) -> str:
        """A remedy with the nearest allowed name, or all of them."""
        if ":" in name:
            return "Write a blank after the colon (name: value)."
        if len(name) <= MAX_COMPARED_LENGTH:
            self._compared += len(name) * sum(map(len, allowed))
        return nearest(name, allowed if self._compared <= MAX_COMPARED else (), allowed)

    def _check_tags(self, block: Mapping[str, object], path: str) -> None:
        tags = block.get("tags")
        keys = [str(tag.get("tagKey")) for tag in tags if isinstance(tag, Mapping)] if isinstance(tags, list) else []
        for key, times in Counter(keys).items():
            if key.lower().startswith(RESERVED_TAGS):
                self.note(path, f"has the tag {key}.", "Remove it: such keys are Usher's or AWS's.")
            if times > 1:
                self.note(path, f"has the tag {key} twice.", "Keep one of the two.")
