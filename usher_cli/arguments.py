"""`usher`: plan, run and check what Usher does with Amazon Personalize.

    usher plan films                        what a run would do, why, how long it takes and what it costs
    usher plan films --config usher.yaml    the same with another config than the one in the bucket
    usher drop data/ [--group films]        upload a folder of data and config, which starts one run
    usher status [films]                    what is live, and how the last run went
    usher logs films [--follow]             what a run decided, and why, line by line
    usher cost [films]                      what Personalize costs every month, what serves no one included
    usher import old-films [--group films]  the config for a dataset group of Personalize; with --adopt, take it over
    usher evaluate films                    which recipe is best: train on the past, compare with what followed
    usher evaluate --offline data/          the same on this machine, with your own files, before you spend anything
    usher promote films for-you <version> --why "..."    serve this version, whatever the gate decided
    usher rollback films for-you --why "..."             serve the version before the live one
    usher events tail films                 the events that arrive; stats counts them, replay sends them again
    usher keys create films --name mail --routes "POST events"    an API key; list, rotate and revoke do the rest
    usher doctor [films]                    whether the deployed stack works; whether the quotas allow the config
    usher ui                                the page of the stack, in your browser
    usher local up                          run the local cloud on this machine, with Usher deployed in it

The commands use the stack `usher` (or --stack, or USHER_STACK) in the account and region of your environment. With
AWS_ENDPOINT_URL they use the local cloud.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console
from usher.evaluation.splits import SPLITS

from usher_cli.commands import (
    cost,
    diagnose,
    drop,
    evaluate,
    events_replay,
    events_stats,
    events_tail,
    logs,
    plan,
    promote,
    status,
    take_over,
    ui,
    up,
)
from usher_cli.deployed_stack import DeployedStack
from usher_cli.events import today
from usher_cli.keys import create_key, list_keys, revoke_key, rotate_key
from usher_local.cloud.foreground import add_options, port_number


def names(text: str) -> list[str]:
    """Split names that are separated by commas. Raises ArgumentTypeError if there is none."""
    split = [name.strip() for name in text.split(",") if name.strip()]
    if not split:
        raise argparse.ArgumentTypeError("no name is given")
    return split


def days(text: str) -> int:
    """A number of days, up to a year. Raises ArgumentTypeError for another text."""
    if not text.isascii() or not text.isdigit() or int(text[:9]) > 366:
        raise argparse.ArgumentTypeError("it must be a number of days from 0 to 366")
    return int(text)


def day(text: str) -> date:
    """A day such as 2026-11-27. Raises ArgumentTypeError for another text."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("it must be a day such as 2026-11-27") from None


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; by default, that of this process. Raises SystemExit with status 2 if it is wrong."""
    return make_parser().parse_args(arguments)


def make_parser() -> argparse.ArgumentParser:
    """Describe the commands and their options."""
    parser = argparse.ArgumentParser(
        prog="usher", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--stack", default=os.environ.get("USHER_STACK", "usher"), help="the name of the deployed stack"
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, do: Callable[[DeployedStack, argparse.Namespace, Console], int]) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=do.__doc__, description=do.__doc__)
        added.set_defaults(do=do)
        return added

    planning = command("plan", plan)
    planning.add_argument("group")
    planning.add_argument("--config", type=Path, metavar="FILE", help="plan with this config")
    dropping = command("drop", drop)
    dropping.add_argument("folder", type=Path, help="data and config, laid out as in the group's folder of the bucket")
    dropping.add_argument("--group", help="the name of the group (default: the folder's)")
    telling = command("status", status)
    telling.add_argument("group", nargs="?")
    telling.add_argument("--wait", action="store_true", help="return when no run is at work on the group")
    telling.add_argument("--follow", action="store_true", help="the same, and show the run until then")
    telling.add_argument("--json", action="store_true", help="print JSON, for programs")
    logging = command("logs", logs)
    logging.add_argument("group")
    logging.add_argument("--run", metavar="NAME", help="this run (default: the newest)")
    logging.add_argument("--follow", action="store_true", help="go on until the run has ended")
    logging.add_argument("--json", action="store_true", help="print a line of JSON for each, for programs")
    pricing = command("cost", cost)
    pricing.add_argument("group", nargs="?")
    pricing.add_argument("--json", action="store_true", help="print JSON, for programs")
    importing = command("import", take_over)
    importing.add_argument("dataset_group", metavar="dataset-group")
    importing.add_argument("--group", help="the name of the group in Usher (default: the same)")
    importing.add_argument(
        "--adopt", action="store_true", help="tag the resources; put config and data into the bucket"
    )
    importing.add_argument(
        "--from-stack", default="", metavar="NAME", help="also take over what belongs to this other stack"
    )
    importing.add_argument(
        "--anyway",
        action="store_true",
        help="also if a run would then have something to do, or CloudFormation manages a resource",
    )
    comparing = command("evaluate", evaluate)
    comparing.add_argument("group", nargs="?")
    comparing.add_argument("--offline", type=Path, metavar="DATA", help="a folder of CSV files, or a file of ratings")
    comparing.add_argument("--split", choices=list(SPLITS), help="how the data is split (default: last-tenth)")
    comparing.add_argument("--share", type=float, help="the share that is held out, 0.01 to 0.5 (default: 0.1)")
    comparing.add_argument(
        "--cut", type=float, help="Unix seconds from which all events are held out, for --split global"
    )
    comparing.add_argument("--recipes", type=names, help="recipes separated by commas, or: all")
    comparing.add_argument(
        "--exploration", action="store_true", help="let recipes try items out, as in their campaigns"
    )
    comparing.add_argument("--rate", type=float, help="requests per second to campaigns (default: 10)")
    comparing.add_argument("--no-live", dest="live", action="store_false", help="leave out the live versions")
    comparing.add_argument(
        "--to", type=Path, default=Path("evaluation"), help="the folder for the report (default: evaluation)"
    )
    local = commands.add_parser("local", help="Run the local cloud, AWS on this machine.")
    starting = local.add_subparsers(required=True, metavar="command").add_parser(
        "up", help=up.__doc__, description=up.__doc__
    )
    starting.set_defaults(do=up)
    add_options(starting)
    showing = command("ui", ui)
    showing.add_argument("--host", default="localhost", help="the address to listen on (default: localhost)")
    showing.add_argument("--port", type=port_number, default=8080, help="default: 8080; 0 for any")
    _add_events(commands)
    keys = commands.add_parser("keys", help="Make, list, rotate and revoke API keys.").add_subparsers(
        required=True, metavar="command"
    )
    for verb, act in (("list", list_keys), ("create", create_key), ("rotate", rotate_key), ("revoke", revoke_key)):
        managing = keys.add_parser(verb, help=act.__doc__, description=act.__doc__)
        managing.set_defaults(do=act)
        managing.add_argument("group")
        if verb == "list":
            managing.add_argument("--json", action="store_true", help="print JSON, for programs")
        elif verb == "create":
            managing.add_argument("--name", required=True, help="what the key is for")
            managing.add_argument("--routes", required=True, type=names, help='such as "POST events,GET popular"')
        else:
            managing.add_argument("key", help="the key's ID, as usher keys list shows it")
        if verb == "rotate":
            managing.add_argument(
                "--days",
                type=days,
                default=7,
                help="how long the former secret is valid (default: 7; 0: no longer)",
            )
    diagnosing = command("doctor", diagnose)
    diagnosing.add_argument("group", nargs="?")
    diagnosing.add_argument("--json", action="store_true", help="print JSON, for programs")
    for name, version in (("promote", None), ("rollback", "previous")):
        moving = command(name, promote)
        moving.add_argument("group")
        moving.add_argument("solution")
        if version:
            moving.set_defaults(version=version)
        else:
            moving.add_argument("version", help="a solution version's ARN, `latest` or `previous`")
        moving.add_argument("--why", required=True, help="the reason, for the run's record")
    return parser


def _add_events(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    events = commands.add_parser("events", help="Show, count and send again the events of users.").add_subparsers(
        required=True, metavar="command"
    )
    added = {}
    for verb, do in (("tail", events_tail), ("stats", events_stats), ("replay", events_replay)):
        added[verb] = events.add_parser(verb, help=do.__doc__, description=do.__doc__)
        added[verb].set_defaults(do=do)
        added[verb].add_argument("group")
    for verb in ("tail", "stats"):
        added[verb].add_argument("--json", action="store_true", help="print JSON, for programs")
    added["stats"].add_argument("--days", type=days, default=7, help="so many days up to today (default: 7)")
    replaying = added["replay"]
    for option, name, default, of in (
        ("--from", "first", today() - timedelta(1), "from this day on, in UTC (default: yesterday)"),
        ("--to", "last", today(), "up to this day (default: today)"),
    ):
        replaying.add_argument(option, dest=name, type=day, default=default, metavar="DAY", help=of)
    replaying.add_argument("--refused", action="store_true", help="those that Personalize refused, not the others")
    replaying.add_argument("--into", metavar="GROUP", help="send them to this group instead")
    replaying.add_argument("--file", type=Path, help="write a CSV of interactions here instead")
    replaying.add_argument("--yes", action="store_true", help="send them, and do not only say what would be sent")
