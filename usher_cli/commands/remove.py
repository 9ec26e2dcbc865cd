"""`usher remove`: a whole group goes, after a look at what that is, and is then looked for."""

from argparse import ArgumentParser, Namespace

from rich.console import Console
from usher.planning.misplaced_files import check_group_name
from usher.run_summary import monthly_text

from usher_cli import show
from usher_cli.command import FAILED, OK, UNCONFIRMED, Command, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output, say
from usher_cli.removal import Files, Removal, carry_out, plan_removal

NAMED = 20
"""So many of what is left are named."""


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
        show_plan(output.console, planned)
    if not output.confirm(f"Remove {options.group}?"):
        output.document(planned, lambda *_: output.say("Nothing was changed. To remove it: --yes."))
        return UNCONFIRMED
    with show.following(output.console) as tell:
        removed = carry_out(stack, planned, tell)
    output.document(removed, show_end)
    return OK if removed["done"] else FAILED


def show_plan(console: Console, planned: Removal) -> None:
    """Print what goes, what stays, and what that costs."""
    prices = {one["arn"]: monthly_text(one) for one in planned["costs"]["monthly"]}
    rows = (
        (one["id"], f"stays: {one['stays']}" if one["stays"] else "goes", prices.get(one["arn"], ""))
        for one in planned["resources"]
    )
    if planned["resources"]:
        show.print_table(console, ("resource", "", "costs"), rows)
    else:
        say(console, f"{planned['group']} has no resources in Personalize.")
    if planned["keys"]:
        say(console, f"API keys that end: {', '.join(planned['keys'])}.")
    say(console, f"Exports and other output: {_files(planned['output'])} go.")
    verb = "go, with all former versions" if planned["data"] else "stay; with --data, they go, too"
    say(console, f"Files of your own, kept events and records of runs: {_files(planned['own'])} {verb}.")
    say(console, f"It costs {show.sums(planned['costs'])}")


def show_end(console: Console, removed: Removal) -> None:
    """Print what is left, as the services list it, and what is saved."""
    show.print_problems(console, removed["problems"])
    listed = ", ".join(f"{number} {words}" for words, number in removed["listed"].items())
    if removed["left"]:
        say(console, f"Still there of {removed['group']}:")
        for one in removed["left"][:NAMED]:
            say(console, f"* {one}")
        if (more := len(removed["left"]) - NAMED) > 0:
            say(console, f"* and {more} more")
        say(console, "Do what the problems say, and repeat the command: it goes on.")
        return
    say(console, f"Nothing is left of {removed['group']}. What is listed now belongs to others: {listed}.")
    say(console, f"That saves {show.sums(removed['saves'])}")


def _files(files: Files) -> str:
    return f"{files['files']:,} files ({files['bytes'] / 1e6:,.1f} MB)"


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
