"""`usher similar`: the API's similar items."""

from argparse import ArgumentParser, Namespace

from usher_cli.api import add_number, add_options, get_list, given_options
from usher_cli.command import Command, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group, the item and the options of the request."""
    group(parser)
    parser.add_argument("item", help="the item's ID")
    parser.add_argument("--user", dest="for_user", metavar="ID", help="the user, for filters that need one")
    add_number(parser)
    add_options(parser)


def similar(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Show the items similar to an item."""
    return get_list(stack, options.group, "similar-items", {**given_options(options), "itemId": options.item}, output)


COMMANDS = (
    Command(
        "similar",
        similar,
        {"usher similar films 50 --results 5": "the five items that are most similar to an item"},
        add_arguments,
    ),
)
