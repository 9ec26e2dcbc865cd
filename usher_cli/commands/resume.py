"""`usher resume`: a paused group goes on."""

from argparse import Namespace

from usher.errors import UsherError
from usher.runs.pauses import pause_of
from usher.runs.pauses import resume as end_pause

from usher_cli import show
from usher_cli.command import OK, UNCONFIRMED, Command
from usher_cli.deployed_stack import DeployedStack
from usher_cli.drafts import draft_of
from usher_cli.output import Output


def resume(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """End the pause of a group, and start the run that does what has waited. It shows the plan of that run first."""
    if not pause_of(stack.table, options.group):
        raise UsherError(f"{options.group} is not paused.{stack.meant(options.group)}")
    show.draft(output.notes, draft_of(stack, options.group, stack.bucket))
    is_resumed = output.confirm(f"Resume {options.group}?")
    execution = ""
    if is_resumed:
        end_pause(stack.table, options.group)
        execution = stack.start(group=options.group)
    said = (
        f"Started {execution}\nTo follow it: usher watch {options.group}"
        if is_resumed
        else "It stays paused. Do it with --yes."
    )
    output.document({"group": options.group, "execution": execution}, lambda *_: output.say(said))
    return OK if is_resumed else UNCONFIRMED


COMMANDS = (
    Command(
        "resume",
        resume,
        {"usher resume films --yes": "end the pause, and start the run that does what has waited"},
        changes="an item of the table; starts a run",
        asks=True,
        needs_group=False,
    ),
)
