"""`usher doctor`: whether the deployed stack works."""

from argparse import ArgumentParser, Namespace
from collections import Counter

from usher.planning.quota_check import count_created, count_existing, count_in_region
from usher.resources.inventory import Inventory

from usher_cli import show
from usher_cli.command import FAILED, OK, Command
from usher_cli.deployed_stack import DeployedStack
from usher_cli.doctor import examination
from usher_cli.doctor.checks import CHECKS
from usher_cli.drafts import draft_of
from usher_cli.output import Output


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group."""
    parser.add_argument("group", nargs="?", help="a group whose config must fit into Personalize's quotas")


def doctor(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Check that the deployed stack works; with a group, also that Personalize's quotas allow its config."""

    def counted() -> tuple[Counter[str], Counter[str]]:
        inventory = Inventory(stack.clients, stack.target("any").stack_arn)
        if not options.group:
            return count_in_region(inventory), Counter()
        drafted = draft_of(stack, options.group, stack.bucket)
        resources, deleted = (drafted.plan.resources, drafted.plan.to_delete) if drafted.plan else ((), ())
        existing = count_existing(inventory, stack.target(options.group), resources)
        return existing, count_created(drafted.states) - Counter(one.kind for one in deleted)

    deployment = examination.Deployment(stack, options.group, counted)
    results = output.each(examination.examine(deployment, CHECKS), show.doctor_line)
    return FAILED if any(one.outcome == examination.PROBLEM for one in results) else OK


COMMANDS = (
    Command(
        "doctor",
        doctor,
        {
            "usher doctor": "whether the deployed stack works",
            "usher doctor films": "also whether Personalize's quotas allow the group's config",
        },
        add_arguments,
    ),
)
