"""`usher completion`: a script with which the shell completes commands and options."""

from argparse import ArgumentParser, Namespace

from usher_cli.command import OK, Command
from usher_cli.completion import SHELLS, script
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output


def add_arguments(parser: ArgumentParser) -> None:
    """Add the shell."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def completion(_stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Print a script that lets the shell complete commands, options and files."""
    from usher_cli.arguments import make_parser

    output.print_value(script(make_parser(), options.shell), "script")
    return OK


COMMANDS = (
    Command(
        "completion",
        completion,
        {"source <(usher completion bash)": "let this shell complete commands; put the line into ~/.bashrc to keep it"},
        add_arguments,
    ),
)
