"""Commands that ask: each shows the plan of an action, and carries it out once it is confirmed."""

from collections.abc import Callable, Mapping

from usher_cli import show
from usher_cli.actions.action import Action, Done
from usher_cli.command import OK, UNCONFIRMED
from usher_cli.output import Output

UNCHANGED = "Nothing was changed. Repeat with --yes."


def confirmed(action: Action, output: Output) -> Done | None:
    """Carry out an action if it is confirmed; return its result, or None."""
    show.plan(output.notes, action.plan())
    return action.carry_out(output.note) if output.confirm(f"{action.label}?") else None


def perform(action: Action, output: Output, document: Callable[[Done | None], Mapping[str, object]]) -> int:
    """Carry out an action if it is confirmed; return the exit status. `document`: the output of --json."""
    done = confirmed(action, output)
    output.document(document(done), lambda *_: output.say(done.message if done else UNCHANGED))
    return OK if done else UNCONFIRMED


def execution(group: str, done: Done | None) -> dict[str, object]:
    """The output of --json for an action that starts an execution."""
    return {"group": group, "execution": done.execution if done else ""}
