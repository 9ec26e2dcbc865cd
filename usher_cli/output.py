"""The output of a command: for a person or, with --json, for a program."""

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
"""The columns of an output for a program."""


def console(*, stderr: bool = False) -> Console:
    """A console that breaks lines only in a terminal."""
    found = Console(stderr=stderr)
    return found if found.is_terminal else Console(stderr=stderr, width=WIDE)


def say(console: Console, text: str) -> None:
    """Print text without markup."""
    console.print(text, soft_wrap=True, markup=False, highlight=False)


@dataclass(frozen=True, slots=True)
class Output:
    """The output of a command."""

    console: Console
    """For people: stdout; with --json stderr, as stdout then has only JSON."""
    notes: Console
    """For notes beside a value that may be piped: stderr."""
    is_json: bool = False
    is_confirmed: bool = False
    """Whether --yes was given."""

    def document(self, value: T, show: Callable[[Console, T], object]) -> None:
        """Print a document: with --json as JSON, else by `show`."""
        print(as_json(value)) if self.is_json else show(self.console, value)  # noqa: T201 - to be read by a program

    def print_each(self, values: Iterable[D], show: Callable[[Console, D], object]) -> list[D]:
        """Print dataclasses one by one; with --json as one list, at the end."""
        found = []
        for one in values:
            found.append(one)
            if not self.is_json:
                show(self.console, one)
        if self.is_json:
            print(as_json([asdict(one) for one in found]))  # noqa: T201 - to be read by a program
        return found

    def print_line(self, value: T, show: Callable[[Console, T], object]) -> None:
        """Print one of many values: with --json as a line of JSON, at once; else by `show`."""
        if self.is_json:
            print(json.dumps(value, ensure_ascii=False), flush=True)  # noqa: T201 - to be read by a program
        else:
            show(self.console, value)

    def print_value(self, text: str, name: str) -> None:
        """Print a value that may be piped, alone on stdout; with --json as the member `name`."""
        print(as_json({name: text}) if self.is_json else text)  # noqa: T201 - to be piped into a file

    def say(self, text: str) -> None:
        """Print text for people, without markup."""
        say(self.console, text)

    def note(self, text: str) -> None:
        """Print a note beside a value that may be piped."""
        say(self.notes, text)

    def problems(self, problems: Sequence[Mapping[str, str]]) -> None:
        """Print problems on stderr, a line for each; with --json also as a document."""
        for one in problems:
            if one["place"]:
                text = Text(f"{one['place']}: {one['message']}", "red") + Text(f" {one['remedy']}", "default")
            else:
                text = Text(one["message"], "red")
            self.notes.print(text, soft_wrap=True)
        if self.is_json:
            print(as_json({"problems": problems}))  # noqa: T201 - to be read by a program

    def confirm(self, question: str) -> bool:
        """Whether an action is confirmed: by --yes, or by a person at a terminal."""
        if self.is_confirmed or self.is_json or not sys.stdin.isatty():
            return self.is_confirmed
        return self.notes.input(f"{question} [y/N] ", markup=False).strip().lower() in {"y", "yes"}
