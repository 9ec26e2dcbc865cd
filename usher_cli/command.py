"""The parts of a command of `usher`: a function, its arguments and examples. Each command is in a module of its own."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output

Do = Callable[[DeployedStack, argparse.Namespace, Output], int]
"""Carries a command out; returns its exit status. Its docstring is the command's help."""

OK, FAILED, RUNNING, HELD, UNCONFIRMED, INTERRUPTED = 0, 1, 3, 4, 5, 130
EXIT_STATUS = {
    OK: "done",
    FAILED: "failed; stderr has the cause, the place and the remedy",
    2: "a wrong command line",
    RUNNING: "`status`, `watch`: the run is in progress",
    HELD: "`status`, `watch`: a gate blocks a version",
    UNCONFIRMED: "nothing was done, as it was not confirmed: repeat with --yes",
    INTERRUPTED: "Ctrl-C",
}
"""The meaning of each exit status."""


def group(parser: argparse.ArgumentParser) -> None:
    """Add the name of a group."""
    parser.add_argument("group", help="the name of the group")


def optional_group(parser: argparse.ArgumentParser) -> None:
    """Add the optional name of a group."""
    parser.add_argument("group", nargs="?", help="the name of the group (default: all groups)")


@dataclass(frozen=True, slots=True)
class Command:
    """A command of `usher`."""

    name: str
    """`plan`; or two words, such as `events tail`."""
    do: Do
    examples: Mapping[str, str]
    """Command lines, and the effect of each."""
    add_arguments: Callable[[argparse.ArgumentParser], None] = group
    changes: str = "nothing"
    """The things that it changes, for docs/cli.md."""
    asks: bool = False
    """Whether it asks before it changes something, and has the option --yes."""
    has_json: bool = True
    """Whether it has the option --json."""
    needs_group: bool = True
    """Whether its group must exist. If it does not, the message names similar ones."""


def names(text: str) -> list[str]:
    """Split names that are separated by commas. Raises ArgumentTypeError if there is none."""
    split = [name.strip() for name in text.split(",") if name.strip()]
    if not split:
        raise argparse.ArgumentTypeError("no name is given")
    return split


def days(text: str) -> int:
    """A number of days, up to a year. Raises ArgumentTypeError for another text."""
    if not text.isascii() or not text.isdigit() or int(text[:9]) > 366:
        raise argparse.ArgumentTypeError("it must be a number of days from 0 to 366")
    return int(text)


def positive(text: str) -> int:
    """A whole number from 1 to a million. Raises ArgumentTypeError for another text."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 1_000_000:
        raise argparse.ArgumentTypeError("it must be a number from 1 to 1000000")
    return int(text)


def day(text: str) -> date:
    """A day such as 2026-11-27. Raises ArgumentTypeError for another text."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("it must be a day such as 2026-11-27") from None
