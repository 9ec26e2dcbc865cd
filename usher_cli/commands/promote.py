"""`usher promote`: select the version that serves."""

from argparse import ArgumentParser, Namespace

from usher_cli.actions.versions import serve_version
from usher_cli.command import Command, group
from usher_cli.confirmation import execution, perform
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group, the solution, the version and the reason."""
    group(parser)
    parser.add_argument("solution", help="the name of the solution")
    parser.add_argument("version", help="a solution version's ARN, `latest` or `previous`")
    parser.add_argument("--why", required=True, help="the reason, for the run's record")


def promote(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Put another version of a solution live: an earlier one, or one that the gate blocks. It asks first."""
    action = serve_version(stack, options.group, options.solution, options.version, options.why)
    return perform(action, output, lambda done: execution(options.group, done))


COMMANDS = (
    Command(
        "promote",
        promote,
        {'usher promote films for-you latest --why "checked by hand" --yes': "serve it, overriding the gate"},
        add_arguments,
        changes="which version serves; starts a run",
        asks=True,
    ),
)
