"""The options of an evaluation: the input of its state machine, and a member of its plan."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from usher.errors import UsherError
from usher.evaluation.splits import SPLITS, Split

USAGE = 'Start the evaluation with {"group": "<a folder of the bucket>"} and the options of docs/evaluation.md.'


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a comparison. The members have the names of the JSON."""

    split: str = "last-tenth"
    """One of SPLITS."""
    share: float = 0.1
    """The share of each user's events, or of all, that is held out."""
    cut: float | None = None
    """The Unix second from which on all events are held out; then `share` has no effect."""
    recipes: Sequence[str] = ()
    """Recipes to compare, with default settings; empty: the solutions of the group's config."""
    live: bool = True
    """Whether to compare the live versions, too."""
    exploration: bool = False
    """Whether recipes that explore do so, as in their campaigns."""
    requestsPerSecond: float = 10  # noqa: N815
    """The rate of requests to a campaign."""

    @classmethod
    def from_input(cls, content: Mapping[str, Any]) -> "Options":
        """The options in an execution's input, which also names the group. Raises UsherError with every fault."""
        names = {field.name for field in fields(cls)}
        faults = [f"{name} is not an option" for name in sorted(content.keys() - names - {"group"})]
        if not isinstance(content.get("group"), str):
            faults.append("group is missing")
        options = cls(**{name: value for name, value in content.items() if name in names})
        faults += [
            f"{name} is {getattr(options, name)!r}, and must be {expected}"
            for name, (is_valid, expected) in RULES.items()
            if not is_valid(getattr(options, name))
        ]
        if options.cut is not None and options.split != "global":
            faults.append("cut is for the split global only")
        if faults:
            raise UsherError(f"{'; '.join(faults)}. {USAGE}")
        return options

    def to_split(self) -> Split:
        """The split that these options describe."""
        return Split(self.split, self.share, self.cut)


Rule = tuple[Callable[[Any], bool], str]
"""Whether a value is valid, and a description of valid values."""


def _number(minimum: float, maximum: float) -> Rule:
    def is_valid(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and minimum <= value <= maximum

    return is_valid, f"a number from {minimum:g} to {maximum:g}"


TRUTH: Rule = (lambda value: isinstance(value, bool), "true or false")
RULES: Mapping[str, Rule] = {
    "split": (lambda value: isinstance(value, str) and value in SPLITS, f"one of {', '.join(SPLITS)}"),
    "share": _number(0.01, 0.5),
    "cut": (lambda value: value is None or _number(0, 10**11)[0](value), "Unix seconds"),
    "recipes": (
        lambda value: isinstance(value, list | tuple) and all(isinstance(name, str) for name in value),
        'a list of names, or ["all"]',
    ),
    "live": TRUTH,
    "exploration": TRUTH,
    "requestsPerSecond": _number(0.1, 1000),
}
