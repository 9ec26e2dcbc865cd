"""The tree of a filter expression; `str` writes it back."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lark import Token

from usher_local.personalize.core.errors import InvalidInputError

Literal = str | float


class FilterError(InvalidInputError):
    """An expression or a value that cannot be used; `line` and `column` (from 1) and `token` say where, if known."""

    def __init__(
        self, message: str, line: int | None = None, column: int | None = None, token: str | None = None
    ) -> None:
        where = f" (line {line} column {column})" if line and token is not None else ""
        super().__init__(message + where)
        self.line, self.column, self.token = line, column, token


@dataclass(frozen=True, slots=True)
class Field:
    """`Items.GENRE`; on the right side of a condition, a field of CurrentItem."""

    dataset: str
    name: str
    token: Token | None = field(default=None, compare=False, repr=False)
    """Where it stands."""

    def __str__(self) -> str:
        return f"{self.dataset}.{self.name}"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`$NAME`: the request says."""

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
