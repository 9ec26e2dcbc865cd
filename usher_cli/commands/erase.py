"""`usher erase`: erase users."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from usher.erasure.erased_users import ErasedUsers
from usher.run_record import RunRecord
from usher.run_summary import summarize

from usher_cli.actions.erasure import REQUESTED, erase_and_request, named_users, own_files, record_of, sentences
from usher_cli.command import FAILED, OK, UNCONFIRMED, Command, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output, say
from usher_cli.status import until_done


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group, the users, and whether the group's own files are rewritten."""
    group(parser)
    parser.add_argument("user", nargs="?", help="the user's ID")
    parser.add_argument("--file", type=Path, help="a file of users: one ID on each line, or a CSV with USER_ID")
    parser.add_argument("--data", action="store_true", help="also remove them from your own files in the bucket")
    parser.add_argument("--wait", action="store_true", help="return when they are erased, and print the proof")


def erase(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Erase users from Personalize and from everything that Usher keeps. The record of the erasure names no user."""
    users = named_users(options.user, options.file)
    erased = ErasedUsers(options.group, frozenset(users))
    own = list(own_files(stack.bucket, erased))
    report: dict[str, Any] = {"group": options.group, "ownFiles": list(map(asdict, own)), "rewritten": False}
    for sentence in sentences(erased, own, data=options.data):
        output.note(sentence)
    if not output.confirm("Erase?"):
        output.document(report, lambda *_: output.say("Nothing is erased. Repeat the command with --yes."))
        return UNCONFIRMED
    reference, execution = erase_and_request(stack, erased, own if options.data else ())
    report |= {"rewritten": options.data, "reference": reference, "execution": execution}
    if not options.wait:
        output.document(report, lambda *_: output.say(REQUESTED.format(**report)))
        return OK
    for _ in until_done(stack, options.group, execution):
        pass
    record = record_of(stack, options.group, reference)
    output.document(
        {**report, "outcome": record["outcome"], "erasure": record["erasure"]}, lambda c, _: proof(c, record)
    )
    return OK if record["outcome"] == "SUCCEEDED" else FAILED


def proof(console: Console, record: RunRecord) -> None:
    """Print the erased things, and the models that know the users until their next training."""
    summary = summarize(record)
    for one in summary["problems"]:
        say(console, f"{one['place']}: {one['message']} {one['remedy']}")
    for note in summary["notes"]:
        say(console, note)
    say(console, f"Reference {record['erasure']['reference']}, run {record['run']}: its record names no user.")


COMMANDS = (
    Command(
        "erase",
        erase,
        {
            "usher erase films u17 --yes": "erase a user; your own files that name the user are listed, and stay",
            "usher erase films --file gone.csv --data --yes --wait": "erase users, from your own files, too; wait",
        },
        add_arguments,
        changes="files, table and queues of the group; Personalize's data; with `--data` your files in the bucket",
        asks=True,
    ),
)
