"""The tree of a filter expression; `str` writes it back."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

ANY = "*"
"""The value that stands for all event types."""
EVENT_DATASETS = ("INTERACTIONS", "ACTION_INTERACTIONS")
LISTS = ("IN", "NOT IN")
EQUALITY = ("=", "!=")
Literal = str | float
Place = tuple[int, int]
"""Line and column, both from 1."""


class FilterError(Exception):
    """An expression, or a value for one, that can't be used. `str` is a sentence without its full stop."""

    def __init__(self, message: str, remedy: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.remedy, self.place = remedy, place


@dataclass(frozen=True, slots=True)
class Field:
    """`Items.GENRE`; on the right side of a condition, a field of CurrentItem."""

    dataset: str
    name: str
    place: Place | None = field(default=None, compare=False, repr=False)
    """Its place in the text that was parsed."""

    @property
    def plain(self) -> str:
        """The name in the form that Personalize compares."""
        return plain(self.name)

    def __str__(self) -> str:
        return f"{self.dataset}.{self.name}"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`$NAME`: the request gives the value."""

    name: str

    def __str__(self) -> str:
        return f"${self.name}"


Operand = tuple[Literal, ...] | Field | Placeholder


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `operator` is IN, NOT IN or one of = != < <= > >=."""

    field: Field
    operator: str
    operand: Operand

    def __str__(self) -> str:
        shown = ", ".join(map(_literal, self.operand)) if isinstance(self.operand, tuple) else str(self.operand)
        return f"{self.field} {self.operator} " + (f"({shown})" if "IN" in self.operator else shown)


@dataclass(frozen=True, slots=True)
class Either:
    """True if any part is."""

    parts: "tuple[Both, ...]"

    def __str__(self) -> str:
        return " OR ".join(map(str, self.parts))


@dataclass(frozen=True, slots=True)
class Both:
    """True if every part is."""

    parts: "tuple[Condition | Either, ...]"

    def __str__(self) -> str:
        return " AND ".join(f"({part})" if isinstance(part, Either) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Clause:
    """`effect` is INCLUDE or EXCLUDE, `target` ITEM, ACTION or USER; it applies only if every guard is true."""

    effect: str
    target: str
    where: Either
    guards: tuple[Condition, ...] = ()

    def __str__(self) -> str:
        guard = f" IF {' AND '.join(map(str, self.guards))}" if self.guards else ""
        return f"{self.effect} {self.target.title()}ID WHERE {self.where}{guard}"


@dataclass(frozen=True, slots=True)
class Expression:
    """The union of its INCLUDE clauses without the union of its EXCLUDE clauses."""

    clauses: tuple[Clause, ...]

    def __str__(self) -> str:
        return " | ".join(map(str, self.clauses))


def plain(name: str) -> str:
    """A field's name in the form that Personalize compares: releaseYear is RELEASE_YEAR."""
    return name.replace("_", "").upper()


def id_of(value: Literal) -> str:
    """A value as the ID of an item or a user."""
    return value if isinstance(value, str) else str(int(value) if value.is_integer() else value)


def _literal(value: Literal) -> str:
    if isinstance(value, float):
        return repr(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def conditions(node: Either | Both | Condition) -> Iterator[Condition]:
    """Every condition below a node, from left to right."""
    if isinstance(node, Condition):
        yield node
    else:
        for part in node.parts:
            yield from conditions(part)


def tests(clause: Clause) -> Iterator[Condition]:
    """Every condition of a clause, including those after IF."""
    yield from conditions(clause.where)
    yield from clause.guards


def needed(expression: Expression) -> list[str]:
    """The placeholders for which a request must give a value: those of INCLUDE."""
    return _placeholders(clause for clause in expression.clauses if clause.effect == "INCLUDE")


def placeholders(expression: Expression) -> list[str]:
    """All placeholders, each once."""
    return _placeholders(expression.clauses)


def _placeholders(clauses: Iterable[Clause]) -> list[str]:
    operands = (test.operand for clause in clauses for test in tests(clause))
    return list(dict.fromkeys(operand.name for operand in operands if isinstance(operand, Placeholder)))
