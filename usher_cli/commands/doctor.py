"""`usher doctor`: checks of the deployed stack."""

from argparse import ArgumentParser, Namespace

from usher_cli import show
from usher_cli.command import FAILED, OK, Command
from usher_cli.deployed_stack import DeployedStack
from usher_cli.doctor.every_check import examination_of
from usher_cli.doctor.examination import PROBLEM
from usher_cli.output import Output


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group."""
    parser.add_argument("group", nargs="?", help="a group whose config must fit into Personalize's quotas")


def doctor(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Check that the deployed stack works; with a group, also that Personalize's quotas allow its config."""
    results = output.print_each(examination_of(stack, options.group), show.doctor_line)
    return FAILED if any(one.outcome == PROBLEM for one in results) else OK


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
