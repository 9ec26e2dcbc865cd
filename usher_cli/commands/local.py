"""`usher local up`: the local cloud on this machine."""

from argparse import Namespace

from usher_cli.command import Command
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output
from usher_local.cloud.foreground import add_options, leave, run


def up(_stack: DeployedStack, options: Namespace, _output: Output) -> int:
    """Run the local cloud with Usher deployed in it, until Ctrl-C."""
    leave(run(options))


COMMANDS = (
    Command(
        "local up",
        up,
        {
            "usher local up": "run the local cloud, with Usher deployed in it",
            "usher local up --speed instant --state cloud/": "finish everything at once; keep all data in a folder",
        },
        add_options,
        has_json=False,
    ),
)
