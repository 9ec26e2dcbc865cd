"""All errors that Usher raises on purpose.

UsherError
├── InputError      files or settings of a group are wrong; carries every Problem
├── EndedError      a run has ended, and nothing may be done for it any more
├── BusyError       another function is doing the same work, or has died doing it less than a minute ago
└── RequestError    a request to the API is wrong, or can't be answered now; carries the HTTP status
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from usher.texts import clean_members

MAX_PLACE_LENGTH = 1200
"""The most characters of a place: a key, which has up to 1,024 bytes, and a line."""
MAX_MESSAGE_LENGTH = 1000
"""The most characters of a message and of a remedy."""
MAX_PROBLEMS = 100
"""The most problems that an InputError keeps."""
REST_REMEDY = "Correct those above; the next run lists the others."


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem: its place (file with line, or config path), a message and a remedy.

    Each text is made visible and cut to its limit (texts.clean).
    """

    place: str
    message: str
    remedy: str

    def __post_init__(self) -> None:
        clean_members(self, place=MAX_PLACE_LENGTH, message=MAX_MESSAGE_LENGTH, remedy=MAX_MESSAGE_LENGTH)

    def __str__(self) -> str:
        return f"{self.place}: {self.message} {self.remedy}"


class UsherError(Exception):
    """The root of Usher's own errors."""


class InputError(UsherError):
    """Config or data that can't be used. Nothing has been created when this is raised.

    It keeps the first MAX_PROBLEMS problems, and the number of the others.
    """

    def __init__(self, problems: Sequence[Problem], report: Mapping[str, Any] | None = None) -> None:
        self.problems = tuple(problems[:MAX_PROBLEMS])
        if len(problems) > MAX_PROBLEMS:
            self.problems += (
                Problem(f"{len(problems) - MAX_PROBLEMS:,d} more problems", "are not listed.", REST_REMEDY),
            )
        super().__init__("\n".join(map(str, self.problems)))
        self.report = report or {}
        """The data, per dataset, for the run's record."""

    def as_dicts(self) -> list[dict[str, str]]:
        """The problems in the form of a run's record."""
        return [asdict(problem) for problem in self.problems]


class EndedError(UsherError):
    """A run has ended: a function that outlives its execution must stop working for it."""


class BusyError(UsherError):
    """Another function is doing the same work, or died doing it less than a minute ago; a later attempt shows which."""


class RequestError(UsherError):
    """A request that can't be answered; becomes `{code, message}` with `status`."""

    def __init__(self, status: int, code: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        """The seconds until a retry, for temporary errors."""


def lambda_error_message(text: str) -> str:
    """A Lambda error's message, without its stack trace."""
    try:
        return str(json.loads(text)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return text
