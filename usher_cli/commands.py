"""The commands: functions whose docstrings are the help of the commands, and which return the exit status."""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import yaml
from rich.console import Console
from usher.aws import client
from usher.errors import UsherError
from usher.events.kept import KeptEvent
from usher.planning.promotions_and_rollbacks import choose_version
from usher.planning.quota_check import count_created, count_existing, count_in_region
from usher.resources.inventory import Inventory
from usher.resources.versions import usable_versions
from usher.run_summary import summarize
from usher.storage.bucket import as_json
from usher.storage.layout import GROUP_NAME, config_keys

from usher_cli import events, show
from usher_cli.adopt import adopt, has_files, preview
from usher_cli.costs import account_cost
from usher_cli.deployed_stack import DeployedStack
from usher_cli.doctor import examination
from usher_cli.doctor.checks import CHECKS
from usher_cli.drafts import draft_of
from usher_cli.drop import progress, read_folder, upload
from usher_cli.evaluation import run_evaluation
from usher_cli.existing import read_existing
from usher_cli.logs import lines_of, run_named
from usher_cli.offline_stack import offline_stack
from usher_cli.preview import Preview
from usher_cli.status import EXIT_STATUS, last_record, status_of, until_end
from usher_local.cloud.foreground import leave, run

FAILED = 1


def plan(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Show what a run would do now."""
    bucket: Any = stack.bucket
    if options.config:
        key = next(
            (key for key in config_keys(options.group) if key in bucket.keys(key)), config_keys(options.group)[0]
        )
        content, label = options.config.read_bytes(), str(options.config)
        bucket = Preview(bucket.s3, bucket.name, {key: content}, labels={key: label})
    show.draft(console, draft_of(stack, options.group, bucket))
    return 0


def status(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Show how the last run of every group went; of one group, all that its page tells, and what is live."""
    if not options.group:
        last = [one for one in stack.groups() if stack.runs(one)]
        summaries = [summarize(last_record(stack, one)) for one in last]
        _as_json(summaries) if options.json else show.groups(console, summaries)
        return 0
    if options.wait or options.follow:
        with show.following(console) as tell:
            for record in until_end(stack, options.group):
                if options.follow:
                    tell(record)
    found = status_of(stack, options.group)
    _as_json(found) if options.json else show.status(console, found)
    return EXIT_STATUS[found["last"]["outcome"]]


def cost(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Show what Personalize costs every month: in the account and region, or of one group."""
    found = account_cost(stack, options.group)
    _as_json(found) if options.json else show.account(console, found)
    return 0


def _as_json(value: object) -> None:
    print(as_json(value))  # noqa: T201 - to be read by a program


def logs(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Show what a run of a group decided, and why, line by line: its last run, or the one that is named."""
    for line in lines_of(stack, run_named(stack, options.group, options.run), follow=options.follow):
        if options.json:
            print(json.dumps(line, ensure_ascii=False))  # noqa: T201 - to be read by a program
        else:
            show.log_line(console, line)
    return 0


def events_tail(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Show today's events of a group, and those that are kept from now on, until you press Ctrl-C."""
    for event in events.arriving(stack.bucket, options.group):
        if options.json:
            print(json.dumps(event, ensure_ascii=False), flush=True)  # noqa: T201 - to be read by a program
        else:
            show.event_line(console, event)
    return 0


def events_stats(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Count the kept events of a group by day and type, and those that Personalize refused."""
    days = events.Days(events.today() - timedelta(options.days - 1), events.today())
    counts = list(events.counted(stack.bucket, options.group, days))
    if options.json:
        _as_json([count._asdict() for count in counts])
    elif counts:
        show.print_table(console, ("Day", "Type", "Events", "Refused"), counts)
    else:
        console.print(f"No events of {options.group} are kept of {days}.", markup=False)
    return 0


def events_replay(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Send kept events again, to the same group or another one; or write them as a file of interactions."""
    days, group = events.Days(options.first, options.last), options.into or options.group

    def chosen() -> Iterator[KeptEvent]:
        for day in days:
            for event in events.events_of_day(stack.bucket, options.group, day):
                if ("refused" in event) == options.refused:
                    yield event

    if options.file:
        written, left_out = events.write_interactions(options.file, chosen)
        told = f"; {left_out:,} events without a user or an item are left out" if left_out else ""
        console.print(f"{options.file} has {written:,} interactions of {days}{told}.", markup=False)
        return 0
    serving = stack.serving.read(group)
    ids = {"events": serving.get("trackingId", ""), "action-interactions": serving.get("actionTrackingId", "")}
    tracking_ids = {kind: one for kind, one in ids.items() if one}
    messages = list(events.messages(chosen(), group, tracking_ids, time.time()))
    number = sum(len(message["events"]) for message in messages)
    sessions = len({message["sessionId"] for message in messages})
    what = f"{number:,} {'refused ' if options.refused else ''}events of {sessions:,} sessions, of {days}"
    if not options.yes:
        console.print(f"This would send {what}, to {group}. Do it with --yes.", markup=False)
        return 0
    events.queue(client("sqs"), stack.pending_queue, messages)
    console.print(f"{what} wait in the queue, from which the stack sends them to {group} in order.", markup=False)
    return 0


def drop(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Upload a folder of data and config as one drop, which starts one run."""
    group = options.group or options.folder.resolve().name
    if not GROUP_NAME.match(group):
        raise UsherError(f"{group} is not a valid name of a group. Choose another: --group <name>.")
    dropped = read_folder(options.folder, group)
    for note in dropped.notes:
        console.print(f"Note: {note}", soft_wrap=True, markup=False)
    with progress(dropped.size) as advance:
        upload(stack.bucket, dropped, advance)
    number = f"{len(dropped.files)} file{'s' if len(dropped.files) > 1 else ''}"
    seconds = stack.parameters.get("SettleSeconds", "60")
    console.print(
        f"Dropped {number} ({dropped.size / 1e6:,.1f} MB) into s3://{stack.bucket.name}/{group}/\n"
        f"The run begins when no other file has arrived for {seconds} seconds. "
        f"To follow it: usher status {group} --follow",
        soft_wrap=True,
        markup=False,
    )
    return 0


def take_over(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Print the config for a dataset group of Personalize; with --adopt, let Usher manage it."""
    group, personalize = options.group or options.dataset_group, stack.clients["personalize"]
    if not GROUP_NAME.match(group):
        raise UsherError(f"{group} is not a valid name of a group. Choose another: --group <name>.")
    existing = read_existing(personalize, options.dataset_group, group)
    text = yaml.safe_dump(existing.content, sort_keys=False, allow_unicode=True, width=120)
    has_own_files = options.adopt and has_files(stack.bucket, group)
    if not has_own_files:
        print(text, end="")  # noqa: T201 - to be piped into a file
        for note in existing.notes:
            console.print(f"Note: {note}", soft_wrap=True, markup=False)
    if options.adopt:
        adopt(stack, options, console, preview(stack, group, existing, "" if has_own_files else text), existing.arn)
    return 0


def diagnose(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Check that the deployed stack works; with a group, also that Personalize's quotas allow its config."""

    def counted() -> tuple[Counter[str], Counter[str]]:
        inventory = Inventory(stack.clients, stack.target("any").stack_arn)
        if not options.group:
            return count_in_region(inventory), Counter()
        drafted = draft_of(stack, options.group, stack.bucket)
        resources, deleted = (drafted.plan.resources, drafted.plan.to_delete) if drafted.plan else ((), ())
        existing = count_existing(inventory, stack.target(options.group), resources)
        return existing, count_created(drafted.states) - Counter(one.kind for one in deleted)

    results = []
    for one in examination.examine(examination.Deployment(stack, options.group, counted), CHECKS):
        results.append(one)
        if not options.json:
            show.doctor_line(console, one)
    if options.json:
        print(examination.as_json(results))  # noqa: T201 - to be read by a program
    return FAILED if any(one.outcome == examination.PROBLEM for one in results) else 0


def promote(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Serve another version of a solution: an earlier one, or one that the gate blocks."""
    if options.group not in stack.serving.groups():
        known = ", ".join(stack.serving.groups()) or "none yet"
        raise UsherError(f"{options.group} serves nothing yet. Groups that serve: {known}.")
    solutions = stack.serving.read(options.group)["solutions"]
    if options.solution not in solutions:
        raise UsherError(f"{options.group} serves no solution {options.solution}; it serves: {', '.join(solutions)}.")
    of = solutions[options.solution]["solutionVersionArn"]
    versions = usable_versions(stack.clients["personalize"], of.rpartition("/")[0])
    if not choose_version(options.version, versions, of):
        known = ", ".join(versions) or "none"
        raise UsherError(f"{options.solution} has no version {options.version} to serve; available: {known}.")
    who = client("sts").get_caller_identity()["Arn"]
    execution = stack.start(
        group=options.group, solution=options.solution, version=options.version, who=who, why=options.why
    )
    console.print(f"Started {execution}\nTo follow it: usher status {options.group}", soft_wrap=True, markup=False)
    return 0


def evaluate(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Train on a part of a group's history, and compare the recommendations with the rest."""
    names = ("split", "share", "cut", "recipes", "exploration")
    request = {name: value for name in names if (value := getattr(options, name)) is not None}
    if bool(options.offline) == bool(options.group):
        raise UsherError("Name a group (usher evaluate films), or a folder of files (usher evaluate --offline data/).")
    if options.offline:
        with offline_stack(options.offline, console) as here:
            report, outcome = run_evaluation(here.stack, {**here.request, **request}, options.to, console)
    else:
        rate = {"requestsPerSecond": options.rate} if options.rate else {}
        live = {} if options.live else {"live": False}
        report, outcome = run_evaluation(
            stack, {"group": options.group, **request, **rate, **live}, options.to, console
        )
    show.scores(console, report)
    console.print(f"The report: {options.to / 'report.html'}", soft_wrap=True, markup=False)
    return FAILED if outcome == "FAILED" else 0


def up(_stack: DeployedStack, options: argparse.Namespace, _console: Console) -> int:
    """Run the local cloud with Usher deployed in it, until Ctrl-C."""
    leave(run(options))


def ui(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Show the stack in your browser: what it recommends to whom, and how its machine is. Ctrl-C ends it."""
    from usher_cli.ui.app import serve  # the library of the page takes a second to load

    serve(stack, options.host, options.port, lambda address: console.print(f"{address} (Ctrl-C ends it)"))
    return 0
