"""`usher`: what a stack would do, what it does, and what it is told to do.

    usher plan films                        what a run would do, why, and what that takes and costs
    usher plan films --config usher.yaml    the same with another config than the one in the bucket
    usher status [films]                    what is live, and how the last run went
    usher import old-films [--group films]  the config for what is in Personalize; with --adopt, take it over
    usher evaluate films                    what recommends best: train on the past, compare with the rest
    usher evaluate --offline data/          the same on this machine, with anyone's files, before anything is spent
    usher promote films for-you <version> --why "..."    serve a version, whatever the gate says
    usher rollback films for-you --why "..."             serve the version before the live one
    usher doctor [films]                    whether the deployed stack can work, and has room for the config
    usher local up                          the local cloud on this machine, with Usher deployed in it

The stack is the one called `usher` (--stack, or USHER_STACK), in the account and region of the environment; with
AWS_ENDPOINT_URL, it is that of the local cloud.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from usher.aws import client
from usher.costs.ledger import Spending
from usher.costs.prices import FREE
from usher.errors import InputError, UsherError
from usher.evaluation.splits import SPLITS
from usher.formats import documents
from usher.planning.planner import Draft, draft
from usher.planning.tasks import Tasks
from usher.planning.version_pins import Pins, choose_version
from usher.resources.deletion import belongings
from usher.resources.inventory import Inventory
from usher.resources.kinds import GROUP_TAG, STACK_TAG
from usher.resources.versions import usable
from usher.storage.bucket import Bucket
from usher.storage.layout import GROUP_NAME, config_keys, group_folders, group_of, is_config, is_data
from usher.storage.table import Table

from usher_cli import doctor, show
from usher_cli.adopt import Preview, check_owners, claim, made_from, sources
from usher_cli.evaluate import evaluate
from usher_cli.existing import Existing
from usher_cli.existing import read as read_existing
from usher_cli.offline import offline
from usher_cli.stack import Stack
from usher_local.cloud.foreground import add_options, leave, run

FAILED = 1
INTERRUPTED = 130


class ReadOnlyTable(Table):
    """The table, in which nothing is changed."""

    def update(self, *_: Any, **__: Any) -> None:
        """Leave the item as it is."""


def plan(stack: Stack, options: argparse.Namespace, console: Console) -> int:
    """Show what a run would do now."""
    bucket: Any = stack.bucket
    if options.config:
        key = next(
            (key for key in config_keys(options.group) if key in bucket.keys(key)), config_keys(options.group)[0]
        )
        bucket = Preview(bucket.s3, bucket.name, {key: _as_named(key, options.config)})
    show.draft(console, draft_of(stack, options.group, bucket))
    return 0


def _as_named(key: str, file: Path) -> bytes:
    """A config's content in the form that its key in the bucket tells: JSON, if it ends so. Raises InputError."""
    content = file.read_bytes()
    other = key.endswith(".json") and file.suffix != ".json"
    return json.dumps(documents.read(content, str(file))).encode() if other else content


def draft_of(stack: Stack, group: str, bucket: Any, claims: Mapping[str, Mapping[str, str]] | None = None) -> Draft:
    """What a run would do with what is in a bucket; `claims`: an Inventory's. Raises InputError."""
    pins = Pins(ReadOnlyTable(stack.table.dynamodb, stack.table.name))
    return draft(
        bucket,
        stack.target(group),
        stack.clients,
        stack.serving.read(group),
        tasks=Tasks(stack.table).of(group),
        resolve_pins=lambda wanted, live: pins.resolve(stack.clients["personalize"], group, wanted, live),
        claims=claims,
        ceilings=stack.ceilings,
        past=Spending(stack.table).of(group),
    )


def status(stack: Stack, options: argparse.Namespace, console: Console) -> int:
    """Show every group, or one: what is live, and how its last run went."""
    groups = [options.group] if options.group else stack.groups()
    records = {group: runs[-1].read() for group in groups if (runs := stack.runs(group))}
    if not options.group:
        show.groups(console, records)
        return 0
    if not records:
        place = f"s3://{stack.bucket.name}/{options.group}/"
        raise UsherError(f"{options.group} has had no run yet. Put interactions.csv into {place} to start one.")
    (record,) = records.values()
    show.record(console, record, stack.serving.read(options.group))
    return FAILED if record["outcome"] == "FAILED" else 0


def take_over(stack: Stack, options: argparse.Namespace, console: Console) -> int:
    """Print the config for what is in Personalize; with --adopt, let Usher take it over."""
    group, personalize = options.group or options.dataset_group, stack.clients["personalize"]
    if not GROUP_NAME.match(group):
        raise UsherError(f"{group} is too long, or no name, for a group. Choose one: --group <name>.")
    existing = read_existing(personalize, options.dataset_group, group)
    text = yaml.safe_dump(existing.content, sort_keys=False, allow_unicode=True, width=120)
    is_kept = options.adopt and has_files(stack.bucket, group)
    if not is_kept:
        print(text, end="")  # noqa: T201 - to be piped into a file
        for note in existing.notes:
            console.print(f"Note: {note}", soft_wrap=True, markup=False)
    if options.adopt:
        adopt(stack, options, console, _preview(stack, group, existing, "" if is_kept else text), existing.arn)
    return 0


def adopt(stack: Stack, options: argparse.Namespace, console: Console, bucket: Preview, arn: str) -> None:
    """Tag a dataset group (`arn`) and what is in it as a group's, and put its files into the bucket.

    Raises UsherError where they are another's, or where a run would then do something that costs.
    """
    group = options.group or options.dataset_group
    claims = {arn: {GROUP_TAG: group}}
    plan = draft_of(stack, group, bucket, claims).plan
    if plan is None:
        raise UsherError(f"{options.dataset_group} has no interactions. There is nothing to take over.")
    if plan["resources"][0].arn != arn:
        raise UsherError(
            f"The files in {bucket.url(group)}/ are not for the dataset group {options.dataset_group}. To use them for "
            f"it, say in usher.yaml: adopt: {{dataset_group/{group}: {options.dataset_group}}}"
        )
    target = stack.target(group)
    inventory = Inventory(stack.clients, target.stack_arn)
    owned = [one for kind, _, one in belongings(inventory, target, plan["resources"]) if kind.has_owner]
    check_owners(inventory, owned, group, options.from_stack, anyway=options.anyway)
    inputs, outdated = made_from(inventory, plan["resources"], bucket.copies)
    for one in outdated:
        console.print(f"Note: {one} is older than what it should be made from.", soft_wrap=True, markup=False)
    claims |= inputs
    drafted = draft_of(stack, group, bucket, claims)
    for one in dict.fromkeys([*owned, *claims]):
        console.print(f"To be tagged as the stack's: {one}", soft_wrap=True, markup=False)
    show.draft(console, drafted)
    tags = inventory.tags(arn)
    is_own = tags.get(STACK_TAG) == target.stack_arn and tags.get(GROUP_TAG, group) == group
    if is_costly(drafted) and not (is_own or options.anyway):
        raise UsherError("Nothing has been changed, as a run would do all this. To let it: --anyway.")
    claim(inventory, owned, claims)
    bucket.put()
    console.print(f"Usher looks after {options.dataset_group} from now on: {bucket.url(group)}/", soft_wrap=True)
    if is_costly(drafted):
        console.print("The next run does all this.")


def has_files(bucket: Bucket, group: str) -> bool:
    """Whether a group has a config or data, in its folder or in one of the AWS Solution's."""
    keys = (key for home in group_folders(group) for key in bucket.keys(home) if group_of(key) == group)
    return any(is_config(key) or is_data(key) for key in keys)


def _preview(stack: Stack, group: str, existing: Existing, text: str) -> Preview:
    """The bucket with a config and with the data of what is taken over; without a config, as it is."""
    bucket = stack.bucket
    if not text:
        return Preview(bucket.s3, bucket.name)
    copies = sources(bucket.s3, group, existing.locations)
    return Preview(bucket.s3, bucket.name, {config_keys(group)[0]: text.encode()}, copies)


def diagnose(stack: Stack, options: argparse.Namespace, console: Console) -> int:
    """Check that the deployed stack can work; with a group, that Personalize has room for its config."""

    def wanted() -> Counter[str]:
        states = draft_of(stack, options.group, stack.bucket).findings["resources"]
        return Counter(state.id.partition("/")[0] for state in states if state.action == "create")

    results = []
    for one in doctor.examine(doctor.Deployment(stack, options.group, wanted), doctor.CHECKS):
        results.append(one)
        if not options.json:
            show.check(console, one)
    if options.json:
        print(doctor.as_json(results))  # noqa: T201 - to be read by a program
    return FAILED if any(one.outcome == doctor.PROBLEM for one in results) else 0


def is_costly(drafted: Draft) -> bool:
    """Whether a run would do more than what is free and quick, such as making an event tracker."""
    states = drafted.findings["resources"]
    return any(state.action != "reuse" and state.id.partition("/")[0] not in FREE for state in states)


def promote(stack: Stack, options: argparse.Namespace, console: Console) -> int:
    """Have a solution served by an earlier version, or by one that the gate holds."""
    if options.group not in stack.serving.groups():
        known = ", ".join(stack.serving.groups()) or "none yet"
        raise UsherError(f"{options.group} serves nothing that could be changed; there is: {known}.")
    solutions = stack.serving.read(options.group)["solutions"]
    if options.solution not in solutions:
        raise UsherError(f"{options.group} serves no solution {options.solution}; it serves: {', '.join(solutions)}.")
    of = solutions[options.solution]["solutionVersionArn"]
    versions = usable(stack.clients["personalize"], of.rpartition("/")[0])
    if not choose_version(options.version, versions, of):
        there = ", ".join(versions) or "none"
        raise UsherError(f"{options.solution} has no version {options.version} to serve; there is: {there}.")
    who = client("sts").get_caller_identity()["Arn"]
    execution = stack.start(
        group=options.group, solution=options.solution, version=options.version, who=who, why=options.why
    )
    console.print(f"Started {execution}\nHow it goes: usher status {options.group}", soft_wrap=True, markup=False)
    return 0


def compare(stack: Stack, options: argparse.Namespace, console: Console) -> int:
    """Hold back a part of a group's history, train on the rest, and compare what is recommended with it."""
    asked = {"split": options.split, "share": options.share, "cut": options.cut, "recipes": options.recipes}
    given = {name: value for name, value in asked.items() if value is not None}
    if bool(options.offline) == bool(options.group):
        raise UsherError("Name a group (usher evaluate films), or files of yours (usher evaluate --offline data/).")
    if options.offline:
        with offline(options.offline, console) as here:
            told = evaluate(here.stack, {**here.given, **given}, options.to, console)
    else:
        rate = {"requestsPerSecond": options.rate} if options.rate else {}
        live = {} if options.live else {"live": False}
        told = evaluate(stack, {"group": options.group, **given, **rate, **live}, options.to, console)
    show.scores(console, told)
    console.print(f"The report: {options.to / 'report.html'}", soft_wrap=True, markup=False)
    return FAILED if told["outcome"] == "FAILED" else 0


def up(_stack: Stack, options: argparse.Namespace, _console: Console) -> int:
    """Run the local cloud with Usher deployed in it, until Ctrl-C."""
    leave(run(options))


def names(text: str) -> list[str]:
    """Names that are separated by commas; ArgumentTypeError where there are none."""
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise argparse.ArgumentTypeError("names nothing")
    return found


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line. SystemExit with status 2 for a wrong one."""
    parser = argparse.ArgumentParser(
        prog="usher", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stack", default=os.environ.get("USHER_STACK", "usher"), help="the stack's name")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, do: Callable[[Stack, argparse.Namespace, Console], int]) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=do.__doc__, description=do.__doc__)
        added.set_defaults(do=do)
        return added

    planning = command("plan", plan)
    planning.add_argument("group")
    planning.add_argument("--config", type=Path, metavar="FILE", help="plan with this config")
    command("status", status).add_argument("group", nargs="?")
    importing = command("import", take_over)
    importing.add_argument("dataset_group", metavar="dataset-group")
    importing.add_argument("--group", help="its name here, if it is not to be the same")
    importing.add_argument(
        "--adopt", action="store_true", help="tag what is there; put config and data into the bucket"
    )
    importing.add_argument("--from-stack", default="", metavar="NAME", help="even what is that other stack's")
    importing.add_argument(
        "--anyway",
        action="store_true",
        help="even if a run would then have something to do, or CloudFormation manages it",
    )
    comparing = command("evaluate", compare)
    comparing.add_argument("group", nargs="?")
    comparing.add_argument("--offline", type=Path, metavar="DATA", help="a folder of CSVs, or a file of ratings")
    comparing.add_argument("--split", choices=list(SPLITS), help="how a part is held back (last-tenth)")
    comparing.add_argument("--share", type=float, help="how much of it, 0.01 to 0.5 (0.1)")
    comparing.add_argument("--cut", type=float, help="Unix seconds from which on all is held back, for --split global")
    comparing.add_argument("--recipes", type=names, help="by commas, or: all")
    comparing.add_argument("--rate", type=float, help="requests per second to campaigns (10)")
    comparing.add_argument("--no-live", dest="live", action="store_false", help="without the versions that serve")
    comparing.add_argument("--to", type=Path, default=Path("evaluation"), help="a folder for the report (evaluation)")
    local = commands.add_parser("local", help="The local cloud: AWS on this machine.")
    starting = local.add_subparsers(required=True, metavar="command").add_parser(
        "up", help=up.__doc__, description=up.__doc__
    )
    starting.set_defaults(do=up)
    add_options(starting)
    diagnosing = command("doctor", diagnose)
    diagnosing.add_argument("group", nargs="?")
    diagnosing.add_argument("--json", action="store_true", help="for programs")
    for name, version in (("promote", None), ("rollback", "previous")):
        moving = command(name, promote)
        moving.add_argument("group")
        moving.add_argument("solution")
        if version:
            moving.set_defaults(version=version)
        else:
            moving.add_argument("version", help="a solution version's ARN, `latest` or `previous`")
        moving.add_argument("--why", required=True, help="for the record")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0; 1 where something does not work or has failed, with the reason; 2 for a wrong command line."""
    options = parse(arguments)
    console = Console(stderr=options.do is take_over or (options.do is diagnose and options.json))
    try:
        result: int = options.do(Stack(options.stack), options, console)
    except InputError as error:
        show.problems(console, error.as_dicts())
    except UsherError as error:
        console.print(str(error), style="red", soft_wrap=True, markup=False)
    except ClientError as error:
        said = f"AWS refuses {error.operation_name}: {error.response['Error']['Message']}"
        console.print(said, style="red", soft_wrap=True, markup=False)
    except ModuleNotFoundError as error:
        console.print(
            f"{error.name} is missing. Install Usher with its local cloud: pip install 'usher[local]'",
            style="red",
            markup=False,
        )
    except (BotoCoreError, OSError) as error:
        console.print(str(error), style="red", soft_wrap=True, markup=False)
    except KeyboardInterrupt:
        return INTERRUPTED
    else:
        return result
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
