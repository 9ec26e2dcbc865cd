"""`usher recommend`: the API's recommendations for a user."""

from argparse import ArgumentParser, Namespace

from usher_cli.api import add_number, add_options, get_list, given_options
from usher_cli.command import Command, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group, the user and the options of the request."""
    group(parser)
    parser.add_argument("user", help="the user's ID, which may be unknown to Personalize")
    add_number(parser)
    add_options(parser)


def recommend(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Show the API's present recommendations for a user."""
    request = {**given_options(options), "userId": options.user}
    return get_list(stack, options.group, "recommendations", request, output)


COMMANDS = (
    Command(
        "recommend",
        recommend,
        {
            "usher recommend films 42": "the API's present recommendations for a user",
            "usher recommend films 42 --details TITLE": "with the items' titles",
            "usher recommend films 42 --filter genre --value GENRE=Comedy": "only items that pass a filter",
        },
        add_arguments,
    ),
)
