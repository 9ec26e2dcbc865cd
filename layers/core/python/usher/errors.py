"""Everything Usher raises on purpose.

UsherError
├── InputError      what a person put into the bucket is wrong; carries every Problem found
└── RequestError    what a caller asked of the API is wrong or can't be had now; carries the HTTP status
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (file with line, or config path), what, and what to do about it."""

    place: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message} {self.remedy}"


class UsherError(Exception):
    """The root of Usher's own errors."""


class InputError(UsherError):
    """Config or data that can't be used. Nothing has been created when this is raised."""

    def __init__(self, problems: Sequence[Problem], report: Mapping[str, Any] | None = None) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
        self.report = report or {}
        """What the run's record tells about the data, per dataset."""

    def as_dicts(self) -> list[dict[str, str]]:
        """The problems as a run's record keeps them."""
        return [asdict(problem) for problem in self.problems]


class RequestError(UsherError):
    """A request that can't be answered; becomes `{code, message}` with `status`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
