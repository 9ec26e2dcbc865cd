"""`usher pause`: stop all spending on a group, except for serving."""

from argparse import ArgumentParser, Namespace

from usher.runs.pauses import pause_of

from usher_cli.actions import runs as actions
from usher_cli.command import Command, group
from usher_cli.confirmation import perform
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group and the reason."""
    group(parser)
    parser.add_argument("--why", required=True, help="the reason, shown by status and runs")


def pause(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Pause a group: no import, training or export until it is resumed. Serving continues."""
    action = actions.pause(stack, options.group, options.why)
    return perform(action, output, lambda _: {"group": options.group, "paused": pause_of(stack.table, options.group)})


COMMANDS = (
    Command(
        "pause",
        pause,
        {'usher pause films --why "we check the data"': "no import, training or export until usher resume"},
        add_arguments,
        changes="an item of the table",
        asks=True,
    ),
)
