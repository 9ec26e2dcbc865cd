"""`usher promote`: a person decides which version serves."""

from argparse import ArgumentParser, Namespace

from usher_cli.command import Command, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output
from usher_cli.versions import serve


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group, the solution, the version and the reason."""
    group(parser)
    parser.add_argument("solution", help="the name of the solution")
    parser.add_argument("version", help="a solution version's ARN, `latest` or `previous`")
    parser.add_argument("--why", required=True, help="the reason, for the run's record")


def promote(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Serve another version of a solution: an earlier one, or one that the gate blocks."""
    return serve(stack, options.group, options.solution, options.version, options.why, output)


COMMANDS = (
    Command(
        "promote",
        promote,
        {'usher promote films for-you latest --why "checked by hand"': "serve it, whatever the gate says"},
        add_arguments,
        changes="starts a run",
    ),
)
