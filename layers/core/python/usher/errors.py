"""Everything Usher raises on purpose.

UsherError
├── InputError      what a person put into the bucket is wrong; carries every Problem found
└── RequestError    what a caller asked of the API is wrong or can't be had now; carries the HTTP status
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from usher.texts import clean_members

PLACE = 1200
"""Characters of a place: a key, which has up to 1,024 bytes, and a line."""
SENTENCE = 1000
"""Characters of a message and of a remedy."""
KEPT = 100
"""Problems that an InputError keeps."""
REST = "Correct those above; the next run names what is left."


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (file with line, or config path), what, and what to do about it.

    Each text is made visible and cut to its limit (texts.clean).
    """

    place: str
    message: str
    remedy: str

    def __post_init__(self) -> None:
        clean_members(self, place=PLACE, message=SENTENCE, remedy=SENTENCE)

    def __str__(self) -> str:
        return f"{self.place}: {self.message} {self.remedy}"


class UsherError(Exception):
    """The root of Usher's own errors."""


class InputError(UsherError):
    """Config or data that can't be used. Nothing has been created when this is raised.

    It keeps the first KEPT problems, and says how many more there are.
    """

    def __init__(self, problems: Sequence[Problem], report: Mapping[str, Any] | None = None) -> None:
        self.problems = tuple(problems[:KEPT])
        if len(problems) > KEPT:
            self.problems += (Problem(f"{len(problems) - KEPT:,d} more problems", "are not listed.", REST),)
        super().__init__("\n".join(map(str, self.problems)))
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


def lambda_error_message(text: str) -> str:
    """A Lambda error's message, without its stack trace."""
    try:
        return str(json.loads(text)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return text
