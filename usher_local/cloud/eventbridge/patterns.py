"""The complexity of wildcards in an event pattern, as EventBridge measures and limits it.

EventBridge's matcher (github.com/aws/event-ruler, `MachineComplexityEvaluator`) follows every way in which a value may
match so far. It counts, for the worst value, the prefixes of wildcards that match all of it: after `a/b`, the wildcard
`*/b*` is at `*`, at `*/b` and at `*/b*`, which makes 3. Values that are compared without `*`, such as `prefix` and
`suffix`, do not count. PutRule refuses a pattern above 10. AWS publishes no number; event-ruler's README advises 10,
and AWS refused a rule of 12 and accepted one of 9 (github.com/vals-ai/Valkyrie/pull/279).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from typing import Any

MAX_COMPLEXITY = 10

Wildcard = tuple[int | None, ...]
"""The bytes of a wildcard, with None for each `*`."""
Place = tuple[Wildcard, int]
"""A wildcard, and the length of its prefix that matches."""


def complexity(pattern: Mapping[str, Any]) -> int:
    """The most wildcard prefixes that a value of one field can match at once; 0 without wildcards. Pure.

    `pattern`: an event pattern, parsed. Fields are measured separately, as EventBridge matches them one after the
    other. The alternatives of `$or` for the same field count together.
    """
    fields: dict[tuple[str, ...], set[Wildcard]] = defaultdict(set)
    for path, text in wildcards(pattern):
        fields[path].add(tuple(parse(text)))
    return max(map(most_prefixes, fields.values()), default=0)


def wildcards(pattern: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every `{"wildcard": ...}` of a pattern, with the path of its field."""
    for name, value in pattern.items():
        if name == "$or":
            for option in value:
                yield from wildcards(option, path)
        elif isinstance(value, Mapping):
            yield from wildcards(value, (*path, name))
        else:
            for matcher in value:
                tested = matcher.get("anything-but", matcher) if isinstance(matcher, Mapping) else {}
                if isinstance(tested, Mapping) and isinstance(tested.get("wildcard"), str):
                    yield (*path, name), tested["wildcard"]


def parse(text: str) -> Iterator[int | None]:
    r"""A wildcard's bytes, with None for `*`; `\*` and `\\` stand for the characters themselves."""
    characters = iter(text.encode())
    for character in characters:
        if character == ord("\\"):
            yield next(characters, character)
        else:
            yield None if character == ord("*") else character


def most_prefixes(wildcards: Set[Wildcard]) -> int:
    """The most prefixes of these wildcards that a value can match at once."""
    alphabet = {character for wildcard in wildcards for character in wildcard} | {None}
    start = frozenset(place for wildcard in wildcards for place in reached(wildcard, 0))
    most, seen, waiting = 0, {start}, [start]
    while waiting:
        places = waiting.pop()
        most = max(most, sum(length > 0 for _, length in places))
        for character in alphabet:
            after = frozenset(place for wildcard, length in places for place in step(wildcard, length, character))
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    return most


def step(wildcard: Wildcard, length: int, character: int | None) -> Iterator[Place]:
    """The prefixes that match after one more character; None is a character that no wildcard contains."""
    if length and wildcard[length - 1] is None:
        yield wildcard, length
    if length < len(wildcard) and character is not None and wildcard[length] == character:
        yield from reached(wildcard, length + 1)


def reached(wildcard: Wildcard, length: int) -> Iterator[Place]:
    """A prefix, and the prefix with the next `*`, which matches the same."""
    yield wildcard, length
    if length < len(wildcard) and wildcard[length] is None:
        yield wildcard, length + 1
