"""`usher versions`: the trained versions, their metrics, and which one serves."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from usher.errors import UsherError

from usher_cli import show
from usher_cli.command import OK, Command, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output, say
from usher_cli.stack_views.versions import Solution, solutions_of

METRICS = ("precision_at_25", "normalized_discounted_cumulative_gain_at_25", "coverage")
HEADS = ("solution", "version", "trained", "status", "live since", "hours", "P@25", "NDCG@25", "coverage")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group and the solution."""
    group(parser)
    parser.add_argument("solution", nargs="?", help="the name of the solution (default: all of them)")


def versions(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Show the versions of a group's solutions, newest first: metrics, the gate's verdict, and the serving one."""
    found = [one for one in solutions_of(stack, options.group) if options.solution in {None, one["name"]}]
    if options.solution and not found:
        known = ", ".join(one["name"] for one in solutions_of(stack, options.group)) or "none yet"
        raise UsherError(f"{options.group} has no solution {options.solution}. Its solutions: {known}.")
    output.document(found, show_versions)
    return OK


def show_versions(console: Console, found: Sequence[Solution]) -> None:
    """Print a row for each version, and the gates' verdicts."""
    rows = list(_rows(found))
    if not rows:
        console.print("No version has been trained yet.")
        return
    show.print_table(console, HEADS, rows)
    for one in found:
        if (gate := one["gate"]) and gate["verdict"]:
            say(console, f"{one['name']}: {gate['verdict']}")


def _rows(found: Sequence[Solution]) -> Iterator[tuple[str, ...]]:
    for solution in found:
        for one in reversed(solution["versions"]):
            since = one["liveSince"][:16] or ("live" if one["live"] else "")
            hours = "" if one["trainingHours"] is None else f"{one['trainingHours']:g}"
            metrics = (_figure(one["metrics"], name) for name in METRICS)
            yield solution["name"], one["arn"], one["trainedAt"][:16], one["status"], since, hours, *metrics


def _figure(metrics: Mapping[str, Any], name: str) -> str:
    return f"{metrics[name]:.4f}" if name in metrics else ""


COMMANDS = (
    Command(
        "versions",
        versions,
        {
            "usher versions films": "all trained versions, their metrics, and which ones serve",
            "usher versions films for-you": "the versions of a solution",
        },
        add_arguments,
    ),
)
