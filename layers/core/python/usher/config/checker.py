"""What checks of any config share: problems are noted with their path, and reading goes on."""

import copy
import difflib
import functools
import itertools
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from usher.errors import InputError, Problem

MOST_PROBLEMS = 1000
"""With so many, reading ends."""
MOST_NAMES = 200
"""In a section, such as solutions: each is a resource that every run looks at."""
LONGEST_NAME = 150
"""Of what another name is suggested for: to compare two takes as long as both multiplied."""
MOST_COMPARED = 10_000_000
"""Characters of a file's wrong names, each times those of the names that it is compared with: about a second's work."""
NUMBERS = ("integer", "long", "float", "double")

RESERVED = ("usher:", "aws:")
"""How the keys of the tags begin by which Usher tells whose a resource is, and what it was made from; and AWS's.

IAM's conditions on tags take keys that differ in case alone for one.
"""
GIVEN = {
    ("CreateDatasetGroup", "kmsKeyArn"): "A key of the account's own: Personalize uses it by PersonalizeRole's rights.",
}
"""Members with an ARN that a config may give, by operation, and why."""


class Checker:
    """Reads parts of a config file and notes down problems on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.compared = 0

    def _flag(self, value: Any, path: str) -> bool:
        return bool(self._one_of(value, path, (True, False)))

    def _one_of(self, value: Any, path: str, allowed: Collection[Any]) -> Any:
        if value not in allowed:
            self._note(
                path,
                f"is {str(value)[:99]}.",
                f"Use one of: {', '.join(str(one).lower() if isinstance(one, bool) else one for one in allowed)}.",
            )
        return value

    def _check_kinds(self, block: Mapping[str, Any], path: str, kinds: Mapping[str, type]) -> None:
        """Whether values are texts, numbers or truths, as they should be."""
        for name, kind in kinds.items():
            value = block.get(name)
            fits = type(value) is kind or (kind is float and type(value) is int)
            if name in block and not fits:
                wanted = {str: "a name", bool: "true or false"}.get(kind, "a number")
                self._note(f"{path}.{name}", f"is {value!r}.", f"Give it {wanted}.")

    def _check_named(self, value: Any, path: str, known: Collection[str]) -> None:
        if isinstance(value, str) and value not in known:
            self._note(path, f"names {value!r}, which this file does not define.", self._choose(value, known))

    def _members(self, operation: str, block: Any, path: str, filled_in: Collection[str]) -> Mapping[str, Any]:
        members = self._mapping(block, path)
        self._check_members(operation, members, path, filled_in)
        return members

    def _check_members(
        self,
        operation: str,
        block: Mapping[str, Any],
        path: str,
        filled_in: Collection[str],
        own: Collection[str] = (),
    ) -> None:
        """Check members of a call as botocore would, before anything is created. `own`: what may stand beside them."""
        shape = _shape(operation)
        for name in filled_in:
            if name in block:
                self._note(f"{path}.{name}", "is filled in by Usher.", "Remove it.")
        tags = block.get("tags")
        keys = [str(tag.get("tagKey")) for tag in tags if isinstance(tag, Mapping)] if isinstance(tags, list) else []
        for key, times in Counter(keys).items():
            if key.lower().startswith(RESERVED):
                self._note(path, f"has the tag {key}.", "Remove it: such keys are Usher's or AWS's.")
            if times > 1:
                self._note(path, f"has the tag {key} twice.", "Keep one of the two.")
        given = {name: value for name, value in block.items() if name not in filled_in}
        for name in sorted(set(given) - set(shape.members)):
            remedy = self._choose(name, {*shape.members, *own} - {*filled_in})
            self._note(f"{path}.{name}", f"is unknown to {operation}.", remedy)
            del given[name]
        for member in _references(shape, given):
            if (operation, member) not in GIVEN:
                self._note(f"{path}.{member}", "can't be given: Usher fills in ARNs and places in S3.", "Remove it.")
        report = ParamValidator().validate(given, _without(shape, filled_in)).generate_report()
        for line in (*report.splitlines(), *_beyond(given, shape, "")):
            self._note(path, f"{line}.", f"See {operation} in its service's API reference.")

    def _mapping(self, value: Any, path: str, allowed: Collection[str] = ()) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self._note(
                path or "the file",
                "is empty." if value is None else f"is {str(value)[:99]}.",
                "Write names with values below it (name: value).",
            )
            return {}
        for name in value:
            if allowed and name not in allowed:
                self._note(f"{path}.{name}".lstrip("."), "is unknown.", self._choose(str(name), allowed))
        return {str(name): block for name, block in value.items() if not allowed or name in allowed}

    def _choose(self, name: str, allowed: Collection[str]) -> str:
        near: list[str] = []
        if len(name) <= LONGEST_NAME:
            self.compared += len(name) * sum(map(len, allowed))
            near = difflib.get_close_matches(name, allowed, 1) if self.compared <= MOST_COMPARED else []
        return f"Did you mean {near[0]}?" if near else f"Use one of: {', '.join(sorted(allowed)) or 'none is defined'}."

    def _named(self, value: Any, path: str) -> Mapping[str, Any]:
        """A section of blocks by name, as many as a group may have."""
        blocks = self._mapping(value, path)
        if len(blocks) > MOST_NAMES:
            self._note(
                path, f"has {len(blocks)} names; Usher takes {MOST_NAMES}.", "Leave some out, or use more groups."
            )
        return dict(itertools.islice(blocks.items(), MOST_NAMES))

    def _note(self, path: str, message: str, remedy: str) -> None:
        if len(self.problems) == MOST_PROBLEMS:
            raise InputError(self.problems)
        self.problems.append(Problem(f"{self.file}: {path}", message, remedy))


@functools.cache
def _shape(operation: str) -> Any:
    """What an operation takes, by botocore's model of the service that has it."""
    service = "scheduler" if operation == "CreateSchedule" else "personalize"
    return botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape


def _references(shape: Any, value: Any, path: str = "") -> Iterator[str]:
    """The members of a structure, however deep, that name another resource or a place in S3, by their paths."""
    if shape.type_name == "list" and isinstance(value, list):
        for one in value:
            yield from _references(shape.member, one, path)
    if shape.type_name != "structure" or not isinstance(value, Mapping):
        return
    for name, member in shape.members.items():
        inner = f"{path}.{name}".lstrip(".")
        if name in value and is_reference(name):
            yield inner
        elif name in value:
            yield from _references(member, value[name], inner)


def is_reference(member: str) -> bool:
    """Whether a member of a request names another resource or a place in S3."""
    return member.lower().endswith(("arn", "arns", "path", "location"))


def _beyond(value: Any, shape: Any, path: str) -> Iterator[str]:
    """What in a value is longer, or larger, than its shape allows: botocore looks at the least alone."""
    most = shape.metadata.get("max", math.inf)
    if isinstance(value, str | list | dict) and len(value) > most:
        yield f"{path or 'this'} has a length of {len(value)}; the service takes {most}"
    elif shape.type_name in NUMBERS and isinstance(value, int | float) and value > most:
        yield f"{path or 'this'} is {value}; the service takes {most}"
    elif shape.type_name == "list" and isinstance(value, list):
        for index, part in enumerate(value):
            yield from _beyond(part, shape.member, f"{path}[{index}]")
    elif shape.type_name in ("structure", "map") and isinstance(value, dict):
        for name, part in value.items():
            inner = shape.members.get(name) if shape.type_name == "structure" else shape.value
            if inner:
                yield from _beyond(part, inner, f"{path}.{name}".lstrip("."))


def _without(shape: Any, members: Collection[str]) -> Any:
    """A shape that does not require these members."""
    lenient = copy.copy(shape)
    lenient.metadata = shape.metadata | {"required": [name for name in shape.required_members if name not in members]}
    return lenient
