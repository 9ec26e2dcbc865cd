"""`usher evaluate`: compare recipes on held-out history."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console
from usher.errors import UsherError
from usher.evaluation.splits import SPLITS
from usher.reports.evaluation_report import EvaluationReport

from usher_cli import show
from usher_cli.actions.evaluations import evaluate as evaluation_of
from usher_cli.command import FAILED, OK, Command, names
from usher_cli.deployed_stack import DeployedStack
from usher_cli.evaluation import run_evaluation
from usher_cli.offline_stack import offline_stack
from usher_cli.output import Output


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group or the data, and the options of the split and the contenders."""
    parser.add_argument("group", nargs="?", help="the name of the group")
    parser.add_argument("--offline", type=Path, metavar="DATA", help="a folder of CSV files, or a file of ratings")
    parser.add_argument("--split", choices=list(SPLITS), help="the split of the data (default: last-tenth)")
    parser.add_argument("--share", type=float, help="the share to hold out, 0.01 to 0.5 (default: 0.1)")
    parser.add_argument("--cut", type=float, help="for --split global: hold out all events from this Unix time on")
    parser.add_argument("--recipes", type=names, help="recipes separated by commas, or: all")
    parser.add_argument("--exploration", action="store_true", help="let recipes explore, as in their campaigns")
    parser.add_argument("--rate", type=float, help="requests per second to campaigns (default: 10)")
    parser.add_argument("--no-live", dest="live", action="store_false", help="leave out the live versions")
    parser.add_argument(
        "--to", type=Path, default=Path("evaluation"), help="the folder for the report (default: evaluation)"
    )


def evaluate(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Compare recipes: train on a part of a group's history, and score recommendations on the rest."""
    given = ("split", "share", "cut", "recipes", "exploration")
    request = {name: value for name in given if (value := getattr(options, name)) is not None}
    if bool(options.offline) == bool(options.group):
        raise UsherError("Name a group (usher evaluate films), or a folder of files (usher evaluate --offline data/).")
    if options.offline:
        with offline_stack(options.offline, output.console) as here:
            report, outcome = run_evaluation(here.stack, {**here.request, **request}, options.to, output.console)
    else:
        stack.check_group(options.group)
        rate = {"requestsPerSecond": options.rate} if options.rate else {}
        live = {} if options.live else {"live": False}
        request |= rate | live
        show.plan(output.notes, evaluation_of(stack, options.group, request).plan())
        report, outcome = run_evaluation(stack, {"group": options.group, **request}, options.to, output.console)

    def scores(console: Console, report: EvaluationReport) -> None:
        show.scores(console, report)
        output.say(f"The report: {options.to / 'report.html'}")

    output.document(report, scores)
    return FAILED if outcome == "FAILED" else OK


COMMANDS = (
    Command(
        "evaluate",
        evaluate,
        {
            "usher evaluate films": "find the best recipe for a group's data",
            "usher evaluate --offline data/": "the same on this machine, before you spend anything",
            "usher evaluate films --recipes aws-user-personalization-v2,aws-popularity-count": "only these recipes",
        },
        add_arguments,
        changes="creates a dataset group, and deletes it",
        needs_group=False,
    ),
)
