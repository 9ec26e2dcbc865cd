"""A command that asks: it shows the plan of an action, and carries it out once that is confirmed."""

from collections.abc import Callable, Mapping

from usher_cli import show
from usher_cli.actions.action import Action, Done
from usher_cli.command import OK, UNCONFIRMED
from usher_cli.output import Output

UNCHANGED = "Nothing was changed. Repeat with --yes."


def confirmed(action: Action, output: Output) -> Done | None:
    """What came of an action; None: nobody has confirmed it, and it has done nothing."""
    show.plan(output.notes, action.plan())
    return action.carry_out(output.note) if output.confirm(f"{action.label}?") else None


def perform(action: Action, output: Output, document: Callable[[Done | None], Mapping[str, object]]) -> int:
    """Do what an action does, if it is confirmed; return the exit status. `document`: what --json prints."""
    done = confirmed(action, output)
    output.document(document(done), lambda *_: output.say(done.message if done else UNCHANGED))
    return OK if done else UNCONFIRMED


def execution(group: str, done: Done | None) -> dict[str, object]:
    """What --json prints of an action that starts an execution."""
    return {"group": group, "execution": done.execution if done else ""}
