"""`usher export`: export recommendations for all users, as files."""

from argparse import ArgumentParser, Namespace

from usher.aws import client
from usher.errors import UsherError

from usher_cli import show
from usher_cli.actions.exports import export as export_of
from usher_cli.command import FAILED, OK, UNCONFIRMED, Command, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output

POLL_SECONDS = 2.0


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group, the solution, and whether to wait."""
    group(parser)
    parser.add_argument("solution", nargs="?", help="the name of the solution (default: all exports of usher.yaml)")
    parser.add_argument("--wait", action="store_true", help="return when the exports have ended")


def export(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Make the exports of a group now: files with its solutions' recommendations for everyone. It asks first."""
    exports = list(stack.serving.read(options.group).get("exports", {}))
    if not exports:
        raise UsherError(f"{options.group} has no live exports. Name some in usher.yaml, and drop it: docs/exports.md.")
    if options.solution and options.solution not in exports:
        raise UsherError(f"{options.group} does not export {options.solution}. It exports: {', '.join(exports)}.")
    named = [options.solution] if options.solution else exports
    actions = {name: export_of(stack, options.group, name) for name in named}
    for action in actions.values():
        show.plan(output.notes, action.plan())
    is_started = output.confirm(f"Export {', '.join(actions)}?")
    started = {name: one.carry_out(output.note).execution for name, one in actions.items()} if is_started else {}
    ends = _wait_for_ends(stack, started, output) if options.wait else {}
    begun = {"group": options.group, "exports": list(actions), "executions": started, "ends": ends}

    def say(*_: object) -> None:
        if not is_started:
            output.say("Nothing is exported. Repeat with --yes.")
        for name in started:
            place = f"s3://{stack.bucket.name}/{options.group}/out/export/{name}/latest.json"
            ended = ends.get(name)
            output.say(f"{name}: {'has begun' if ended is None else ended}. The newest complete one: {place}")

    output.document(begun, say)
    if not is_started:
        return UNCONFIRMED
    return FAILED if set(ends.values()) - {"SUCCEEDED"} else OK


def _wait_for_ends(stack: DeployedStack, started: dict[str, str], output: Output) -> dict[str, str]:
    """Step Functions' final status of the executions of exports, by solution; waits for their ends."""
    ends: dict[str, str] = {}
    with output.notes.status("Exporting"):
        while open_ones := [name for name in started if name not in ends]:
            for name in open_ones:
                status = client("stepfunctions").describe_execution(executionArn=started[name])["status"]
                if status != "RUNNING":
                    ends[name] = status
            if len(ends) < len(started):
                stack.sleep(POLL_SECONDS)
    return ends


COMMANDS = (
    Command(
        "export",
        export,
        {
            "usher export films": "make all exports of the group now",
            "usher export films for-you --yes --wait": "make one without asking, and wait for it",
        },
        add_arguments,
        changes="a batch job, and files in the bucket",
        asks=True,
    ),
)
