"""`usher resume`: end the pause of a group."""

from argparse import Namespace

from usher_cli.actions import runs as actions
from usher_cli.command import Command
from usher_cli.confirmation import execution, perform
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output


def resume(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """End the pause of a group, and start a run that catches up. It shows the plan of that run first."""
    action = actions.resume(stack, options.group)
    return perform(action, output, lambda done: execution(options.group, done))


COMMANDS = (
    Command(
        "resume",
        resume,
        {"usher resume films --yes": "end the pause, and start a run that catches up"},
        changes="an item of the table; starts a run",
        asks=True,
        needs_group=False,
    ),
)
