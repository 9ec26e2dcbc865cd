"""`usher status`: the live models, and the result of the last run."""

from argparse import ArgumentParser, Namespace

from usher_cli import show
from usher_cli.command import Command, optional_group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output
from usher_cli.status import EXIT_STATUS, last_summaries, status_of, until_end


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group, and whether to wait."""
    optional_group(parser)
    parser.add_argument("--wait", action="store_true", help="return when no run of the group is in progress")
    parser.add_argument("--follow", action="store_true", help="the same, and show the run until then")


def status(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Show the last run of every group; for one group, also live models, costs, exports and evaluations."""
    if not options.group:
        output.document(last_summaries(stack), show.groups)
        return 0
    if options.wait or options.follow:
        with show.following(output.console) as report:
            for record in until_end(stack, options.group):
                if options.follow:
                    report(record)
    found = status_of(stack, options.group)
    output.document(found, show.status)
    return EXIT_STATUS[found["last"]["outcome"]]


COMMANDS = (
    Command(
        "status",
        status,
        {
            "usher status": "how the last run of every group went",
            "usher status films": "live models of a group, its last run, costs, exports and evaluations",
            "usher status films --follow": "show the run until it has ended",
            "usher status films --wait --json": "for scripts: wait, then print JSON",
        },
        add_arguments,
    ),
)
