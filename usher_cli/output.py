"""What a command says: to a person, or with --json to a program."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from rich.console import Console
from rich.text import Text
from usher.storage.bucket import as_json

T = TypeVar("T")
D = TypeVar("D", bound=Any)
WIDE = 10_000
"""Columns of an output that is read by a program."""


def console(*, stderr: bool = False) -> Console:
    """A console that breaks lines only where a person looks at them."""
    found = Console(stderr=stderr)
    return found if found.is_terminal else Console(stderr=stderr, width=WIDE)


def say(console: Console, text: str) -> None:
    """Print text as it is."""
    console.print(text, soft_wrap=True, markup=False, highlight=False)


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command says what it has found."""

    console: Console
    """For people: stdout; with --json stderr, as stdout then has JSON alone."""
    notes: Console
    """What is said beside a value that is piped on: stderr."""
    is_json: bool = False
    is_confirmed: bool = False
    """--yes was given."""

    def document(self, value: T, show: Callable[[Console, T], object]) -> None:
        """Print a document: with --json as it is, else as `show` does."""
        print(as_json(value)) if self.is_json else show(self.console, value)  # noqa: T201 - to be read by a program

    def each(self, values: Iterable[D], show: Callable[[Console, D], object]) -> list[D]:
        """Print dataclasses as they come; with --json as one list, at the end."""
        found = []
        for one in values:
            found.append(one)
            if not self.is_json:
                show(self.console, one)
        if self.is_json:
            print(as_json([asdict(one) for one in found]))  # noqa: T201 - to be read by a program
        return found

    def line(self, value: T, show: Callable[[Console, T], object]) -> None:
        """Print one of many things: with --json a line of JSON, at once; else as `show` does."""
        if self.is_json:
            print(json.dumps(value, ensure_ascii=False), flush=True)  # noqa: T201 - to be read by a program
        else:
            show(self.console, value)

    def value(self, text: str, name: str) -> None:
        """Print a value that is piped on, alone on stdout; with --json as the member `name`."""
        print(as_json({name: text}) if self.is_json else text)  # noqa: T201 - to be piped into a file

    def say(self, text: str) -> None:
        """Print text for people as it is."""
        say(self.console, text)

    def note(self, text: str) -> None:
        """Print a note beside a value that is piped on."""
        say(self.notes, text)

    def problems(self, problems: Sequence[Mapping[str, str]]) -> None:
        """Print what went wrong on stderr, a line for each; with --json also as a document."""
        for one in problems:
            if one["place"]:
                text = Text(f"{one['place']}: {one['message']}", "red") + Text(f" {one['remedy']}", "default")
            else:
                text = Text(one["message"], "red")
            self.notes.print(text, soft_wrap=True)
        if self.is_json:
            print(as_json({"problems": problems}))  # noqa: T201 - to be read by a program

    def confirm(self, question: str) -> bool:
        """Whether it shall be done: by --yes, or by a person at a terminal who is asked."""
        if self.is_confirmed or self.is_json or not sys.stdin.isatty():
            return self.is_confirmed
        return self.notes.input(f"{question} [y/N] ", markup=False).strip().lower() in {"y", "yes"}
