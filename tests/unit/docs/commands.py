"""The reference of the command in docs/cli.md, made from its parser."""

import argparse
from collections.abc import Iterable, Iterator

from usher_cli.arguments import commands, make_parser
from usher_cli.command import EXIT_STATUS, Command

EVERYWHERE = {"--help", "--stack", "--json", "--yes"}
"""The options that the page describes once."""
GROUP = "group", "the name of the group"
"""An option that the page describes once, and its meaning."""
ELSEWHERE = {"local up": "[local.md](local.md)"}
"""Commands whose options another page describes."""


def overview() -> Iterator[tuple[str, str, str]]:
    """The rows of the commands: how to type them, what they do, and what they change."""
    for command, parser in _parsers():
        section = command.name.replace(" ", "-")
        yield f"[`{_typed(command, parser)}`](#usher-{section})", _escaped(str(command.do.__doc__)), command.changes


def exits() -> Iterator[tuple[str, str]]:
    """The rows of the exit statuses, with their meanings."""
    for status, meaning in EXIT_STATUS.items():
        yield str(status), meaning


def reference() -> Iterator[str]:
    """A section for each command: examples, its options."""
    for command, parser in _parsers():
        yield f"\n### usher {command.name}\n\n```sh\n"
        yield from (f"{line}  # {does}\n" for line, does in command.examples.items())
        yield "```\n"
        options = list(_options(parser))
        if command.name in ELSEWHERE:
            yield f"\nIts options are in {ELSEWHERE[command.name]}.\n"
        elif options:
            yield "\n| Option | Meaning |\n|---|---|\n"
            yield from (f"| `{name}` | {meaning} |\n" for name, meaning in options)


def _parsers() -> Iterable[tuple[Command, argparse.ArgumentParser]]:
    parser = make_parser()
    for command in commands():
        inner = parser
        for word in command.name.split():
            inner = next(one for one in inner._actions if isinstance(one, argparse._SubParsersAction)).choices[word]
        yield command, inner


def _typed(command: Command, parser: argparse.ArgumentParser) -> str:
    """The command with its required arguments."""
    parts = [f"usher {command.name}"]
    for action in parser._actions:
        name = action.metavar or action.dest
        if not action.option_strings:
            parts.append(f"[<{name}>]" if action.nargs == "?" else f"<{name}>" + " ..." * (action.nargs == "+"))
        elif action.required:
            parts.append(f"{action.option_strings[0]} <{str(name).lower()}>")
    return _escaped(" ".join(parts))


def _options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        option = next((one for one in action.option_strings if one.startswith("--")), "")
        if option in EVERYWHERE or (action.dest, action.help) == GROUP:
            continue
        takes = action.nargs != 0 and option
        value = f" {action.metavar or action.dest.upper()}" if takes and not action.choices else ""
        choices = f" {{{','.join(map(str, action.choices))}}}" if action.choices else ""
        yield _escaped(f"{option or action.metavar or action.dest}{value}{choices}"), _escaped(str(action.help))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
