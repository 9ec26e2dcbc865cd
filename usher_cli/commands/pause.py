"""`usher pause`: nothing more is spent on a group, but for what serves."""

from argparse import ArgumentParser, Namespace

from usher.aws import client, now
from usher.runs.pauses import pause as write_pause
from usher.runs.pauses import pause_of

from usher_cli.command import OK, UNCONFIRMED, Command, group
from usher_cli.costs import account_cost
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group and the reason."""
    group(parser)
    parser.add_argument("--why", required=True, help="the reason, which status and runs tell")


def pause(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Begin nothing more for a group until it is resumed: no import, no training, no export. What serves goes on."""
    costs = account_cost(stack, options.group)["now"]
    output.note(
        f"Until usher resume {options.group}, what arrives waits: nothing is imported, trained or exported. A run at "
        f"work goes on to its end. What serves goes on, and costs ${costs['monthlyCost']:,.2f} a month"
        + (f" and {', '.join(costs['unpriced'])}" if costs["unpriced"] else "")
        + f"; to end that: usher remove {options.group}. Personalize's automatic training goes on, if it is on."
    )
    is_paused = output.confirm(f"Pause {options.group}?")
    if is_paused:
        who = str(client("sts").get_caller_identity()["Arn"])
        write_pause(stack.table, options.group, now().isoformat(timespec="seconds"), who, options.why)
    said = f"{options.group} is paused." if is_paused else "Nothing is paused. Do it with --yes."
    found = {"group": options.group, "paused": pause_of(stack.table, options.group)}
    output.document(found, lambda *_: output.say(said))
    return OK if is_paused else UNCONFIRMED


COMMANDS = (
    Command(
        "pause",
        pause,
        {'usher pause films --why "we check the data"': "begin nothing more until usher resume; what serves goes on"},
        add_arguments,
        changes="an item of the table",
        asks=True,
    ),
)
