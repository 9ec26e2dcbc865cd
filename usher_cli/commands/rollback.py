"""`usher rollback`: return to the version before the live one."""

from argparse import ArgumentParser, Namespace

from usher_cli.actions.versions import serve_version
from usher_cli.command import Command, group
from usher_cli.confirmation import execution, perform
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group, the solution and the reason."""
    group(parser)
    parser.add_argument("solution", help="the name of the solution")
    parser.add_argument("--why", required=True, help="the reason, for the run's record")


def rollback(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Go back to the version before the live one. It asks first."""
    action = serve_version(stack, options.group, options.solution, "previous", options.why)
    return perform(action, output, lambda done: execution(options.group, done))


COMMANDS = (
    Command(
        "rollback",
        rollback,
        {'usher rollback films for-you --why "too many old films" --yes': "serve the version before the live one"},
        add_arguments,
        changes="which version serves; starts a run",
        asks=True,
    ),
)
