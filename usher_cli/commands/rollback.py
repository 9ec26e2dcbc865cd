"""`usher rollback`: the version before the live one serves again."""

from argparse import ArgumentParser, Namespace

from usher_cli.command import Command, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output
from usher_cli.versions import serve


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group, the solution and the reason."""
    group(parser)
    parser.add_argument("solution", help="the name of the solution")
    parser.add_argument("--why", required=True, help="the reason, for the run's record")


def rollback(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Serve the version before the live one."""
    return serve(stack, options.group, options.solution, "previous", options.why, output)


COMMANDS = (
    Command(
        "rollback",
        rollback,
        {'usher rollback films for-you --why "too many old films"': "serve the version before the live one"},
        add_arguments,
        changes="starts a run",
    ),
)
