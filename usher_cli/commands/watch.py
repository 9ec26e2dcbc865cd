"""`usher watch`: a run as it goes on."""

from argparse import Namespace

from usher.run_record import RunRecord
from usher.run_summary import summarize

from usher_cli import show
from usher_cli.command import Command
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output
from usher_cli.status import EXIT_STATUS, status_of, until_end


def watch(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Show the run that is at work on a group, or about to begin, until it has ended; then how it went."""
    told: RunRecord | None = None
    with show.following(output.console) as tell:
        for record in until_end(stack, options.group):
            if not output.is_json:
                tell(record)
            elif record != told:
                output.line({**summarize(record)}, lambda *_: None)
            told = record
    found = status_of(stack, options.group)
    output.line({**found["last"]}, lambda *_: show.status(output.console, found))
    return EXIT_STATUS[found["last"]["outcome"]]


COMMANDS = (
    Command("watch", watch, {"usher watch films": "a run's resources, progress and expected end, until it has ended"}),
)
