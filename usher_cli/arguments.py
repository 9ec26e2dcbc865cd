"""`usher`: plan, run and check Usher's work with Amazon Personalize.

The commands use the stack `usher` (or --stack, or USHER_STACK) in the account and region of your environment. With
AWS_ENDPOINT_URL they use the local cloud.
"""

import argparse
import difflib
import os
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from usher_cli.command import Command
from usher_cli.version import version

MODULES = (
    "init",
    "validate",
    "plan",
    "drop",
    "status",
    "watch",
    "logs",
    "recommend",
    "similar",
    "rank",
    "events",
    "export",
    "evaluate",
    "versions",
    "promote",
    "rollback",
    "pause",
    "resume",
    "cost",
    "keys",
    "import_",
    "erase",
    "remove",
    "doctor",
    "ui",
    "local",
    "completion",
)
"""The modules of usher_cli.commands, in the order of the help. The name of each is the first word of its commands."""
GROUPS = {
    "events": "Send events of users; show, count and replay the kept ones.",
    "keys": "Create, list, rotate and revoke API keys.",
    "local": "Run the local cloud, AWS on this machine.",
}
"""The help of each first word with several commands."""
WIDTH = 34


def commands(modules: Sequence[str] = MODULES) -> Iterator[Command]:
    """The commands of some modules."""
    for module in modules:
        yield from import_module(f"usher_cli.commands.{module}").COMMANDS


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; by default, that of this process. Raises SystemExit with status 2 if it is wrong.

    Imports only the requested command.
    """
    _, rest = _everywhere(None).parse_known_args(arguments)
    words = {module.removesuffix("_"): module for module in MODULES}
    word = rest[0] if rest else ""
    parser = make_parser([words[word]] if word in words else MODULES)
    if word not in words and not word.startswith("-") and (near := difflib.get_close_matches(word, words, 1)):
        parser.error(f"there is no command {word}. Did you mean {near[0]}?")
    return parser.parse_args(arguments)


def make_parser(modules: Sequence[str] = MODULES) -> argparse.ArgumentParser:
    """Describe the commands of some modules and their options."""
    some = list(commands(modules))
    parser = argparse.ArgumentParser(
        prog="usher",
        description=__doc__,
        epilog=_examples(dict([next(iter(one.examples.items()))]) for one in some),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_everywhere(os.environ.get("USHER_STACK", "usher"))],
    )
    parser.add_argument("--version", action="version", version=f"usher {version()}", help="print the version")
    of: dict[str, Any] = {"": parser.add_subparsers(required=True, metavar="command")}
    for one in some:
        word, _, verb = one.name.partition(" ")
        if verb and word not in of:
            several = of[""].add_parser(word, help=GROUPS[word], description=GROUPS[word])
            of[word] = several.add_subparsers(required=True, metavar="command")
        _add(of[word] if verb else of[""], verb or word, one)
    return parser


def _everywhere(stack: str | None) -> argparse.ArgumentParser:
    """The options that are allowed before and after a command. `stack`: the default; None: the option sets it."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--stack", default=stack or argparse.SUPPRESS, help="the name of the deployed stack")
    return parser


def _add(parsers: Any, word: str, command: Command) -> None:
    parser = parsers.add_parser(
        word,
        help=command.do.__doc__,
        description=command.do.__doc__,
        epilog=_examples([command.examples]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_everywhere(None)],
    )
    parser.set_defaults(do=command.do, needs_group=command.needs_group, group=None, json=False, yes=False)
    command.add_arguments(parser)
    if command.has_json:
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    if command.asks:
        parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def _examples(some: Any) -> str:
    lines = (
        f"  {line:{WIDTH}}  {does}" if len(line) <= WIDTH else f"  {line}\n{'':{WIDTH + 4}}{does}"
        for one in some
        for line, does in one.items()
    )
    return "\n".join(["examples:", *lines])
