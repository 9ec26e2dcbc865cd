"""`usher cost`: the monthly costs of Personalize."""

from argparse import Namespace

from usher_cli import show
from usher_cli.command import Command, optional_group
from usher_cli.costs import account_cost
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output


def cost(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Show the monthly costs of Personalize: in the account and region, or of one group."""
    output.document(account_cost(stack, options.group), show.account)
    return 0


COMMANDS = (
    Command(
        "cost",
        cost,
        {
            "usher cost": "costs of Personalize in the account and region, idle resources included",
            "usher cost films": "costs of one group",
        },
        optional_group,
    ),
)
