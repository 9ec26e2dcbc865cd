"""`usher cost`: what Personalize costs every month."""

from argparse import Namespace

from usher_cli import show
from usher_cli.command import Command, optional_group
from usher_cli.costs import account_cost
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output


def cost(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Show what Personalize costs every month: in the account and region, or of one group."""
    output.document(account_cost(stack, options.group), show.account)
    return 0


COMMANDS = (
    Command(
        "cost",
        cost,
        {
            "usher cost": "what Personalize costs in the account and region, including what serves no one",
            "usher cost films": "the same of a group",
        },
        optional_group,
    ),
)
