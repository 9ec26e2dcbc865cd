"""`usher erase`: users are forgotten."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from usher.erasure.forgotten import Forgotten
from usher.run_record import RunRecord
from usher.run_summary import summarize

from usher_cli.command import FAILED, OK, UNCONFIRMED, Command, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.erase import erase_own, named_users, own_files, record_of, request
from usher_cli.output import Output, say
from usher_cli.status import until_done

PLAN = (
    "{users} of {group}: erased from the exports, kept events, reports and records in the bucket, in all versions that "
    "S3 keeps; from the table and the queues; and by a data deletion job from Personalize, which takes up to a day."
)
NAMED = "  {key}: {rows} rows{former}"
FORMER = ", and {} former versions"
STAYS = "These files of yours name them, and stay: the next import brings them back. Use --data to have them rewritten."
GOES = "These files of yours name them, and are rewritten without them, which starts a run that imports and trains:"
REQUESTED = "Requested as {reference}. To see how it goes on: usher status {group} --follow"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group, the users, and what of theirs goes."""
    group(parser)
    parser.add_argument("user", nargs="?", help="the user's ID")
    parser.add_argument("--file", type=Path, help="a file of users: one ID on each line, or a CSV with USER_ID")
    parser.add_argument("--data", action="store_true", help="rewrite your own files in the bucket without them, too")
    parser.add_argument("--wait", action="store_true", help="return when they are erased, and print the proof")


def erase(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Erase users: from all that Usher keeps of them, and from Personalize. The record of it names no one."""
    users = named_users(options.user, options.file)
    who = Forgotten(options.group, frozenset(users))
    own = list(own_files(stack.bucket, who))
    told: dict[str, Any] = {"group": options.group, "ownFiles": list(map(asdict, own)), "rewritten": False}
    output.note(PLAN.format(users="1 user" if len(users) == 1 else f"{len(users)} users", group=options.group))
    if own:
        output.note(GOES if options.data else STAYS)
    for one in own:
        former = FORMER.format(one.formerVersions) if one.formerVersions else ""
        output.note(NAMED.format(key=one.key, rows=one.rows, former=former))
    if not output.confirm("Erase?"):
        output.document(told, lambda *_: output.say("Nothing is erased. Repeat the command with --yes."))
        return UNCONFIRMED
    if options.data:
        erase_own(stack.bucket, who, {one.key for one in own})
    reference, execution = request(stack, options.group, users)
    told |= {"rewritten": options.data, "reference": reference, "execution": execution}
    if not options.wait:
        output.document(told, lambda *_: output.say(REQUESTED.format(**told)))
        return OK
    for _ in until_done(stack, options.group, execution):
        pass
    record = record_of(stack, options.group, reference)
    output.document({**told, "outcome": record["outcome"], "erasure": record["erasure"]}, lambda c, _: proof(c, record))
    return OK if record["outcome"] == "SUCCEEDED" else FAILED


def proof(console: Console, record: RunRecord) -> None:
    """Print what was erased, and what forgets them later."""
    summary = summarize(record)
    for one in summary["problems"]:
        say(console, f"{one['place']}: {one['message']} {one['remedy']}")
    for note in summary["notes"]:
        say(console, note)
    say(console, f"Reference {record['erasure']['reference']}, run {record['run']}: its record names no one.")


COMMANDS = (
    Command(
        "erase",
        erase,
        {
            "usher erase films u17 --yes": "erase a user; your own files that name the user are told, and stay",
            "usher erase films --file gone.csv --data --yes --wait": "erase users, from your own files, too; wait",
        },
        add_arguments,
        changes="files, table and queues of the group; Personalize's data; with `--data` your files in the bucket",
        asks=True,
    ),
)
