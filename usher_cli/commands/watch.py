"""`usher watch`: follow a run."""

from argparse import Namespace

from usher.aws import now
from usher.run_record import RunRecord
from usher.run_summary import summarize
from usher.runs.record import Run

from usher_cli import show
from usher_cli.command import Command
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output
from usher_cli.stack_views.runs import expected_end
from usher_cli.status import EXIT_STATUS, status_of, until_end


def watch(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Follow the current or next run of a group until it ends; then show its result."""
    shown: RunRecord | None = None

    def end_of(record: RunRecord) -> str:
        plan = Run(stack.bucket, options.group, record["run"]).plan_or_none()
        end = expected_end(plan, record, now()) if plan else None
        return f"Expected end: {end.at:%Y-%m-%d %H:%M} UTC." if end else ""

    with show.following(output.console, end_of) as report:
        for record in until_end(stack, options.group):
            if not output.is_json:
                report(record)
            elif record != shown:
                output.print_line({**summarize(record)}, lambda *_: None)
            shown = record
    found = status_of(stack, options.group)
    output.print_line({**found["last"]}, lambda *_: show.status(output.console, found))
    return EXIT_STATUS[found["last"]["outcome"]]


COMMANDS = (
    Command("watch", watch, {"usher watch films": "a run's resources, progress and expected end, until it has ended"}),
)
