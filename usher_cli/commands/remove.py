"""`usher remove`: show a group's resources, remove it, and list the remaining ones."""

from argparse import ArgumentParser, Namespace

from rich.console import Console
from usher.planning.misplaced_files import check_group_name

from usher_cli import show
from usher_cli.actions.removal import Removal, carry_out, end_of, plan_removal, plan_view_of
from usher_cli.command import FAILED, OK, UNCONFIRMED, Command, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output, say


def add_group(parser: ArgumentParser) -> None:
    """Add the group, and whether its own files are deleted, too."""
    group(parser)
    parser.add_argument(
        "--data",
        action="store_true",
        help="also delete the group's files, kept events and records of runs, in all versions",
    )


def remove(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Remove a group: everything that Usher has created for it. Its own files stay."""
    check_group_name(options.group)
    planned = plan_removal(stack, options.group, data=options.data)
    if not output.is_json:
        show.plan(output.console, plan_view_of(planned))
    if not output.confirm(f"Remove {options.group}?"):
        output.document(planned, lambda *_: output.say("Nothing was changed. Repeat with --yes."))
        return UNCONFIRMED
    with show.following(output.console) as report:
        removed = carry_out(stack, planned, report)
    output.document(removed, show_end)
    return OK if removed["done"] else FAILED


def show_end(console: Console, removed: Removal) -> None:
    """Print the remaining resources, as the services list them, and the saved costs."""
    show.print_problems(console, removed["problems"])
    for sentence in end_of(removed):
        say(console, sentence)


COMMANDS = (
    Command(
        "remove",
        remove,
        {
            "usher remove films": "show the deletions and their costs; then ask",
            "usher remove films --yes": "remove it, and list the remaining resources",
            "usher remove films --data --yes": "delete its files, too",
        },
        add_group,
        changes="deletes the group's resources and output; with `--data`, its files",
        asks=True,
        needs_group=False,
    ),
)
