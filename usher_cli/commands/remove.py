"""`usher remove`: show what a group has, remove it, and list what is left."""

from argparse import ArgumentParser, Namespace

from rich.console import Console
from usher.planning.misplaced_files import check_group_name

from usher_cli import show
from usher_cli.actions.removal import Removal, carry_out, end_of, plan_removal, plan_view_of
from usher_cli.command import FAILED, OK, UNCONFIRMED, Command, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output, say


def add_group(parser: ArgumentParser) -> None:
    """Add the group, and whether its files go, too."""
    group(parser)
    parser.add_argument(
        "--data",
        action="store_true",
        help="also delete the group's files, its kept events and the records of its runs, with all former versions",
    )


def remove(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Remove a group: all that Usher has made of it, in Personalize, the table and the bucket. Its files stay."""
    check_group_name(options.group)
    planned = plan_removal(stack, options.group, data=options.data)
    if not output.is_json:
        show.plan(output.console, plan_view_of(planned))
    if not output.confirm(f"Remove {options.group}?"):
        output.document(planned, lambda *_: output.say("Nothing was changed. To remove it: --yes."))
        return UNCONFIRMED
    with show.following(output.console) as report:
        removed = carry_out(stack, planned, report)
    output.document(removed, show_end)
    return OK if removed["done"] else FAILED


def show_end(console: Console, removed: Removal) -> None:
    """Print what is left, as the services list it, and what is saved."""
    show.print_problems(console, removed["problems"])
    for sentence in end_of(removed):
        say(console, sentence)


COMMANDS = (
    Command(
        "remove",
        remove,
        {
            "usher remove films": "what would go, what stays, and what it costs; then it asks",
            "usher remove films --yes": "remove it, and list what is left",
            "usher remove films --data --yes": "its files, too, for good",
        },
        add_group,
        changes="deletes the group's resources and output; with `--data`, its files",
        asks=True,
        needs_group=False,
    ),
)
