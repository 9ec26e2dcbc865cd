"""`usher rank`: rank items for a user."""

from argparse import ArgumentParser, Namespace
from urllib.parse import quote

from usher_cli.api import add_options, answer_to, api_of, given_options, show_list
from usher_cli.command import OK, Command, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group, the user, the items and the options of the request."""
    group(parser)
    parser.add_argument("user", help="the user's ID")
    parser.add_argument("items", nargs="+", metavar="item", help="the items' IDs")
    add_options(parser)


def rank(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Rank items for a user."""
    request = {**given_options(options), "userId": options.user, "items": options.items}
    path = f"/{quote(options.group, safe='')}/rankings"
    output.document(answer_to(lambda: api_of(stack).post(path, request)), show_list)
    return OK


COMMANDS = (
    Command(
        "rank",
        rank,
        {"usher rank films 42 50 127 98": "three items in the order that suits a user"},
        add_arguments,
    ),
)
