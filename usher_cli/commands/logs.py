"""`usher logs`: the decisions of a run, with the reasons."""

from argparse import ArgumentParser, Namespace

from usher_cli import show
from usher_cli.command import Command, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.logs import lines_of, run_named
from usher_cli.output import Output


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group, the run, and whether to follow it."""
    group(parser)
    parser.add_argument("--run", metavar="NAME", help="this run (default: the newest)")
    parser.add_argument("--follow", action="store_true", help="until the run has ended")


def logs(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Show the decisions of a group's last run, or of a named one, with the reasons, line by line."""
    for line in lines_of(stack, run_named(stack, options.group, options.run), follow=options.follow):
        output.print_line(line, show.log_line)
    return 0


COMMANDS = (
    Command(
        "logs",
        logs,
        {
            "usher logs films": "the decisions of the newest run, with the reasons, line by line",
            "usher logs films --follow": "the same, until the run has ended",
        },
        add_arguments,
    ),
)
